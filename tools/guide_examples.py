"""The examples of docs/api.md as data: `python -m tools.guide_examples > api/description/examples.json`.

Under the heading of an operation, the first block ```json is its answer, and ```json request its body.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[1] / "docs" / "api.md"
HEADING = re.compile(r"^### `(\w+ /\S*)`$", re.MULTILINE)
BLOCK = re.compile(r"^```json( request)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(guide: str) -> dict[str, dict[str, Any]]:
    """Operation → its examples. Raises ValueError where one is not JSON."""
    parts = HEADING.split(guide)
    return {name: _of_section(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _of_section(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for is_request, block in BLOCK.findall(text):
        found.setdefault("request" if is_request else "answer", json.loads(block))
    return found


def text() -> str:
    """What the file holds."""
    return json.dumps(examples(GUIDE.read_text()), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
