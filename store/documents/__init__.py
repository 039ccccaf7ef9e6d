"""The shape of every document we keep; field names are the plan's.

Amounts: `…Wei` is the exact decimal string, the plain number beside it is ether for display.
`…Key` is the amount as 32 big-endian bytes, so that MongoDB sorts and filters it exactly.
Addresses are EIP-55, hashes lower-case hex with 0x, times aware UTC.
"""

from store.documents.assets import (
    AmountDocument,
    AssetChainDocument,
    AssetDocument,
    CurrentPriceDocument,
    ListingDocument,
    MarketStatusDocument,
    OwnershipDocument,
    UnavailableReason,
)
from store.documents.books import (
    ORPHANS_KEPT,
    BlockRefDocument,
    CheckpointDocument,
    EditsDocument,
    EndpointDocument,
    EndpointsDocument,
    LeaseDocument,
    MarketDocument,
    OperatorApprovalDocument,
    OrphanDocument,
    QuarantineDocument,
    ReorgDocument,
)
from store.documents.interest import CountedViewDocument, FavouriteDocument, ViewSaltDocument
from store.documents.people import (
    ActorDocument,
    AuditDocument,
    DataKeyDocument,
    NonceDocument,
    NotificationPreferencesDocument,
    ProfileDocument,
    Role,
    SessionDocument,
    UserDocument,
    UserStatus,
)
from store.documents.raw import (
    ChainEventsDocument,
    Evidence,
    EvidenceDocument,
    HeaderDocument,
    LogDocument,
    TransactionLogs,
)
from store.documents.rows import (
    AiMetricsDocument,
    PriceDocument,
    PriceSource,
    PriceSourceDocument,
    RowBlockchainDocument,
    TransactionDocument,
    TransactionType,
)
from store.documents.told import EventDocument, EventType, RowKind

__all__ = [
    "ORPHANS_KEPT",
    "ChainEventsDocument",
    "Evidence",
    "EvidenceDocument",
    "HeaderDocument",
    "LogDocument",
    "TransactionLogs",
    "AmountDocument",
    "AssetChainDocument",
    "AssetDocument",
    "CurrentPriceDocument",
    "ListingDocument",
    "MarketStatusDocument",
    "OwnershipDocument",
    "UnavailableReason",
    "AiMetricsDocument",
    "PriceDocument",
    "PriceSource",
    "PriceSourceDocument",
    "RowBlockchainDocument",
    "TransactionDocument",
    "TransactionType",
    "EventDocument",
    "EventType",
    "RowKind",
    "BlockRefDocument",
    "CheckpointDocument",
    "EditsDocument",
    "EndpointDocument",
    "EndpointsDocument",
    "LeaseDocument",
    "MarketDocument",
    "OperatorApprovalDocument",
    "OrphanDocument",
    "QuarantineDocument",
    "ReorgDocument",
    "CountedViewDocument",
    "FavouriteDocument",
    "ViewSaltDocument",
    "ActorDocument",
    "AuditDocument",
    "DataKeyDocument",
    "NonceDocument",
    "NotificationPreferencesDocument",
    "ProfileDocument",
    "Role",
    "SessionDocument",
    "UserDocument",
    "UserStatus",
]
