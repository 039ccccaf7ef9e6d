"""JSON-RPC envelopes: requests to bytes, bytes to results that are still raw JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from chain.classify import classify
from chain.errors import RpcError, Transient, WrongAnswer
from chain.transport import HttpAnswer


class Request(NamedTuple):
    """One JSON-RPC call."""

    method: str
    params: Sequence[Any] = ()


Outcome = msgspec.Raw | RpcError
"""The result as raw JSON, or what the node said instead."""


class _ErrorObject(msgspec.Struct, gc=False):
    code: Any = None
    message: Any = None
    data: Any = None


class _Reply(msgspec.Struct, gc=False):
    id: int | str | float | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _ErrorObject | str | None = None
    code: Any = None
    """Some gateways answer with a bare error object, without the envelope."""
    message: Any = None


_ENCODER = msgspec.json.Encoder()
_MANY = msgspec.json.Decoder(list[_Reply])
_ONE = msgspec.json.Decoder(_Reply)


def encoded(requests: Sequence[Request], ids: Sequence[int]) -> bytes:
    """Encode a batch; a batch of one goes as a plain request, which every node understands."""
    calls = [
        {"jsonrpc": "2.0", "id": id_, "method": request.method, "params": request.params}
        for id_, request in zip(ids, requests, strict=True)
    ]
    return _ENCODER.encode(calls[0] if len(calls) == 1 else calls)


def outcomes(answer: HttpAnswer, ids: Sequence[int]) -> list[Outcome | None]:
    """Return one outcome per id, None where the answer holds none; raise what concerns the whole batch."""
    replies = _replies(answer)
    if isinstance(replies, list):
        return _matched(replies, ids, answer)
    error = _refusal(replies, answer)
    if error is not None and (len(ids) == 1 or replies.id is None):
        raise error
    if error is None and replies.result == msgspec.Raw():
        raise _not_an_answer(answer)
    if len(ids) == 1 and _number(replies.id) != ids[0]:
        raise WrongAnswer(f"asked with id {ids[0]}, answered with id {replies.id!r}")
    return _matched([replies], ids, answer)


def result_of(outcome: Outcome) -> msgspec.Raw:
    """Return the result, or raise the refusal."""
    if isinstance(outcome, RpcError):
        raise outcome
    return outcome


def _replies(answer: HttpAnswer) -> list[_Reply] | _Reply:
    body = answer.body.lstrip()
    try:
        return _MANY.decode(body) if body[:1] == b"[" else _ONE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_an_answer(answer) from error


def _matched(replies: list[_Reply], ids: Sequence[int], answer: HttpAnswer) -> list[Outcome | None]:
    by_id = {_number(reply.id): reply for reply in replies}
    return [_outcome(by_id.get(id_), answer) for id_ in ids]


def _outcome(reply: _Reply | None, answer: HttpAnswer) -> Outcome | None:
    if reply is None:
        return None
    error = _refusal(reply, answer)
    if error is not None:
        return error
    return None if reply.result == msgspec.Raw() else reply.result


def _refusal(reply: _Reply, answer: HttpAnswer) -> RpcError | None:
    error = reply.error
    if isinstance(error, str):
        return classify(answer.status, None, error, None, answer.headers)
    if error is None and reply.message is not None:
        error = _ErrorObject(reply.code, reply.message)
    if error is None:
        return None
    return classify(answer.status, _number(error.code), _text(error.message), error.data, answer.headers)


def _not_an_answer(answer: HttpAnswer) -> RpcError:
    """Nothing that JSON-RPC knows: a gateway's page, a cut body, an empty one."""
    text = answer.body[:200].decode("utf-8", "replace").strip()
    if answer.status >= 400:
        return classify(answer.status, None, text, None, answer.headers)
    return Transient(f"HTTP {answer.status} without a JSON-RPC answer: {text!r}")


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if value.lstrip("-").isdecimal() else None
    return int(value) if isinstance(value, int | float) else None


def _text(message: Any) -> str:
    return message if isinstance(message, str) else "" if message is None else str(message)
