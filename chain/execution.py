"""Questions that the EVM answers, put to one endpoint: contract reads and code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from chain.calls import Read, UndecodableAnswer
from chain.endpoint import Endpoint
from chain.envelope import Outcome, Request, result_of
from chain.errors import ExecutionReverted, WrongAnswer
from chain.values import Address, Call, CallResult, Hash, Reverted

T = TypeVar("T")

_HEX = msgspec.json.Decoder(str)


def ask_calls(endpoint: Endpoint, calls: Sequence[Call], at: Hash | int) -> list[CallResult]:
    """Execute calls at a block, by number or hash (EIP-1898)."""
    block = _block(at)
    requests = [Request("eth_call", ({"to": call.to, "data": call.data}, block)) for call in calls]
    return [_call_result(endpoint, outcome) for outcome in endpoint.batch(requests)]


def ask_simulation(endpoint: Endpoint, transaction: Mapping[str, str]) -> CallResult:
    """Execute one call on top of the newest block."""
    (outcome,) = endpoint.batch([Request("eth_call", (dict(transaction), "latest"))])
    return _call_result(endpoint, outcome)


def ask_code(endpoint: Endpoint, address: Address, at: Hash | int | Literal["latest"]) -> bytes:
    """Return the code at an address after a block, by number or hash (EIP-1898)."""
    block = "latest" if at == "latest" else _block(at)
    return _bytes(endpoint, endpoint.ask("eth_getCode", address, block))


def decoded(read: Read[T], result: bytes | Reverted) -> T | Reverted:
    """Decode the result of a read; a contract that answers nonsense is as good as one that refuses."""
    if isinstance(result, Reverted):
        return result
    try:
        return read.decode(result)
    except UndecodableAnswer as error:
        return Reverted(f"undecodable answer: {error}", "0x" + result.hex())


def _block(at: Hash | int) -> Any:
    return hex(at) if isinstance(at, int) else {"blockHash": at}


def _call_result(endpoint: Endpoint, outcome: Outcome) -> CallResult:
    if isinstance(outcome, ExecutionReverted):
        return Reverted(outcome.message, outcome.data)
    result = _bytes(endpoint, result_of(outcome))
    return result or Reverted("an empty answer: no code at this address")


def _bytes(endpoint: Endpoint, raw: msgspec.Raw) -> bytes:
    text = endpoint.decode(raw, _HEX)
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise WrongAnswer(f"not hex: {text[:80]!r}") from error
