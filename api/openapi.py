"""The OpenAPI document as a file: `python -m api.openapi > docs/openapi.json`; no database is needed."""

from __future__ import annotations

import sys

import orjson

from api.app import make_app
from api.auth.options import Auth
from store.accounts import Accounts
from store.reading import Reading


class NoStore(Reading):
    """Stands in where nothing will be read."""

    def __init__(self) -> None:
        """Connect to nothing."""


class Nobody(Accounts):
    """Stands in where nobody will sign in."""

    def __init__(self) -> None:
        """Connect to nothing."""


def openapi_json() -> bytes:
    """The document that `/api/openapi.json` serves, indented, with a newline at the end."""
    auth = Auth(Nobody(), ("nothing is signed here",))
    client = make_app(NoStore(), secret_key="nor here", auth=auth).test_client()
    document = orjson.loads(client.get("/api/openapi.json").get_data())
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(openapi_json())
