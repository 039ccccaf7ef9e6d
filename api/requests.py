"""What requests may carry: the schemas that validate them are the ones OpenAPI shows."""

from __future__ import annotations

from marshmallow import fields, validate

from api.as_of import AsOfBody, AsOfQuery
from api.explanations import ExplainQuery
from api.fields import (
    INT64_MAX,
    Ether,
    Flag,
    Hash,
    JsonNumber,
    Moment,
    OneOf,
    Strict,
    Wallet,
    WholeNumber,
    Word,
    Words,
)
from api.pagination import MAX_LIMIT, MAX_PAGE

MAX_WAIT_SECONDS = 20
MAX_BATCH = 200
MAX_ACTIVITY_PAGE = 50
BY_CURSOR = "; what comes after is reached by cursor"
ORDERS = ("createdAt", "price", "listingPrice", "updatedAt", "tokenId", "name", "confidence", "views")
EVENTS = ("transaction", "price", "block", "finalized", "retraction", "reorg")
DEEDS = ("mint", "list", "delist", "buy", "transfer")
SOURCES = ("mint", "ai-oracle", "direct", "user-listing", "sale")
INTERVALS = ("raw", "1h", "4h", "1d", "1w")


CONTRACT = {"description": "Another asset contract than the one the marketplace speaks of."}
TYPES = {"description": "Any of these types."}
PURCHASABLE = {"description": "A purchase would succeed at this block."}
ASKED = {"description": "Price asked in ether, this included."}
IN_TIME = {"description": "Block time, this included."}


class NothingElse(Strict):
    """No parameters at all."""


WAIT = {"description": "Seconds to wait for it."}
AFTER_TX = {"description": "Answer only once this transaction is indexed."}
MIN_BLOCK = {"description": "Answer only from this block on."}


class WaitQuery(Strict):
    """How long the answer may take."""

    wait = WholeNumber(0, MAX_WAIT_SECONDS, metadata=WAIT)


class FreshnessQuery(WaitQuery):
    """Reading one's own writes: answer only when that much of the chain has been applied."""

    after_tx = Hash(metadata=AFTER_TX)
    min_block = WholeNumber(0, INT64_MAX, metadata=MIN_BLOCK)


class StatsQuery(AsOfQuery, ExplainQuery, FreshnessQuery):
    """The market's figures at a block."""


class PageQuery(FreshnessQuery):
    """Which part of a list."""

    limit = WholeNumber(1, MAX_LIMIT, metadata={"description": "Rows in one answer, 20 unless given."})
    cursor = fields.String(
        validate=validate.Length(1, 4096, error="must be 1 to 4096 characters"),
        metadata={"description": "nextCursor of the last answer."},
    )
    page = WholeNumber(
        1,
        MAX_PAGE,
        advice=BY_CURSOR,
        metadata={"description": "Page number from 1; not together with cursor."},
    )


class BranchPageQuery(PageQuery):
    """Which part of a list that a reorg can change: its cursors are good on one branch only."""


class ContractQuery(AsOfQuery, ExplainQuery, FreshnessQuery):
    """Which asset contract a tokenId belongs to: unless given, the one the marketplace speaks of."""

    contract_address = Wallet(metadata=CONTRACT)


class OwnedAssetsQuery(AsOfQuery, BranchPageQuery):
    """Filters and order of assets; no parameter means no filter."""

    RANGES = (("price_min", "price_max"), ("listing_price_min", "listing_price_max"))

    contract_address = Wallet(metadata=CONTRACT)
    asset_type = Words(Word(), metadata=TYPES)
    is_listed = Flag(metadata={"description": "For sale: listed, and still the lister's."})
    is_purchasable = Flag(metadata=PURCHASABLE)
    is_verified = Flag(metadata={"description": "By the platform, not by the minter's word."})
    price_min = Ether(metadata={"description": "Valuation in ether, this included."})
    price_max = Ether(metadata={"description": "Valuation in ether, this included."})
    listing_price_min = Ether(metadata=ASKED)
    listing_price_max = Ether(metadata=ASKED)
    min_confidence = WholeNumber(0, 100, metadata={"description": "Of the last valuation, in percent."})
    q = fields.String(
        validate=validate.Length(1, 100, error="must be 1 to 100 characters"),
        metadata={"description": "Words that begin words of name, type or description."},
    )
    sort_by = OneOf(*ORDERS)
    sort_direction = OneOf("asc", "desc")
    facets = Words(
        OneOf("assetType", "isListed", "isVerified"),
        metadata={"description": "Count the values of these among everything that matches."},
    )


class AssetsQuery(OwnedAssetsQuery):
    """As before, and by owner."""

    owner = Wallet()
    current_owner = Wallet(metadata={"description": "The same as owner."})


class ListingsQuery(AsOfQuery, BranchPageQuery):
    """Filters and order of what is for sale; price is the price asked."""

    RANGES = (("price_min", "price_max"),)

    contract_address = Wallet(metadata=CONTRACT)
    asset_type = Words(Word(), metadata=TYPES)
    seller = Wallet()
    is_purchasable = Flag(metadata=PURCHASABLE)
    price_min = Ether(metadata=ASKED)
    price_max = Ether(metadata=ASKED)
    sort_by = OneOf("price", "listedAt", "tokenId", "name")
    sort_direction = OneOf("asc", "desc")


class PeriodQuery(AsOfQuery, BranchPageQuery):
    """A stretch of block time, both ends included."""

    RANGES = (("from_time", "to_time"),)

    from_time = Moment(data_key="from", metadata=IN_TIME)
    to_time = Moment(data_key="to", metadata=IN_TIME)


class PriceHistoryQuery(PeriodQuery):
    """Which points, and whether as they are or as candles."""

    contract_address = Wallet(metadata=CONTRACT)
    interval = OneOf(*INTERVALS, metadata={"description": "Candles of that length; `raw`: the points."})
    source = OneOf(*SOURCES)
    sort_direction = OneOf("asc", "desc")


class AssetTransactionsQuery(PeriodQuery):
    """Deeds of one asset."""

    contract_address = Wallet(metadata=CONTRACT)
    type = Words(OneOf(*DEEDS))
    status = OneOf("pending", "completed", "failed")


class UserTransactionsQuery(PeriodQuery):
    """Deeds of one wallet, in its own words: what it sold is `sell`."""

    contract_address = Wallet(metadata=CONTRACT)
    token_id = WholeNumber(0, INT64_MAX)
    type = Words(OneOf(*DEEDS, "sell"))
    status = OneOf("pending", "completed", "failed")


class TransactionsQuery(AssetTransactionsQuery):
    """Deeds by anything."""

    token_id = WholeNumber(0, INT64_MAX)
    seller = Wallet()
    buyer = Wallet()
    wallet = Wallet(metadata={"description": "Seller or buyer."})
    transaction_hash = Hash()


class ProvenanceQuery(BranchPageQuery):
    """The past of one asset."""

    contract_address = Wallet()


class AssetActivityQuery(PeriodQuery):
    """Activity of one asset."""

    contract_address = Wallet(metadata=CONTRACT)
    page = WholeNumber(1, MAX_ACTIVITY_PAGE, advice=BY_CURSOR)


class ActivityQuery(AssetActivityQuery):
    """Activity of all assets."""

    token_id = WholeNumber(0, INT64_MAX)


class StreamQuery(Strict):
    """Which events, and after which place in the sequence: the newest unless given."""

    after = WholeNumber(0, INT64_MAX, metadata={"description": "Tell what came after this `seq`."})
    type = Words(OneOf(*EVENTS))
    token_id = WholeNumber(0, INT64_MAX)
    wallet = Wallet(metadata={"description": "Seller or buyer."})


class EventsQuery(StreamQuery, WaitQuery):
    """As before, in portions."""

    limit = WholeNumber(1, MAX_LIMIT, metadata={"description": "Events in one answer, 200 unless given."})


class FreshnessBody(Strict):
    """The parameters of freshness, in a JSON body."""

    after_tx = Hash(metadata=AFTER_TX)
    min_block = JsonNumber(0, INT64_MAX, metadata=MIN_BLOCK)
    wait = JsonNumber(0, MAX_WAIT_SECONDS, metadata=WAIT)


class BatchBody(AsOfBody, FreshnessBody):
    """Up to 200 assets of one contract."""

    token_ids = fields.List(
        JsonNumber(0, INT64_MAX),
        required=True,
        validate=validate.Length(1, MAX_BATCH, error=f"must be 1 to {MAX_BATCH} token ids"),
    )
    contract_address = Wallet(metadata=CONTRACT)
