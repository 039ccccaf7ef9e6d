"""One HTTP exchange as a fault sees it: what was asked, what the node answered, and how it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import msgspec

Reply = dict[str, Any]
"""One JSON-RPC answer: `id` and either `result` or `error`."""
Manner = Literal["whole", "cut", "drip", "hang", "drop"]
"""cut: the connection ends in the middle; drip: a byte now and then; hang: silence; drop: hung up at once."""


class Call(NamedTuple):
    """One JSON-RPC request."""

    id: Any
    method: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One POST: a single call, or a batch."""

    calls: tuple[Call, ...]
    batched: bool

    def body(self) -> bytes:
        """As it goes to the node."""
        calls = [
            {"jsonrpc": "2.0", "id": call.id, "method": call.method, "params": call.params}
            for call in self.calls
        ]
        return msgspec.json.encode(calls if self.batched else calls[0])


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: the replies in the order of the calls, or `body` instead of them."""

    replies: tuple[Reply, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    manner: Manner = "whole"

    def encoded(self, batched: bool) -> bytes:
        if self.body is not None:
            return self.body
        return msgspec.json.encode(self.replies if batched else self.replies[0])

    def answers(self, asked: Asked) -> bool:
        """Whether it still has a reply for every call, in order: only then can more go wrong with it."""
        if self.body is not None or self.manner != "whole":
            return False
        return [reply.get("id") for reply in self.replies] == [call.id for call in asked.calls]

    def with_reply(self, place: int, reply: Reply) -> Answer:
        """The same, one reply replaced."""
        return replace(self, replies=(*self.replies[:place], reply, *self.replies[place + 1 :]))


@dataclass(frozen=True, slots=True)
class Sight:
    """What the proxy knows beside the exchange."""

    head: int
    """The node's newest block."""
    first_head: int
    """The same when the proxy first asked."""
    exchanges: int
    """Exchanges before this one."""
    limits: Limits


@dataclass(frozen=True, slots=True)
class Limits:
    """How narrow the imitated plans are."""

    blocks: int = 10
    """Widest eth_getLogs range."""
    logs: int = 50
    """Most logs in one answer."""
    calls: int = 5
    """Most calls in one batch."""


def parsed(body: bytes) -> Asked:
    """Read a POST. Raises ValueError for what is no JSON-RPC."""
    told = msgspec.json.decode(body)
    calls = told if isinstance(told, list) else [told]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("method"), str) for call in calls):
        raise ValueError("neither a JSON-RPC request nor a batch of them")
    found = tuple(Call(call.get("id"), call["method"], list(call.get("params") or ())) for call in calls)
    return Asked(found, isinstance(told, list))


def matched(asked: Asked, told: Reply | list[Reply]) -> Answer:
    """The node's replies, in the order of the calls; raises ValueError where one is missing."""
    by_id = {reply.get("id"): reply for reply in (told if isinstance(told, list) else [told])}
    missing = [call.id for call in asked.calls if call.id not in by_id]
    if missing:
        raise ValueError(f"the node left out the answers to {missing[:3]}")
    return Answer(tuple(by_id[call.id] for call in asked.calls))


def refused(reply: Reply, code: int | None, message: str, data: Any = None) -> Reply:
    """An error in place of a reply."""
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": reply.get("id"), "error": error}
