"""What one writes first: Flask and pymongo, an endpoint for a list and one for an asset.

The yardstick of the read bench, not a product: no validation, no snapshot, no `asOf`, no ETag, no errors.
It answers with the documents of MONGODB_DATABASE as they are, without the indexer's own fields.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response, request
from pymongo import MongoClient

from config.variables import environment

HIDDEN = {"chain": 0, "currentPrice.valueKey": 0, "marketStatus.listingPriceKey": 0}


def make() -> Flask:
    """The WSGI application, for `granian --factory`."""
    variables = environment()
    client: MongoClient[dict[str, Any]] = MongoClient(variables["MONGODB_URI"], tz_aware=True)
    assets = client[variables["MONGODB_DATABASE"]]["assets"]
    app = Flask("minimal")

    @app.get("/api/assets")
    def list_assets() -> Response:
        limit = int(request.args.get("limit", 20))
        return answer({"assets": [shown(one) for one in assets.find({}, HIDDEN).sort(NEWEST).limit(limit)]})

    @app.get("/api/assets/<int:token_id>")
    def show_asset(token_id: int) -> Response:
        found = assets.find_one({"tokenId": token_id}, HIDDEN)
        return answer({"asset": shown(found)} if found else {"error": "not found"})

    return app


NEWEST = [("chain.mintBlock", -1), ("chain.mintLogIndex", -1), ("_id", -1)]


def shown(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "_id": str(document["_id"])}


def answer(payload: dict[str, Any]) -> Response:
    return Response(orjson.dumps(payload), mimetype="application/json")
