"""Questions for logs, each put to one endpoint: a range, a range address by address, one block by hash."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chain.answers import BlockFacts, LogRange
from chain.blocks import ask_hashed, by_hash, by_number, parse_hashed, parse_numbered
from chain.checks import check_block, check_range, contradicts_bloom, is_overfull, promised_by_bloom
from chain.endpoint import Endpoint
from chain.envelope import Request, result_of
from chain.errors import RangeHint, RpcError, SingleBlockTooDense, TimedOut, TooDense, Transient, Unknown
from chain.ranges import SIZE_ERRORS, BlockRange
from chain.values import Hash, Header, RawLog

_LOGS = msgspec.json.Decoder(list[RawLog] | None)
TOO_MUCH = (TooDense, RangeHint)


class Doubtful(Unknown):
    """The bloom promises logs that the answer lacks; `facts` is the answer."""

    contradicts = True

    def __init__(self, what: str, facts: BlockFacts) -> None:
        super().__init__(what)
        self.facts = facts


def ask_range(endpoint: Endpoint, wanted: BlockRange, addresses: frozenset[str]) -> LogRange:
    """Return the logs of the first part of `wanted` that this endpoint gives at once."""
    asked = endpoint.sizer.next_range(wanted)
    # Each refusal makes the range strictly smaller, until it raises at one block.
    while True:
        try:
            found = _ask_exactly(endpoint, asked, addresses)
        except TimedOut as error:
            if asked.size > 1:
                endpoint.sizer.refused(asked, error)
            raise
        except SIZE_ERRORS as error:
            asked = endpoint.sizer.refused(asked, error)
        else:
            endpoint.sizer.answered(asked)
            return found


def ask_block_by_address(endpoint: Endpoint, number: int, addresses: frozenset[str]) -> LogRange:
    """Return the logs of one dense block, asking for one address at a time."""
    parts = []
    for address in sorted(addresses):
        try:
            parts.append(_ask_exactly(endpoint, BlockRange(number, number), frozenset([address])))
        except SIZE_ERRORS as error:
            raise SingleBlockTooDense(
                f"block {number} has too many logs of {address} alone: {error}", number, code=error.code
            ) from error
    if len({part.to_header.hash for part in parts}) > 1:
        raise Unknown(f"block {number}, which changed while it was read")
    logs = sorted((log for part in parts for log in part.logs), key=lambda log: int(log.log_index, 16))
    return LogRange(logs, parts[-1].to_header, sum(part.removed for part in parts))


def ask_block(
    endpoint: Endpoint, block_hash: Hash, addresses: frozenset[str], *, bloom_is_filled: bool
) -> BlockFacts:
    """Return the logs and the header of one block; raise Doubtful when its bloom promises more."""
    try:
        header, logs = _block_and_logs(endpoint, block_hash, addresses)
    except TOO_MUCH:
        header, logs = _block_by_address(endpoint, block_hash, addresses)
    checked = check_block(logs, header, addresses)
    if not bloom_is_filled or contradicts_bloom(checked.logs, header) or is_overfull(header):
        return BlockFacts(checked.logs, header, "logs-only")
    promised = promised_by_bloom(checked.logs, header, addresses)
    if promised:
        what = f"the logs of {sorted(promised)} in block {block_hash}, which its bloom promises"
        raise Doubtful(what, BlockFacts(checked.logs, header, "logs-only"))
    return BlockFacts(checked.logs, header, "bloom")


def _block_by_address(
    endpoint: Endpoint, block_hash: Hash, addresses: frozenset[str]
) -> tuple[Header, list[RawLog]]:
    """A block whose logs are too many for one answer, one address at a time."""
    header = ask_hashed(endpoint, block_hash)
    logs: list[RawLog] = []
    for address in sorted(addresses):
        try:
            logs += _block_and_logs(endpoint, block_hash, frozenset([address]))[1]
        except TOO_MUCH as error:
            told = f"block {block_hash} has too many logs of {address} alone: {error}"
            raise SingleBlockTooDense(told, header.number, code=error.code) from error
    return header, logs


def _block_and_logs(
    endpoint: Endpoint, block_hash: Hash, addresses: frozenset[str]
) -> tuple[Header, list[RawLog]]:
    told, logs = endpoint.beside(by_hash(block_hash), _query(addresses, {"blockHash": block_hash}))
    headers = [parse_hashed(endpoint, result_of(each), block_hash) for each in told]
    return _unchanged(headers, f"block {block_hash}"), _decoded(endpoint, logs)


def _ask_exactly(endpoint: Endpoint, asked: BlockRange, addresses: frozenset[str]) -> LogRange:
    told, logs = endpoint.beside(
        by_number(asked.to_block),
        _query(addresses, {"fromBlock": hex(asked.from_block), "toBlock": hex(asked.to_block)}),
    )
    headers = [parse_numbered(endpoint, result_of(each), asked.to_block) for each in told]
    header = _unchanged(headers, f"block {asked.to_block}")
    checked = check_range(_decoded(endpoint, logs), asked, addresses, header)
    return LogRange(checked.logs, header, checked.removed)


def _unchanged(headers: Sequence[Header | None], what: str) -> Header:
    """The header before the logs, which must be known, and the same, after them."""
    first = headers[0]
    if first is None:
        raise Unknown(what)
    if any(header is None or header.ref != first.ref for header in headers):
        raise Unknown(f"{what}, which changed while its logs were read")
    return first


def _query(addresses: frozenset[str], where: dict[str, str]) -> Request:
    return Request("eth_getLogs", ({"address": sorted(addresses), **where},))


def _decoded(endpoint: Endpoint, outcome: msgspec.Raw | RpcError) -> list[RawLog]:
    logs: list[RawLog] | None = endpoint.decode(result_of(outcome), _LOGS)
    if logs is None:
        raise Transient("eth_getLogs answered null")
    return logs


def merged(parts: Sequence[LogRange]) -> LogRange:
    """Join the answers for consecutive ranges."""
    if len(parts) == 1:
        return parts[0]
    logs = [log for part in parts for log in part.logs]
    return LogRange(logs, parts[-1].to_header, sum(part.removed for part in parts))
