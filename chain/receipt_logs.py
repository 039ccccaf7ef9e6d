"""The logs of a block by another way: out of the receipts of all its transactions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chain.blocks import by_hash
from chain.checks import check_block
from chain.endpoint import Endpoint
from chain.envelope import Request, result_of
from chain.errors import Fatal, Unknown, Unsupported, WrongAnswer
from chain.receipts import WHOLE_BLOCK, without_whole_blocks
from chain.values import Hash, Header, RawLog


class LoggingReceipt(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The part of a receipt that tells what was logged; without a block hash while it is not mined."""

    transaction_hash: str
    block_hash: str | None
    logs: list[RawLog]


class _Contents(msgspec.Struct, gc=False):
    transactions: list[str]


_CONTENTS = msgspec.json.Decoder(_Contents | None)
_ONE = msgspec.json.Decoder(LoggingReceipt | None)
_BLOCK = msgspec.json.Decoder(list[LoggingReceipt] | None)


def ask_receipt_logs(endpoint: Endpoint, header: Header, addresses: frozenset[str]) -> list[RawLog]:
    """Return the logs of lower-case `addresses` that the receipts of a block hold, sorted by logIndex."""
    contents = endpoint.decode(result_of(endpoint.batch([by_hash(header.hash)])[0]), _CONTENTS)
    if contents is None:
        raise Unknown(f"block {header.hash}")
    receipts = _receipts(endpoint, header.hash, contents.transactions)
    strangers = {receipt.block_hash for receipt in receipts} - {header.hash}
    if strangers:
        raise WrongAnswer(f"receipts of block {header.hash} that are of {sorted(map(str, strangers))}")
    logs = [log for receipt in receipts for log in receipt.logs if log.address.lower() in addresses]
    return check_block(logs, header, addresses).logs


def _receipts(endpoint: Endpoint, block_hash: Hash, transactions: Sequence[Hash]) -> list[LoggingReceipt]:
    if not transactions:
        return []
    if WHOLE_BLOCK in endpoint.unsupported:
        requests = [Request("eth_getTransactionReceipt", (hash_,)) for hash_ in transactions]
        found = [endpoint.decode(raw, _ONE) for raw in endpoint.all(requests)]
        receipts = [receipt for receipt in found if receipt is not None]
    else:
        receipts = _whole_block(endpoint, block_hash, transactions)
    missing = {*transactions} - {receipt.transaction_hash for receipt in receipts}
    if missing:
        raise Unknown(f"the receipt of {sorted(missing)[0]}")
    return receipts


def _whole_block(endpoint: Endpoint, block_hash: Hash, transactions: Sequence[Hash]) -> list[LoggingReceipt]:
    try:
        return endpoint.decode(endpoint.ask(WHOLE_BLOCK, block_hash), _BLOCK) or []
    except (Unsupported, Fatal):
        # Nodes that know the method for block numbers only call a hash a bad parameter.
        without_whole_blocks(endpoint)
        return _receipts(endpoint, block_hash, transactions)
