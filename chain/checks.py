"""Does an `eth_getLogs` answer fit the question? Whole-list operations: this runs for every log there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import lt
from typing import NamedTuple

from chain.bloom import is_blank, is_saturated, may_contain
from chain.errors import WrongAnswer
from chain.ranges import BlockRange
from chain.values import Address, Header, RawLog


class CheckedLogs(NamedTuple):
    """Logs in order, each once; and how many the node called removed."""

    logs: list[RawLog]
    removed: int


def check_range(
    logs: list[RawLog], asked: BlockRange, addresses: frozenset[str], to_header: Header
) -> CheckedLogs:
    """Check the logs of a range: inside it, of the lower-case `addresses`, on one branch."""
    live = _live(logs)
    if not live:
        return CheckedLogs([], len(logs))
    positions = _positions(live)
    hashes = {
        (int(number, 16), hash_) for number, hash_ in {(log.block_number, log.block_hash) for log in live}
    }
    numbers = {number for number, _ in hashes}
    first, last = min(numbers), max(numbers)
    if first < asked.from_block or last > asked.to_block:
        raise WrongAnswer(f"asked for blocks {asked}, got logs of {first} to {last}")
    _check_addresses(live, addresses)
    if len(hashes) != len(numbers):
        raise WrongAnswer(f"logs of two branches in one answer for blocks {asked}")
    if last == to_header.number and (last, to_header.hash) not in hashes:
        raise WrongAnswer(f"the logs of block {last} and its header {to_header.hash} are of two branches")
    return CheckedLogs(_in_order(live, positions), len(logs) - len(live))


def check_block(logs: list[RawLog], header: Header, addresses: frozenset[str]) -> CheckedLogs:
    """Check the logs of one block, asked for by its hash."""
    live = _live(logs)
    strangers = {log.block_hash for log in live} - {header.hash}
    if strangers:
        raise WrongAnswer(f"asked for logs of block {header.hash}, got logs of {sorted(strangers)}")
    positions = _positions(live)
    if any(number != header.number for number, _ in positions):
        raise WrongAnswer(f"logs of block {header.hash} that do not carry its number {header.number}")
    _check_addresses(live, addresses)
    return CheckedLogs(_in_order(live, positions), len(logs) - len(live))


def lower_case(addresses: Iterable[Address]) -> frozenset[str]:
    """Spell addresses as nodes mostly do."""
    return frozenset(address.lower() for address in addresses)


def contradicts_bloom(logs: Sequence[RawLog], header: Header) -> bool:
    """True when the bloom lacks an address that did log: this chain does not fill its blooms."""
    bloom = header.logs_bloom
    if bloom is None or is_blank(bloom):
        return bool(logs) or bloom is None
    return not all(may_contain(bloom, address) for address in {log.address for log in logs})


def is_overfull(header: Header) -> bool:
    """True when the bloom says yes to nearly everybody: its promises are no reason to ask again."""
    return header.logs_bloom is not None and is_saturated(header.logs_bloom)


def promised_by_bloom(logs: Sequence[RawLog], header: Header, addresses: frozenset[str]) -> frozenset[str]:
    """The addresses without any log here that the bloom admits; it may err, but not often."""
    bloom = header.logs_bloom
    if bloom is None or is_blank(bloom):
        return frozenset()
    silent = addresses - {log.address.lower() for log in logs}
    return frozenset(address for address in silent if may_contain(bloom, address))


def _live(logs: list[RawLog]) -> list[RawLog]:
    return [log for log in logs if not log.removed] if any(log.removed for log in logs) else logs


def _positions(logs: Sequence[RawLog]) -> list[tuple[int, int]]:
    try:
        numbers = {number: int(number, 16) for number in {log.block_number for log in logs}}
        return [(numbers[log.block_number], int(log.log_index, 16)) for log in logs]
    except ValueError as error:
        raise WrongAnswer(f"a log without a position: {error}") from error


def _check_addresses(logs: Sequence[RawLog], addresses: frozenset[str]) -> None:
    strangers = lower_case({log.address for log in logs}) - addresses
    if strangers:
        raise WrongAnswer(f"logs of addresses that were not asked for: {sorted(strangers)[:3]}")


def _in_order(logs: list[RawLog], positions: list[tuple[int, int]]) -> list[RawLog]:
    if all(map(lt, positions, positions[1:])):
        return logs
    by_position: dict[tuple[int, int], RawLog] = {}
    for position, log in zip(positions, logs, strict=True):
        if by_position.setdefault(position, log) != log:
            raise WrongAnswer(f"two different logs at (block, logIndex) {position}")
    return [by_position[position] for position in sorted(by_position)]
