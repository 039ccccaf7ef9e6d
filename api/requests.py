"""What requests may carry: the schemas that validate them are the ones OpenAPI shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import fields, validate
from marshmallow.exceptions import ValidationError

from api.as_of import AsOfBody, AsOfQuery
from api.explanations import ExplainQuery
from api.fields import (
    HASH,
    INT64_MAX,
    NOT_A_WALLET,
    WALLET,
    Ether,
    Flag,
    Hash,
    JsonNumber,
    Moment,
    OneOf,
    Since,
    Strict,
    Wallet,
    WholeNumber,
    Word,
    Words,
    checksummed,
)
from api.pagination import MAX_LIMIT, MAX_PAGE
from api.problems import BadRequest, FieldError, NotFound

MAX_WAIT_SECONDS = 20
MAX_BATCH = 200
MAX_ACTIVITY_PAGE = 50
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


class WaitQuery(Strict):
    """How long the answer may take."""

    wait = WholeNumber(0, MAX_WAIT_SECONDS, metadata={"description": "Seconds to wait for it."})


class FreshnessQuery(WaitQuery):
    """Reading one's own writes: answer only when that much of the chain has been applied."""

    after_tx = Hash(metadata={"description": "Answer only once this transaction is indexed."})
    min_block = WholeNumber(0, INT64_MAX, metadata={"description": "Answer only from this block on."})


class StatsQuery(AsOfQuery, ExplainQuery, FreshnessQuery):
    """The market's figures at a block."""


class PageQuery(FreshnessQuery):
    """Which part of a list."""

    limit = WholeNumber(1, MAX_LIMIT, metadata={"description": "Rows in one answer, 20 unless given."})
    cursor = fields.String(
        validate=validate.Length(1, 4096), metadata={"description": "nextCursor of the last answer."}
    )
    page = WholeNumber(1, MAX_PAGE, metadata={"description": "Page number from 1; not together with cursor."})


class BranchPageQuery(PageQuery):
    """Which part of a list that a reorg can change: its cursors are good on one branch only."""


class ContractQuery(AsOfQuery, ExplainQuery, FreshnessQuery):
    """Which asset contract a tokenId belongs to: unless given, the one the marketplace speaks of."""

    contract_address = Wallet(metadata=CONTRACT)


class OwnedAssetsQuery(AsOfQuery, BranchPageQuery):
    """Filters and order of assets; no parameter means no filter."""

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
        validate=validate.Length(1, 100),
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

    from_time = Since(data_key="from", metadata=IN_TIME)
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
    page = WholeNumber(1, MAX_ACTIVITY_PAGE)


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


class BatchBody(AsOfBody):
    """Up to 200 assets of one contract."""

    token_ids = fields.List(
        JsonNumber(0, INT64_MAX),
        required=True,
        validate=validate.Length(1, MAX_BATCH, error=f"must be 1 to {MAX_BATCH} token ids"),
    )
    contract_address = Wallet(metadata=CONTRACT)


def _token_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,78}", text):
        raise ValidationError("must be a whole number")
    if int(text) > INT64_MAX:
        raise NotFound(f"no asset {text}: token ids above {INT64_MAX} are not kept")
    return int(text)


def _wallet(text: str) -> str:
    if not re.fullmatch(WALLET, text):
        raise ValidationError(NOT_A_WALLET)
    return checksummed(text)


def _hash(text: str) -> str:
    if not re.fullmatch(HASH, text):
        raise ValidationError("must be a hash: 0x and 64 hexadecimal digits")
    return text.lower()


def _row_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{24}", text):
        raise ValidationError("must be 24 hexadecimal digits")
    return text.lower()


def _code(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,64}", text):
        raise ValidationError("must be an error code: lower case letters, digits and hyphens")
    return text


PATH: dict[str, tuple[str, Callable[[str], Any], dict[str, Any]]] = {
    "tokenId": ("token_id", _token_id, {"type": "integer", "minimum": 0}),
    "walletAddress": ("wallet", _wallet, {"type": "string", "pattern": WALLET}),
    "hash": ("transaction_hash", _hash, {"type": "string", "pattern": HASH}),
    "id": ("row_id", _row_id, {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}),
    "code": ("code", _code, {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}),
}
"""Parameters in paths: the argument of the view, how to read it, how OpenAPI shows it."""


def read_path(found: Mapping[str, str]) -> dict[str, Any]:
    """The arguments that a path stands for."""
    return {PATH[name][0]: _read(name, text) for name, text in found.items()}


def _read(name: str, text: str) -> Any:
    try:
        return PATH[name][1](text)
    except ValidationError as error:
        raise BadRequest([FieldError(name, "path", str(error.messages[0]))]) from error
