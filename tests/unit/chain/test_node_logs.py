"""Logs of ranges and blocks, from nodes that lie, lag and limit."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from chain.errors import (
    EndpointsExhausted,
    SingleBlockTooDense,
    Unknown,
    Unrecognised,
    WrongAnswer,
)
from chain.node import Node
from chain.urls import endpoint_name
from tests.unit.chain.fake_node import (
    AGENT,
    ASSET,
    BLANK_BLOOM,
    MARKET,
    STRANGER,
    FakeNode,
    Handler,
    Refusal,
    block_hash,
    bloom_of,
    log,
)

Connect = Callable[..., Node]
OURS = [ASSET, AGENT, MARKET]


def places(logs: Any) -> list[tuple[int, int]]:
    return [(int(entry.block_number, 16), int(entry.log_index, 16)) for entry in logs]


@pytest.fixture
def busy(fake: FakeNode) -> FakeNode:
    """Two logs in every block, of two contracts."""
    fake.logs = [log(n, i, OURS[i]) for n in range(1, 21) for i in range(2)]
    return fake


ALL = [(n, i) for n in range(1, 21) for i in range(2)]

# --- what a range must be ----------------------------------------------------------------------


def test_a_range_gives_its_logs_and_the_header_of_its_end(busy: FakeNode, node: Node) -> None:
    found = node.logs(3, 5, OURS)

    assert places(found.logs) == [(3, 0), (3, 1), (4, 0), (4, 1), (5, 0), (5, 1)]
    assert found.to_header.ref == (5, block_hash(5))
    assert found.removed == 0
    assert busy.posts == [2], "logs and header belong in one batch"


def test_only_the_addresses_asked_for_are_read(busy: FakeNode, node: Node) -> None:
    assert {entry.address for entry in node.logs(1, 20, [ASSET]).logs} == {ASSET.lower()}


def test_an_inverted_range_is_refused(node: Node) -> None:
    with pytest.raises(ValueError, match="empty block range"):
        node.logs(5, 4, OURS)


def test_an_empty_answer_beyond_the_nodes_head_is_not_believed(fake: FakeNode, node: Node) -> None:
    with pytest.raises(Unknown, match="block 25"):
        node.logs(15, 25, OURS)


def test_an_empty_answer_beyond_the_nodes_head_is_asked_of_another(
    busy: FakeNode, other: FakeNode, connect: Connect
) -> None:
    other.logs, other.head = busy.logs, 20
    busy.head, busy.logs = 10, []

    assert places(connect(busy, other).logs(15, 16, OURS).logs) == [(15, 0), (15, 1), (16, 0), (16, 1)]


def test_without_batches_the_end_of_a_range_must_be_the_same_before_and_after_its_logs(
    busy: FakeNode, connect: Connect
) -> None:
    logs, busy.head = busy.logs, 20

    def while_on_a_shorter_branch(_: Any) -> Any:
        busy.head, busy.answers["eth_getLogs"] = 3, coming_back
        return []

    def coming_back(query: Any) -> Any:
        busy.head, busy.answers["eth_getLogs"] = 20, busy.get_logs
        return [entry for entry in logs if entry["blockNumber"] in ("0x1", "0x2")]

    busy.answers["eth_getLogs"] = while_on_a_shorter_branch

    assert places(connect(busy, max_batch=1).logs(1, 20, OURS).logs) == ALL
    assert busy.asked("eth_getLogs") >= 2


def test_a_range_is_asked_for_again_whole_where_only_a_part_was_answered(busy: FakeNode, node: Node) -> None:
    shortened = [2]

    def short(handler: Handler, payload: Any) -> bool:
        if shortened[0]:
            shortened[0] -= 1
            handler.send(200, json.dumps([handler.one(busy, payload[0])]).encode())
            return True
        return False

    busy.http = short

    assert places(node.logs(1, 20, OURS).logs) == ALL
    assert busy.posts == [2, 2, 2]


def test_a_part_of_an_answer_is_no_proof_however_often_it_comes(busy: FakeNode, connect: Connect) -> None:
    def short(handler: Handler, payload: Any) -> bool:
        handler.send(200, json.dumps([handler.one(busy, each) for each in payload[:1]]).encode())
        return True

    busy.http = short

    with pytest.raises(EndpointsExhausted, match="in part only"):
        connect(busy, deadline_seconds=0.3).logs(1, 20, OURS)
    assert set(busy.posts) == {2}


def test_logs_of_another_branch_than_the_header_are_refetched(busy: FakeNode, node: Node) -> None:
    busy.fail("eth_getLogs", 1, lambda _: [log(5, 0, branch="b")])

    found = node.logs(4, 5, OURS)

    assert {entry.block_hash for entry in found.logs} == {block_hash(4), block_hash(5)}
    assert node.report()[0].errors == {"WrongAnswer": 1}


def test_logs_of_two_branches_are_a_wrong_answer(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getLogs"] = lambda _: [log(4, 0), log(4, 1, branch="b")]

    with pytest.raises(WrongAnswer, match="two branches"):
        node.logs(4, 5, OURS)


@pytest.mark.parametrize(
    "stray",
    [
        log(9, 0),
        log(3, 0),
        log(4, 0, STRANGER),
        log(4, 0, blockNumber="0xzz"),
        log(4, 0, blockNumber=None),
        log(4, 0, topics=None),
    ],
    ids=["above", "below", "stranger", "malformed", "pending", "no topics"],
)
def test_logs_that_were_not_asked_for_are_a_wrong_answer(
    stray: dict[str, Any], busy: FakeNode, node: Node
) -> None:
    busy.answers["eth_getLogs"] = lambda _: [log(4, 1), stray]

    with pytest.raises(WrongAnswer):
        node.logs(4, 5, OURS)


def test_removed_logs_are_dropped_and_counted(fake: FakeNode, node: Node) -> None:
    fake.logs = [log(4, 0, removed=True), log(4, 1)]

    found = node.logs(4, 5, OURS)

    assert places(found.logs) == [(4, 1)]
    assert found.removed == 1


def test_duplicates_are_dropped_and_disorder_is_sorted(busy: FakeNode, node: Node) -> None:
    shuffled = busy.logs * 2
    random.Random(7).shuffle(shuffled)
    busy.answers["eth_getLogs"] = lambda _: shuffled

    assert places(node.logs(1, 20, OURS).logs) == ALL


def test_two_different_logs_at_one_place_are_a_wrong_answer(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getLogs"] = lambda _: [log(4, 0), log(4, 0, data="0x01")]

    with pytest.raises(WrongAnswer, match="two different logs"):
        node.logs(4, 5, OURS)


def test_null_for_logs_is_asked_again(busy: FakeNode, node: Node) -> None:
    busy.fail("eth_getLogs", 1, lambda _: None)

    assert len(node.logs(4, 5, OURS).logs) == 4


# --- limits ------------------------------------------------------------------------------------


def limit(fake: FakeNode, allowed: Callable[[int, int], Refusal | None]) -> None:
    def get_logs(query: dict[str, Any]) -> Any:
        refusal = allowed(int(query["fromBlock"], 16), int(query["toBlock"], 16))
        if refusal is not None:
            raise refusal
        return fake.get_logs(query)

    fake.answers["eth_getLogs"] = get_logs


def test_a_structural_cap_is_learned_and_kept(busy: FakeNode, node: Node) -> None:
    limit(
        busy,
        lambda a, b: (
            Refusal(-32614, "eth_getLogs is limited to a 5 range", status=413) if b - a >= 5 else None
        ),
    )

    assert places(node.logs(0, 20, OURS).logs) == ALL
    assert node.report()[0].learned_cap == 5
    asked = busy.asked("eth_getLogs")
    node.logs(0, 20, OURS)
    assert busy.asked("eth_getLogs") - asked == 5, "the cap was forgotten"


def test_a_cap_that_shrinks_on_the_way_is_followed(busy: FakeNode, node: Node) -> None:
    cap = [8]

    def allowed(first: int, last: int) -> Refusal | None:
        if last - first >= cap[0]:
            return Refusal(-32000, f"exceed maximum block range: {cap[0]}")
        if first >= 8:
            cap[0] = 3
        return None

    limit(busy, allowed)

    assert places(node.logs(0, 20, OURS).logs) == ALL
    assert node.report()[0].learned_cap == 3


def test_each_endpoint_keeps_its_own_cap(busy: FakeNode, other: FakeNode, connect: Connect) -> None:
    other.logs = busy.logs
    node = connect(busy, other)
    limit(busy, lambda a, b: Refusal(-32000, "exceed maximum block range: 4") if b - a >= 4 else None)
    limit(other, lambda a, b: Refusal(-32000, "exceed maximum block range: 9") if b - a >= 9 else None)
    node.logs(0, 20, OURS)
    busy.fail("eth_getLogs", 1, lambda _: [log(99, 0)])

    assert places(node.logs(0, 20, OURS).logs) == ALL

    assert [report.learned_cap for report in node.report()] == [4, 9]


def test_a_cap_learned_in_an_earlier_life_is_used(busy: FakeNode, connect: Connect) -> None:
    node = connect(busy, learned_caps={endpoint_name(busy.url): 7})

    node.logs(1, 20, OURS)

    assert busy.asked("eth_getLogs") == 3


def test_a_hint_is_followed(busy: FakeNode, node: Node) -> None:
    def allowed(first: int, last: int) -> Refusal | None:
        hint = f"query returned more than 10 results. Try with this block range [{first:#x}, {first + 3:#x}]."
        return Refusal(-32005, hint) if last - first > 3 else None

    limit(busy, allowed)

    assert places(node.logs(1, 20, OURS).logs) == ALL
    ranges = [params[0] for method, params in busy.calls if method == "eth_getLogs"]
    assert ranges[1]["toBlock"] == "0x4"


@pytest.mark.parametrize(
    "hint", ["[0x1, 0x14]", "[0x14, 0x1]", "[0x0, 0xffff]"], ids=["as asked", "inverted", "wider"]
)
def test_a_useless_hint_does_not_loop(hint: str, busy: FakeNode, node: Node) -> None:
    message = f"query returned more than 10 results. Try with this block range {hint}."
    limit(busy, lambda a, b: Refusal(-32005, message) if b - a > 3 else None)

    assert places(node.logs(1, 20, OURS).logs) == ALL
    assert busy.asked("eth_getLogs") < 40


def test_a_single_dense_block_is_read_address_by_address(busy: FakeNode, node: Node) -> None:
    def get_logs(query: dict[str, Any]) -> Any:
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if first <= 7 <= last and len(query["address"]) > 1:
            raise Refusal(-32005, "query returned more than 10000 results")
        return busy.get_logs(query)

    busy.answers["eth_getLogs"] = get_logs

    assert places(node.logs(1, 20, OURS).logs) == ALL


def test_a_block_too_dense_for_one_address_is_never_skipped(busy: FakeNode, node: Node) -> None:
    limit(
        busy, lambda a, b: Refusal(-32005, "query returned more than 10000 results") if a <= 7 <= b else None
    )

    with pytest.raises(SingleBlockTooDense) as caught:
        node.logs(1, 20, OURS)

    assert caught.value.block_number == 7


def test_unknown_words_end_loudly_with_their_raw_text(busy: FakeNode, node: Node) -> None:
    limit(busy, lambda *_: Refusal(-32000, "the moon is in the wrong house"))

    with pytest.raises(Unrecognised, match="the moon is in the wrong house"):
        node.logs(1, 20, OURS)
    assert busy.asked("eth_getLogs") < 10


def test_unknown_words_that_mean_size_are_overcome(busy: FakeNode, node: Node) -> None:
    limit(busy, lambda a, b: Refusal(-32000, "thou askest too much") if b - a > 3 else None)

    assert places(node.logs(1, 20, OURS).logs) == ALL


def test_a_rate_limit_does_not_narrow_the_range(busy: FakeNode, node: Node) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(429, "compute units per second capacity exceeded", {"rate": {"backoff_seconds": 0.1}})

    busy.fail("eth_getLogs", 1, refuse)

    assert places(node.logs(1, 20, OURS).logs) == ALL
    assert [params[0]["toBlock"] for method, params in busy.calls if method == "eth_getLogs"] == [
        "0x14",
        "0x14",
    ]


def test_a_query_that_never_ends_is_asked_more_narrowly(busy: FakeNode, connect: Connect) -> None:
    def get_logs(query: dict[str, Any]) -> Any:
        if int(query["toBlock"], 16) - int(query["fromBlock"], 16) > 10:
            busy.released.wait(5)
        return busy.get_logs(query)

    busy.answers["eth_getLogs"] = get_logs

    assert places(connect(busy, deadline_seconds=1.5).logs(1, 20, OURS).logs) == ALL


# --- one block by its hash ----------------------------------------------------------------------


def test_a_block_gives_logs_header_and_evidence_in_one_batch(busy: FakeNode, node: Node) -> None:
    facts = node.block_facts(block_hash(5), OURS)

    assert places(facts.logs) == [(5, 0), (5, 1)]
    assert facts.header.ref == (5, block_hash(5))
    assert facts.evidence == "bloom"
    assert busy.posts == [2]
    assert node.logs_of_block(block_hash(5), OURS) == facts.logs


def test_an_empty_block_with_an_empty_bloom_is_proven(fake: FakeNode, node: Node) -> None:
    facts = node.block_facts(block_hash(5), OURS)

    assert (facts.logs, facts.evidence) == ([], "bloom")


def test_no_logs_for_an_unknown_block_is_unknown(fake: FakeNode, node: Node) -> None:
    with pytest.raises(Unknown):
        node.block_facts(block_hash(5, "b"), OURS)


def test_an_error_for_an_unknown_block_is_unknown(fake: FakeNode, node: Node) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(-32000, "unknown block")

    fake.answers["eth_getLogs"] = refuse

    with pytest.raises(Unknown):
        node.block_facts(block_hash(5), OURS)


@pytest.mark.parametrize(
    "stray", [log(6, 0), log(5, 0, branch="b"), log(5, 0, STRANGER), log(5, 0, blockNumber="0x6")]
)
def test_logs_of_another_block_are_a_wrong_answer(stray: dict[str, Any], fake: FakeNode, node: Node) -> None:
    fake.answers["eth_getLogs"] = lambda _: [stray]

    with pytest.raises(WrongAnswer):
        node.block_facts(block_hash(5), OURS)


def test_logs_that_the_bloom_promises_are_asked_for_again(busy: FakeNode, node: Node) -> None:
    busy.fail("eth_getLogs", 1, lambda _: [])

    facts = node.block_facts(block_hash(5), OURS)

    assert (len(facts.logs), facts.evidence) == (2, "bloom")


def test_logs_that_the_bloom_promises_are_asked_of_the_other_endpoint(
    busy: FakeNode, other: FakeNode, connect: Connect
) -> None:
    other.logs = busy.logs
    busy.answers["eth_getLogs"] = lambda _: [log(5, 0, ASSET)]

    facts = connect(busy, other).block_facts(block_hash(5), OURS)

    assert (len(facts.logs), facts.evidence) == (2, "bloom")


def test_a_promise_that_nobody_keeps_is_the_blooms_error(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    fake.bloom = other.bloom = lambda _: bloom_of([ASSET])

    facts = connect(fake, other).block_facts(block_hash(5), OURS)

    assert (facts.logs, facts.evidence) == ([], "logs-only")
    assert fake.asked("eth_getLogs") == other.asked("eth_getLogs") == 3


@pytest.mark.parametrize("bloom", [None, BLANK_BLOOM, "0x"])
def test_a_chain_that_fills_no_blooms_is_tolerated(bloom: str | None, busy: FakeNode, node: Node) -> None:
    busy.bloom = lambda _: bloom

    facts = node.block_facts(block_hash(5), OURS)
    empty = node.block_facts(block_hash(0), OURS)

    assert (len(facts.logs), facts.evidence) == (2, "logs-only")
    assert (empty.logs, empty.evidence) == ([], "logs-only"), "an unfilled bloom proves nothing"


def test_removed_logs_of_a_block_are_dropped(fake: FakeNode, node: Node) -> None:
    fake.logs = [log(5, 0, removed=True), log(5, 1)]
    fake.bloom = lambda _: bloom_of([ASSET])

    assert places(node.block_facts(block_hash(5), OURS).logs) == [(5, 1)]


def test_a_dead_node_is_no_empty_block(fake: FakeNode, connect: Connect) -> None:
    def say_nothing(handler: Handler, _: object) -> bool:
        handler.send(200, b"")
        return True

    fake.http = say_nothing

    with pytest.raises(EndpointsExhausted):
        connect(fake, deadline_seconds=0.3).block_facts(block_hash(5), OURS)


def test_a_block_with_too_many_logs_is_asked_address_by_address(fake: FakeNode, node: Node) -> None:
    fake.logs = [log(7, index, address) for index, address in enumerate([ASSET, AGENT, ASSET, MARKET])]
    honest = fake.answers["eth_getLogs"]

    def dense(query: dict[str, Any]) -> Any:
        if len(query["address"]) > 1:
            raise Refusal(-32005, "query returned more than 10000 results")
        return honest(query)

    fake.answers["eth_getLogs"] = dense

    facts = node.block_facts(block_hash(7), [ASSET, AGENT, MARKET])

    assert [int(each.log_index, 16) for each in facts.logs] == [0, 1, 2, 3]
    assert facts.evidence == "bloom"


def test_a_block_with_too_many_logs_of_one_address_says_so(fake: FakeNode, node: Node) -> None:
    def dense(_: dict[str, Any]) -> Any:
        raise Refusal(-32005, "query returned more than 10000 results")

    fake.answers["eth_getLogs"] = dense

    with pytest.raises(SingleBlockTooDense, match="alone") as caught:
        node.block_facts(block_hash(7), [ASSET, AGENT])
    assert caught.value.block_number == 7


@pytest.mark.parametrize("whole_blocks", [True, False])
def test_logs_that_everybody_leaves_out_are_found_in_the_receipts(
    whole_blocks: bool, fake: FakeNode, node: Node
) -> None:
    def refuse(_: str) -> Any:
        raise Refusal(-32601, "the method eth_getBlockReceipts does not exist")

    fake.logs = [log(7, 0, ASSET), log(7, 1, AGENT), log(7, 2, STRANGER)]
    fake.answers["eth_getLogs"] = lambda _: []
    if not whole_blocks:
        fake.answers["eth_getBlockReceipts"] = refuse

    facts = node.block_facts(block_hash(7), [ASSET, AGENT])

    assert [int(each.log_index, 16) for each in facts.logs] == [0, 1]
    assert facts.evidence == "logs-only", "the receipts are not proven either"


def test_receipts_of_another_branch_settle_nothing(fake: FakeNode, connect: Callable[..., Node]) -> None:
    fake.logs = [log(7, 0, ASSET)]
    fake.answers["eth_getLogs"] = lambda _: []
    honest = fake.answers["eth_getBlockReceipts"]
    fake.answers["eth_getBlockReceipts"] = lambda hash_: [
        receipt | {"blockHash": block_hash(7, "b")} for receipt in honest(hash_)
    ]

    with pytest.raises(WrongAnswer, match="receipts of block"):
        connect(fake, deadline_seconds=0.5).block_facts(block_hash(7), [ASSET])


def test_an_overfull_bloom_is_no_reason_to_ask_again(fake: FakeNode, node: Node) -> None:
    fake.bloom = lambda _: "0x" + "f" * 512

    facts = node.block_facts(block_hash(2), [ASSET])

    assert (facts.logs, facts.evidence, fake.asked("eth_getLogs")) == ([], "logs-only", 1)
