"""A chain with branches, in memory, that answers what `indexer/ports.py` asks of a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from eth_hash.auto import keccak

from chain.addresses import ZERO
from chain.answers import BlockFacts, LogRange
from chain.contracts import CODEC
from chain.errors import Unknown
from chain.values import Call, Hash, Header, RawLog, Receipt, Reverted
from tests.property.model_contracts import AGENT, MARKET, RWA, RWA2, Contracts, Deed, ModelLog, Turn

Transaction = tuple[Deed, ...]
DEPLOYED_AT = 1
FIRST_SECOND = 1_700_000_000


@dataclass(frozen=True)
class Block:
    """A block of the tree, and the contracts after it."""

    header: Header
    logs: tuple[RawLog, ...]
    contracts: Contracts = field(repr=False)
    transactions: tuple[Hash, ...] = ()

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def hash(self) -> Hash:
        return self.header.hash


class ModelChain:
    """A node: knows every block ever mined, and speaks for the branch of `view`."""

    def __init__(self) -> None:
        self.blocks: dict[Hash, Block] = {}
        self.order: list[Block] = []
        self._salt = 0
        self._branches: dict[Hash, list[Block]] = {}
        self.genesis = self._keep("0x" + "00" * 32, 0, (), Contracts())
        self.view = self.mine(self.genesis, ())
        self.forgets_orphans = False
        self.tagged: int | None = None

    # --- mining ---------------------------------------------------------------------------

    def mine(self, parent: Block, transactions: Sequence[Transaction]) -> Block:
        """A new block on a parent; a transaction that the branch has already is left out."""
        number = parent.number + 1
        contracts = parent.contracts.copy()
        sent: list[tuple[bytes, list[ModelLog]]] = []
        for transaction in transactions:
            identity = sha256(repr(transaction).encode()).digest()
            if identity in contracts.included:
                continue
            contracts.included.add(identity)
            turn = Turn(contracts, _timestamp(number))
            for deed in transaction:
                turn.do(deed)
            sent.append((identity, turn.logs))
        return self._keep(parent.hash, number, sent, contracts)

    def mine_logs(self, parent: Block, *transactions: Sequence[ModelLog]) -> Block:
        """A new block with transactions that logged just this; the contracts stay what they were."""
        self._salt += 1
        sent = [
            (sha256(f"logs {self._salt} {at}".encode()).digest(), list(logs))
            for at, logs in enumerate(transactions)
        ]
        return self._keep(parent.hash, parent.number + 1, sent, parent.contracts.copy())

    def mine_empty(self, parent: Block, count: int) -> Block:
        """The last of `count` empty blocks."""
        for _ in range(count):
            parent = self.mine(parent, ())
        return parent

    def _keep(
        self, parent: Hash, number: int, sent: Sequence[tuple[bytes, list[ModelLog]]], contracts: Contracts
    ) -> Block:
        self._salt += 1
        block_hash = "0x" + sha256(f"{parent}{number}{self._salt}".encode()).hexdigest()
        logs = tuple(_raw_logs(block_hash, number, sent))
        emitted = [log for _, some in sent for log in some]
        header = Header(number, block_hash, parent, _timestamp(number), _bloom(emitted))
        hashes = tuple("0x" + identity.hex() for identity, _ in sent)
        block = self.blocks[block_hash] = Block(header, logs, contracts, hashes)
        self.order.append(block)
        return block

    def branch(self, tip: Block) -> list[Block]:
        """The blocks from genesis to a tip."""
        known = self._branches.get(tip.hash)
        if known is None:
            below = self.branch(self.blocks[tip.header.parent_hash]) if tip.number else []
            known = self._branches[tip.hash] = [*below, tip]
        return known

    def descends(self, block: Block, ancestor: Hash) -> bool:
        return self.ancestor(block, self.blocks[ancestor].number) is self.blocks[ancestor]

    def ancestor(self, tip: Block, number: int) -> Block | None:
        """The block at a height of a branch; None above its tip."""
        branch = self.branch(tip)
        return branch[number] if 0 <= number < len(branch) else None

    # --- what a node answers --------------------------------------------------------------

    def head(self) -> Header:
        return self.view.header

    def ends(self) -> tuple[Header, Header | None]:
        return self.head(), None if self.tagged is None else self.header(self.tagged)

    def header(self, number: int) -> Header | None:
        block = self._at(number)
        return block.header if block else None

    def header_by_hash(self, block_hash: Hash) -> Header | None:
        block = self.blocks.get(block_hash)
        if block is None or (self.forgets_orphans and self._at(block.number) is not block):
            return None
        return block.header

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        found = [self.header(number) for number in numbers]
        if None in found:
            raise Unknown(f"one of blocks {list(numbers)}")
        return [header for header in found if header is not None]

    def logs(self, from_block: int, to_block: int, addresses: Sequence[str]) -> LogRange:
        to_header = self.header(to_block)
        if to_header is None:
            raise Unknown(f"block {to_block}")
        blocks = [block for block in self.branch(self.view) if from_block <= block.number <= to_block]
        return LogRange([log for block in blocks for log in _of(block, addresses)], to_header)

    def block_facts(self, block_hash: Hash, addresses: Sequence[str]) -> BlockFacts:
        if self.header_by_hash(block_hash) is None:
            raise Unknown(f"block {block_hash}")
        block = self.blocks[block_hash]
        return BlockFacts(_of(block, addresses), block.header, "bloom")

    def receipts_of_range(self, wanted: Mapping[Hash, Sequence[Hash]]) -> dict[Hash, Receipt]:
        return {
            each: Receipt(each, block_hash, 21_000 + int(block_hash[-4:], 16), int(block_hash[-8:], 16))
            for block_hash, hashes in wanted.items()
            for each in hashes
        }

    def read(self, reads: Sequence[Any], at: Hash | int) -> list[Any]:
        block = self._at(at) if isinstance(at, int) else self.blocks.get(at)
        if block is None:
            raise Unknown(f"block {at}")
        answers = [answer(read.call, block) for read in reads]
        return [
            each if isinstance(each, Reverted) else read.decode(each)
            for read, each in zip(reads, answers, strict=True)
        ]

    def code(self, address: str, at: int | str) -> bytes:
        header = (
            self.header(at)
            if isinstance(at, int)
            else self.head()
            if at == "latest"
            else self.header_by_hash(at)
        )
        if header is None:
            raise Unknown(f"block {at}")
        return b"\x60" if address in (RWA, RWA2, AGENT, MARKET) and header.number >= DEPLOYED_AT else b""

    def _at(self, number: int) -> Block | None:
        return self.ancestor(self.view, number)


def _timestamp(number: int) -> int:
    """Two blocks share a second."""
    return FIRST_SECOND + number // 2


def _of(block: Block, addresses: Sequence[str]) -> list[RawLog]:
    wanted = {each.lower() for each in addresses}
    return [log for log in block.logs if log.address in wanted]


def _raw_logs(block_hash: Hash, number: int, sent: Sequence[tuple[bytes, list[ModelLog]]]) -> list[RawLog]:
    logs: list[RawLog] = []
    for place, (identity, emitted) in enumerate(sent):
        for log in emitted:
            logs.append(
                RawLog(
                    log.address.lower(),
                    ["0x" + topic.hex() for topic in log.topics],
                    "0x" + log.data.hex(),
                    block_hash,
                    hex(number),
                    "0x" + identity.hex(),
                    hex(place),
                    hex(len(logs)),
                )
            )
    return logs


def _bloom(logs: Sequence[ModelLog]) -> str:
    bits = 0
    for value in {item for log in logs for item in (bytes.fromhex(log.address[2:]), *log.topics)}:
        bits |= _bits(value)
    return f"0x{bits:0512x}"


@lru_cache(maxsize=1 << 16)
def _bits(value: bytes) -> int:
    digest = keccak(value)
    return sum({1 << int.from_bytes(digest[at : at + 2], "big") % 2048 for at in (0, 2, 4)})


# --- eth_call ----------------------------------------------------------------------------------


def answer(call: Call, block: Block) -> bytes | Reverted:
    """What the contracts say after a block."""
    selector, words = call.data[:10], bytes.fromhex(call.data[10:])
    arguments = [int.from_bytes(words[at : at + 32], "big") for at in range(0, len(words), 32)]
    if call.to == MARKET:
        return _market_answer(selector, arguments, block.contracts)
    if call.to == AGENT:
        known = {
            "0x8c2461ba": _word(block.contracts.agent_linked),
            "0xe0e0f252": _word(block.contracts.minimum),
        }
        return known[selector]
    return _asset_answer(selector, arguments, block.contracts, call.to)


def _market_answer(selector: str, arguments: list[int], contracts: Contracts) -> bytes:
    if selector == "0x107a274a":
        offer = contracts.listings.get(arguments[0])
        told = (arguments[0], offer.seller, offer.price, True, offer.at) if offer else (0, ZERO, 0, False, 0)
        return CODEC.encode(["(uint256,address,uint256,bool,uint256)"], [told])
    known: dict[str, int | str] = {
        "0x26a7b37b": contracts.fee,
        "0x12fde4b7": contracts.collector,
        "0x8c2461ba": contracts.linked,
    }
    return _word(known[selector])


def _asset_answer(selector: str, arguments: list[int], contracts: Contracts, to: str) -> bytes | Reverted:
    held, first = contracts.collections[to], arguments[0]
    if selector == "0xe985e9c5":
        return _word(any(int(owner, 16) == first for owner in held.operators))
    if first not in held.owners:
        return Reverted("ERC721NonexistentToken")
    if selector == "0xcf2acf84":
        return CODEC.encode(["(string,string,string,uint256,string,bool)"], [held.texts[first]])
    if selector == "0xc87b56dd":
        return CODEC.encode(["string"], [held.uris[first]])
    known: dict[str, int | str] = {
        "0x6352211e": held.owners[first],
        "0xe7572230": held.prices[first],
        "0x081812fc": held.approved.get(first, ZERO),
    }
    return _word(known[selector])


def _word(value: int | str) -> bytes:
    return int(value, 16).to_bytes(32, "big") if isinstance(value, str) else int(value).to_bytes(32, "big")
