"""Questions for the place of a transaction, put to one endpoint."""

from __future__ import annotations

import msgspec

from chain.answers import TransactionPlace
from chain.endpoint import Endpoint
from chain.errors import Unknown, WrongAnswer
from chain.values import Hash


class RawPlace(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The fields we need; a transaction that waits has neither, or null."""

    hash: str
    block_number: str | None = None
    block_hash: str | None = None


_DECODER = msgspec.json.Decoder(RawPlace | None)


def ask_place(endpoint: Endpoint, transaction_hash: Hash) -> TransactionPlace:
    """Return where the endpoint has the transaction."""
    found = endpoint.decode(endpoint.ask("eth_getTransactionByHash", transaction_hash), _DECODER)
    if found is None:
        raise Unknown(f"transaction {transaction_hash}")
    if found.hash != transaction_hash:
        raise WrongAnswer(f"asked for transaction {transaction_hash}, got {found.hash}")
    if found.block_number is None or found.block_hash is None:
        return TransactionPlace(None, None)
    try:
        return TransactionPlace(int(found.block_number, 16), found.block_hash)
    except ValueError as error:
        raise WrongAnswer(f"a transaction with a malformed block number: {error}") from error
