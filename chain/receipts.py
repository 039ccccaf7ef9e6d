"""Questions for receipts, put to one endpoint: whole blocks where that pays, else one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from chain.endpoint import Endpoint
from chain.envelope import Outcome, Request, result_of
from chain.errors import Fatal, RpcError, Unknown, Unsupported, WrongAnswer
from chain.values import Hash, Receipt

WHOLE_BLOCK = "eth_getBlockReceipts"
WORTH_A_BLOCK = 3
"""Receipts wanted of one block from which on the whole block is cheaper."""


class RawReceipt(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The fields we need; a receipt that is not mined yet has no block hash."""

    transaction_hash: str
    block_hash: str | None
    gas_used: str
    effective_gas_price: str | None = None


_ONE = msgspec.json.Decoder(RawReceipt | None)
_BLOCK = msgspec.json.Decoder(list[RawReceipt] | None)


class _Question(NamedTuple):
    request: Request
    block_hash: Hash
    transaction_hashes: Sequence[Hash]


def ask_receipts(
    endpoint: Endpoint, wanted: Mapping[Hash, Sequence[Hash]], found: dict[Hash, Receipt]
) -> dict[Hash, Receipt]:
    """Add the receipts wanted, by block hash, to those already `found`; raise when any is missing."""
    missing = {
        block_hash: rest
        for block_hash, hashes in wanted.items()
        if (rest := [hash_ for hash_ in hashes if hash_ not in found])
    }
    questions = [
        q for block_hash, hashes in missing.items() for q in _questions(endpoint, block_hash, hashes)
    ]
    outcomes = outcomes_of(endpoint, [question.request for question in questions])
    if _learned_to_ask_one_by_one(endpoint, questions, outcomes):
        return ask_receipts(endpoint, wanted, found)
    troubles = [_taken(endpoint, q, outcome, found) for q, outcome in zip(questions, outcomes, strict=True)]
    for trouble in troubles:
        if trouble is not None:
            raise trouble
    return found


def outcomes_of(endpoint: Endpoint, requests: Sequence[Request]) -> list[Outcome]:
    """One outcome per request, also where a single request, or the batch as a whole, was refused for good."""
    try:
        return endpoint.batch(requests)
    except (Unsupported, Fatal) as error:
        return [error] * len(requests)


def _questions(endpoint: Endpoint, block_hash: Hash, hashes: Sequence[Hash]) -> list[_Question]:
    if len(hashes) >= WORTH_A_BLOCK and WHOLE_BLOCK not in endpoint.unsupported:
        return [_Question(Request(WHOLE_BLOCK, (block_hash,)), block_hash, hashes)]
    return [
        _Question(Request("eth_getTransactionReceipt", (hash_,)), block_hash, [hash_]) for hash_ in hashes
    ]


def _learned_to_ask_one_by_one(
    endpoint: Endpoint, questions: Sequence[_Question], outcomes: Sequence[Outcome]
) -> bool:
    # Nodes that know the method for block numbers only call a hash a bad parameter.
    for question, outcome in zip(questions, outcomes, strict=True):
        if question.request.method == WHOLE_BLOCK and isinstance(outcome, Unsupported | Fatal):
            without_whole_blocks(endpoint)
            return True
    return False


def without_whole_blocks(endpoint: Endpoint) -> None:
    """Remember that this endpoint gives receipts one by one only."""
    endpoint.unsupported.add(WHOLE_BLOCK)
    endpoint.card.learned("blockReceipts", False)


def _taken(
    endpoint: Endpoint, question: _Question, outcome: Outcome, found: dict[Hash, Receipt]
) -> RpcError | None:
    """Take what one answer holds; return, not raise, what is wrong with it, so that the others count."""
    try:
        raws = _receipts(endpoint, question, outcome)
        found.update((raw.transaction_hash, _receipt(raw, question.block_hash)) for raw in raws)
    except RpcError as error:
        return error
    return None


def _receipts(endpoint: Endpoint, question: _Question, outcome: Outcome) -> list[RawReceipt]:
    if question.request.method == WHOLE_BLOCK:
        block = endpoint.decode(result_of(outcome), _BLOCK)
        if block is None:
            raise Unknown(f"the receipts of block {question.block_hash}")
        raws = [raw for raw in block if raw.transaction_hash in set(question.transaction_hashes)]
    else:
        one = endpoint.decode(result_of(outcome), _ONE)
        raws = [] if one is None else [one]
    missing = set(question.transaction_hashes) - {raw.transaction_hash for raw in raws}
    if raws and missing:
        raise WrongAnswer(f"receipts of block {question.block_hash} without {sorted(missing)[:3]}")
    if missing:
        raise Unknown(f"the receipt of {sorted(missing)[0]}")
    return raws


def _receipt(raw: RawReceipt, block_hash: Hash) -> Receipt:
    if raw.block_hash is None:
        raise Unknown(f"the block of {raw.transaction_hash}")
    if raw.block_hash != block_hash:
        raise WrongAnswer(f"{raw.transaction_hash} is in block {raw.block_hash}, not in {block_hash}")
    try:
        price = None if raw.effective_gas_price is None else int(raw.effective_gas_price, 16)
        return Receipt(raw.transaction_hash, raw.block_hash, int(raw.gas_used, 16), price)
    except ValueError as error:
        raise WrongAnswer(f"a receipt with a malformed number: {error}") from error
