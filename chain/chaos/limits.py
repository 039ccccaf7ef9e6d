"""The limits of providers, in their own words: block ranges, numbers of logs, requests, calls in a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib.resources import files
from random import Random
from typing import Any

import msgspec

from chain.chaos.blocks import LOGS
from chain.chaos.exchange import Answer, Asked, Call, Reply, Sight, refused
from chain.chaos.scenario import Scenario, Spoil

PAUSE_SECONDS = 1
"""What rate limits ask for here; the recorded ones say up to 24."""
SHRINKS_AFTER_EXCHANGES = 20


class Refusal(msgspec.Struct, frozen=True):
    """One refusal as a provider sends it; recorded words, and a template where they hold numbers."""

    provider: str
    status: int
    code: int | None
    message: str
    data: Any = None
    headers: Mapping[str, str] = {}
    acts: str | None = None
    """What it limits: cap (range), dense (logs), rate, batch; passing: nothing, it fails now and then."""
    slug: str = ""
    template: str | None = None
    sample: Mapping[str, int] = {}

    def worded(self, **numbers: int) -> str:
        """The provider's words about these numbers."""
        if self.template is None:
            return self.message
        return self.template.format(**numbers, kilo=_kilo(numbers.get("cap", 0)))


def recorded() -> list[Refusal]:
    """Every refusal that we have seen, or that others have told of."""
    text = files("chain.chaos").joinpath("provider_messages.json").read_bytes()
    return msgspec.json.decode(text, type=list[Refusal])


# --- ranges and numbers of logs ---------------------------------------------------------------------


def too_wide(refusal: Refusal, asked: Asked, answer: Answer, sight: Sight, _: Random) -> Answer | None:
    """Refuse what spans more blocks than the plan allows."""
    cap = sight.limits.blocks

    def about(call: Call, __: Reply) -> tuple[str, Any] | None:
        first, last = span(call)
        if last - first < cap:
            return None
        size = last - first + 1
        return refusal.worded(cap=cap, size=size, first=first, last=first + cap - 1), refusal.data

    return _refusing(refusal, asked, answer, about)


def too_dense(refusal: Refusal, asked: Asked, answer: Answer, sight: Sight, _: Random) -> Answer | None:
    """Refuse answers of too many logs; where the words have a hint, it is the first half of the range."""

    def about(call: Call, reply: Reply) -> tuple[str, Any] | None:
        first, last = span(call)
        if len(reply.get("result") or ()) <= sight.limits.logs or last == first:
            return None
        middle = first + (last - first) // 2
        hint = refusal.data and {**refusal.data, "from": hex(first), "to": hex(middle)}
        return refusal.worded(first=first, last=middle), hint

    return _refusing(refusal, asked, answer, about)


def misleading_hint(
    hint: Callable[[int, int], tuple[int, int]], asked: Asked, answer: Answer, sight: Sight, _: Random
) -> Answer | None:
    """Refuse answers of too many logs, with a hint that leads nowhere."""

    def about(call: Call, reply: Reply) -> tuple[str, Any] | None:
        first, last = span(call)
        if len(reply.get("result") or ()) <= sight.limits.logs or last == first:
            return None
        low, high = hint(first, last)
        few = f"Try with this block range [{low:#x}, {high:#x}]."
        return f"query returned more than 10000 results. {few}", None

    return _refusing(Refusal("", 200, -32005, ""), asked, answer, about)


def dense_block(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """Whatever has logs of two contracts is too much, one single block as well."""

    def about(_: Call, reply: Reply) -> tuple[str, Any] | None:
        emitters = {log["address"] for log in reply.get("result") or ()}
        return ("query returned more than 10000 results", None) if len(emitters) > 1 else None

    return _refusing(Refusal("", 200, -32005, ""), asked, answer, about)


def shrinking_cap(asked: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """The plan changes while we work: four times the range at first."""
    wider = 1 if sight.exchanges >= SHRINKS_AFTER_EXCHANGES else 4
    limits = replace(sight.limits, blocks=sight.limits.blocks * wider)
    refusal = Refusal("", 413, -32614, "", template="eth_getLogs is limited to a {cap:,} range")
    return too_wide(refusal, asked, answer, replace(sight, limits=limits), rng)


def unknown_words(asked: Asked, answer: Answer, sight: Sight, rng: Random) -> Answer | None:
    """A range limit told in words that nobody has heard."""
    refusal = Refusal("", 200, -32000, "the moon is in the wrong house")
    return too_wide(refusal, asked, answer, sight, rng)


def span(call: Call) -> tuple[int, int]:
    """Both ends of a range that is asked for; (0, 0) for one block by its hash."""
    query = call.params[0] if call.params and isinstance(call.params[0], dict) else {}
    first, last = str(query.get("fromBlock")), str(query.get("toBlock"))
    if not first.startswith("0x") or not last.startswith("0x"):
        return 0, 0
    return int(first, 16), int(last, 16)


def _refusing(
    refusal: Refusal, asked: Asked, answer: Answer, about: Callable[[Call, Reply], tuple[str, Any] | None]
) -> Answer | None:
    touched = False
    for place, call in enumerate(asked.calls):
        reply = answer.replies[place]
        told = about(call, reply) if call.method == LOGS and "result" in reply else None
        if told is not None:
            touched, answer = True, answer.with_reply(place, refused(reply, refusal.code, *told))
    return replace(answer, status=refusal.status) if touched else None


# --- rates and batches ------------------------------------------------------------------------------


def too_fast(refusal: Refusal, _: Asked, answer: Answer, __: Sight, ___: Random) -> Answer | None:
    """Refuse an exchange for its haste."""
    data = refusal.data
    if isinstance(data, dict) and "rate" in data:
        data = {"rate": {**data["rate"], "backoff_seconds": PAUSE_SECONDS}}
    headers = {"Retry-After": str(PAUSE_SECONDS)} if refusal.headers else {}
    if refusal.code is None:
        return replace(answer, status=refusal.status, headers=headers, body=refusal.message.encode())
    replies = tuple(refused(reply, refusal.code, refusal.message, data) for reply in answer.replies)
    return replace(answer, replies=replies, status=refusal.status, headers=headers)


def too_many(refusal: Refusal, asked: Asked, answer: Answer, sight: Sight, _: Random) -> Answer | None:
    """Refuse a batch for its size, as a whole; where batches are refused at all, every one."""
    most = 0 if refusal.slug == "refused" else sight.limits.calls
    if not asked.batched or len(asked.calls) <= most:
        return None
    error = refused({"id": None}, refusal.code, refusal.message)
    return replace(answer, status=refusal.status, body=Answer((error,)).encoded(batched=False))


def failing(passing: list[Refusal], asked: Asked, answer: Answer, _: Sight, rng: Random) -> Answer | None:
    """One call fails as it would at a node out of step."""
    place, refusal = rng.randrange(len(asked.calls)), rng.choice(passing)
    return answer.with_reply(place, refused(answer.replies[place], refusal.code, refusal.message))


def _kilo(blocks: int) -> str:
    return f"{blocks // 1000}k" if blocks and blocks % 1000 == 0 else str(blocks)


# --- all of them --------------------------------------------------------------------------------------

ACTS: dict[str, tuple[str, Callable[..., Answer | None], bool, str]] = {
    "cap": ("range-cap", too_wide, True, "a limited block range, in the words of {}"),
    "dense": ("too-dense", too_dense, True, "too many logs in one answer, in the words of {}"),
    "rate": ("rate-limit", too_fast, False, "too many requests, in the words of {}"),
    "batch": ("batch-limit", too_many, True, "too many calls in one batch, in the words of {}"),
}


def _of_providers() -> Iterator[Scenario]:
    for refusal in recorded():
        if refusal.acts in ACTS:
            name, spoil, always, about = ACTS[refusal.acts]
            bound: Spoil = partial(spoil, refusal)
            yield Scenario(f"{name}-{refusal.slug}", about.format(refusal.provider), bound, always=always)


_inverted: Spoil = partial(misleading_hint, lambda first, last: (last, first))
_same: Spoil = partial(misleading_hint, lambda first, last: (first, last))
_passing: Spoil = partial(failing, [refusal for refusal in recorded() if refusal.acts == "passing"])

SCENARIOS = (
    *_of_providers(),
    Scenario(
        "range-cap-shrinks", "a quarter of the range after twenty exchanges", shrinking_cap, always=True
    ),
    Scenario("range-cap-unknown", "a range limit in unheard-of words", unknown_words, always=True),
    Scenario("hint-inverted", "too many logs, and a hint that ends before it begins", _inverted, always=True),
    Scenario("hint-useless", "too many logs, and the range asked for as a hint", _same, always=True),
    Scenario(
        "dense-blocks", "logs of two contracts are too many, even in one block", dense_block, always=True
    ),
    Scenario("passing-errors", "one call fails as at a node out of step", _passing),
)
