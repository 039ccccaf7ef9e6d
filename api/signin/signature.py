"""Whose signature it is: recovered from the bytes received, or confirmed by the contract of the wallet."""

from __future__ import annotations

import re
from typing import Literal, Protocol

from coincurve import PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from api.signin.refusals import Refused

MAX_SIGNATURE_BYTES = 8192
"""A wallet that is not deployed yet signs with its own deployment inside (ERC-6492)."""
HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
ECDSA_BYTES = 65
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
RECOVERY_IDS = {0: 0, 1: 1, 27: 0, 28: 1}
Accepts = Literal["accepted", "refused", "unreachable", "other-chain"]


class ContractWallets(Protocol):
    """The chain, as far as contracts sign: ERC-1271, and ERC-6492 for those not deployed yet."""

    def check(self, address: str, chain_id: int, digest: bytes, signature: bytes) -> Accepts:
        """What the contract at the address says of the signature, within bounds. Never raises."""


class NoContractWallets:
    """Stands in where no node can be asked."""

    def check(self, address: str, chain_id: int, digest: bytes, signature: bytes) -> Accepts:  # noqa: ARG002
        return "other-chain"


def read_signature(text: str) -> bytes:
    """The bytes of a signature in hex. Raises Refused."""
    if len(text) > 2 + 2 * MAX_SIGNATURE_BYTES:
        raise Refused("signature-malformed", f"the signature is longer than {MAX_SIGNATURE_BYTES} bytes")
    if not HEX.fullmatch(text):
        raise Refused("signature-malformed", "the signature must be 0x and an even number of hex digits")
    return bytes.fromhex(text[2:])


def check_signature(
    text: str, signature: bytes, address: str, chain_id: int, wallets: ContractWallets
) -> None:
    """Raise Refused unless the address signed exactly this text (EIP-191)."""
    digest = digest_of(text)
    if len(signature) == ECDSA_BYTES and _recovered(digest, signature) == address:
        if 2 * int.from_bytes(signature[32:64], "big") > CURVE_ORDER:
            raise Refused("signature-not-canonical", "the signature's s is in the upper half of its range")
        return
    _check_contract(signature, address, wallets.check(address, chain_id, digest, signature))


def digest_of(text: str) -> bytes:
    """What a wallet signs for a text."""
    message = text.encode()
    return bytes(keccak(b"\x19Ethereum Signed Message:\n%d" % len(message) + message))


def _recovered(digest: bytes, signature: bytes) -> str | None:
    """Who made the signature; None where nobody can have."""
    recovery_id = RECOVERY_IDS.get(signature[64])
    if recovery_id is None:
        return None
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([recovery_id]), digest, hasher=None)
    except ValueError:
        return None
    return str(to_checksum_address(keccak(key.format(compressed=False)[1:])[-20:]))


def _check_contract(signature: bytes, address: str, said: Accepts) -> None:
    if said == "accepted":
        return
    if said == "unreachable":
        raise Refused("wallet-unreachable", "the chain cannot be asked about a contract wallet at present")
    if said == "other-chain" and len(signature) != ECDSA_BYTES:
        why = "it is not 65 bytes, and contract wallets must sign for the chain of this service"
        raise Refused("signature-malformed", f"the signature cannot be checked: {why}")
    if said == "refused" and len(signature) != ECDSA_BYTES:
        raise Refused("wallet-refused", f"the wallet contract at {address} does not accept the signature")
    raise Refused("signature-mismatch", f"the signature is not one of {address} over this message")
