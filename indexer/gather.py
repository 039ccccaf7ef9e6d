"""Everything to be asked of a node before blocks can be folded: logs, headers, receipts, metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from chain.addresses import to_checksum
from chain.calls import get_asset_metadata
from chain.decode import event_topic
from chain.errors import WrongAnswer
from chain.values import Address, Hash, Header, RawLog, Receipt, Reverted
from indexer.blocks import LoggedBlock, LoggedTransaction, logged_blocks
from indexer.evidence import Blooms, emitters_of, evidence_of
from indexer.ports import Chain
from indexer.state import AssetKey, Metadata

TRANSFER = event_topic("Transfer(address,address,uint256)")
NOBODY = bytes(32)
DEEDS = frozenset(
    {
        TRANSFER,
        event_topic("AssetListed(uint256,address,uint256,uint256)"),
        event_topic("AssetDelisted(uint256,address,uint256)"),
        event_topic("AssetSold(uint256,address,address,uint256,uint256)"),
    }
)
"""Events that make an entry in `transactions`, which tells what the transaction cost."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A range as a node tells it; both ends inclusive."""

    from_block: int
    parent_hash: Hash
    """What the first block of the range says of the block before it."""
    to_header: Header
    blocks: list[LoggedBlock]
    event_count: int
    prepare_again: bool = False
    """Whether its only block links contracts whose logs are still missing."""

    def joined_with(self, following: Fetched) -> Fetched:
        """This range and the one directly after it."""
        return Fetched(
            self.from_block,
            self.parent_hash,
            following.to_header,
            [*self.blocks, *following.blocks],
            self.event_count + following.event_count,
        )


class Gatherer:
    """Asks for whole ranges (backfill) and single blocks (live). Safe to use from several threads."""

    def __init__(self, chain: Chain, *, enrich: bool, blooms: Blooms | None = None) -> None:
        self.blooms = blooms or Blooms()
        self._chain = chain
        self._enrich = enrich

    def range(self, from_block: int, to_block: int, addresses: Sequence[Address]) -> Fetched:
        """Every followed log of a range of blocks that are final, checked against their headers."""
        answer = self._chain.logs(from_block, to_block, addresses)
        headers = self._headers(answer.logs, from_block, answer.to_header)
        check_hashes(answer.logs, headers)
        blocks = [
            self._evident(block, headers[block.number], addresses)
            for block in logged_blocks(answer.logs, headers)
        ]
        enriched = self.enriched(blocks, answer.to_header.hash)
        parent_hash = headers[from_block].parent_hash
        return Fetched(from_block, parent_hash, answer.to_header, enriched, len(answer.logs))

    def block(self, header: Header, addresses: Sequence[Address]) -> LoggedBlock:
        """One block, by its hash; the block has no transactions if it says nothing of us."""
        facts = self._chain.block_facts(header.hash, addresses)
        empty = LoggedBlock(header.number, header.hash, header.parent_hash, header.timestamp, [])
        found = logged_blocks(facts.logs, {header.number: header}) or [empty]
        evidence = self.blooms.judged(facts.evidence, facts.header, emitters_of(found[0]))
        block = replace(found[0], evidence=evidence)
        return self.enriched([block], header.hash)[0]

    def enriched(self, blocks: list[LoggedBlock], at: Hash) -> list[LoggedBlock]:
        """Add what receipts and the asset contract say; `at` pins the calls to one branch."""
        if not self._enrich or not blocks:
            return blocks
        receipts = self._receipts(blocks)
        metadata = self._metadata([key for block in blocks for key in minted_in(block)], at)
        return [_with(block, receipts, metadata) for block in blocks]

    def _headers(self, logs: Sequence[RawLog], from_block: int, to_header: Header) -> dict[int, Header]:
        """The headers of every eventful block, and of both ends of the range."""
        eventful = dict.fromkeys([log.block_number for log in logs])
        numbers = {from_block, *(int(number, 16) for number in eventful)}
        wanted = sorted(numbers - {to_header.number})
        headers = self._chain.headers(wanted) if wanted else []
        return {header.number: header for header in (*headers, to_header)}

    def _evident(self, block: LoggedBlock, header: Header, addresses: Sequence[Address]) -> LoggedBlock:
        """Hold the logs against the header's bloom; ask again where it says that logs are missing."""
        evidence, missing = evidence_of(block, header, addresses)
        if evidence == "logs-only" or self.blooms.trouble:
            return replace(block, evidence=self.blooms.judged(evidence, header, emitters_of(block)))
        if not missing:
            return replace(block, evidence=evidence)
        facts = self._chain.block_facts(header.hash, addresses)
        again = logged_blocks(facts.logs, {header.number: header})
        return replace(again[0] if again else block, evidence=facts.evidence)

    def _receipts(self, blocks: Sequence[LoggedBlock]) -> dict[Hash, Receipt]:
        wanted = {block.hash: hashes for block in blocks if (hashes := _deeds_of(block))}
        return self._chain.receipts_of_range(wanted) if wanted else {}

    def _metadata(self, keys: Sequence[AssetKey], at: Hash) -> dict[AssetKey, Metadata]:
        if not keys:
            return {}
        answers = self._chain.read([get_asset_metadata(*key) for key in keys], at)
        return {
            key: Metadata(
                answer.name,
                answer.asset_type,
                answer.asset_location,
                answer.acquisition_date,
                answer.description,
                answer.is_verified,
            )
            for key, answer in zip(keys, answers, strict=True)
            if not isinstance(answer, Reverted)
        }


def check_hashes(logs: Sequence[RawLog], headers: dict[int, Header]) -> None:
    """Logs and headers must be of one branch. Raises WrongAnswer."""
    for number, block_hash in dict.fromkeys([(log.block_number, log.block_hash) for log in logs]):
        header = headers[int(number, 16)]
        if header.hash != block_hash:
            raise WrongAnswer(
                f"logs of block {header.number} are of {block_hash}, its header says {header.hash}"
            )


def minted_in(block: LoggedBlock) -> list[AssetKey]:
    """Tokens that came from nobody in this block; ids beyond int64 are left to quarantine."""
    return [
        (to_checksum(log.address), int.from_bytes(log.topics[96:], "big"))
        for transaction in block.transactions
        for log in transaction.logs
        if log.topics[:32] == TRANSFER
        and log.topics[32:64] == NOBODY
        and not any(log.topics[96:120])
        and b"" < log.topics[120:121] < b"\x80"
    ]


def _deeds_of(block: LoggedBlock) -> list[Hash]:
    return [
        transaction.hash
        for transaction in block.transactions
        if any(log.topics[:32] in DEEDS for log in transaction.logs)
    ]


def _with(
    block: LoggedBlock, receipts: dict[Hash, Receipt], metadata: dict[AssetKey, Metadata]
) -> LoggedBlock:
    transactions = [_priced(transaction, receipts) for transaction in block.transactions]
    minted = {key: metadata[key] for key in minted_in(block) if key in metadata}
    return replace(block, transactions=transactions, metadata=minted)


def _priced(transaction: LoggedTransaction, receipts: dict[Hash, Receipt]) -> LoggedTransaction:
    receipt = receipts.get(transaction.hash)
    if receipt is None:
        return transaction
    return replace(transaction, gas_used=receipt.gas_used, gas_price_wei=receipt.effective_gas_price_wei)
