"""API keys as text: made, read, and kept as hashes. Pure, but for randomness.

`dv_live_` or `dv_test_`, then letters and digits: 32 random ones, 11 by which we know our own keys without
asking anybody, and a checksum of 6, so that a typo is told apart and scanners for secrets can be sure. The
prefix says where a key belongs: one of a test never opens anything real.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM, MARK, CHECKSUM = 32, 11, 6
"""Characters: 190 bits, 65 bits, and as many as a CRC-32 needs."""
KEY = re.compile(
    rf"dv_(live|test)_([0-9A-Za-z]{{{RANDOM}}})([0-9A-Za-z]{{{MARK}}})([0-9A-Za-z]{{{CHECKSUM}}})"
)
SHOWN = len("dv_live_") + 6
"""Characters that its owner is shown of a key later on."""
RECOVERY_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what is read for something else: I, O, 0, 1."""
RECOVERY_GROUPS, RECOVERY_GROUP = 4, 4
"""80 bits in all."""


class NotAKey(ValueError):
    """The text cannot be a key of this server; the message says why, and quotes nothing of it."""


class WrongPlace(ValueError):
    """The text is a key of another environment."""


@dataclass(frozen=True, slots=True)
class KeyMint:
    """Makes and reads keys. The first pepper hashes what is new; what others hashed is still found."""

    peppers: tuple[str, ...] = field(repr=False)
    live: bool = False

    @property
    def prefix(self) -> str:
        return "dv_live_" if self.live else "dv_test_"

    def make(self) -> str:
        """A new key, to be told once and not kept."""
        drawn = _drawn(RANDOM, ALPHABET)
        body = self.prefix + drawn + _mark(self.peppers[0], self.prefix + drawn)
        return body + checksum(body)

    def check(self, text: str) -> None:
        """Raise NotAKey or WrongPlace where the text cannot be a key of ours; nobody is asked."""
        found = KEY.fullmatch(text)
        if found is None:
            raise NotAKey(f"an API key is {self.prefix} and {RANDOM + MARK + CHECKSUM} letters and digits")
        if not hmac.compare_digest(checksum(text[:-CHECKSUM]), found[4]):
            raise NotAKey("the checksum of this API key is wrong: a character is missing or mistyped")
        if not text.startswith(self.prefix):
            raise WrongPlace(f"this is a dv_{found[1]}_ key, and this server takes {self.prefix} ones")

    def is_ours(self, text: str) -> bool:
        """Whether this server made the key; it may have ended since."""
        found = KEY.fullmatch(text)
        if found is None:
            return False
        marks = [_mark(pepper, f"dv_{found[1]}_{found[2]}") for pepper in self.peppers]
        return any(hmac.compare_digest(mark, found[3]) for mark in marks)

    def hashes(self, text: str) -> list[str]:
        """What a key or recovery code may be kept as; the first is what a new one is kept as."""
        return [
            hmac.new(pepper.encode(), b"kept " + text.encode(), hashlib.sha256).hexdigest()
            for pepper in self.peppers
        ]


def recovery_codes(many: int) -> list[str]:
    """New one-time codes, in groups that can be read aloud."""
    return [
        "-".join(_drawn(RECOVERY_GROUP, RECOVERY_ALPHABET) for _ in range(RECOVERY_GROUPS))
        for _ in range(many)
    ]


def recovery_code_of(text: str) -> str:
    """A recovery code as we write it, however its groups and letters were typed."""
    letters = re.sub(r"[\s-]", "", text).upper()
    return "-".join(
        letters[start : start + RECOVERY_GROUP] for start in range(0, len(letters), RECOVERY_GROUP)
    )


def checksum(body: str) -> str:
    """The CRC-32 in base 62, as anybody can calculate it."""
    return _in_base_62(zlib.crc32(body.encode()), CHECKSUM)


def _mark(pepper: str, text: str) -> str:
    digest = hmac.new(pepper.encode(), b"mark " + text.encode(), hashlib.sha256).digest()
    return _in_base_62(int.from_bytes(digest, "big"), MARK)


def _in_base_62(number: int, characters: int) -> str:
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _drawn(many: int, alphabet: Sequence[str]) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(many))
