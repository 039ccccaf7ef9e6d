"""The past, as the API may ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from api.problems import HistoryUnavailable
from api.services import Facts, Then
from chain.decode import Decoder
from config.settings import Settings
from dvault.composition import abis, contracts_of
from indexer.past import Past, TooMuchAtOnce
from indexer.replay import NothingIndexed
from store.chronicle import Chronicle

Found = TypeVar("Found")


class FoldedHistory:
    """Folds the past in this process; what cannot be folded at once is HistoryUnavailable."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def whole(self, chronicle: Chronicle, number: int) -> Then:
        """All assets after a block."""
        return _in_time(lambda: self._past.whole(chronicle, number))

    def some(self, chronicle: Chronicle, number: int, finalized: int, token_ids: Sequence[int]) -> Then:
        """Those of the assets that were there after a block, of whatever contract."""
        return _in_time(lambda: self._past.some(chronicle, number, finalized, token_ids))

    def facts(
        self, chronicle: Chronicle, number: int, finalized: int, contract: str, token_id: int
    ) -> Facts | None:
        """Which logs made an asset what it was after a block; None if it was not there."""
        key = (contract, token_id)
        explained = _in_time(lambda: self._past.explained(chronicle, number, finalized, key))
        return explained.facts if explained else None


def history_of(settings: Settings) -> FoldedHistory:
    """Of the contracts that the settings name."""
    return FoldedHistory(Past(contracts_of(settings), Decoder(abis())))


def _in_time(fold: Callable[[], Found]) -> Found:
    try:
        return fold()
    except TooMuchAtOnce as error:
        raise HistoryUnavailable(f"{error}; ask again, and more of it is folded each time") from error
    except NothingIndexed as error:
        raise HistoryUnavailable(str(error)) from error
