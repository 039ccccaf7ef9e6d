"""Whole blocks of receipts, held against the root in the header: what a block logged, beyond doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chain.answers import BlockProof
from chain.blocks import by_number
from chain.endpoint import Endpoint
from chain.envelope import Outcome, Request, result_of
from chain.errors import Fatal, Unknown, Unsupported, WrongAnswer
from chain.receipt_trie import FullReceipt, root_of, unknown_types
from chain.receipts import WHOLE_BLOCK, outcomes_of
from chain.values import Hash, Header

ONE_BY_ONE = "eth_getTransactionReceipt"


class SealedBlock(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A header with what it says of its receipts, and the hashes of its transactions."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    receipts_root: str
    transactions: list[str]
    logs_bloom: str | None = None


_BLOCK = msgspec.json.Decoder(SealedBlock | None)
_RECEIPTS = msgspec.json.Decoder(list[FullReceipt] | None)
_RECEIPT = msgspec.json.Decoder(FullReceipt | None)


def ask_proofs(endpoint: Endpoint, numbers: Sequence[int], found: dict[int, BlockProof]) -> None:
    """Add the proofs of the blocks at these heights to those already `found`; raise when any is missing.

    Raises WrongAnswer where receipts of known types do not give the header's root.
    """
    missing = [number for number in numbers if number not in found]
    raws = endpoint.all([by_number(number) for number in missing])
    try:
        blocks = {number: _sealed(endpoint, raw, number) for number, raw in zip(missing, raws, strict=True)}
        receipts = _receipts_of(endpoint, list(blocks.values()))
        for number, block in blocks.items():
            found[number] = proof_of(block, receipts[block.hash])
    except ValueError as error:
        raise WrongAnswer(f"a block or receipt with a malformed number: {error}") from error


def proof_of(block: SealedBlock, receipts: Sequence[FullReceipt]) -> BlockProof:
    """Hold the receipts of a block, in order, against its header. Raises WrongAnswer."""
    _check_belonging(block, receipts)
    header = _header(block)
    logs = [log for receipt in receipts for log in receipt.logs]
    root = root_of(receipts)
    if root == block.receipts_root:
        _check_places(block, receipts)
        return BlockProof(header, logs)
    told = (
        f"the receipts of block {header.number} have the root {root}, its header says {block.receipts_root}"
    )
    if unknown := unknown_types(receipts):
        kinds = ", ".join(map(hex, unknown))
        return BlockProof(header, logs, f"{told}; it has receipts of unknown type {kinds}")
    raise WrongAnswer(told)


def _sealed(endpoint: Endpoint, raw: msgspec.Raw, number: int) -> SealedBlock:
    block: SealedBlock | None = endpoint.decode(raw, _BLOCK)
    if block is None:
        raise Unknown(f"block {number}")
    if int(block.number, 16) != number:
        raise WrongAnswer(f"asked for block {number}, got block {int(block.number, 16)}")
    return block


def _header(block: SealedBlock) -> Header:
    number, timestamp = int(block.number, 16), int(block.timestamp, 16)
    return Header(number, block.hash, block.parent_hash, timestamp, block.logs_bloom)


def _receipts_of(endpoint: Endpoint, blocks: Sequence[SealedBlock]) -> Mapping[Hash, list[FullReceipt]]:
    """Receipts by block hash: whole blocks where the endpoint can, else one by one."""
    full = [block for block in blocks if block.transactions]
    if WHOLE_BLOCK not in endpoint.unsupported:
        outcomes = outcomes_of(endpoint, [Request(WHOLE_BLOCK, (block.hash,)) for block in full])
        if not any(isinstance(outcome, Unsupported | Fatal) for outcome in outcomes):
            whole = [_whole(endpoint, *pair) for pair in zip(full, outcomes, strict=True)]
            return {block.hash: [] for block in blocks} | dict(whole)
        # Nodes that know the method for block numbers only call a hash a bad parameter.
        endpoint.unsupported.add(WHOLE_BLOCK)
    return {block.hash: _singly(endpoint, block) for block in blocks}


def _whole(endpoint: Endpoint, block: SealedBlock, outcome: Outcome) -> tuple[Hash, list[FullReceipt]]:
    receipts = endpoint.decode(result_of(outcome), _RECEIPTS)
    if receipts is None:
        raise Unknown(f"the receipts of block {block.hash}")
    return block.hash, sorted(receipts, key=_place)


def _singly(endpoint: Endpoint, block: SealedBlock) -> list[FullReceipt]:
    raws = endpoint.all([Request(ONE_BY_ONE, (hash_,)) for hash_ in block.transactions])
    receipts = [endpoint.decode(raw, _RECEIPT) for raw in raws]
    for hash_, receipt in zip(block.transactions, receipts, strict=True):
        if receipt is None or receipt.block_hash is None:
            raise Unknown(f"the receipt of {hash_}")
    return [receipt for receipt in receipts if receipt is not None]


def _check_belonging(block: SealedBlock, receipts: Sequence[FullReceipt]) -> None:
    """The receipts must be those of the block's transactions, in this block, in their order."""
    strangers = {receipt.block_hash for receipt in receipts} - {block.hash}
    if strangers:
        raise WrongAnswer(f"asked for receipts of block {block.hash}, got some of {strangers}")
    if [receipt.transaction_hash for receipt in receipts] != block.transactions:
        raise WrongAnswer(f"the receipts of block {block.hash} are not those of its transactions")


def _check_places(block: SealedBlock, receipts: Sequence[FullReceipt]) -> None:
    """The root speaks of what was logged, not of what the node says about where."""
    last = -1
    for receipt in receipts:
        for log in receipt.logs:
            places = (log.block_hash, log.transaction_hash, log.transaction_index)
            index = int(log.log_index, 16)
            if places != (block.hash, receipt.transaction_hash, receipt.transaction_index) or index <= last:
                raise WrongAnswer(f"a log in a receipt of block {block.hash} says it is elsewhere: {places}")
            last = index


def _place(receipt: FullReceipt) -> int:
    return int(receipt.transaction_index, 16)
