"""Texts as the words they are found by. Pure.

A word is a run of letters and digits, without accents, whatever the letter case. Scripts that do not part
words are found from any of their characters on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

WORD = re.compile(r"[^\W_]+")
MAX_CHARACTERS = 2000
"""Of a text; nobody looks for what stands further down."""
MAX_WORD = 32
MAX_WORDS = 100
"""Of one document: each costs an entry in an index."""
LAST_SIGN = "\U0010ffff"
FIRST_UNPARTED = "\u2e80"
"""Chinese, Japanese and Korean signs begin here."""


def words_of(text: str) -> list[str]:
    """The words that somebody looks for, in their order."""
    return [word[:MAX_WORD] for word in WORD.findall(_folded(text[:MAX_CHARACTERS]))]


def beginning_with(word: str) -> dict[str, str]:
    """The keys that begin with a word, as a range."""
    return {"$gte": word, "$lte": word + LAST_SIGN}


def keys_of(texts: Iterable[str | None]) -> list[str]:
    """The distinct words that texts are found by; the first texts are the most important ones."""
    found: dict[str, None] = {}
    for text in texts:
        for key in _keys(text or ""):
            found[key] = None
            if len(found) == MAX_WORDS:
                return list(found)
    return list(found)


def _keys(text: str) -> Iterator[str]:
    for word in words_of(text):
        yield word
        if not word.isascii():
            yield from (word[at:] for at in range(1, len(word)) if word[at] >= FIRST_UNPARTED)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Once before, since signs such as ™ hide capitals, and once after, since folding composes accents.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
