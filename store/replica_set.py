"""Makes one mongod on loopback a replica set of itself, and tells which process answers on a port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

REPLICA_SET = "dvault"
NOT_YET_INITIALIZED = 94


def direct_client(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=250, connectTimeoutMS=250
    )


def _attempt(ask: Callable[[], bool]) -> bool:
    """Ask a server that may still be starting; not answering yet is a no."""
    try:
        return ask()
    except PyMongoError:
        return False


def made_primary(client: MongoClient[dict[str, Any]], port: int) -> bool:
    """Point the replica set at this port if need be; tell whether the node accepts writes by now."""
    return _attempt(lambda: _is_primary(client, port))


def _is_primary(client: MongoClient[dict[str, Any]], port: int) -> bool:
    hello = client.admin.command("hello")
    if hello.get("isWritablePrimary") and hello.get("me") == f"127.0.0.1:{port}":
        return True
    _configure(client, port)
    return False


def _configure(client: MongoClient[dict[str, Any]], port: int) -> None:
    """Initiate the set on the first start; re-point it after a change of port."""
    host = f"127.0.0.1:{port}"
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        return
    member = config["members"][0]
    if member["host"] != host:
        moved = {**config, "version": config["version"] + 1, "members": [{**member, "host": host}]}
        client.admin.command("replSetReconfig", moved, force=True)


def serves(port: int, pid: int) -> bool:
    """Whether the primary on that port is that very process."""
    with direct_client(port) as client:
        return _attempt(
            lambda: bool(
                client.admin.command("hello").get("isWritablePrimary")
                and client.admin.command("serverStatus", repl=0, metrics=0, locks=0)["pid"] == pid
            )
        )
