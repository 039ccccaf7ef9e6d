"""Contract wallets on a real EVM: ERC-1271, ERC-6492, and contracts that try to make trouble."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_abi.abi import encode

from api.signin import Proof, Refused, Terms, examine
from api.signin.signature import digest_of
from chain.contracts import encode_call, load_artifact
from chain.devchain import DevChain
from chain.transactions import DevRpc, accounts, deploy, view
from chain.wallets import NOT_DEPLOYED, AskedWallets
from tests.api.signing import DOMAIN, URI, Wallet

CHAIN_ID = 31337
OWNER, STRANGER = Wallet("owner of a contract"), Wallet("stranger")
REVERTS, LOOPS, FLOODS, TOO_LITTLE, MAGIC_AND_MORE, SAYS_TRUE = range(6)


@pytest.fixture(scope="module")
def rpc() -> Iterator[DevRpc]:
    with DevChain() as chain, DevRpc(chain.url) as rpc:
        yield rpc


@pytest.fixture(scope="module")
def wallets(rpc: DevRpc) -> Iterator[AskedWallets]:
    asked = AskedWallets([rpc.url], CHAIN_ID)
    yield asked
    asked.close()


def deployed(rpc: DevRpc, name: str, *args: Any) -> str:
    return deploy(rpc, accounts(rpc)[0], name, *args)[0]


def judged(
    address: str, signer: Wallet, wallets: AskedWallets, wrap: Any = lambda signature: signature
) -> str:
    text = signer.message("abcdefgh1234", address=address, chain_id=CHAIN_ID)
    terms = Terms((DOMAIN,), (URI,), frozenset({CHAIN_ID}), timedelta(minutes=10))
    proof = Proof(text, wrap(signer.sign(text)), address)
    try:
        examine(proof, terms, datetime.now(UTC), lambda *_: True, wallets)
    except Refused as refusal:
        return refusal.code
    return "accepted"


def test_what_the_owner_signed_the_wallet_has_signed(rpc, wallets):
    wallet = deployed(rpc, "SmartWallet", OWNER.address)

    assert judged(wallet, OWNER, wallets) == "accepted"
    assert judged(wallet, STRANGER, wallets) == "signature-mismatch"
    assert judged(wallet, OWNER, wallets, lambda signature: signature + "00") == "wallet-refused"


def test_a_wallet_that_is_not_deployed_yet_brings_its_deployment_along(rpc, wallets):
    factory = deployed(rpc, "WalletFactory")
    abi = load_artifact("WalletFactory").abi
    wallet = view(rpc, factory, abi, "addressOf", OWNER.address)

    def wrap(signature: str) -> str:
        call = bytes.fromhex(encode_call(abi, "deploy", [OWNER.address])[2:])
        inner = encode(["address", "bytes", "bytes"], [factory, call, bytes.fromhex(signature[2:])])
        return "0x" + (inner + NOT_DEPLOYED).hex()

    assert judged(wallet, OWNER, wallets, wrap) == "accepted"
    assert judged(wallet, STRANGER, wallets, wrap) == "wallet-refused"
    assert judged(STRANGER.address, OWNER, wallets, wrap) == "wallet-refused"
    assert judged(wallet, OWNER, wallets) == "signature-mismatch"
    assert rpc.call("eth_getCode", wallet, "latest") == "0x"


@pytest.mark.parametrize("manner", [REVERTS, LOOPS, FLOODS, TOO_LITTLE, MAGIC_AND_MORE, SAYS_TRUE])
def test_a_contract_that_makes_trouble_is_refused_in_time_and_harms_nobody_else(rpc, wallets, manner):
    strange, honest = deployed(rpc, "StrangeWallet", manner), deployed(rpc, "SmartWallet", OWNER.address)

    started = time.monotonic()
    assert judged(strange, OWNER, wallets) == "signature-mismatch"
    assert time.monotonic() - started < 10

    assert judged(honest, OWNER, wallets) == "accepted"


def test_a_contract_of_another_chain_is_not_asked(rpc, wallets):
    wallet = deployed(rpc, "SmartWallet", OWNER.address)
    digest = digest_of("anything")

    assert wallets.check(wallet, 1, digest, b"x" * 65) == "other-chain"


def test_nodes_of_another_chain_are_not_believed(rpc):
    wallet = deployed(rpc, "SmartWallet", OWNER.address)
    asked = AskedWallets([rpc.url], 5)

    assert asked.check(wallet, 5, digest_of("anything"), b"x" * 65) == "unreachable"


def test_a_node_that_is_gone_is_said_so_and_not_asked_again_at_once():
    now = [0.0]
    asked = AskedWallets(["http://127.0.0.1:9"], CHAIN_ID, clock=lambda: now[0])
    wallet = STRANGER.address

    assert judged(wallet, OWNER, asked) == "wallet-unreachable"
    started = time.monotonic()
    assert judged(wallet, OWNER, asked) == "wallet-unreachable"
    assert time.monotonic() - started < 0.5
    # Who signs with a key of their own does not depend on the node.
    assert judged(OWNER.address, OWNER, asked) == "accepted"
