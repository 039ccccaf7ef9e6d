"""Everything that can go wrong without a fault of the program: told in one sentence, without a traceback."""

from __future__ import annotations

from chain.chaos.proxy import ProxyUnavailable
from chain.chaos.storm import UnknownScenario
from chain.contracts import ContractError
from chain.devchain import DevChainUnavailable
from chain.errors import RpcError
from config.problems import SettingsError
from dvault.composition import Standby, WrongChain
from indexer.branch import DeepReorg
from indexer.following import EndlessLinks
from indexer.heights import AlteredUnderway, NotIndexedYet
from indexer.mend import OtherContracts
from indexer.opening import ForeignDatabase, UnfinishedRebuild
from indexer.prove import Expelled
from indexer.rebuild import AlteredEvents
from indexer.replay import NothingIndexed
from indexer.seed import NoContract, SilentSeed
from indexer.standing import OlderLayout
from store.errors import StoreError

EXPECTED: tuple[type[Exception], ...] = (
    SettingsError,
    StoreError,
    RpcError,
    ContractError,
    DevChainUnavailable,
    AlteredEvents,
    AlteredUnderway,
    DeepReorg,
    EndlessLinks,
    Expelled,
    ForeignDatabase,
    NoContract,
    NotIndexedYet,
    NothingIndexed,
    OlderLayout,
    OtherContracts,
    ProxyUnavailable,
    SilentSeed,
    Standby,
    UnfinishedRebuild,
    UnknownScenario,
    WrongChain,
)
