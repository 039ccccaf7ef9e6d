"""When a contract came to be, told by its code alone."""

from __future__ import annotations

from chain.errors import Unknown
from chain.values import Address, Header
from indexer.ports import Chain


def deployment_block(chain: Chain, address: Address, lowest: int, highest: int) -> int | None:
    """The first block in [lowest, highest] after which the address has code; None if it never has."""
    if not chain.code(address, highest):
        return None
    while lowest < highest:
        middle = (lowest + highest) // 2
        if chain.code(address, middle):
            highest = middle
        else:
            lowest = middle + 1
    return lowest


def deployment(chain: Chain, address: Address, lowest: int, head: Header) -> Header:
    """The block that deployed a contract; `lowest` if it is older, the head if it has no code yet.

    Heights may be told by endpoints that stand on different branches: only what the block of a hash and its
    parent say counts. Raises Unknown where they contradict the heights.
    """
    number = deployment_block(chain, address, lowest, head.number)
    if number is None:
        return head
    header = head if number == head.number else chain.header(number)
    if header is None:
        raise Unknown(f"block {number}, which deployed {address}")
    is_older = number == lowest
    if not chain.code(address, header.hash) or not (is_older or not chain.code(address, header.parent_hash)):
        raise Unknown(f"the block that deployed {address}: the endpoints are on different branches")
    return header
