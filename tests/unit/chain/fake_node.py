"""A JSON-RPC server on a loopback port with a small chain of its own, which can be told to misbehave."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from eth_hash.auto import keccak

ASSET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
AGENT = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
MARKET = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
STRANGER = "0x000000000000000000000000000000000000dEaD"
BLANK_BLOOM = "0x" + "0" * 512

Answer = Callable[..., Any]
HttpFault = Callable[["Handler", Any], bool]


class Refusal(Exception):
    """A JSON-RPC error object; with a status, or for the whole batch, where wanted."""

    def __init__(
        self, code: int, message: str, data: Any = None, *, status: int = 200, whole: bool = False
    ) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.status = status
        self.whole = whole


def block_hash(number: int, branch: str = "a") -> str:
    return "0x" + keccak(f"{branch}{number}".encode()).hex()


def transaction_hash(number: int, index: int) -> str:
    return "0x" + keccak(f"transaction {number} {index}".encode()).hex()


def bloom_of(addresses: Iterable[str]) -> str:
    """Fill a bloom as the yellow paper says, by other means than the code under test."""
    bits = 0
    for address in addresses:
        digest = keccak(bytes.fromhex(address[2:]))
        for i in (0, 2, 4):
            bits |= 1 << (((digest[i] << 8) + digest[i + 1]) & 2047)
    return f"0x{bits:0512x}"


def log(number: int, index: int, address: str = ASSET, branch: str = "a", **changes: Any) -> dict[str, Any]:
    return {
        "address": address.lower(),
        "topics": ["0x" + "11" * 32],
        "data": "0x",
        "blockHash": block_hash(number, branch),
        "blockNumber": hex(number),
        "transactionHash": transaction_hash(number, index),
        "transactionIndex": hex(index),
        "logIndex": hex(index),
        "removed": False,
    } | changes


class FakeNode:
    """Blocks 0 to `head`; `logs` holds what was logged. Replace `answers[method]` or `http` to inject faults."""

    def __init__(self, head: int = 20, branch: str = "a") -> None:
        self.head = head
        self.branch = branch
        self.logs: list[dict[str, Any]] = []
        self.calls: list[tuple[str, Any]] = []
        self.posts: list[int] = []
        self.http: HttpFault | None = None
        self.bloom: Callable[[int], str | None] = lambda number: bloom_of(
            [entry["address"] for entry in self.logs if int(entry["blockNumber"], 16) == number]
        )
        self.answers: dict[str, Answer] = {
            "eth_chainId": lambda: hex(31337),
            "eth_blockNumber": lambda: hex(self.head),
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getLogs": self.get_logs,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getBlockReceipts": self.block_receipts,
            "eth_getCode": lambda *_: "0x6001",
        }
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.node = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self.released = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, method: str) -> int:
        return sum(1 for name, _ in self.calls if name == method)

    def fail(self, method: str, times: int, fault: Answer) -> None:
        """Answer with `fault` (a value, or a Refusal raised) that many times, then as before."""
        before, left = self.answers[method], [times]

        def answer(*params: Any) -> Any:
            if left[0] == 0:
                return before(*params)
            left[0] -= 1
            return fault(*params)

        self.answers[method] = answer

    # --- the honest answers ------------------------------------------------------------

    def block(self, number: int) -> dict[str, Any]:
        body = {
            "number": hex(number),
            "hash": block_hash(number, self.branch),
            "parentHash": block_hash(number - 1, self.branch),
            "timestamp": hex(1_700_000_000 + number),
            "extraData": "0x" + "00" * 97,
            "transactions": list(
                dict.fromkeys(e["transactionHash"] for e in self.logs if int(e["blockNumber"], 16) == number)
            ),
        }
        bloom = self.bloom(number)
        return body if bloom is None else body | {"logsBloom": bloom}

    def block_by_number(self, tag: str, full: bool) -> Any:
        number = {"latest": self.head, "safe": max(0, self.head - 4), "finalized": max(0, self.head - 8)}.get(
            tag
        )
        number = int(tag, 16) if number is None else number
        return self.block(number) if number <= self.head else None

    def block_by_hash(self, wanted: str, full: bool) -> Any:
        for number in range(self.head + 1):
            if block_hash(number, self.branch) == wanted:
                return self.block(number)
        return None

    def get_logs(self, query: dict[str, Any]) -> Any:
        wanted = set(query["address"])
        if "blockHash" in query:
            return [e for e in self.logs if e["blockHash"] == query["blockHash"] and e["address"] in wanted]
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        return [e for e in self.logs if first <= int(e["blockNumber"], 16) <= last and e["address"] in wanted]

    def receipt(self, wanted: str) -> Any:
        for entry in self.logs:
            if entry["transactionHash"] == wanted:
                return {
                    "transactionHash": wanted,
                    "blockHash": entry["blockHash"],
                    "gasUsed": "0x5208",
                    "effectiveGasPrice": "0x3b9aca00",
                    "logs": [entry],
                }
        return None

    def block_receipts(self, wanted: str) -> Any:
        return [self.receipt(e["transactionHash"]) for e in self.logs if e["blockHash"] == wanted]


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up: that is what the tests are about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        node: FakeNode = self.server.node  # type: ignore[attr-defined]
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        node.posts.append(len(payload) if isinstance(payload, list) else 1)
        if node.http is not None and node.http(self, payload):
            return
        status, reply = self.answered(node, payload)
        self.send(status, json.dumps(reply).encode())

    def answered(self, node: FakeNode, payload: Any) -> tuple[int, Any]:
        try:
            if isinstance(payload, list):
                return 200, [self.one(node, call) for call in payload]
            return 200, self.one(node, payload)
        except Refusal as refusal:
            id_ = None if isinstance(payload, list) else payload["id"]
            return refusal.status, {"jsonrpc": "2.0", "id": id_, "error": refusal.error}

    def one(self, node: FakeNode, call: Any) -> Any:
        node.calls.append((call["method"], call["params"]))
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return head | {"result": node.answers[call["method"]](*call["params"])}
        except Refusal as refusal:
            if refusal.whole or refusal.status != 200:
                raise
            return head | {"error": refusal.error}

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""
