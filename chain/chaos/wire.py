"""Batches put together wrongly, and HTTP that is none, or ends too soon, or never."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from random import Random

from chain.chaos.exchange import Answer, Asked, Sight, refused
from chain.chaos.scenario import Scenario

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
OUTAGE_EVERY, OUTAGE_EXCHANGES = 60, 12


def other_ids(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """Every id is another one than was asked with."""
    return replace(answer, replies=tuple({**reply, "id": f"x{reply['id']}"} for reply in answer.replies))


def short_batch(asked: Asked, answer: Answer, _: Sight, rng: Random) -> Answer | None:
    """Some answers of a batch are missing."""
    if len(asked.calls) < 2:
        return None
    return replace(answer, replies=answer.replies[: rng.randrange(1, len(asked.calls))])


def reordered_batch(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """The answers come in another order."""
    return replace(answer, replies=answer.replies[::-1]) if len(asked.calls) > 1 else None


def error_for_all(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """One error object, without an id, for a whole batch."""
    if not asked.batched:
        return None
    error = refused({"id": None}, -32000, "header not found")
    return replace(answer, body=Answer((error,)).encoded(batched=False))


def gateway_page(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """The page of a gateway that found nobody."""
    return replace(answer, status=502, headers={"Content-Type": "text/html"}, body=PAGE)


def cut_json(asked: Asked, answer: Answer, _: Sight, rng: Random) -> Answer | None:
    """A complete HTTP answer with the first part of the JSON."""
    body = answer.encoded(asked.batched)
    return replace(answer, body=body[: rng.randrange(1, len(body))])


def cut_gzip(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """A compressed body that ends too soon."""
    packed = gzip.compress(answer.encoded(asked.batched), mtime=0)
    return replace(answer, headers={"Content-Encoding": "gzip"}, body=packed[: len(packed) // 2])


def cut_connection(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """The connection ends in the middle of the body."""
    return replace(answer, manner="cut")


def no_number(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """NaN, which JSON does not have."""
    replies = ",".join(f'{{"jsonrpc":"2.0","id":{json.dumps(call.id)},"result":NaN}}' for call in asked.calls)
    return replace(answer, body=(f"[{replies}]" if asked.batched else replies).encode())


def empty_body(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """HTTP 200, and nothing."""
    return replace(answer, body=b"")


def hanging(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """The connection stays open, and nothing comes."""
    return replace(answer, manner="hang")


def dripping(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """A byte now and then, so that no single read takes long."""
    return replace(answer, manner="drip")


def dropped(_: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """Hung up at once."""
    return replace(answer, manner="drop")


def outage(_: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """Of every sixty exchanges, twelve in a row get no answer at all."""
    if sight.exchanges % OUTAGE_EVERY < OUTAGE_EVERY - OUTAGE_EXCHANGES:
        return None
    if rng.random() < 0.5:
        return replace(answer, manner="drop")
    return replace(answer, status=503, body=b"upstream connect error")


SCENARIOS = (
    Scenario("batch-ids", "every id is another one than was asked with", other_ids),
    Scenario("batch-short", "some answers of a batch are missing", short_batch),
    Scenario("batch-reordered", "the answers of a batch come in another order", reordered_batch),
    Scenario("batch-error", "one error object for a whole batch", error_for_all),
    Scenario("gateway-page", "HTTP 502 with a page of HTML", gateway_page),
    Scenario("cut-json", "the JSON ends too soon", cut_json),
    Scenario("cut-gzip", "the compressed body ends too soon", cut_gzip),
    Scenario("cut-connection", "the connection ends in the middle of the body", cut_connection),
    Scenario("not-a-number", "a result is NaN", no_number),
    Scenario("empty-body", "HTTP 200 without a body", empty_body),
    Scenario("hanging", "the connection stays open and nothing comes", hanging),
    Scenario("dripping", "a byte now and then", dripping),
    Scenario("dropped", "the connection is closed without an answer", dropped),
    Scenario("outage", "of sixty exchanges, twelve in a row get no answer", outage, always=True),
)
