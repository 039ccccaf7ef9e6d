"""Wallets as people have them, and signing in with one."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct

DOMAIN, URI = "localhost:3000", "http://localhost:3000"
BASE_URL = "https://localhost"
"""Where the test client sends secure cookies to."""


class Wallet:
    """A key pair made of a name."""

    def __init__(self, name: str) -> None:
        self.account: Any = Account.from_key(hashlib.sha256(name.encode()).digest())
        self.address: str = self.account.address

    def message(self, nonce: str, **changes: Any) -> str:
        said: dict[str, Any] = {
            "domain": DOMAIN,
            "address": self.address,
            "statement": "Sign in to DynamicVault.",
            "uri": URI,
            "version": "1",
            "chain_id": 1,
            "nonce": nonce,
            "issued_at": moment(),
        } | changes
        return text_of(said)

    def sign(self, text: str) -> str:
        return "0x" + bytes(self.account.sign_message(encode_defunct(text=text)).signature).hex()

    def proof(self, nonce: str, **changes: Any) -> dict[str, str]:
        text = self.message(nonce, **changes)
        return {"walletAddress": self.address, "message": text, "signature": self.sign(text)}


def moment(seconds: float = 0) -> str:
    """So many seconds from now, as messages spell it."""
    return (
        (datetime.now(UTC) + timedelta(seconds=seconds))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def text_of(said: dict[str, Any]) -> str:
    """The message that says so; what is missing is left out, whatever becomes of it."""
    scheme = f"{said['scheme']}://" if said.get("scheme") else ""
    lines = [
        f"{scheme}{said.get('domain', '')} wants you to sign in with your Ethereum account:",
        f"{said.get('address', '')}",
        "",
    ]
    if said.get("statement") is not None:
        lines.append(said["statement"])
    lines.append("")
    labels = {
        "uri": "URI", "version": "Version", "chain_id": "Chain ID", "nonce": "Nonce", "issued_at": "Issued At",
        "expiration_time": "Expiration Time", "not_before": "Not Before", "request_id": "Request ID",
    }  # fmt: skip
    lines += [f"{label}: {said[name]}" for name, label in labels.items() if said.get(name) is not None]
    if said.get("resources") is not None:
        lines += ["Resources:", *(f"- {resource}" for resource in said["resources"])]
    return "\n".join(lines)


def nonce_for(client: Any, wallet: Wallet) -> str:
    response = client.get(f"/api/auth/nonce?walletAddress={wallet.address}", base_url=BASE_URL)
    assert response.status_code == 200, response.text
    return str(response.json["nonce"])


def sign_in(client: Any, wallet: Wallet, **body: Any) -> dict[str, Any]:
    """The tokens of a new session; the client keeps the cookie."""
    proof = wallet.proof(nonce_for(client, wallet))
    response = client.post("/api/auth/verify", json={**proof, **body}, base_url=BASE_URL)
    assert response.status_code == 200, response.text
    return dict(response.json)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['accessToken']}"}
