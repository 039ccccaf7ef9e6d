"""The chain, as the rest of us may ask it: several endpoints behind one synchronous face."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Self, TypeVar

from chain.answers import BlockFacts, BlockProof, EndpointReport, LogRange, TransactionPlace
from chain.blocks import TagFlicker, ask_ends, ask_hashed, ask_head, ask_numbered
from chain.calls import Read
from chain.card import Card
from chain.checks import contradicts_bloom, lower_case
from chain.clock import Clock, WallClock
from chain.endpoint import Endpoint
from chain.errors import EndpointsExhausted, Fatal, RpcError, SingleBlockTooDense, Unknown, Unsupported
from chain.examination import Examiner
from chain.execution import ask_calls, ask_code, ask_simulation, decoded
from chain.failover import Failover
from chain.logs import Doubtful, ask_block, ask_block_by_address, ask_range, merged
from chain.places import ask_place
from chain.ranges import DEFAULT_LOG_RANGE, BlockRange, RangeSizer
from chain.receipt_logs import ask_receipt_logs
from chain.receipts import ask_receipts
from chain.transport import MAX_RESPONSE_BYTES, Posting, Transport
from chain.trust import Trust
from chain.urls import endpoint_name
from chain.values import Address, Call, CallResult, Hash, Header, RawLog, Receipt, Reverted

T = TypeVar("T")

TIMEOUTS_PER_DEADLINE = 3
"""One hanging endpoint must leave time to ask another."""
FLICKERS = 3
"""Times that the `finalized` tag may fail in passing before we do without it."""


class Node:
    """One chain behind one or more JSON-RPC URLs; safe to use from many threads.

    An operation may take `deadline_seconds` in all, each HTTP exchange a third of it. Errors: see
    `chain.errors`; `Unknown` and `EndpointsExhausted` are the usual ones. Use it as a context manager,
    or call `close`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        deadline_seconds: float = 30.0,
        max_batch: int = 100,
        log_range_max: int = DEFAULT_LOG_RANGE,
        learned_caps: Mapping[str, int] | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: Posting | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`learned_caps`: endpoint name → widest log range, as an earlier `report()` gave them.

        `transport` and `clock` stand in for HTTP and for the machine's time.
        """
        if not urls:
            raise Fatal("a node needs at least one endpoint URL")
        caps, clock = learned_caps or {}, clock or WallClock()
        self._transport = transport or Transport(max_response_bytes=max_response_bytes)
        self._endpoints = [
            Endpoint(
                url,
                self._transport,
                name=name,
                timeout_seconds=deadline_seconds / TIMEOUTS_PER_DEADLINE,
                max_batch=max_batch,
                sizer=RangeSizer(log_range_max, caps.get(name)),
                card=Card(clock.monotonic),
            )
            for url, name in zip(urls, _names(urls), strict=True)
        ]
        trust = Trust(self._endpoints)
        self._examiner = Examiner(self._endpoints, trust)
        self._failover = Failover(trust, deadline_seconds, clock)
        self._bloom_is_filled = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Abandon what is under way and close all connections; may be repeated."""
        self._failover.close()
        self._transport.close()

    def report(self) -> list[EndpointReport]:
        """How each endpoint does, in the configured order."""
        return [endpoint.report() for endpoint in self._endpoints]

    def examine(self) -> None:
        """Ask all endpoints at once how far they are, and put those aside that lie; raises nothing."""
        self._examiner.examine()

    # --- blocks ----------------------------------------------------------------------------

    def chain_id(self) -> int:
        """Return the chain id; endpoints that do not answer now are checked before their first use."""
        found: dict[str, int] = {}
        errors: dict[str, RpcError] = {}
        for endpoint in self._endpoints:
            try:
                found[endpoint.name] = self._failover.ask(Endpoint.chain_id, only=[endpoint], attempts=2)
            except RpcError as error:
                errors[endpoint.name] = error
        if not found:
            raise EndpointsExhausted(errors)
        if len(set(found.values())) > 1:
            raise Fatal(f"the endpoints serve different chains: {found}; keep those of one chain")
        chain_id = next(iter(found.values()))
        for endpoint in self._endpoints:
            endpoint.expects_chain(chain_id, verified=endpoint.name in found)
        return chain_id

    def head(self) -> Header:
        """Return the newest block of the endpoint asked; it may be lower than it was before."""
        return self._failover.ask(ask_head)

    def ends(self) -> tuple[Header, Header | None]:
        """Return the newest block and the newest finalized one, both of one endpoint in one exchange.

        None where there is no such tag, or no such block yet.
        """
        try:
            return self._failover.ask(ask_ends, attempts=FLICKERS)
        except Unsupported:
            return self.head(), None
        except EndpointsExhausted as error:
            if any(isinstance(each, Unsupported | TagFlicker) for each in error.errors.values()):
                return self.head(), None
            raise

    def header(self, number: int) -> Header | None:
        """Return the block that the chain has at this height; None means unknown, never absent."""
        found: dict[int, Header] = {}
        try:
            self._failover.ask(lambda endpoint: ask_numbered(endpoint, [number], found), doubts=1)
        except Unknown:
            return None
        return found[number]

    def header_by_hash(self, block_hash: Hash) -> Header | None:
        """Return a block of whatever branch; None means unknown, never absent."""
        try:
            return self._failover.ask(lambda endpoint: ask_hashed(endpoint, block_hash), doubts=1)
        except Unknown:
            return None

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        """Return the blocks at these heights, in this order; Unknown when no endpoint has one of them."""
        found: dict[int, Header] = {}
        self._failover.ask(lambda endpoint: ask_numbered(endpoint, numbers, found))
        return [found[number] for number in numbers]

    # --- logs ------------------------------------------------------------------------------

    def logs(self, from_block: int, to_block: int, addresses: Iterable[Address]) -> LogRange:
        """Return the logs of these addresses; both ends inclusive, `to_block` must exist.

        Each part of the range is proven by the header of its end, of the same endpoint.
        """
        if from_block > to_block:
            raise ValueError(f"an empty block range: {from_block} to {to_block}")
        wanted = lower_case(addresses)
        parts: list[LogRange] = []
        while from_block <= to_block:
            parts.append(self._logs_part(BlockRange(from_block, to_block), wanted))
            from_block = parts[-1].to_header.number + 1
        return merged(parts)

    def _logs_part(self, rest: BlockRange, addresses: frozenset[str]) -> LogRange:
        try:
            return self._failover.ask(lambda endpoint: ask_range(endpoint, rest, addresses))
        except SingleBlockTooDense as error:
            if len(addresses) == 1:
                raise
            number = error.block_number
            if number > rest.from_block:
                return self._logs_part(BlockRange(rest.from_block, number - 1), addresses)
            return self._failover.ask(lambda endpoint: ask_block_by_address(endpoint, number, addresses))

    def logs_of_block(self, block_hash: Hash, addresses: Iterable[Address]) -> list[RawLog]:
        """Return the logs of one block, sorted by logIndex."""
        return self.block_facts(block_hash, addresses).logs

    def block_facts(self, block_hash: Hash, addresses: Iterable[Address]) -> BlockFacts:
        """Return the logs and the header of one block, checked against its bloom filter."""
        wanted = lower_case(addresses)
        try:
            facts = self._failover.ask(
                lambda endpoint: ask_block(
                    endpoint, block_hash, wanted, bloom_is_filled=self._bloom_is_filled
                )
            )
        except Doubtful as doubt:
            facts = self._settled(doubt.facts, wanted)
        if contradicts_bloom(facts.logs, facts.header):
            self._bloom_is_filled = False
        return facts

    def _settled(self, doubted: BlockFacts, addresses: frozenset[str]) -> BlockFacts:
        """What the receipts say, where the bloom promises more than anybody's logs: a bloom may err."""
        try:
            logs = self._failover.ask(lambda endpoint: ask_receipt_logs(endpoint, doubted.header, addresses))
        except Unsupported:
            return doubted
        return BlockFacts(logs, doubted.header, doubted.evidence)

    # --- receipts --------------------------------------------------------------------------

    def receipts(self, block_hash: Hash, transaction_hashes: Sequence[Hash]) -> dict[Hash, Receipt]:
        """Return the receipts of these transactions of one block, by transaction hash."""
        return self.receipts_of_range({block_hash: transaction_hashes})

    def receipts_of_range(self, wanted: Mapping[Hash, Sequence[Hash]]) -> dict[Hash, Receipt]:
        """Return the receipts of these transactions, given by block hash; batched across blocks."""
        found: dict[Hash, Receipt] = {}
        return self._failover.ask(lambda endpoint: ask_receipts(endpoint, wanted, found))

    def proofs(self, numbers: Sequence[int]) -> list[BlockProof]:
        """Return every log of the blocks at these heights, proven by the receipts root of each header.

        Raises WrongAnswer where no endpoint has receipts that give the root.
        """
        from chain.proofs import ask_proofs

        found: dict[int, BlockProof] = {}
        self._failover.ask(lambda endpoint: ask_proofs(endpoint, numbers, found))
        return [found[number] for number in numbers]

    def transaction(self, transaction_hash: Hash) -> TransactionPlace | None:
        """Return where a transaction is; None when no endpoint knows it, which is not absence."""
        try:
            return self._failover.ask(lambda endpoint: ask_place(endpoint, transaction_hash), doubts=1)
        except Unknown:
            return None

    # --- contracts -------------------------------------------------------------------------

    def call(self, calls: Sequence[Call], at: Hash | int) -> list[CallResult]:
        """Execute calls at a block, by hash or number; a revert, or no code there, is a value."""
        return self._failover.ask(lambda endpoint: ask_calls(endpoint, calls, at))

    def simulate(self, transaction: Mapping[str, str]) -> CallResult:
        """Execute a call as given (to, data, gas) on top of the newest block; a revert is a value."""
        return self._failover.ask(lambda endpoint: ask_simulation(endpoint, transaction))

    def read(self, reads: Sequence[Read[T]], at: Hash | int) -> list[T | Reverted]:
        """Execute and decode reads at a block; an answer that does not decode counts as a revert."""
        results = self.call([read.call for read in reads], at)
        answers: list[T | Reverted] = []
        for read, result in zip(reads, results, strict=True):
            answers.append(decoded(read, result))
        return answers

    def code(self, address: Address, at: Hash | int | Literal["latest"]) -> bytes:
        """Return the contract code at an address; empty where there is none."""
        return self._failover.ask(lambda endpoint: ask_code(endpoint, address, at))


def _names(urls: Sequence[str]) -> list[str]:
    """Names of the endpoints, told apart by a number where a URL is given twice."""
    seen: Counter[str] = Counter()
    names = []
    for url in urls:
        name = endpoint_name(url)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return names
