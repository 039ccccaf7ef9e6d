"""Who looked at an asset, as far as it counts: people in browsers, not programs, and each once a day.

A viewer is an address (IPv6: its /64) and one of SLOTS that the browser's name falls into, so that whoever
makes up names counts SLOTS times a day at most. Who has signed in is known by wallet as well, and counts once
wherever they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from api.limiting.addresses import subscriber

SLOTS = 16
ONE_ASSET = re.compile(r"/api/assets/[0-9]{1,19}/?")
PROGRAMS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scrap|fetch|monitor|uptime|preview|headless|phantom|selenium|playwright"
    r"|puppeteer|lighthouse|externalhit|embedly|curl|wget|httpie|postman|insomnia|python|aiohttp|httpx|java/"
    r"|okhttp|go-http|ruby|perl|php|axios|node-fetch|undici|libwww",
    re.IGNORECASE,
)
AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
"""Headers with which browsers say that nobody looks yet."""


def may_count(environ: Mapping[str, Any]) -> bool:
    """Whether a request, if it is answered in full, is somebody looking at an asset."""
    agent = environ.get("HTTP_USER_AGENT", "")
    return (
        environ["REQUEST_METHOD"] == "GET"
        and ONE_ASSET.fullmatch(environ["PATH_INFO"]) is not None
        and "HTTP_X_API_KEY" not in environ
        and bool(agent.strip())
        and PROGRAMS.search(agent) is None
        and not any(re.search("prefetch|prerender|preview", environ.get(name, "")) for name in AHEAD)
    )


def names_of(address: str, agent: str, wallet: str | None) -> tuple[str, ...]:
    """What a viewer is known by; all of it must be new for the view to count."""
    place = f"{subscriber(address)} {_slot(wallet or agent)}"
    return (place,) if wallet is None else (place, wallet)


def _slot(name: str) -> int:
    return hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=1).digest()[0] % SLOTS
