"""Lies and lags about blocks."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from chain.chaos.exchange import Answer, Asked, Call, Reply, Sight, refused
from chain.chaos.scenario import UNTOUCHED, Scenario, every_reply, one_reply, result

BY_NUMBER, BY_HASH = "eth_getBlockByNumber", "eth_getBlockByHash"
LOGS, RECEIPT, RECEIPTS = "eth_getLogs", "eth_getTransactionReceipt", "eth_getBlockReceipts"
POA_EXTRA = "0x" + "97" * 97
HISTORY_DEPTH = 100


@result(BY_NUMBER, BY_HASH)
def null_block(_: Call, __: Any, ___: Random) -> Any:
    return None


@result(BY_HASH)
def unknown_hash(_: Call, __: Any, ___: Random) -> Any:
    return None


@result(BY_NUMBER, BY_HASH)
def blank_bloom(_: Call, block: Any, __: Random) -> Any:
    return {**block, "logsBloom": "0x" + "0" * 512}


@result(BY_NUMBER, BY_HASH, LOGS)
def bare(_: Call, told: Any, __: Random) -> Any:
    if isinstance(told, list):
        return [{name: value for name, value in log.items() if name != "blockTimestamp"} for log in told]
    kept = {name: value for name, value in told.items() if name not in ("logsBloom", "baseFeePerGas")}
    return {**kept, "extraData": POA_EXTRA}


def no_tag(call: Call, reply: Reply, _: Random) -> Reply | None:
    tag = call.params[0] if call.method == BY_NUMBER and call.params else None
    return refused(reply, -32602, f"unknown block tag {tag}") if tag in ("safe", "finalized") else None


def tag_flickers(call: Call, reply: Reply, _: Random) -> Reply | None:
    tag = call.params[0] if call.method == BY_NUMBER and call.params else None
    return refused(reply, -32603, "invalid block height") if tag in ("safe", "finalized") else None


@result("eth_chainId")
def other_chain(_: Call, told: Any, __: Random) -> Any:
    return hex(int(told, 16) + 1)


@result("eth_getCode")
def no_code(_: Call, __: Any, ___: Random) -> Any:
    return "0x"


@result(BY_NUMBER, BY_HASH)
def other_genesis(_: Call, block: Any, __: Random) -> Any:
    return {**block, "hash": turned(block["hash"])} if block.get("number") == "0x0" else UNTOUCHED


def false_history(asked: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """Another branch below a depth, consistent in itself."""

    @result(BY_NUMBER)
    def turn(_: Call, block: Any, __: Random) -> Any:
        number = int(block["number"] or "0x0", 16)
        if number > sight.head - HISTORY_DEPTH:
            return UNTOUCHED
        return {**block, "hash": turned(block["hash"]), "parentHash": turned(block["parentHash"])}

    return every_reply(turn)(asked, answer, sight, rng)


# --- nodes behind ---------------------------------------------------------------------------------


def ask_lower_head(asked: Asked, sight: Sight, rng: Random) -> Asked:
    return asking_head(asked, sight.head - rng.randint(1, 2))


def lower_head(asked: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """The newest block is one or two lower than it was; everything else is as it is."""
    newest = hex(max(0, sight.head - rng.randint(1, 2)))
    touched = False
    for place, call in enumerate(asked.calls):
        touched |= call.method == "eth_blockNumber" or is_latest(call)
        if call.method == "eth_blockNumber":
            answer = answer.with_reply(place, {**answer.replies[place], "result": newest})
    return answer if touched else None


def ask_behind(asked: Asked, sight: Sight, rng: Random) -> Asked:
    return asking_head(asked, sight.head - rng.randint(1, 8))


def behind(asked: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """The whole exchange reaches a backend that is up to eight blocks behind."""
    return as_of(asked, answer, sight.head - rng.randint(1, 8))


def ask_stale(asked: Asked, sight: Sight, _: Random) -> Asked:
    return asking_head(asked, sight.first_head)


def stale(asked: Asked, answer: Answer, sight: Sight, _: Random) -> Answer | None:
    """The node stopped where the proxy first saw it."""
    return as_of(asked, answer, sight.first_head)


def as_of(asked: Asked, answer: Answer, newest: int) -> Answer | None:
    """What a node would say that has nothing above a block."""
    touched = False
    for place, (call, reply) in enumerate(zip(asked.calls, answer.replies, strict=True)):
        seen = _as_of(call, reply, newest)
        touched |= seen is not None or is_latest(call)
        answer = answer.with_reply(place, reply if seen is None else seen)
    return answer if touched else None


def _as_of(call: Call, reply: Reply, newest: int) -> Reply | None:
    told = reply.get("result")
    if call.method == "eth_blockNumber":
        return {**reply, "result": hex(max(0, newest))}
    if call.method in (LOGS, RECEIPTS) and isinstance(told, list):
        known = [one for one in told if number_of(one, "blockNumber") <= newest]
        return None if len(known) == len(told) else {**reply, "result": known}
    if call.method in (BY_NUMBER, BY_HASH) and told and number_of(told, "number") > newest:
        return {**reply, "result": None}
    if call.method == RECEIPT and told and number_of(told, "blockNumber") > newest:
        return {**reply, "result": None}
    if call.method in ("eth_call", "eth_getCode") and call.params and _height(call.params[-1]) > newest:
        return refused(reply, -32000, "header not found")
    return None


def asking_head(asked: Asked, newest: int) -> Asked:
    """The same questions, where "latest" means a block below the node's."""
    tag = hex(max(0, newest))
    calls = (
        call._replace(params=[tag, *call.params[1:]]) if is_latest(call) else call for call in asked.calls
    )
    return replace(asked, calls=tuple(calls))


def is_latest(call: Call) -> bool:
    return call.method == BY_NUMBER and call.params[:1] == ["latest"]


def number_of(told: dict[str, Any], name: str) -> int:
    """A height that a reply tells; 0 where it tells none."""
    return int(told.get(name) or "0x0", 16)


def turned(block_hash: str) -> str:
    """Another hash, always the same one for the same hash."""
    return f"0x{int(block_hash, 16) ^ (1 << 255 | 0xBAD):064x}"


def _height(block: Any) -> int:
    return int(block, 16) if isinstance(block, str) and block.startswith("0x") else -1


SCENARIOS = (
    Scenario("null-blocks", "a block that exists is null", one_reply(null_block)),
    Scenario(
        "unknown-hashes", "a block asked for by hash is null, as after pruning", one_reply(unknown_hash)
    ),
    Scenario("flickering-head", "the head is one or two lower for a moment", lower_head, ask_lower_head),
    Scenario(
        "lagging-backend", "an exchange reaches a backend up to eight blocks behind", behind, ask_behind
    ),
    Scenario(
        "stale-endpoint", "the node stopped where the proxy first saw it", stale, ask_stale, always=True
    ),
    Scenario("false-history", "deep blocks are of another branch", false_history, always=True),
    Scenario("zero-blooms", "every logsBloom is zero", every_reply(blank_bloom), always=True),
    Scenario(
        "missing-fields",
        "no logsBloom, no baseFeePerGas, no blockTimestamp, the long extraData of proof of authority",
        every_reply(bare),
        always=True,
    ),
    Scenario("no-tags", "`safe` and `finalized` are unknown", every_reply(no_tag), always=True),
    Scenario(
        "flickering-tags", "`finalized` fails in passing: invalid block height", one_reply(tag_flickers)
    ),
    Scenario("wrong-chain", "another eth_chainId", every_reply(other_chain), always=True),
    Scenario("other-genesis", "another block 0", every_reply(other_genesis), always=True),
    Scenario("no-code", "no contract has code", every_reply(no_code), always=True),
)
