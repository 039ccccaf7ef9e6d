"""Texts as the words they are found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.words import MAX_WORD, MAX_WORDS, OF_A_TITLE, beginning_with, keys_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Harbour warehouse, 1911", ["harbour", "warehouse", "1911"]),
        ("WÄLDER Café Straße", ["walder", "cafe", "strasse"]),
        ("İstanbul ℡ ﬁne", ["istanbul", "tel", "fine"]),
        ("snake_case a.*b $where", ["snake", "case", "a", "b", "where"]),
        ("\x00 ☘ — \ud800", []),
    ],
)
def test_a_text_is_runs_of_letters_and_digits_without_accents(text, words):
    assert words_of(text) == words


def test_scripts_that_do_not_part_words_are_found_from_any_sign_on():
    assert keys_of(["東京港の倉庫"])[:3] == ["東京港の倉庫", "京港の倉庫", "港の倉庫"]
    assert keys_of(["서울아파트"])[:3] == ["서울아파트", "울아파트", "아파트"]
    assert "เทพ" in keys_of(["กรงเทพ"])


def test_keys_are_distinct_short_and_few_and_the_first_text_comes_first():
    keys = keys_of(["b" * 100, None, "a b a", " ".join(map(str, range(1000)))])

    assert keys[:3] == ["b" * MAX_WORD, "a", "b"]
    assert len(keys) == MAX_WORDS + 1
    assert keys[-1] == OF_A_TITLE + "b" * MAX_WORD


def test_words_of_the_title_are_keys_of_their_own_that_no_word_looked_for_begins():
    keys = keys_of(["Ältere Boote", "Art", "ein Boot"])

    assert keys == ["altere", "boote", "art", "ein", "boot", "_altere", "_boote"]
    assert words_of("_boote") == ["boote"]
    assert beginning_with("boot", of_a_title=True)["$gte"] == "_boot"


def test_a_title_is_found_to_its_last_word_however_long_the_rest_is():
    keys = keys_of([" ".join(f"t{n}" for n in range(150)), " ".join(f"d{n}" for n in range(150))])

    assert len(keys) == 2 * MAX_WORDS
    assert keys[-1] == f"_t{MAX_WORDS - 1}"


@given(st.text(max_size=60))
def test_a_text_is_found_by_every_beginning_of_every_word_of_its_own(text):
    keys = keys_of([text])
    for word in words_of(text)[:MAX_WORDS]:
        for length in range(1, len(word) + 1):
            bounds = beginning_with(word[:length])
            assert any(bounds["$gte"].encode() <= key.encode() <= bounds["$lte"].encode() for key in keys)
