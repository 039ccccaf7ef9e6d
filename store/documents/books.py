"""The books of the indexer: where it stands, how the contracts are set up, what it set aside or took back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from bson import Decimal128, ObjectId


class BlockRefDocument(TypedDict):
    number: int
    hash: str


class OperatorApprovalDocument(TypedDict):
    """collection operatorApprovals: has this owner approved the marketplace for all its tokens?"""

    _id: str
    contractAddress: str
    owner: str
    approved: bool
    base: NotRequired[dict[str, Any]]


class MarketDocument(TypedDict):
    """collection market: how the contracts are set up; `_id`: "market" now, "base" final, "seed" first."""

    _id: str
    feeBps: int
    feeCollector: str | None
    marketplaceAsset: str
    """The RWA contract that the marketplace speaks of."""
    agentAsset: str
    """The RWA contract that the pricing agent speaks of."""
    assetContracts: list[str]
    """Every RWA contract followed, oldest first."""
    pricingAgents: dict[str, str | None]
    minimumConfidence: int | None
    owners: dict[str, str]


class EvidenceTally(TypedDict):
    """How many blocks, from the start block to the tip, are vouched for in which way."""

    receipts: int
    bloom: int
    logsOnly: int


class BloomTrouble(TypedDict):
    """The block that showed that the chain's bloom filters cannot be relied on, and why."""

    block: int
    reason: str


class FinalizedAt(TypedDict):
    """A block that was the finalized one when this was written, and its time."""

    number: int
    timestamp: datetime


class CheckpointDocument(TypedDict):
    """collection checkpoints, `_id` "indexer": where we stand; written in the transaction of every commit."""

    _id: str
    chainId: int
    genesisHash: str
    addresses: dict[str, str]
    """asset, agent, marketplace as configured."""
    startBlock: int
    state: Literal["backfilling", "live", "halted"]
    tip: BlockRefDocument | None
    tipTimestamp: datetime | None
    finalized: BlockRefDocument | None
    finalizedAt: NotRequired[FinalizedAt]
    """Time of the finalized block, since the header that tells it is not kept."""
    head: BlockRefDocument | None
    headTimestamp: datetime | None
    epoch: int
    version: int
    seq: int
    """Place of the newest event told; 0 before the first."""
    """Rises by one with every commit that changes what a reader can see."""
    events: int
    quarantined: int
    reorgs: int
    digest: str | None
    """State digest: sum modulo 2**256 of the hashes of all fold states, as 64 hex digits.

    None until the first backfill is through.
    """
    rollingDigest: str
    """Rolling digest of the events of every block up to the tip, as 64 hex digits."""
    evidence: EvidenceTally
    blooms: BloomTrouble | None
    """None while the chain's bloom filters are relied on."""
    unfinished: NotRequired[str | None]
    """What was interrupted and left documents of two times; `dvault rebuild` finishes it."""
    mendedFrom: NotRequired[int | None]
    """The lowest block whose raw events were replaced since the rolling digests were written."""
    tradeHours: NotRequired[bool | int]
    """2: deeds have been summed up by the hour from the first block on. True: an earlier version did so."""
    stateOf: NotRequired[BlockRefDocument | None]
    """Not kept, but told: the newest block with events, where a reader named the block to answer for."""
    eventsPerSecond: float
    lastError: str | None
    updatedAt: datetime


class LeaseDocument(TypedDict):
    """collection checkpoints, `_id` "lease": who may write."""

    _id: str
    holder: str
    epoch: int
    expiresAt: datetime


class EndpointDocument(TypedDict):
    """How one endpoint of the nodes does: host and a short id, nothing secret."""

    name: str
    state: str
    reason: str | None
    retryInSeconds: float
    head: int | None
    lagBlocks: int | None
    requests: int
    latencyMs: float | None
    errors: dict[str, int]
    lastError: str | None
    contradictions: int
    lastContradiction: str | None
    learnedCap: int | None
    maxBatch: int
    supports: dict[str, bool]


class EndpointsDocument(TypedDict):
    """collection checkpoints, `_id` "endpoints": the report cards, as the holder of the lease saw them."""

    _id: str
    epoch: int
    updatedAt: datetime
    endpoints: list[EndpointDocument]


class EditsDocument(TypedDict):
    """collection checkpoints, `_id` "edits": a mark that changes with every edit of what people write."""

    _id: str
    mark: ObjectId


class TradeHourDocument(TypedDict):
    """collection tradeHours: sums of the deeds of one hour; `_id` counts hours since 1970, -1: of all hours.

    Amounts in wei, in three parts of 26 digits, the highest first; `selfPrice`: of a wallet to itself.
    Earlier versions did not count mints and listings.
    """

    _id: int
    sales: int
    selfTrades: int
    mints: NotRequired[int]
    listings: NotRequired[int]
    price0: Decimal128
    price1: Decimal128
    price2: Decimal128
    fee0: Decimal128
    fee1: Decimal128
    fee2: Decimal128
    selfPrice0: Decimal128
    selfPrice1: Decimal128
    selfPrice2: Decimal128


class HoldingDocument(TypedDict):
    """collection holdings: how many assets a wallet holds; `_id` is its address, or "all" for all wallets.

    The fields after `assets` are in "all" only. `active`: listings that stand on chain, stale ones too.
    """

    _id: str
    assets: int
    holders: NotRequired[int]
    listed: NotRequired[int]
    purchasable: NotRequired[int]
    active: NotRequired[int]


class QuarantineDocument(TypedDict):
    """collection quarantine: a log of ours that we could not understand, with its raw bytes."""

    _id: ObjectId
    blockNumber: int
    blockHash: str
    logIndex: int
    transactionHash: str
    address: str
    topics: list[str]
    data: bytes
    reason: str


ORPHANS_KEPT = 10_000
"""Transaction hashes that one entry of the ledger holds: 0.7 MB, of the 16 that a document may have."""


class ReorgDocument(TypedDict):
    """collection reorgs: the ledger of rewinds, newest last; times are wall-clock."""

    _id: ObjectId
    detectedAt: datetime
    depth: int
    ancestor: BlockRefDocument
    oldTip: BlockRefDocument
    orphaned: list[BlockRefDocument]
    eventsRemoved: int
    transactionHashes: NotRequired[list[str]]
    """Transactions of ours in the orphaned blocks, the newest blocks' first; at most ORPHANS_KEPT of them."""


class OrphanDocument(TypedDict):
    """collection orphans: what people wrote about an asset whose mint a reorg took back."""

    _id: ObjectId
    contractAddress: str
    tokenId: int
    mintTransactionHash: str
    people: dict[str, Any]
