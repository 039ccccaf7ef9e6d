"""The past, as the API may ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from api.past_problems import HistoryUnavailable
from api.services import Act, Facts, Then
from chain.decode import Decoder
from config.settings import Settings
from dvault.composition import abis, contracts_of
from indexer.actions import (
    Action,
    AgentLinked,
    Approved,
    ContractOwnerSet,
    FeeCollectorSet,
    FeeSet,
    MarketplaceLinked,
    MinimumConfidenceSet,
    OperatorSet,
    PricingAgentSet,
)
from indexer.folding import TooMuchAtOnce
from indexer.past import Past
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

    def acts(self, chronicle: Chronicle, number: int, finalized: int, transaction_hash: str) -> Sequence[Act]:
        """What a transaction of a block of ours did beside deeds and prices."""
        found = _in_time(lambda: self._past.acts(chronicle, number, finalized, transaction_hash))
        return [told for action in found if (told := act_of(action)) is not None]


def act_of(action: Action) -> Act | None:
    """An action that leaves no row, as the API tells it; None for the others."""
    at = action.log_index
    match action:
        case Approved(contract=contract, token_id=token, approved=account):
            return Act("approval", at, contract, token, account, int(account is not None))
        case OperatorSet(contract=contract, owner=owner, approved=approved):
            return Act("approval-for-all", at, contract, account=owner, value=int(approved))
        case FeeSet(fee_bps=bps):
            return Act("fee", at, value=bps)
        case FeeCollectorSet(collector=collector):
            return Act("fee-collector", at, account=collector)
        case MinimumConfidenceSet(score=score):
            return Act("minimum-confidence", at, value=score)
        case MarketplaceLinked(contract=contract):
            return Act("marketplace-contract", at, contract)
        case AgentLinked(contract=contract):
            return Act("agent-contract", at, contract)
        case PricingAgentSet(contract=contract, agent=agent):
            return Act("pricing-agent", at, contract, account=agent)
        case ContractOwnerSet(contract=contract, owner=owner):
            return Act("contract-owner", at, contract, account=owner)
    return None


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
