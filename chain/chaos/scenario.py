"""What a scenario is: plain functions (question, honest answer, rng) → answer, with a name and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from chain.chaos.exchange import Answer, Asked, Call, Reply, Sight

Question = Callable[[Asked, Sight, Random], Asked]
"""Asks the node something else than was asked; a fault draws the same numbers here and in its answer."""
Spoil = Callable[[Asked, Answer, Sight, Random], Answer | None]
"""Another answer; None where this exchange gives no occasion."""
SpoilReply = Callable[[Call, Reply, Random], Reply | None]
SpoilResult = Callable[[Call, Any, Random], Any]
"""Another result for one call; UNTOUCHED where there is no occasion."""
UNTOUCHED = object()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to misbehave; `always` on every occasion, else now and then."""

    name: str
    about: str
    spoil: Spoil
    question: Question | None = None
    always: bool = False


def one_reply(spoil: SpoilReply) -> Spoil:
    """Spoil one of the replies that can be."""

    def spoiled(asked: Asked, answer: Answer, _: Sight, rng: Random) -> Answer | None:
        places = list(range(len(asked.calls)))
        rng.shuffle(places)
        for place in places:
            reply = spoil(asked.calls[place], answer.replies[place], rng)
            if reply is not None:
                return answer.with_reply(place, reply)
        return None

    return spoiled


def every_reply(spoil: SpoilReply) -> Spoil:
    """Spoil all of the replies that can be."""

    def spoiled(asked: Asked, answer: Answer, _: Sight, rng: Random) -> Answer | None:
        touched = False
        for place, call in enumerate(asked.calls):
            reply = spoil(call, answer.replies[place], rng)
            if reply is not None:
                touched, answer = True, answer.with_reply(place, reply)
        return answer if touched else None

    return spoiled


def result(*methods: str) -> Callable[[SpoilResult], SpoilReply]:
    """A function of one call's result, for these methods, and only where there is a result."""

    def decorate(spoil: SpoilResult) -> SpoilReply:
        def spoiled(call: Call, reply: Reply, rng: Random) -> Reply | None:
            if call.method not in methods or reply.get("result") is None:
                return None
            found = spoil(call, reply["result"], rng)
            return None if found is UNTOUCHED else {**reply, "result": found}

        spoiled.__name__, spoiled.__doc__ = spoil.__name__, spoil.__doc__
        return spoiled

    return decorate
