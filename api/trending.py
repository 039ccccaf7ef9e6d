"""What trends, by a formula that is told with the answer; the same state always gives the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from msgspec.structs import asdict

from api.freshness import indexed
from api.lists import Listed, Query
from api.responses import present_asset_item
from store.documents import AssetDocument
from store.pages import Page, PageRequest
from store.reading import View
from store.trending import CANDIDATES, DEEDS, WEIGHTS, Interest, Stir

Json = dict[str, Any]
Place = tuple[int, int, int, str]
"""Score, block number and log index of the newest deed, asset id."""

FORMULA = (
    "score = 8·buyers24h + 4·buyers7d + 2·listed7d + 2·minted7d"
    " + ⌊log2(1 + viewCount)⌋ + 2·⌊log2(1 + favoriteCount)⌋"
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An asset with its score and what it is made of."""

    rank: int
    score: int
    stir: Stir
    interest: Interest

    @property
    def place(self) -> Place:
        return (self.score, *self.stir.newest, str(self.stir.asset))


def trending(view: View, query: Query) -> Json:
    """One page of what trends, highest score first."""
    now = indexed(view)["tipTimestamp"]
    assert now is not None, "a tip has a time"
    stirs = view.trending.candidates(now)
    ranked = ranks(stirs, view.trending.interest([stir.asset for stir in stirs]))
    page = Listed("trending", "trending", view).answer(
        query,
        lambda asked: _with_assets(view, _page(ranked, asked)),
        lambda pair: _present(*pair, view.finalized),
    )
    formula = {"text": FORMULA, "weights": asdict(WEIGHTS), "deeds": DEEDS, "candidates": CANDIDATES}
    return {**page, "formula": formula}


def ranks(stirs: list[Stir], interest: dict[Any, Interest]) -> list[Ranked]:
    """Highest score first; what is as high goes by its newest deed, then by id, so that no two are alike."""
    found = [
        Ranked(0, score_of(stir, interest[stir.asset]), stir, interest[stir.asset])
        for stir in stirs
        if stir.asset in interest
    ]
    found.sort(key=lambda one: one.place, reverse=True)
    return [Ranked(rank, one.score, one.stir, one.interest) for rank, one in enumerate(found, start=1)]


def score_of(stir: Stir, interest: Interest) -> int:
    """The published formula."""
    counted = (
        WEIGHTS.buyers24h * stir.buyers24h
        + WEIGHTS.buyers7d * stir.buyers7d
        + WEIGHTS.listed7d * stir.listed7d
        + WEIGHTS.minted7d * stir.minted7d
    )
    return counted + WEIGHTS.views * _log2(interest.views) + WEIGHTS.favorites * _log2(interest.favorites)


def _log2(number: int) -> int:
    """⌊log2(1 + number)⌋, exactly."""
    return (1 + max(0, number)).bit_length() - 1


def _page(ranked: list[Ranked], asked: PageRequest) -> Page[Ranked]:
    skipped = asked.skipped
    if asked.after:
        after = tuple(orjson.loads(asked.after))
        skipped = sum(one.place >= after for one in ranked)
    kept = ranked[skipped : skipped + asked.limit]
    more = len(ranked) > skipped + asked.limit
    position = orjson.dumps(kept[-1].place) if more else None
    return Page(kept, position, len(ranked) if asked.page else None)


def _with_assets(view: View, page: Page[Ranked]) -> Page[tuple[Ranked, AssetDocument]]:
    assets = view.trending.assets([one.stir.asset for one in page.rows])
    return Page([(one, assets[one.stir.asset]) for one in page.rows], page.next, page.total)


def _present(one: Ranked, asset: AssetDocument, finalized: int) -> Json:
    stir = one.stir
    return {
        "rank": one.rank,
        "score": one.score,
        "parts": {
            "buyers24h": stir.buyers24h,
            "buyers7d": stir.buyers7d,
            "listed7d": stir.listed7d,
            "minted7d": stir.minted7d,
            "viewCount": one.interest.views,
            "favoriteCount": one.interest.favorites,
        },
        "asset": present_asset_item(asset, finalized),
    }
