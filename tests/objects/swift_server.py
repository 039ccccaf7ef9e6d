"""A real S3 server that checks signatures: OpenStack Swift with its S3 middleware, on loopback, in a folder.

One of each server with one replica; the rings are written by a script, and nothing is read from /etc.
"""

from __future__ import annotations

import getpass
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS_KEY, SECRET_KEY = "test:tester", "testing"
READY_SECONDS = 60.0
KINDS = ("account", "container", "object")
BINARIES = Path(sys.executable).parent

SWIFT_CONF = """\
[swift-hash]
swift_hash_path_suffix = changeme
swift_hash_path_prefix = changeme

[storage-policy:0]
name = default
default = yes
"""

STORAGE_CONF = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
user = {user}
log_name = {kind}
log_level = WARNING
disable_fallocate = true
recon_cache_path = {folder}

[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY_CONF = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
user = {user}
log_name = proxy
log_level = WARNING

[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache bulk s3api tempauth copy slo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
check_bucket_owner = false
force_swift_request_proxy_log = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin .reseller_admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""


@dataclass(frozen=True, slots=True)
class SwiftServer:
    """Where it listens, and the one account that it knows."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = "us-east-1"

    def make_bucket(self, bucket: str) -> None:
        _client(self.endpoint).create_bucket(Bucket=bucket)


class SwiftDidNotStart(RuntimeError):
    """With the last lines that its servers wrote."""


@contextmanager
def swift(folder: Path) -> Iterator[SwiftServer]:
    """Run until the block is left; the folder must be on a filesystem with extended attributes."""
    ports = _free_ports(len(KINDS) + 1)
    _write_configuration(folder, ports)
    servers = [_started(folder, kind) for kind in (*KINDS, "proxy")]
    try:
        endpoint = f"http://127.0.0.1:{ports[-1]}"
        _await_ready(endpoint, folder, servers)
        yield SwiftServer(endpoint)
    finally:
        for server in servers:
            server.kill()
        for server in servers:
            server.wait()


def _write_configuration(folder: Path, ports: list[int]) -> None:
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(SWIFT_CONF)
    for kind, port in zip(KINDS, ports, strict=False):
        values = {"port": port, "folder": folder, "kind": kind, "user": getpass.getuser()}
        (folder / f"{kind}.conf").write_text(STORAGE_CONF.format(**values))
        _build_ring(folder, kind, port)
    (folder / "proxy.conf").write_text(
        PROXY_CONF.format(port=ports[-1], folder=folder, user=getpass.getuser())
    )


def _build_ring(folder: Path, kind: str, port: int) -> None:
    builder = folder / f"{kind}.builder"
    device = f"r1z1-127.0.0.1:{port}/d1"
    for words in (["create", "4", "1", "1"], ["add", device, "1"], ["rebalance"]):
        command = [sys.executable, str(BINARIES / "swift-ring-builder"), str(builder), *words]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def _started(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    with (folder / f"{kind}.log").open("wb") as log:
        command = [sys.executable, str(BINARIES / f"swift-{kind}-server"), str(folder / f"{kind}.conf"), "-v"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _await_ready(endpoint: str, folder: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    client = _client(endpoint)
    while time.monotonic() < deadline and all(server.poll() is None for server in servers):
        try:
            client.list_buckets()
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    logs = {kind: (folder / f"{kind}.log").read_text(errors="replace")[-1500:] for kind in (*KINDS, "proxy")}
    raise SwiftDidNotStart(f"swift did not start: {logs}")


def _client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10
        ),
    )


def _free_ports(count: int) -> list[int]:
    """Held together, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
