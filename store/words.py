"""Texts as the words they are found by. Pure.

A word is a run of letters and digits, without accents, whatever the letter case. Scripts that do not part
words are found from any of their characters on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

WORD = re.compile(r"[^\W_]+")
MAX_CHARACTERS = 2000
"""Of a text; nobody looks for what stands further down."""
MAX_WORD = 32
MAX_WORDS = 100
"""Of one document, and of its title: each costs an entry in an index."""
LAST_SIGN = "\U0010ffff"
OF_A_TITLE = "_"
"""Begins the keys that stand for words of a title, a second time: no word contains it."""
UNPARTED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]")
"""Thai and Lao, Burmese, Khmer; Chinese, Japanese and Korean signs."""


def words_of(text: str) -> list[str]:
    """The words that somebody looks for, in their order."""
    return [word[:MAX_WORD] for word in WORD.findall(_folded(text[:MAX_CHARACTERS]))]


def beginning_with(word: str, of_a_title: bool = False) -> dict[str, str]:
    """The keys that begin with a word, as a range."""
    first = OF_A_TITLE + word if of_a_title else word
    return {"$gte": first, "$lte": first + LAST_SIGN}


def keys_of(texts: Sequence[str | None]) -> list[str]:
    """The distinct words that texts are found by, and those of the first, the title, as such once more.

    The first texts are the most important ones: of many words, those further down are not kept.
    """
    found = _first(MAX_WORDS, (key for text in texts for key in _keys(text or "")))
    title = _first(MAX_WORDS, _keys(texts[0] or "") if texts else ())
    return [*found, *(OF_A_TITLE + key for key in title)]


def _first(most: int, keys: Iterable[str]) -> list[str]:
    """The first distinct ones."""
    found: dict[str, None] = {}
    for key in keys:
        found[key] = None
        if len(found) == most:
            break
    return list(found)


def are_met_by(words: Iterable[str], keys: Sequence[str]) -> bool:
    """Does each word begin one of the keys?"""
    return all(any(key.startswith(word) for key in keys) for word in words)


def _keys(text: str) -> Iterator[str]:
    for word in words_of(text):
        yield word
        if not word.isascii():
            yield from (word[at:] for at in range(1, len(word)) if UNPARTED.match(word[at]))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Once before, since signs such as ™ hide capitals, and once after, since folding composes accents.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Together again, since Korean letters taken apart are no signs of their own.
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))
