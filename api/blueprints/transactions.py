"""Deeds, and the whereabouts of one chain transaction."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.endpoints import Blueprint
from api.lists import Query, deed_filter, page_of_deeds
from api.problems import NotFound
from api.requests import TransactionsQuery, WaitQuery
from api.responses import present_transaction
from api.schemas.rows import OneChainTransaction, OneTransaction, TransactionList
from api.whereabouts import show_when_known
from store.reading import View

blueprint = Blueprint("transactions", __name__, url_prefix="/api")


@blueprint.reads("/transactions", "listTransactions", TransactionList, TransactionsQuery)
def list_transactions(view: View, query: Query) -> dict[str, Any]:
    """List deeds, newest first: mint, list, delist, buy, transfer."""
    return page_of_deeds(view, query, deed_filter(query))


@blueprint.reads("/transactions/<id>", "showTransaction", OneTransaction)
def show_transaction(view: View, _query: Query, row_id: str) -> dict[str, Any]:
    """Return one deed."""
    row = view.transactions.get(row_id)
    if row is None:
        raise NotFound(f"no transaction {row_id}")
    return {"transaction": present_transaction(row, view.finalized)}


@blueprint.answers("/tx/<hash>", "showChainTransaction", OneChainTransaction, WaitQuery)
def show_chain_transaction(query: Query, transaction_hash: str) -> Response:
    """Say whether a transaction is unknown, pending, indexed, finalized or orphaned, and what it did.

    With `wait`, the answer comes as soon as the transaction is indexed, or after that many seconds.
    """
    return show_when_known(transaction_hash, query.get("wait", 0))
