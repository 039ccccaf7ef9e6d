"""API keys and recovery codes as text."""

from __future__ import annotations

import re
import zlib

import pytest

from api.auth.key_mint import ALPHABET, KeyMint, NotAKey, WrongPlace, recovery_code_of, recovery_codes

TEST, LIVE = KeyMint(("p" * 40,)), KeyMint(("p" * 40,), live=True)


def test_a_key_says_where_it_belongs_and_is_letters_and_digits():
    assert re.fullmatch(r"dv_test_[0-9A-Za-z]{49}", TEST.make())
    assert re.fullmatch(r"dv_live_[0-9A-Za-z]{49}", LIVE.make())


def test_no_two_keys_are_alike():
    assert len({TEST.make() for _ in range(200)}) == 200


def test_the_checksum_is_a_crc32_in_base_62_that_anybody_can_check():
    key = TEST.make()

    value = 0
    for letter in key[-6:]:
        value = value * 62 + ALPHABET.index(letter)

    assert value == zlib.crc32(key[:-6].encode())


def test_every_mistyped_character_is_noticed_without_asking_anybody():
    key = TEST.make()
    TEST.check(key)

    for place in range(len("dv_test_"), len(key)):
        wrong = key[:place] + ("x" if key[place] != "x" else "y") + key[place + 1 :]
        with pytest.raises(NotAKey, match="checksum"):
            TEST.check(wrong)


@pytest.mark.parametrize(
    "text",
    ["", "x", "dv_live_", "dv_live_nothing", "dv_prod_" + "a" * 49, "dv_test_" + "a" * 48, "dv_test_" + "é" * 49,
     "dv_test_" + "a" * 100_000, "dv_test_\0" + "a" * 48, '{"$gt":""}'],
)  # fmt: skip
def test_what_is_no_key_is_told_so_and_not_quoted(text):
    with pytest.raises(NotAKey) as refused:
        TEST.check(text)

    assert len(str(refused.value)) < 100
    assert not text or text not in str(refused.value) or text in "dv_live_ x"


def test_spaces_and_newlines_around_a_key_are_not_forgiven():
    with pytest.raises(NotAKey):
        TEST.check(TEST.make() + "\n")


def test_a_key_of_the_other_environment_is_told_apart_from_a_typo():
    with pytest.raises(WrongPlace, match="dv_live_ key, and this server takes dv_test_"):
        TEST.check(LIVE.make())
    with pytest.raises(WrongPlace):
        LIVE.check(TEST.make())


def test_our_own_keys_are_known_without_asking_and_invented_ones_are_not():
    other = KeyMint(("q" * 40,))

    assert TEST.is_ours(TEST.make())
    assert not TEST.is_ours(other.make())
    assert not TEST.is_ours("dv_test_" + "a" * 49)
    assert not TEST.is_ours("")


def test_a_new_pepper_in_front_leaves_old_keys_good_and_taking_the_old_one_away_ends_them():
    key, hashed = TEST.make(), TEST.hashes
    both, new = KeyMint(("n" * 40, "p" * 40)), KeyMint(("n" * 40,))

    assert hashed(key)[0] in both.hashes(key)
    assert both.is_ours(key)
    assert both.hashes(key)[0] == new.hashes(key)[0]
    assert hashed(key)[0] not in new.hashes(key)
    assert not new.is_ours(key)


def test_peppers_are_never_shown():
    assert "ppp" not in repr(TEST)


def test_recovery_codes_differ_and_are_read_however_they_are_typed():
    codes = recovery_codes(10)

    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch(r"([A-HJ-NP-Z2-9]{4}-){3}[A-HJ-NP-Z2-9]{4}", code)
        assert recovery_code_of(code.lower().replace("-", "")) == code
        assert recovery_code_of(f" {code.replace('-', ' ')} ") == code
