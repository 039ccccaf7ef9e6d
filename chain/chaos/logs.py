"""Logs left out, added, doubled, moved and spoilt; receipts of nowhere and of elsewhere."""

from __future__ import annotations

from random import Random
from typing import Any

from chain.chaos.blocks import LOGS, RECEIPT, RECEIPTS, turned
from chain.chaos.exchange import Call, Reply, refused
from chain.chaos.scenario import UNTOUCHED, Scenario, every_reply, one_reply, result

STRANGER = "0x" + "5a" * 20
FOREIGN_TOPIC = "0x" + "6b" * 32
FAR_INDEX = 10_000
"""Added to the index of a log that never was, so that it stands on nobody's place."""
EVERY = 5
"""Blocks whose number this divides get further logs: the same ones, however they are asked for."""

RawLog = dict[str, Any]


@result(LOGS)
def emptied(_: Call, logs: Any, __: Random) -> Any:
    return [] if logs else UNTOUCHED


@result(LOGS)
def one_omitted(_: Call, logs: Any, rng: Random) -> Any:
    if not logs:
        return UNTOUCHED
    place = rng.randrange(len(logs))
    return [*logs[:place], *logs[place + 1 :]]


@result(LOGS)
def of_another_block(_: Call, logs: Any, rng: Random) -> Any:
    if not logs:
        return UNTOUCHED
    chosen = rng.choice(logs)["blockHash"]
    return [{**log, "blockHash": turned(chosen)} if log["blockHash"] == chosen else log for log in logs]


@result(LOGS)
def with_removed(_: Call, logs: Any, rng: Random) -> Any:
    if not logs:
        return UNTOUCHED
    log = rng.choice(logs)
    return [*logs, {**log, "blockHash": turned(log["blockHash"]), "removed": True}]


@result(LOGS)
def out_of_range(call: Call, logs: Any, rng: Random) -> Any:
    if not logs:
        return UNTOUCHED
    log, query = rng.choice(logs), call.params[0]
    above = int(query.get("toBlock", log["blockNumber"]), 16) + 1
    return [*logs, {**log, "blockNumber": hex(above), "blockHash": turned(log["blockHash"])}]


@result(LOGS)
def of_strangers(_: Call, logs: Any, rng: Random) -> Any:
    return [*logs, _apart(rng.choice(logs), address=STRANGER)] if logs else UNTOUCHED


@result(LOGS)
def doubled(_: Call, logs: Any, rng: Random) -> Any:
    if not logs:
        return UNTOUCHED
    found = [*logs, *logs]
    rng.shuffle(found)
    return found


@result(LOGS)
def with_unreadable(_: Call, logs: Any, __: Random) -> Any:
    added = [_apart(log, topics=log["topics"][:1], data="0x") for log in _fifth(logs)]
    return [*logs, *added] if added else UNTOUCHED


@result(LOGS)
def with_foreign_topics(_: Call, logs: Any, __: Random) -> Any:
    added = [_apart(log, topics=[FOREIGN_TOPIC]) for log in _fifth(logs)]
    return [*logs, *added] if added else UNTOUCHED


@result(RECEIPT, RECEIPTS)
def no_receipt(_: Call, __: Any, ___: Random) -> Any:
    return None


@result(RECEIPT)
def pending_receipt(_: Call, receipt: Any, __: Random) -> Any:
    return {**receipt, "blockHash": None, "blockNumber": None}


@result(RECEIPT, RECEIPTS)
def foreign_receipt(_: Call, told: Any, __: Random) -> Any:
    if isinstance(told, list):
        return [{**one, "blockHash": turned(one["blockHash"])} for one in told]
    if told["blockHash"] is None:
        return UNTOUCHED  # another fault was faster
    return {**told, "blockHash": turned(told["blockHash"])}


@result(RECEIPTS)
def short_receipts(_: Call, receipts: Any, __: Random) -> Any:
    return receipts[:-1] if receipts else UNTOUCHED


def no_block_receipts(call: Call, reply: Reply, _: Random) -> Reply | None:
    message = "the method eth_getBlockReceipts does not exist/is not available"
    return refused(reply, -32601, message) if call.method == RECEIPTS else None


def _fifth(logs: list[RawLog]) -> list[RawLog]:
    return [log for log in logs if int(log["blockNumber"], 16) % EVERY == 0]


def _apart(log: RawLog, **changes: Any) -> RawLog:
    return {**log, "logIndex": hex(int(log["logIndex"], 16) + FAR_INDEX), **changes}


SCENARIOS = (
    Scenario("empty-logs", "no logs where there are some", one_reply(emptied)),
    Scenario("omitted-log", "one log of an answer is left out", one_reply(one_omitted)),
    Scenario("foreign-logs", "a block's logs carry another hash than it has", one_reply(of_another_block)),
    Scenario("removed-logs", "a log of an orphaned block, marked removed", one_reply(with_removed)),
    Scenario("logs-out-of-range", "a log of a block above those asked for", one_reply(out_of_range)),
    Scenario("logs-of-strangers", "a log of a contract that was not asked for", one_reply(of_strangers)),
    Scenario("duplicate-logs", "every log twice, in no order", one_reply(doubled)),
    Scenario(
        "undecodable-logs", "in every fifth block, logs with too few topics and no data",
        every_reply(with_unreadable), always=True,
    ),
    Scenario(
        "foreign-topics", "in every fifth block, logs of our contracts with an unknown topic",
        every_reply(with_foreign_topics), always=True,
    ),
    Scenario("null-receipts", "a receipt that exists is null", one_reply(no_receipt)),
    Scenario("pending-receipts", "a receipt without a block", one_reply(pending_receipt)),
    Scenario("foreign-receipts", "a receipt of another branch", one_reply(foreign_receipt)),
    Scenario("short-receipts", "the last receipt of a block is left out", one_reply(short_receipts)),
    Scenario(
        "no-block-receipts", "there is no eth_getBlockReceipts", every_reply(no_block_receipts), always=True
    ),
)  # fmt: skip
