"""How signing in is set up; handed in by whoever composes the application."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from api.signin import ContractWallets, NoContractWallets, Terms
from store.accounts import Accounts

ANY_LOOPBACK = ("localhost:*", "127.0.0.1:*", "[::1]:*")
"""Domains of a development machine."""

DEVELOPMENT = Terms(ANY_LOOPBACK, None, frozenset({1}), timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what we hand out is good for; a session ends `idle` after its last refresh at the latest."""

    nonce: timedelta = timedelta(minutes=10)
    access: timedelta = timedelta(minutes=15)
    idle: timedelta = timedelta(days=7)
    session: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=10)
    """How long a used refresh token gives its successor again, in case the answer was lost."""
    mfa: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Auth:
    """Everything that signing in needs; `keys` sign tokens, the first one new ones, all are accepted.

    `peppers` are what API keys and recovery codes are hashed with, likewise; if none, `keys`.
    """

    accounts: Accounts
    keys: tuple[str, ...] = field(repr=False)
    terms: Terms = DEVELOPMENT
    lifetimes: Lifetimes = Lifetimes()
    wallets: ContractWallets = field(default_factory=NoContractWallets)
    peppers: tuple[str, ...] = field(default=(), repr=False)
    live_keys: bool = False
    """API keys begin with dv_live_, not with dv_test_."""
