"""Signing in, as the settings say."""

from __future__ import annotations

from datetime import timedelta

from api.auth.options import ANY_LOOPBACK, Auth, Lifetimes
from api.signin import ContractWallets, NoContractWallets, Terms
from config.secret import peppers, token_keys
from config.settings import Settings
from store.accounts import Accounts
from store.connection import Connection

MAINNET = 1
"""Wallets are on it until they are told otherwise, whatever chain a market is on."""


def auth_of(settings: Settings, connection: Connection, wallets: ContractWallets | None = None) -> Auth:
    """What the API needs to let people sign in."""
    return Auth(
        Accounts(connection.database),
        token_keys(settings),
        terms_of(settings),
        Lifetimes(
            access=timedelta(seconds=settings.access_token_seconds),
            idle=timedelta(seconds=settings.session_idle_seconds),
            session=timedelta(seconds=settings.session_max_seconds),
        ),
        wallets or NoContractWallets(),
        peppers(settings),
        live_keys=settings.production,
    )


def terms_of(settings: Settings) -> Terms:
    """What a sign-in message must say."""
    return Terms(
        settings.siwe_domains or ANY_LOOPBACK,
        settings.siwe_uris,
        settings.siwe_chain_ids or frozenset({MAINNET, settings.chain_id}),
        timedelta(seconds=settings.siwe_max_age),
    )
