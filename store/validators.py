"""The JSON schema that MongoDB holds each collection to, derived from the shapes in `documents`.

Types and required fields are strict; further fields may be there, since a newer program may write more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from bson import Decimal128, ObjectId

from store import documents

Schema = dict[str, Any]

BSON_TYPES: dict[object, list[str]] = {
    str: ["string"],
    int: ["int", "long"],
    float: ["double"],
    bool: ["bool"],
    bytes: ["binData"],
    datetime: ["date"],
    ObjectId: ["objectId"],
    Decimal128: ["decimal"],
    NoneType: ["null"],
}


def schema_of(shape: Any) -> Schema:
    """The schema of a type as `documents` uses them: values, lists, mappings, literals, options, shapes."""
    if shape is Any:
        return {}
    if is_typeddict(shape):
        return _fields(shape)
    if shape in BSON_TYPES:
        return {"bsonType": _one_or_more(BSON_TYPES[shape])}
    return _COMPOSED[get_origin(shape)](get_args(shape))


def _fields(shape: Any) -> Schema:
    hints = get_type_hints(shape, include_extras=True)
    # `__required_keys__` is blind to NotRequired where annotations are postponed.
    optional = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
    properties = {name: schema_of(get_args(h)[0] if name in optional else h) for name, h in hints.items()}
    required = sorted(hints.keys() - optional)
    # MongoDB refuses an empty list of required fields.
    return {"bsonType": "object", **({"required": required} if required else {}), "properties": properties}


def _list(arguments: tuple[Any, ...]) -> Schema:
    return {"bsonType": "array", "items": schema_of(arguments[0])}


def _mapping(arguments: tuple[Any, ...]) -> Schema:
    values = schema_of(arguments[1])
    return {"bsonType": "object", **({"additionalProperties": values} if values else {})}


def _union(arguments: tuple[Any, ...]) -> Schema:
    """Types that differ in their BSON type only; a literal or a shape may be made optional."""
    merged: Schema = {}
    types: list[str] = []
    for schema in map(schema_of, arguments):
        types += [schema["bsonType"]] if isinstance(schema["bsonType"], str) else schema["bsonType"]
        merged |= schema
    if "enum" in merged and "null" in types:
        merged["enum"] = [*merged["enum"], None]
    return {**merged, "bsonType": _one_or_more(types)}


def _literal(arguments: tuple[Any, ...]) -> Schema:
    return {"bsonType": "string", "enum": list(arguments)}


def _one_or_more(types: list[str]) -> str | list[str]:
    return types[0] if len(types) == 1 else types


_COMPOSED: dict[object, Callable[[tuple[Any, ...]], Schema]] = {
    list: _list,
    dict: _mapping,
    Union: _union,
    UnionType: _union,
    Literal: _literal,
}


def _checkpoints() -> Schema:
    """Four kinds of documents, told apart by their `_id`."""
    shapes = {
        "indexer": documents.CheckpointDocument,
        "lease": documents.LeaseDocument,
        "endpoints": documents.EndpointsDocument,
        "edits": documents.EditsDocument,
    }
    schemas = {name: schema_of(shape) for name, shape in shapes.items()}
    for name, schema in schemas.items():
        schema["properties"]["_id"] = {"enum": [name]}
    return {"anyOf": [*schemas.values()]}


VALIDATORS: dict[str, Schema] = {
    "chainEvents": schema_of(documents.ChainEventsDocument),
    "evidence": schema_of(documents.EvidenceDocument),
    "blocks": schema_of(documents.HeaderDocument),
    "checkpoints": _checkpoints(),
    "market": schema_of(documents.MarketDocument),
    "operatorApprovals": schema_of(documents.OperatorApprovalDocument),
    "assets": schema_of(documents.AssetDocument),
    "holdings": schema_of(documents.HoldingDocument),
    "transactions": schema_of(documents.TransactionDocument),
    "tradeHours": schema_of(documents.TradeHourDocument),
    "priceHistory": schema_of(documents.PriceDocument),
    "quarantine": schema_of(documents.QuarantineDocument),
    "reorgs": schema_of(documents.ReorgDocument),
    "orphans": schema_of(documents.OrphanDocument),
    "users": schema_of(documents.UserDocument),
    "sessions": schema_of(documents.SessionDocument),
    "nonces": schema_of(documents.NonceDocument),
    "apiKeys": schema_of(documents.ApiKeyDocument),
    "apiKeyUsage": schema_of(documents.ApiKeyUsageDocument),
    "secondFactors": schema_of(documents.SecondFactorDocument),
    "auditLog": schema_of(documents.AuditDocument),
    "keyVault": schema_of(documents.DataKeyDocument),
    "events": schema_of(documents.EventDocument),
    "favorites": schema_of(documents.FavouriteDocument),
    "countedViews": schema_of(documents.CountedViewDocument),
    "viewSalts": schema_of(documents.ViewSaltDocument),
}
"""By collection name: every collection that we write."""
