"""Errors go from process to process as what they are."""

from __future__ import annotations

import pickle

import pytest

from store.errors import (
    AccessRefused,
    Changed,
    CountsUnavailable,
    IndexConflict,
    Interrupted,
    KeyEnded,
    LastAdmin,
    LeaseLost,
    MalformedUri,
    MongodUnavailable,
    NotAReplicaSet,
    NotFound,
    SchemaConflict,
    ServerTooOld,
    StoreError,
    StoreUnreachable,
    Suspended,
    TooManyKeys,
    TooMuch,
)

ERRORS = [
    MongodUnavailable("no glibc"),
    MalformedUri("mongodb://x", "no host"),
    StoreUnreachable("mongodb://x", "refused"),
    AccessRefused("mongodb://x", "no"),
    NotAReplicaSet("mongodb://x", "is a standalone server"),
    ServerTooOld("mongodb://x", "4.0"),
    SchemaConflict("assets", 3, 7),
    IndexConflict(["a", "b"]),
    LeaseLost(7, None),
    LeaseLost(7, "host:1"),
    Interrupted("the line went dead"),
    Changed("profile"),
    CountsUnavailable("away"),
    NotFound("asset", 404),
    Suspended("0x00"),
    TooMuch("portfolio", 3, "assets"),
    LastAdmin("0x00"),
    TooManyKeys("10 keys"),
    KeyEnded("k1", "was revoked"),
]


def every_kind(of: type[StoreError]) -> set[type[StoreError]]:
    return {kind for each in of.__subclasses__() for kind in (each, *every_kind(each))}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_travels_keeps_its_class_its_words_and_its_facts(error: StoreError) -> None:
    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
    assert arrived.args == error.args


def test_every_error_of_the_store_is_tried() -> None:
    ours = {kind for kind in every_kind(StoreError) if kind.__module__ == "store.errors"}

    assert ours == {type(error) for error in ERRORS}
