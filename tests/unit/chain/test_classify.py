"""Each refusal that providers are known to give means one thing to do."""

import json
from importlib.resources import files
from typing import Any

import pytest

from chain import errors
from chain.classify import classify
from chain.errors import RangeHint

MESSAGES = json.loads(files("chain.chaos").joinpath("provider_messages.json").read_text())


@pytest.mark.parametrize("case", MESSAGES, ids=[case["provider"] for case in MESSAGES])
def test_a_providers_refusal_is_understood(case: dict[str, Any]) -> None:
    error = classify(case["status"], case["code"], case["message"], case.get("data"), case.get("headers"))

    assert type(error) is getattr(errors, case["expect"]), error
    for name, value in case.get("numbers", {}).items():
        assert getattr(error, name) == value
    assert error.code == case["code"]


def test_a_refusal_keeps_the_providers_own_words() -> None:
    assert str(classify(200, -32000, "the moon is in the wrong house")) == "the moon is in the wrong house"


def test_a_very_long_message_is_cut() -> None:
    assert len(str(classify(200, -32000, "x" * 100_000))) == 1000


def test_a_hint_of_a_single_block_is_a_hint() -> None:
    error = classify(
        200, -32005, "query returned more than 10000 results. Try with this block range [0x5, 0x5]."
    )

    assert isinstance(error, RangeHint)
    assert (error.from_block, error.to_block) == (5, 5)
