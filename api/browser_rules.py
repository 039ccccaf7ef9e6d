"""What browsers are told to refuse on our behalf. A view that needs something else sets its own header."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from flask import Flask, Response

NOTHING_AT_ALL = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
RULES = {
    "Content-Security-Policy": NOTHING_AT_ALL,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def register(app: Flask, *, https_only: bool) -> None:
    """Put the rules on every answer."""
    rules = {name.lower(): (name, value) for name, value in in_force(https_only=https_only).items()}

    def rule(response: Response) -> Response:
        own = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - iterating gives pairs
        for lowered, (name, value) in rules.items():
            if lowered not in own:
                response.headers.add(name, value)
        return response

    app.after_request(rule)


def in_force(*, https_only: bool) -> dict[str, str]:
    """The rules of an answer that sets none of its own."""
    return RULES | (HTTPS_ONLY if https_only else {})


def page(html: str, *styles: str, scripts: Sequence[str] = ()) -> Response:
    """A page that may use these styles and scripts, and nothing else: no images, nothing from elsewhere."""
    response = Response(html, mimetype="text/html")
    allowed = f"style-src {_hashes(styles)}" + (f"; script-src {_hashes(scripts)}" if scripts else "")
    response.headers["Content-Security-Policy"] = f"{NOTHING_AT_ALL}; {allowed}"
    return response


def _hashes(texts: Sequence[str]) -> str:
    return " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts)
