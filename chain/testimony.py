"""Who lies, when endpoints tell different hashes for one deep block. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chain.values import Hash


@dataclass(frozen=True, slots=True)
class Told:
    """What an endpoint says of one deep block: its hash, and whether its own next block builds on it."""

    hash: Hash
    consistent: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """Liars with the reason, and those who disagree without proof; both empty when all agree."""

    liars: dict[str, str] = field(default_factory=dict)
    disputed: list[str] = field(default_factory=list)

    @property
    def agreed(self) -> bool:
        return not self.liars and not self.disputed


def judged(testimony: Mapping[str, Told]) -> Judgement:
    """A witness that contradicts itself lies; then a minority does; equal parties stay a dispute."""
    liars = {
        name: f"told as {told.hash}, which its own next block does not build on"
        for name, told in testimony.items()
        if not told.consistent
    }
    witnesses = {name: told.hash for name, told in testimony.items() if told.consistent}
    votes = Counter(witnesses.values()).most_common(2)
    if len(votes) < 2:
        return Judgement(liars)
    (truth, most), (_, second) = votes
    if most == second:
        return Judgement(liars, sorted(witnesses))
    lies = {
        name: f"told as {hash_}, the others say {truth}"
        for name, hash_ in witnesses.items()
        if hash_ != truth
    }
    return Judgement({**liars, **lies})
