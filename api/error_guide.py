"""The error catalogue as a document: `python -m api.error_guide > docs/errors.md`."""

from __future__ import annotations

import sys

from api.catalogue import CATALOGUE
from api.entries import Entry

INTRODUCTION = """# Errors

Every failure is `application/problem+json` (RFC 9457) with a `code` from this page; its `type` is
the address of the section, `/api/errors/{code}`, which every server of this API serves by itself: as JSON, or
to a browser as a page.
A code never changes its meaning. Statuses may be shared by several codes, so programs should look at `code`.

This page is generated: `make openapi` writes it.
"""


def markdown() -> str:
    """All entries as a document."""
    return "\n".join([INTRODUCTION, *map(_section, CATALOGUE.values())])


def _section(entry: Entry) -> str:
    told = (
        f"**Meaning.** {entry.meaning}",
        f"**Cause.** {entry.cause}",
        f"**What to do.** {entry.remedy}",
    )
    return "\n\n".join([f"## `{entry.code}` ({entry.status})", f"*{entry.title}.*", *told]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
