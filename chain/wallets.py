"""Signatures of contract wallets: what the contract itself says of them (ERC-1271, ERC-6492)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock, Semaphore
from typing import Literal

from eth_abi.abi import encode

from chain.errors import RpcError
from chain.node import Node
from chain.values import Address, CallResult, Reverted

logger = logging.getLogger(__name__)

Verdict = Literal["accepted", "refused", "unreachable", "other-chain"]

GAS = 5_000_000
"""Enough to deploy a wallet and let it verify a passkey; a bound on what a stranger can make a node do."""
DEADLINE_SECONDS = 2.0
MAX_ANSWER_BYTES = 64 * 1024
"""A contract may answer with megabytes; what we look for is one word."""
MAX_AT_ONCE = 4
QUIET_SECONDS = 3.0
"""After a failure nobody is asked for that long: one caller waits in vain, not all of them."""
MAGIC_VALUE = bytes.fromhex("1626ba7e")
"""The selector of isValidSignature(bytes32,bytes), which is also its answer."""
NOT_DEPLOYED = bytes.fromhex("6492" * 16)
"""Ends a signature that brings the deployment of its wallet along."""


class AskedWallets:
    """Asks the nodes of one chain; connects at the first question. Safe to use from many threads."""

    def __init__(
        self, urls: Sequence[str], chain_id: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._urls, self._chain_id, self._clock = urls, chain_id, clock
        self._node: Node | None = None
        self._lock = Lock()
        self._places = Semaphore(MAX_AT_ONCE)
        self._quiet_until = 0.0

    def check(self, address: Address, chain_id: int, digest: bytes, signature: bytes) -> Verdict:
        """What the contract at the address says of a signature of the digest. Never raises.

        `unreachable` is also the answer while the nodes fail or are busy with earlier questions.
        """
        if chain_id != self._chain_id:
            return "other-chain"
        if self._clock() < self._quiet_until or not self._places.acquire(blocking=False):
            return "unreachable"
        try:
            return self._asked(address, digest, signature)
        except RpcError as error:
            logger.warning("no node could be asked of a contract wallet", extra={"why": str(error)})
            self._quiet_until = self._clock() + QUIET_SECONDS
            return "unreachable"
        finally:
            self._places.release()

    def _asked(self, address: Address, digest: bytes, signature: bytes) -> Verdict:
        """Nodes that fail on this question and not on the next one do so because of the contract."""
        node = self._connected()
        try:
            return "accepted" if is_accepted(node, address, digest, signature) else "refused"
        except RpcError as error:
            node.chain_id()
            logger.info("a contract wallet gave no answer", extra={"wallet": address, "why": str(error)})
            return "refused"

    def close(self) -> None:
        """Close the connections, if there are any."""
        with self._lock:
            if self._node is not None:
                self._node.close()

    def _connected(self) -> Node:
        with self._lock:
            if self._node is None:
                node = Node(
                    self._urls, deadline_seconds=DEADLINE_SECONDS, max_response_bytes=MAX_ANSWER_BYTES
                )
                _check_chain(node, self._chain_id)
                self._node = node
            return self._node


def is_accepted(node: Node, address: Address, digest: bytes, signature: bytes) -> bool:
    """Does the contract accept the signature, now or, by ERC-6492, once it is deployed? Raises RpcError."""
    if signature.endswith(NOT_DEPLOYED):
        answer = node.simulate(_deployless(address, digest, signature))
        return _bytes(answer)[-1:] == b"\x01"
    asked = MAGIC_VALUE + encode(["bytes32", "bytes"], [digest, signature])
    answer = node.simulate({"to": address, "data": "0x" + asked.hex(), "gas": hex(GAS)})
    return _bytes(answer)[:32] == MAGIC_VALUE.ljust(32, b"\0")


def _deployless(address: Address, digest: bytes, signature: bytes) -> dict[str, str]:
    """The reference validator, run as the construction of a contract that is never made."""
    from siwe.siwe import EIP6492_VALIDATOR_BYTECODE

    arguments = encode(["address", "bytes32", "bytes"], [address, digest, signature])
    return {"data": EIP6492_VALIDATOR_BYTECODE + arguments.hex(), "gas": hex(GAS)}


def _bytes(answer: CallResult) -> bytes:
    """Reverted, out of gas, or nobody there: as good as a refusal."""
    return b"" if isinstance(answer, Reverted) else answer


def _check_chain(node: Node, wanted: int) -> None:
    """Refuse nodes of another chain, whose contracts are not those of the wallet."""
    try:
        told = node.chain_id()
    except RpcError:
        node.close()
        raise
    if told != wanted:
        node.close()
        raise RpcError(f"the nodes serve chain {told}, not {wanted}")
