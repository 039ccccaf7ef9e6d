"""`siwe`: explain why a sign-in message is accepted or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import click
import msgspec

from api.signin import ContractWallets, NoContractWallets, Proof, Refused, Terms, examine
from chain.addresses import parse_address
from chain.node import Node
from chain.wallets import AskedWallets
from dvault.console import answer, explained

LONGEST_LINE = 1 << 20
DEFAULT_MAX_AGE_SECONDS = 600.0
UNJUDGED_AGE_SECONDS = 365 * 86400.0
"""Whoever tolerates a year looks into an old message, not into its freshness."""


class Question(msgspec.Struct, rename="camel"):
    """One line of input: a sign-in, and what it is held against."""

    message: str
    signature: str
    domain: str
    uris: list[str]
    chain_ids: list[Annotated[int, msgspec.Meta(ge=0)]]
    nonce: str
    at: str | int | float
    wallet_address: str | None = None
    scheme: str | None = None
    max_age_seconds: Annotated[float, msgspec.Meta(ge=0)] | None = DEFAULT_MAX_AGE_SECONDS


@click.group()
def siwe() -> None:
    """Look into sign-in messages (EIP-4361)."""


@siwe.command()
@click.option("--rpc-url", help="A node to ask about contract wallets; unless given, they are refused.")
@click.argument("lines", type=click.File("rb"), default="-")
@explained
def check(rpc_url: str | None, lines: Any) -> None:
    """Say of each line of JSON whether it signs in, and why not: by the code that the API uses.

    A line holds message, signature, domain, uris, chainIds, nonce, at (a time, or seconds since 1970), and
    may hold walletAddress, scheme, and maxAgeSeconds: 600 unless given; with null, or a year and more,
    issued-at is not judged, neither past nor future. Each is answered with a line: accepted, code, detail.

    \b
    Example:
      dvault siwe check < questions.jsonl
    """
    wallets = _wallets(rpc_url)
    for line in lines:
        if line.strip():
            answer(verdict(line, wallets))


def verdict(line: bytes, wallets: ContractWallets) -> dict[str, Any]:
    """The answer to one line; never raises."""
    try:
        question = msgspec.json.decode(line[:LONGEST_LINE], type=Question)
        proof, terms, at = _proof(question), _terms(question), _time(question.at)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError) as error:
        return _told(False, "invalid-line", f"this line cannot be read: {error}")
    try:
        examine(proof, terms, at, lambda nonce, _: nonce == question.nonce, wallets)
    except Refused as refusal:
        return _told(False, refusal.code, refusal.detail)
    return _told(True, "accepted", "the message signs its address in")


def _proof(question: Question) -> Proof:
    wallet = question.wallet_address
    return Proof(question.message, question.signature, None if wallet is None else parse_address(wallet))


def _terms(question: Question) -> Terms:
    seconds = question.max_age_seconds
    return Terms(
        (question.domain,),
        tuple(question.uris),
        frozenset(question.chain_ids),
        None if seconds is None or seconds >= UNJUDGED_AGE_SECONDS else timedelta(seconds=seconds),
        question.scheme,
    )


def _time(at: str | int | float) -> datetime:
    if not isinstance(at, str):
        return datetime.fromtimestamp(at, UTC)
    moment = datetime.fromisoformat(at.upper())
    if moment.tzinfo is None:
        raise ValueError("at has no time zone; end it with Z for UTC")
    return moment.astimezone(UTC)


def _wallets(rpc_url: str | None) -> ContractWallets:
    if rpc_url is None:
        return NoContractWallets()
    with Node([rpc_url]) as node:
        return AskedWallets([rpc_url], node.chain_id())


def _told(accepted: bool, code: str, detail: str) -> dict[str, Any]:
    return {"accepted": accepted, "code": code, "detail": detail}
