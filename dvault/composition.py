"""Puts the parts together as the settings say; everything opened here is closed by the caller's `with`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from msgspec import to_builtins

from chain.contracts import load_abi
from chain.decode import AbiEntry, Decoder
from chain.errors import Unknown
from chain.events import Role
from chain.node import Node
from config.settings import Settings
from indexer.deployment import deployment_block
from indexer.finality import FinalityPolicy
from indexer.following import Contracts, Following
from indexer.gather import Gatherer
from indexer.opening import Options, addresses_of
from indexer.seed import NoContract
from indexer.service import HeldLease, Parts
from indexer.session import Session, Watch
from store.connection import Connection, process_name
from store.endpoints import keep_cards, learned_caps
from store.errors import Interrupted
from store.indexes import ensure_late
from store.lease import Lease, LeaseKeeper
from store.ledger import Ledger
from store.reading import Reading

logger = logging.getLogger(__name__)

ABIS = {"asset": "RWAAssetContract", "agent": "DynamicPricingAgent", "marketplace": "MarketplaceContract"}
INHERIT_POLL_SECONDS = 0.1


class WrongChain(RuntimeError):
    """The node serves another chain than the settings say."""

    def __init__(self, told: int, wanted: int) -> None:
        super().__init__(
            f"RPC_URLS serves chain {told}, CHAIN_ID says {wanted}: correct one of them; nothing was changed"
        )


class Standby(RuntimeError):
    """Another indexer holds the lease, and this command cannot wait for it."""

    def __init__(self, holder: str | None) -> None:
        super().__init__(
            f"another indexer ({holder or 'unknown'}) is at work on this database: stop it first, "
            "or let it do the work"
        )


def node_of(settings: Settings, connection: Connection | None = None) -> Node:
    """The nodes; with what an earlier run learned of them, where a database remembers it."""
    caps = learned_caps(connection.database) if connection else {}
    return Node(settings.rpc_urls, log_range_max=settings.log_range_max, learned_caps=caps)


def report_on(node: Node, connection: Connection, epoch: int) -> None:
    """Look at all endpoints and keep their report cards. Raises LeaseLost, Interrupted."""
    node.examine()
    keep_cards(connection.database, epoch, [to_builtins(report) for report in node.report()])


def contracts_of(settings: Settings) -> Contracts:
    return Contracts(settings.rwa_asset_address, settings.pricing_agent_address, settings.marketplace_address)


def abis() -> dict[Role, list[AbiEntry]]:
    return {
        "asset": list(load_abi(ABIS["asset"])),
        "agent": list(load_abi(ABIS["agent"])),
        "marketplace": list(load_abi(ABIS["marketplace"])),
    }


def policy_of(settings: Settings) -> FinalityPolicy:
    confirmations = None if settings.finality == "tag" else settings.finality
    return FinalityPolicy(confirmations, settings.max_reorg_depth)


def check_chain(settings: Settings, node: Node) -> None:
    """Refuse another chain, and addresses without code. Raises WrongChain, NoContract."""
    told = node.chain_id()
    if told != settings.chain_id:
        raise WrongChain(told, settings.chain_id)
    for name in ("rwa_asset_address", "pricing_agent_address", "marketplace_address"):
        address = getattr(settings, name)
        if not node.code(address, "latest"):
            raise NoContract(name.upper(), address, told)


def start_block_of(settings: Settings, node: Node, ledger: Ledger) -> int:
    """START_BLOCK; with `auto` the one found before, or else the oldest of the three deployments."""
    if settings.start_block != "auto":
        return settings.start_block
    document = ledger.checkpoint()
    if document is not None:
        return int(document["startBlock"])
    head = node.head().number
    contracts = contracts_of(settings)
    blocks = [
        deployment_block(node, address, 0, head)
        for address in (contracts.asset, contracts.agent, contracts.marketplace)
    ]
    return min(block for block in blocks if block is not None)


def options_of(settings: Settings, start_block: int) -> Options:
    return Options(
        chain_id=settings.chain_id,
        contracts=contracts_of(settings),
        start_block=start_block,
        policy=policy_of(settings),
        range_max=settings.log_range_max,
        enrich=settings.enrichment == "full",
        abis=abis(),
    )


def offline_following(settings: Settings, node: Node) -> Following:
    """What decodes blocks we already have; it asks the node nothing."""
    decoder = Decoder(abis())
    gatherer = Gatherer(node, enrich=False)
    return Following(contracts_of(settings), decoder, gatherer, 0, settings.log_range_max)


@dataclass(slots=True)
class Held:
    """A lease that is being renewed."""

    lease: Lease
    keeper: LeaseKeeper

    @property
    def epoch(self) -> int:
        return self.lease.epoch or 0

    @property
    def lost(self) -> object:
        return self.keeper.lost

    def release(self) -> None:
        self.keeper.stop()
        try:
            self.lease.release()
        except Interrupted as error:
            logger.warning("the lease could not be released, it will expire", extra={"reason": str(error)})


def holder_name() -> str:
    """Who we are among the candidates for the lease."""
    return process_name()


def take_lease(settings: Settings, connection: Connection) -> Held | None:
    """The lease, with its keeper running; None while another indexer holds it."""
    lease = Lease(connection.database, holder_name(), settings.lease_seconds)
    if lease.acquire() is None:
        return None
    return Held(lease, LeaseKeeper(lease).start())


@contextmanager
def exclusive(settings: Settings, connection: Connection, stopping: Event | None = None) -> Iterator[Ledger]:
    """A ledger under a lease of our own, for one command. Raises Standby."""
    held = take_lease(settings, connection) or _inherited(settings, connection, stopping or Event())
    try:
        ledger = Ledger(connection, held.epoch)
        ledger.catch_up()
        yield ledger
    finally:
        held.release()


def _inherited(settings: Settings, connection: Connection, stopping: Event) -> Held:
    """The lease of somebody who does not renew it any more. Raises Standby as soon as somebody does."""
    reading = Reading(connection.database)
    first = reading.standing().lease
    logger.info("waiting for an indexer that may be gone", extra={"holder": first and first["holder"]})
    while not stopping.wait(INHERIT_POLL_SECONDS):
        held = take_lease(settings, connection)
        if held is not None:
            return held
        now = reading.standing().lease
        if now and first and now["expiresAt"] != first["expiresAt"]:
            break
        first = first or now
    raise Standby(first["holder"] if first else None)


def reading_ledger(connection: Connection) -> Ledger:
    """A ledger that may only be read: no lease has epoch -1."""
    return Ledger(connection, -1)


def guest_ledger(connection: Connection) -> Ledger:
    """A ledger under the epoch now in force: writes beside the indexer, and ends with its lease."""
    document = reading_ledger(connection).checkpoint()
    ledger = Ledger(connection, document["epoch"] if document else -1, guest=True)
    ledger.catch_up()
    return ledger


def open_session(settings: Settings, node: Node, ledger: Ledger, watch: Watch) -> Session:
    """Check the chain and load where we stand; with several endpoints, no liar has a say in that."""
    if len(settings.rpc_urls) > 1:
        node.examine()
    try:
        check_chain(settings, node)
    except NoContract as error:
        if _were_followed(contracts_of(settings), ledger):
            # A contract does not go: unknown is not absent.
            raise Unknown(f"code at {error.address}, a contract that we follow already") from error
        raise
    return Session(node, ledger, options_of(settings, start_block_of(settings, node, ledger)), watch)


def _were_followed(contracts: Contracts, ledger: Ledger) -> bool:
    """Whether this database was filled from these contracts."""
    document = ledger.checkpoint()
    return document is not None and document["addresses"] == addresses_of(contracts)


def watch_of(connection: Connection, stopping: Callable[[], bool], on_progress: Callable[..., None]) -> Watch:
    def build_indexes() -> None:
        ensure_late(connection.database)

    return Watch(stopping, on_progress, build_indexes)


def service_parts(settings: Settings, connection: Connection, node: Node, watch: Watch) -> Parts:
    def lease() -> HeldLease | None:
        return take_lease(settings, connection)  # type: ignore[return-value]

    return Parts(
        take_lease=lease,
        open_ledger=lambda epoch: Ledger(connection, epoch),
        open_session=lambda ledger: open_session(settings, node, ledger, watch),
        report=lambda epoch: report_on(node, connection, epoch),
    )
