"""How soon is any body answered where people sign in? Good sign-ins, and whatever is made to take long."""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct

from bench.head import await_serving, free_port, percentile, running
from store.mongod import EmbeddedMongod

MEGABYTE = 999_000
ALMOST_16_KB, ALMOST_256_KB = 16_000, 260_000
"""Just below what is read where people sign in, and where they make keys."""
ACCOUNT = Account.from_key(hashlib.sha256(b"bench").digest())
WARM_ROUNDS = 3
GOOD, OK, TOO_MANY = "good sign-in", 200, 429
Body = tuple[str, str, bytes, dict[str, str]]
Send = Callable[[str, str, bytes, dict[str, str]], tuple[int, bytes]]


def message(nonce: str, **changes: str) -> str:
    """A sign-in message, or one that differs from it somewhere."""
    said = {
        "domain": "localhost:3000", "statement": "Sign in.", "uri": "http://localhost:3000", "nonce": nonce,
        "chain": "1", "more": "", "issued": datetime.now(UTC).isoformat(timespec="seconds"),
    } | changes  # fmt: skip
    return (
        f"{said['domain']} wants you to sign in with your Ethereum account:\n{ACCOUNT.address}\n\n"
        f"{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\nChain ID: {said['chain']}\n"
        f"Nonce: {said['nonce']}\nIssued At: {said['issued']}{said['more']}"
    )


def proof(text: str) -> dict[str, str]:
    signature = ACCOUNT.sign_message(encode_defunct(text=text)).signature.hex()
    return {
        "walletAddress": ACCOUNT.address, "message": text, "signature": "0x" + signature.removeprefix("0x"),
    }  # fmt: skip


def bodies(nonce: str, token: str) -> Iterator[Body]:
    """(kind, path, body, headers): a good sign-in first, since it uses the nonce up."""
    verify, refresh = "/api/auth/verify", "/api/auth/refresh"
    for kind, text in messages(nonce):
        yield kind, verify, json.dumps(proof(text)).encode(), {}
    good = proof(message(nonce))
    big = "a" * (MEGABYTE - 1000)
    for field in good:
        yield f"1 MB of {field}", verify, json.dumps({**good, field: big}).encode(), {}
    yield "1 MB of fields", verify, json.dumps({f"{n:06}": 0 for n in range(70_000)}).encode(), {}
    yield "1 MB of items", "/api/assets/batch", b'{"tokenIds":[' + b",".join([b'"a"'] * 240_000) + b"]}", {}
    yield "1 MB of nesting", verify, b"[" * MEGABYTE, {}
    yield "1 MB of digits", verify, b'{"message":' + b"1" * MEGABYTE + b"}", {}
    yield "1 MB of nothing", verify, b"\0" * MEGABYTE, {}
    yield "1 MB of escapes", verify, json.dumps({**good, "message": "\u2603" * 160_000}).encode(), {}
    yield "1 MB of refresh token", refresh, json.dumps({"refreshToken": big}).encode(), {}
    yield from below_the_limit(good, {"Authorization": f"Bearer {token}"})
    yield "a refresh token of dots", refresh, json.dumps({"refreshToken": "." * 4000}).encode(), {}
    yield "a cookie of 8 KB", refresh, b"{}", {"Cookie": "refresh_token=" + "a" * 8000}


def below_the_limit(good: dict[str, str], signed_in: dict[str, str]) -> Iterator[Body]:
    """Bodies that are read to their end."""
    verify, keys, key = "/api/auth/verify", "/api/keys", {"name": "bench", "scopes": ["read"]}
    for field in good:
        yield f"16 kB of {field}", verify, json.dumps({**good, field: "a" * 15_000}).encode(), {}
    yield "16 kB of nesting", verify, b"[" * ALMOST_16_KB, {}
    yield "16 kB of digits", verify, b'{"message":' + b"1" * 15_900 + b"}", {}
    yield "16 kB of fields", verify, json.dumps({f"{n:06}": 0 for n in range(1_200)}).encode(), {}
    yield "256 kB of a key's name", keys, json.dumps({**key, "name": "a" * 250_000}).encode(), signed_in
    yield "256 kB of scopes", keys, json.dumps({**key, "scopes": ["read"] * 30_000}).encode(), signed_in
    yield "256 kB of fields", keys, json.dumps({f"{n:06}": 0 for n in range(21_000)}).encode(), signed_in
    yield "256 kB of nesting", keys, b"[" * ALMOST_256_KB, signed_in
    yield (
        "an unknown recovery code",
        "/api/auth/mfa/verify",
        b'{"recoveryCode":"AAAABBBBCCCCDDDD"}',
        signed_in,
    )


def messages(nonce: str) -> Iterator[tuple[str, str]]:
    yield GOOD, message(nonce)
    yield "long statement", message(nonce, statement="a" * 1750)
    yield "long request id", message(nonce, more="\nRequest ID: " + "%41" * 550)
    yield "many resources", message(nonce, more="\nResources:" + "\n- a:b" * 280)
    yield "long domain", message(nonce, domain="a" * 1700)
    yield "domain of users", message(nonce, domain="a@" * 850)
    yield "URI of dots", message(nonce, uri="http://" + "1." * 800)
    yield "longest accepted URI", message(nonce, uri="http://localhost:3000/" + "1." * 110)
    yield "longest nonce", message("a" * 96)
    yield "long scheme", "a" * 1700 + "://" + message(nonce)
    yield "garbage", "a" * 2040


def measure(send: Send, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each kind, the first rounds left out."""
    found: dict[str, list[float]] = {}
    good = json.dumps(proof(message(nonce_of(send)))).encode()
    token = json.loads(send("POST", "/api/auth/verify", good, {})[1])["accessToken"]
    for number in range(rounds + WARM_ROUNDS):
        for kind, path, body, headers in bodies(nonce_of(send), token):
            started = time.perf_counter()
            status, _ = send("POST", path, body, headers)
            took = 1000 * (time.perf_counter() - started)
            if (status >= 500 and "/auth/" in path) or status == TOO_MANY or (kind == GOOD) != (status == OK):
                raise SystemExit(f"{kind}: answered {status}")
            if number >= WARM_ROUNDS:
                found.setdefault(kind, []).append(took)
    return found


def nonce_of(send: Send) -> str:
    asked = send("GET", f"/api/auth/nonce?walletAddress={ACCOUNT.address}", b"", {})
    return str(json.loads(asked[1])["nonce"])


def sender(port: int) -> Send:
    """One connection after another: a refused body may end one."""

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # answered before the whole body was sent
                wire.request(method, path, body or None, {"Content-Type": "application/json", **headers})
            response = wire.getresponse()
            return response.status, response.read()
        finally:
            wire.close()

    return send


def figures(found: dict[str, list[float]]) -> dict[str, Any]:
    every = [took for times in found.values() for took in times]
    return {
        "p99Ms": round(percentile(every, 0.99), 1),
        "medianMs": round(median(every), 1),
        "maxMs": round(max(every), 1),
        "answers": len(every),
        "perKind": {
            kind: {"medianMs": round(median(times), 1), "maxMs": round(max(times), 1)}
            for kind, times in found.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--limit-ms", type=float, help="fail if p99 is above")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mongod = stack.enter_context(EmbeddedMongod(folder / "mongod"))
        port = free_port()
        chosen = {
            "NETWORK": "local", "MONGODB_URI": mongod.uri, "MONGODB_DATABASE": "sign_in", "PORT": str(port),
            "DATA_DIR": str(folder / "data"), "RPC_URLS": "http://127.0.0.1:9",
            # What is measured is the answer to a body, not the refusal to look at one.
            "RATE_LIMIT_AUTH": "off", "RATE_LIMIT_READ": "off", "RATE_LIMIT_WRITE": "off",
        }  # fmt: skip
        await_serving(stack.enter_context(running("serve", chosen, folder)), port)
        told = figures(measure(sender(port), options.rounds))
    for kind, times in told["perKind"].items():
        print(f"{kind:26} median {times['medianMs']:7.1f} ms   slowest {times['maxMs']:7.1f} ms")
    print(f"p99 of {told['answers']} answers: {told['p99Ms']} ms")
    print(json.dumps(told))
    if options.limit_ms is not None and told["p99Ms"] > options.limit_ms:
        sys.exit(1)


if __name__ == "__main__":
    main()
