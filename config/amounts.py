"""How much of something a setting allows, or `off`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_QUOTA = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)")
_QUOTA_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in so many seconds; spelled as in `600/minute`."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        words = {seconds: word for word, seconds in _QUOTA_SECONDS.items()}
        return f"{self.amount}/{words[self.seconds]}"


def quota(given: str | Quota) -> Quota | Literal["off"]:
    """A number of requests in a stretch of time, or `off`. Raises ValueError."""
    if isinstance(given, Quota):
        return given
    if given.lower() == "off":
        return "off"
    found = _QUOTA.fullmatch(given.lower().replace(" ", ""))
    if not found:
        raise ValueError("this is neither `off` nor a number of requests in a stretch of time")
    return Quota(int(found[1]), _QUOTA_SECONDS[found[2]])


def cache_size(given: str | int) -> Literal["off"] | int:
    """A number of megabytes, or `off`. Raises ValueError."""
    text = str(given).lower()
    if text == "off":
        return "off"
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError("this is neither `off` nor a number of megabytes")
    return int(text)
