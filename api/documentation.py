"""Pages for people: plain HTML, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1.1rem; margin: 2.5rem 0 0; border-top: 1px solid #8884; padding-top: 1rem }
code, pre, h2 { font-family: ui-monospace, monospace } table { border-collapse: collapse; font-size: .9rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top }
"""


def framed(title: str, content: str, style: str = STYLE) -> str:
    """A whole page around some HTML."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )
    return f'<!doctype html><html lang="en">{head}<h1>{escape(title)}</h1>{content}</html>'
