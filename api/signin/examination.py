"""The whole examination of a sign-in: what the endpoint does and what `dvault siwe check` explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from api.signin.message import Message, read_message
from api.signin.refusals import Refused
from api.signin.signature import ContractWallets, check_signature, read_signature
from api.signin.terms import Terms, check_terms

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What the library is known to raise, and what its parser might: pydantic's errors are ValueErrors too."""
SpendNonce = Callable[[str, str], bool]
"""(nonce, address) → was it ours, unused, and in time? It is used up by asking."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody sends to sign in; `wallet` is who they say they are (EIP-55), None if they do not."""

    message: str
    signature: str
    wallet: str | None = None


def examine(
    proof: Proof, terms: Terms, now: datetime, spend_nonce: SpendNonce, wallets: ContractWallets
) -> Message:
    """The message, if it signs its address in. Raises Refused; cheap checks come first.

    The nonce is spent only for a message that is right but for its signature, and before that is looked at.
    """
    message = read_message(proof.message)
    signature = read_signature(proof.signature)
    if proof.wallet not in (None, message.address):
        raise Refused("address-mismatch", f"the message is of {message.address}, not of {proof.wallet}")
    check_terms(message, terms, now)
    _check_grammar(message)
    if not spend_nonce(message.nonce, message.address):
        raise Refused(
            "nonce-invalid", "the nonce is not one of ours, or used up, or expired: ask for another"
        )
    check_signature(message.text, signature, message.address, message.chain_id, wallets)
    return message


def preload() -> None:
    """Import what takes a second, before somebody waits for it."""
    import siwe  # noqa: F401


def _check_grammar(message: Message) -> None:
    """What the reference grammar makes of it must be what we made of it. Raises Refused."""
    from siwe import SiweMessage

    try:
        found = SiweMessage.from_message(message.core, abnf=True)
    except UNREADABLE as error:
        raise Refused("message-malformed", "this is not an EIP-4361 message") from error
    told = (found.scheme, found.domain, found.address, str(found.uri), found.chain_id, found.nonce)
    ours = (message.scheme, message.domain, message.address, message.origin, message.chain_id, message.nonce)
    if told != ours:
        raise Refused("message-malformed", "this message can be read in two ways")
