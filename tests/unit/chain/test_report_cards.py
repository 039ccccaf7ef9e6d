"""Endpoints are believed as long as nothing speaks against them, and never all put aside."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.card import (
    CONVICTING,
    FIRST_QUARANTINE_SECONDS,
    LONGEST_QUARANTINE_SECONDS,
    WINDOW_SECONDS,
    Card,
)
from chain.errors import EndpointsExhausted, RateLimited, Transient, Unknown, WrongAnswer
from chain.node import Node
from chain.testimony import Told, judged
from tests.unit.chain.fake_node import ASSET, FakeNode, Refusal, block_hash, log

Connect = Callable[..., Node]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def card(clock: Clock) -> Card:
    return Card(clock)


# --- one card ---------------------------------------------------------------------------------


def test_a_card_says_in_one_word_how_its_endpoint_does(card: Card, clock: Clock) -> None:
    seen = [card.state]
    card.took(5.0)
    seen.append(card.state)
    card.failed(Transient("away"))
    seen.append(card.state)
    card.failed(RateLimited("slower", 7.0))
    seen.append(card.state)
    clock.seconds += 8
    card.stands_at(10, 20)
    seen.append(card.state)
    card.suspect("lie", "strange hashes")
    seen.append(card.state)
    card.quarantine("lie", "strange hashes")
    seen.append(card.state)

    assert seen == ["untried", "good", "failing", "limited", "lagging", "suspect", "quarantined"]


def test_each_quarantine_is_longer_up_to_an_hour(card: Card, clock: Clock) -> None:
    seconds = []
    for _ in range(6):
        seconds.append(card.quarantine("lie", "again"))
        clock.seconds += seconds[-1]
        assert not card.is_quarantined, "it is on probation"

    assert seconds[:3] == [FIRST_QUARANTINE_SECONDS * each for each in (1, 2, 4)]
    assert seconds[-1] == LONGEST_QUARANTINE_SECONDS


def test_contradictions_convict_only_when_they_come_close_together(card: Card, clock: Clock) -> None:
    slow = []
    for _ in range(2 * CONVICTING):
        slow.append(card.disproved())
        clock.seconds += WINDOW_SECONDS
    quick = [card.disproved() for _ in range(CONVICTING)]

    assert not any(slow)
    assert quick == [False] * (CONVICTING - 1) + [True]


def test_what_is_unknown_is_no_failure_and_no_contradiction(card: Card) -> None:
    card.failed(Unknown("block 7"))
    card.failed(WrongAnswer("asked for block 7, got block 8"))

    assert card.errors == {"Unknown": 1, "WrongAnswer": 1}
    assert (card.contradictions, card.last_contradiction) == (1, "asked for block 7, got block 8")


# --- who lies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "liars", "disputed"),
    [
        ("a", "", ""),
        ("aa", "", ""),
        ("aab", "b2", ""),
        ("ab", "", "0a 1b"),
        ("aabb", "", "0a 1a 2b 3b"),
        ("a!b", "", "0a 2b"),
        ("A", "A0", ""),
        ("aB", "B1", ""),
        ("abB", "B2", "0a 1b"),
        ("aaabc", "b3 c4", ""),
    ],
)
def test_a_witness_that_denies_itself_lies_then_the_minority_then_nobody(
    told: str, liars: str, disputed: str
) -> None:
    """A capital letter is a block whose successor does not build on it; "!" says nothing."""
    testimony = {
        f"{index}{letter}": Told(letter.lower(), letter.islower())
        for index, letter in enumerate(told)
        if letter != "!"
    }

    found = judged(testimony)

    assert [name[::-1] for name in found.liars] == liars.split()
    assert found.disputed == disputed.split()
    assert found.agreed is (not liars and not disputed)


# --- examinations -------------------------------------------------------------------------------


def states(node: Node) -> list[str]:
    return [report.state for report in node.report()]


def test_an_examination_finds_out_lag_and_what_is_offered(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal(-32601, "the method eth_getBlockReceipts does not exist")

    other.head = 10
    other.answers["eth_getBlockReceipts"] = refuse
    node = connect(fake, other)

    node.examine()

    first, second = node.report()
    assert (first.head, first.lag_blocks, second.head, second.lag_blocks) == (20, 0, 10, 10)
    assert states(node) == ["good", "lagging"]
    assert set(first.supports) == {"batches", "finalized", "safe", "blockReceipts", "logsByHash"}
    assert all(first.supports.values())
    assert second.supports["blockReceipts"] is False


def test_whoever_lags_is_asked_after_the_others(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    fake.head = 10
    node = connect(fake, other)
    assert node.head().number == 10

    node.examine()

    assert node.head().number == 20


def test_whoever_stays_far_behind_is_put_aside(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    other.head = 200
    node = connect(fake, other)

    for expected in ("lagging", "lagging", "quarantined"):
        node.examine()
        assert states(node) == [expected, "good"]

    (report, _) = node.report()
    assert report.reason == "180 blocks behind the others"
    assert 0 < report.retry_in_seconds <= FIRST_QUARANTINE_SECONDS


def test_a_laggard_is_still_better_than_nobody(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    other.head = 200
    node = connect(fake, other, deadline_seconds=0.3)
    for _ in range(3):
        node.examine()
    other.answers["eth_getBlockByNumber"] = _away

    with pytest.raises(EndpointsExhausted):
        node.head()

    assert node.head().number == 20


def _away(*_: Any) -> Any:
    raise Refusal(-32000, "no backend is currently healthy", status=503)


def test_a_minority_on_another_chain_is_put_aside(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    with FakeNode(branch="b") as third:
        node = connect(fake, third, other)
        node.examine()

        assert states(node) == ["good", "quarantined", "good"]
        reason = node.report()[1].reason or ""
        assert block_hash(0, "b") in reason
        asked = len(third.calls)
        for number in range(10):
            assert node.headers([number])[0].hash == block_hash(number)
        assert len(third.calls) == asked, "nobody asks it any more"


def test_one_against_one_is_a_dispute_that_the_state_tells(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    other.branch = "b"
    node = connect(fake, other)

    node.examine()

    assert states(node) == ["suspect", "suspect"]
    assert "disagrees" in (node.report()[0].reason or "")
    other.branch = "a"
    node.examine()
    assert states(node) == ["good", "good"], "the dispute is over"


def test_a_block_that_its_own_successor_denies_is_a_lie(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    honest = other.block

    def lying(number: int) -> dict[str, Any]:
        return honest(number) | ({"hash": block_hash(0, "z")} if number == 0 else {})

    other.block = lying  # type: ignore[method-assign]
    node = connect(fake, other)

    node.examine()

    assert states(node) == ["good", "quarantined"]


def test_a_hash_that_flickers_once_is_no_proof(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    node = connect(fake, other)
    node.examine()
    answers = other.answers["eth_getBlockByNumber"]
    flickers = [2]

    def flicker(tag: str, full: bool) -> Any:
        if tag != "latest" and flickers[0]:
            flickers[0] -= 1
            other.branch = "b"
        found = answers(tag, full)
        other.branch = "a"
        return found

    other.answers["eth_getBlockByNumber"] = flicker
    node.examine()

    assert states(node) == ["good", "good"]


def test_an_endpoint_that_changes_its_chain_is_put_aside(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    node = connect(fake, other)
    node.chain_id()
    fake.answers["eth_chainId"] = lambda: "0x1"

    node.examine()

    assert states(node) == ["quarantined", "good"]
    assert "serves chain 1" in (node.report()[0].reason or "")


def test_the_last_endpoint_is_never_put_aside_and_the_state_says_what_it_did(
    fake: FakeNode, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.chain_id()
    fake.answers["eth_chainId"] = lambda: "0x1"

    node.examine()
    node.examine()

    assert states(node) == ["suspect"]
    assert node.head().number == 20
    assert [record.message for record in caplog.records].count("the last endpoint is not to be trusted") == 1


def test_an_examination_survives_an_endpoint_that_is_away(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    fake.answers["eth_getBlockByNumber"] = _away
    node = connect(fake, other)

    node.examine()

    assert states(node) == ["failing", "good"]


# --- contradictions in use ------------------------------------------------------------------------


def test_an_endpoint_that_keeps_answering_wrongly_is_put_aside_once_others_disprove_it(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    for each in (fake, other):
        each.logs = [log(number, 0) for number in range(1, 20)]
    honest = fake.answers["eth_getLogs"]
    fake.answers["eth_getLogs"] = lambda query: [
        entry | {"address": "0x" + "99" * 20} for entry in honest(query)
    ]
    node = connect(fake, other)

    for number in range(1, 2 * CONVICTING):
        fake_card = node._endpoints[0].card
        fake_card.succeeded()  # so that it is asked first again
        assert len(node.logs(number, number, [ASSET]).logs) == 1

    (report, _) = node.report()
    assert (report.state, report.contradictions) == ("quarantined", CONVICTING)
    assert "addresses that were not asked for" in (report.reason or "")


def test_omitted_logs_that_the_bloom_promises_are_evidence(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    for each in (fake, other):
        each.logs = [log(number, 0) for number in range(1, 20)]
    fake.answers["eth_getLogs"] = lambda _: []
    node = connect(fake, other)

    for number in range(1, 8):
        node._endpoints[0].card.succeeded()
        assert len(node.block_facts(block_hash(number), [ASSET]).logs) == 1

    assert states(node) == ["quarantined", "good"]
