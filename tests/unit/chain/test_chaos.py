"""Every scenario of the proxy does what it says, by seed, without a socket."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chain import errors
from chain.chaos.exchange import Answer, Asked, Call, Limits, Sight, matched, parsed
from chain.chaos.limits import recorded
from chain.chaos.storm import CHAPTERS, SCENARIOS, Storm, UnknownScenario, chosen
from chain.classify import classify
from chain.envelope import outcomes
from chain.errors import RangeHint, RpcError, StructuralCap, TooDense
from chain.transport import HttpAnswer
from tests.unit.chain.fake_node import AGENT, ASSET, FakeNode, block_hash, bloom_of, log

ROOT = Path(__file__).parents[3]
SIGHT = Sight(head=200, first_head=150, exchanges=50, limits=Limits(blocks=10, logs=3, calls=5))
FIRST, LAST = 4, 25


@pytest.fixture(scope="module")
def node() -> FakeNode:
    """Logs of two contracts in some blocks; asked without a socket."""
    node = FakeNode(head=200)
    node._server.server_close()
    node.logs = [
        log(number, index, address)
        for number in (5, 9, 10, 20)
        for index, address in enumerate((ASSET, AGENT))
    ]
    return node


QUESTIONS: list[tuple[str, list[Any]]] = [
    (
        "eth_getLogs",
        [{"address": [ASSET.lower(), AGENT.lower()], "fromBlock": hex(FIRST), "toBlock": hex(LAST)}],
    ),
    ("eth_getLogs", [{"address": [ASSET.lower()], "blockHash": block_hash(9)}]),
    ("eth_getBlockByNumber", ["latest", False]),
    ("eth_getBlockByNumber", [hex(9), False]),
    ("eth_getBlockByNumber", ["0x0", False]),
    ("eth_getBlockByNumber", ["finalized", False]),
    ("eth_getBlockByNumber", [hex(200), False]),
    ("eth_getBlockByHash", [block_hash(9), False]),
    ("eth_getTransactionReceipt", [log(9, 0)["transactionHash"]]),
    ("eth_getBlockReceipts", [block_hash(9)]),
    ("eth_chainId", []),
    ("eth_getCode", [ASSET, "latest"]),
]


def asked(*methods: str) -> Asked:
    """The questions of these methods (all, if none is given) as one batch."""
    wanted = [question for question in QUESTIONS if not methods or question[0] in methods]
    return Asked(tuple(Call(number, *each) for number, each in enumerate(wanted, start=1)), batched=True)


def honest(node: FakeNode, question: Asked) -> Answer:
    return Answer(
        tuple(
            {"jsonrpc": "2.0", "id": call.id, "result": node.answers[call.method](*call.params)}
            for call in question.calls
        )
    )


def spoilt(
    node: FakeNode, name: str, *methods: str, seed: int = 1, **sight: Any
) -> tuple[Asked, Answer, Answer]:
    """What was asked, what is honest, and what the scenario makes of it."""
    question, seen, scenario = asked(*methods), replace(SIGHT, **sight), SCENARIOS[name]
    told = scenario.question(question, seen, Random(seed)) if scenario.question else question
    answer = scenario.spoil(question, honest(node, told), seen, Random(seed))
    assert answer is not None, "no occasion"
    return question, honest(node, question), answer


def changed(node: FakeNode, name: str, *methods: str, **options: Any) -> list[tuple[Call, Any, Any]]:
    """Call, honest result and told result (None for an error) of every reply that differs."""
    question, truth, answer = spoilt(node, name, *methods, **options)
    return [
        (call, true["result"], told.get("result"))
        for call, true, told in zip(question.calls, truth.replies, answer.replies, strict=True)
        if true != told
    ]


def only(found: list[tuple[Call, Any, Any]]) -> tuple[Call, Any, Any]:
    assert len(found) == 1, found
    return found[0]


def numbers(logs: Any) -> list[int]:
    return [int(each["blockNumber"], 16) for each in logs]


# --- all of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_changes_an_answer_and_the_same_seed_changes_it_alike(node: FakeNode, name: str) -> None:
    _, truth, first = spoilt(node, name, exchanges=55)
    _, _, second = spoilt(node, name, exchanges=55)

    assert first != truth
    assert first == second


def test_the_guide_lists_the_scenarios_and_nothing_else() -> None:
    text = (ROOT / "docs/chaos.md").read_text().split("## Scenarios")[1]
    chapters = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    rows = {
        title: re.findall(r"^\| `([a-z0-9-]+)` \| (.*?) \| (always|) ?\|$", body, re.MULTILINE)
        for title, body in zip(chapters[1::2], chapters[2::2], strict=True)
    }

    assert rows == {
        chapter: [(each.name, each.about, "always" if each.always else "") for each in scenarios]
        for chapter, scenarios in CHAPTERS.items()
    }


def test_names_are_unique_and_can_be_typed() -> None:
    assert len(SCENARIOS) == sum(map(len, CHAPTERS.values()))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in SCENARIOS)


# --- blocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method"), [("null-blocks", "eth_getBlockByNumber"), ("unknown-hashes", "eth_getBlockByHash")]
)
def test_a_block_is_null(node: FakeNode, name: str, method: str) -> None:
    _, before, after = only(changed(node, name, method))

    assert before is not None
    assert after is None


def test_the_head_flickers_and_nothing_else_does(node: FakeNode) -> None:
    call, before, after = only(changed(node, "flickering-head"))

    assert call.params[0] == "latest"
    assert int(before["number"], 16) - int(after["number"], 16) in (1, 2)


def test_a_lagging_backend_knows_nothing_above_its_own_head(node: FakeNode) -> None:
    for seed in range(20):
        found = changed(node, "lagging-backend", "eth_getBlockByNumber", seed=seed)
        told = {call.params[0]: after for call, _, after in found}

        assert int(told["latest"]["number"], 16) < 200
        assert told[hex(200)] is None
        assert hex(9) not in told


def test_a_stale_endpoint_stands_where_it_was_first_seen(node: FakeNode) -> None:
    found = changed(node, "stale-endpoint", first_head=15)
    told = {call.method + str(call.params[:1]): after for call, _, after in found}

    assert int(told["eth_getBlockByNumber['latest']"]["number"], 16) == 15
    logs = next(after for call, _, after in found if "fromBlock" in str(call.params))
    assert set(numbers(logs)) == {5, 9, 10}


def test_false_history_is_consistent_and_ends_below_the_head(node: FakeNode) -> None:
    found = changed(node, "false-history", "eth_getBlockByNumber")

    assert {call.params[0] for call, _, _ in found} == {"0x0", hex(9)}
    for _, before, after in found:
        assert after["hash"] != before["hash"]
        assert after["parentHash"] != before["parentHash"]


def test_zero_blooms_and_missing_fields_spoil_every_header(node: FakeNode) -> None:
    blank = changed(node, "zero-blooms", "eth_getBlockByNumber", "eth_getBlockByHash")
    bare = changed(node, "missing-fields", "eth_getBlockByNumber", "eth_getBlockByHash")

    assert {after["logsBloom"] for _, _, after in blank} == {bloom_of([])}
    assert all("logsBloom" not in after for _, _, after in bare)
    assert len(bare) == 6


def test_tags_are_refused_in_the_words_of_nodes(node: FakeNode) -> None:
    _, _, unknown = spoilt(node, "no-tags")
    _, _, flicker = spoilt(node, "flickering-tags")

    kinds = [type(error).__name__ for answer in (unknown, flicker) for error in errors_of(answer)]
    assert kinds == ["Unsupported", "Transient"]


def errors_of(answer: Answer) -> list[RpcError]:
    """What our own layer makes of an answer."""
    told = [reply["error"] for reply in answer.replies if "error" in reply]
    return [
        classify(answer.status, error["code"], error["message"], error.get("data"), answer.headers)
        for error in told
    ]


def test_identities_change(node: FakeNode) -> None:
    _, before, after = only(changed(node, "wrong-chain"))
    genesis = only(changed(node, "other-genesis"))
    code = only(changed(node, "no-code"))

    assert int(after, 16) == int(before, 16) + 1
    assert genesis[0].params[0] == "0x0"
    assert code[2] == "0x"


# --- logs and receipts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("empty-logs", lambda _, after: after == []),
        ("omitted-log", lambda before, after: len(after) == len(before) - 1 and all(e in before for e in after)),
        ("foreign-logs", lambda before, after: sum(a != b for a, b in zip(after, before, strict=True)) in (1, 2)),
        ("removed-logs", lambda before, after: [e["removed"] for e in after[len(before) :]] == [True]),
        ("logs-out-of-range", lambda before, after: max(numbers(after)) > max(numbers(before))),
        ("logs-of-strangers", lambda before, after: {e["address"] for e in after} - {e["address"] for e in before}),
        ("duplicate-logs", lambda before, after: len(after) == 2 * len(before) and all(e in before for e in after)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(5))
def test_logs_are_spoilt(node: FakeNode, name: str, holds: Callable[[Any, Any], bool], seed: int) -> None:
    _, before, after = only(changed(node, name, seed=seed))

    assert holds(before, after)


@pytest.mark.parametrize("name", ["undecodable-logs", "foreign-topics"])
def test_further_logs_are_the_same_however_they_are_asked_for(node: FakeNode, name: str) -> None:
    _, before, after = only(changed(node, name))
    added = [each for each in after if each not in before]

    assert set(numbers(added)) == {5, 10, 20}
    assert len({each["logIndex"] for each in added} & {each["logIndex"] for each in before}) == 0
    assert added == [e for e in only(changed(node, name, seed=99))[2] if e not in before]


@pytest.mark.parametrize("seed", range(4))
def test_receipts_are_spoilt(node: FakeNode, seed: int) -> None:
    none = only(changed(node, "null-receipts", seed=seed))
    pending = only(changed(node, "pending-receipts", seed=seed))
    foreign = only(changed(node, "foreign-receipts", seed=seed))
    short = only(changed(node, "short-receipts", seed=seed))

    assert none[2] is None
    assert pending[2]["blockHash"] is None
    told = foreign[2] if isinstance(foreign[2], list) else [foreign[2]]
    assert {one["blockHash"] for one in told}.isdisjoint({block_hash(9)})
    assert len(short[2]) == len(short[1]) - 1


# --- limits -------------------------------------------------------------------------------------------

PROVIDERS = [refusal for refusal in recorded() if refusal.acts in ("cap", "dense", "rate", "batch")]
NAMES = {"cap": "range-cap", "dense": "too-dense", "rate": "rate-limit", "batch": "batch-limit"}
RECORDED = json.loads((ROOT / "chain/chaos/provider_messages.json").read_text())


@pytest.mark.parametrize(
    "case", [one for one in RECORDED if "template" in one], ids=lambda one: one["provider"]
)
def test_a_template_says_what_was_recorded(case: dict[str, Any]) -> None:
    (refusal,) = [one for one in recorded() if one.provider == case["provider"]]
    names = {"max_range": "cap", "from_block": "first", "to_block": "last"}
    seen = {names[key]: value for key, value in case.get("numbers", {}).items() if value is not None}

    assert refusal.worded(**{**refusal.sample, **seen}) == case["message"]


@pytest.mark.parametrize("refusal", PROVIDERS, ids=lambda one: f"{one.acts} {one.provider}")
def test_a_providers_limit_is_understood_as_what_it_is(node: FakeNode, refusal: Any) -> None:
    (case,) = [one for one in RECORDED if one["provider"] == refusal.provider]
    question, _, answer = spoilt(node, f"{NAMES[refusal.acts]}-{refusal.slug}")

    error = first_error(question, answer)

    assert type(error) is getattr(errors, case["expect"])
    assert answer.status == refusal.status
    if isinstance(error, StructuralCap):
        assert error.max_range in (10, None)
    if isinstance(error, RangeHint):
        assert (error.from_block, error.to_block) == (FIRST, FIRST + (LAST - FIRST) // 2)
    if refusal.acts == "rate" and refusal.headers:
        assert answer.headers["Retry-After"] == "1"


def first_error(question: Asked, answer: Answer) -> RpcError:
    http = HttpAnswer(answer.status, answer.headers, answer.encoded(question.batched))
    try:
        found = outcomes(http, [call.id for call in question.calls])
    except RpcError as error:
        return error
    return next(each for each in found if isinstance(each, RpcError))


def test_ranges_within_the_plan_are_answered(node: FakeNode) -> None:
    wide = SCENARIOS["range-cap-quicknode"]
    question = asked("eth_getLogs")
    limits = Limits(blocks=LAST - FIRST + 1, logs=8)

    assert wide.spoil(question, honest(node, question), replace(SIGHT, limits=limits), Random(1)) is None
    dense = SCENARIOS["too-dense-infura"]
    assert dense.spoil(question, honest(node, question), replace(SIGHT, limits=limits), Random(1)) is None


def test_the_cap_shrinks_to_a_quarter(node: FakeNode) -> None:
    caps = []
    for exchanges in (0, 19, 20, 400):
        limits = Limits(blocks=2)
        _, _, answer = spoilt(node, "range-cap-shrinks", exchanges=exchanges, limits=limits)
        (error,) = errors_of(answer)
        assert isinstance(error, StructuralCap)
        caps.append(error.max_range)

    assert caps == [8, 8, 2, 2]


def test_hints_may_lead_nowhere(node: FakeNode) -> None:
    (inverted,) = errors_of(spoilt(node, "hint-inverted")[2])
    (useless,) = errors_of(spoilt(node, "hint-useless")[2])
    (dense,) = errors_of(spoilt(node, "dense-blocks")[2])

    assert type(inverted) is TooDense
    assert isinstance(useless, RangeHint)
    assert (useless.from_block, useless.to_block) == (FIRST, LAST)
    assert type(dense) is TooDense


# --- batches and HTTP ---------------------------------------------------------------------------------


def test_batches_come_back_wrong(node: FakeNode) -> None:
    truth = spoilt(node, "batch-reordered")[1]

    assert all(str(reply["id"]).startswith("x") for reply in spoilt(node, "batch-ids")[2].replies)
    assert 1 <= len(spoilt(node, "batch-short")[2].replies) < len(QUESTIONS)
    assert spoilt(node, "batch-reordered")[2].replies == truth.replies[::-1]
    assert json.loads(spoilt(node, "batch-error")[2].body or b"")["id"] is None


def test_http_ends_too_soon_or_is_none(node: FakeNode) -> None:
    question, truth, cut = spoilt(node, "cut-json")
    packed = spoilt(node, "cut-gzip")[2]

    assert truth.encoded(True).startswith(cut.body or b"?")
    assert packed.headers["Content-Encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(packed.body or b"")
    assert spoilt(node, "gateway-page")[2].status == 502
    assert b"NaN" in (spoilt(node, "not-a-number")[2].body or b"")
    assert spoilt(node, "empty-body")[2].body == b""
    manners = [spoilt(node, name)[2].manner for name in ("hanging", "dripping", "dropped", "cut-connection")]
    assert manners == ["hang", "drip", "drop", "cut"]
    assert question.batched


def test_an_outage_is_a_window_of_exchanges(node: FakeNode) -> None:
    question = asked()
    outage = SCENARIOS["outage"]
    out = [
        outage.spoil(question, honest(node, question), replace(SIGHT, exchanges=number), Random(1))
        is not None
        for number in range(120)
    ]

    assert out == ([False] * 48 + [True] * 12) * 2


# --- the storm ----------------------------------------------------------------------------------------


def struck(seed: int, order: list[Asked], rate: float = 0.3) -> dict[str, list[list[str]]]:
    """What strikes each question, the first time, the second time …"""
    storm = Storm(chosen(["null-blocks", "empty-logs", "outage"]), seed=seed, rate=rate)
    found: dict[str, list[list[str]]] = {}
    for question in order:
        names = [strike.scenario.name for strike in storm.strikes(question)]
        found.setdefault(str(question.calls), []).append(names)
    return found


def test_the_seed_decides_and_not_the_order_of_questions() -> None:
    questions = [Asked((Call(1, "eth_getBlockByNumber", [hex(n), False]),), False) for n in range(40)]
    again = [*questions, *questions]
    shuffled = [*reversed(questions), *reversed(questions)]

    assert struck(7, again) == struck(7, shuffled)
    assert struck(7, again) != struck(8, again)


def test_ids_do_not_matter_and_the_rate_is_kept() -> None:
    questions = [Asked((Call(n, "eth_getBlockByNumber", [hex(n), False]),), False) for n in range(2000)]
    renamed = [Asked((question.calls[0]._replace(id="x"),), False) for question in questions]

    first = [names for each in struck(1, questions, rate=0.1).values() for names in each]
    second = [names for each in struck(1, renamed, rate=0.1).values() for names in each]

    assert first == second
    assert 150 <= sum("null-blocks" in names for names in first) <= 250
    assert all("outage" in names for names in first), "a scenario that always looks for its occasion"


def test_what_was_done_is_said_and_counted(node: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    storm = Storm(chosen(["zero-blooms", "hanging", "gateway-page"]), rate=1.0)
    question = asked("eth_getBlockByHash")
    with caplog.at_level("INFO", "chain.chaos.storm"):
        answer = storm.spoilt(question, honest(node, question), storm.strikes(question), SIGHT)

    assert answer.manner == "hang"
    assert storm.injected == {"zero-blooms": 1, "hanging": 1, "gateway-page": 0}, (
        "nothing comes after silence"
    )
    assert [vars(record)["scenario"] for record in caplog.records] == ["zero-blooms", "hanging"]


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(UnknownScenario, match="--list"):
        chosen(["null-blocks", "no-such-thing"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[1]", b'{"method": 7}', b"\xff"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # msgspec's decoding errors are ValueErrors too
        parsed(body)


def test_answers_are_put_in_the_order_of_the_questions() -> None:
    question = parsed(b'[{"id": 1, "method": "a"}, {"id": "2", "method": "b", "params": [1]}]')

    assert [
        reply["result"]
        for reply in matched(question, [{"id": "2", "result": 2}, {"id": 1, "result": 1}]).replies
    ] == [1, 2]
    with pytest.raises(ValueError, match="left out"):
        matched(question, [{"id": 1, "result": 1}])


@pytest.mark.parametrize("first", SCENARIOS)
def test_any_two_scenarios_may_strike_one_exchange(node: FakeNode, first: str) -> None:
    alone = ("eth_getTransactionReceipt", "eth_getBlockReceipts", "eth_getBlockByHash")
    exchanges = [(each, honest(node, each)) for each in (asked(), *map(asked, alone))]

    for second in SCENARIOS:
        storm = Storm(chosen([first, second]), rate=1.0)
        for question, truth in exchanges:
            answer = storm.spoilt(question, truth, storm.strikes(question), SIGHT)
            assert len(answer.replies) <= len(question.calls)
