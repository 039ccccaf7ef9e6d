"""A connection to MongoDB that has been checked before anybody relies on it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Self

from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from store.errors import (
    AccessRefused,
    Interrupted,
    MalformedUri,
    NotAReplicaSet,
    ServerTooOld,
    StoreUnreachable,
)

Document = dict[str, Any]
Client = MongoClient[Document]

MINIMUM_WIRE_VERSION = 13
"""MongoDB 5.0, the first with snapshot reads outside transactions."""
MAJORITY_SECONDS = 30
LONGEST_APPLICATION = 128
UNAUTHORIZED, AUTHENTICATION_FAILED, ATLAS_ERROR = 13, 18, 8000
MAJORITY = WriteConcern(w="majority", j=True, wtimeout=MAJORITY_SECONDS * 1000)
SNAPSHOT = ReadConcern("snapshot")
"""Both are for `session.with_transaction(…, read_concern=SNAPSHOT, write_concern=MAJORITY)`."""
SECRET_OPTIONS = re.compile(r"((?:password|authmechanismproperties)=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Connection:
    """A client and our database in it. Safe to share between threads, not across fork."""

    client: Client
    database: Database[Document]
    uri: str | None = field(default=None, repr=False)
    """As it was given, secrets included; None if it was not made by `connect`."""

    @contextmanager
    def snapshot(self) -> Iterator[ClientSession]:
        """A session whose reads all see the same moment, that of the first of them."""
        with self.client.start_session(snapshot=True) as session:
            yield session

    def close(self) -> None:
        """Release all sockets; the connection cannot be used afterwards."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def process_name() -> str:
    """Host and process id: who we are among the programs that use the database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def application(process: str) -> str:
    """What the server calls the connections of one of our processes."""
    return f"dvault {process}"[:LONGEST_APPLICATION]


def connect(
    uri: str, database: str, *, timeout_seconds: float = 5.0, process: str | None = None
) -> Connection:
    """Connect and check: reachable, ours to use, a replica set, recent enough. `process`: in whose name.

    Writes wait for the journals of a majority, reads see what a majority has, times come back as aware UTC.
    """
    with ExitStack() as undo:
        client = undo.enter_context(_client(uri, timeout_seconds, process or process_name()))
        connection = Connection(client, _database(client, uri, database), uri)
        _preflight(connection, uri, timeout_seconds)
        undo.pop_all()
        return connection


@contextmanager
def translated() -> Iterator[None]:
    """Raise Interrupted where the database fails, in the words of the driver."""
    try:
        yield
    except PyMongoError as error:
        raise Interrupted(f"{type(error).__name__}: {error}") from error


def redacted(uri: str) -> str:
    """The connection string without its secrets, fit for messages and logs."""
    scheme, separator, rest = uri.rpartition("://")
    credentials, at, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    hidden = ":***" if ":" in credentials else ""
    return SECRET_OPTIONS.sub(r"\1***", f"{scheme}{separator}{user}{hidden}{at}{place}")


def _client(uri: str, timeout_seconds: float, process: str) -> Client:
    milliseconds = int(timeout_seconds * 1000)
    try:
        # The client itself only warns of options it cannot read.
        parse_uri(uri, warn=False, connect_timeout=timeout_seconds)
        return MongoClient(
            uri,
            tz_aware=True,
            tzinfo=UTC,
            appname=application(process),
            w="majority",
            journal=True,
            wTimeoutMS=MAJORITY_SECONDS * 1000,
            readConcernLevel="majority",
            retryWrites=True,
            retryReads=True,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            waitQueueTimeoutMS=milliseconds,
        )
    except (InvalidURI, ValueError) as error:
        raise MalformedUri(redacted(uri), _reason(error)) from error
    except ConfigurationError as error:
        if uri.startswith("mongodb+srv") and "DNS" in str(error):
            raise StoreUnreachable(redacted(uri), _reason(error)) from error
        raise MalformedUri(redacted(uri), _reason(error)) from error


def _database(client: Client, uri: str, name: str) -> Database[Document]:
    try:
        return client[name]
    except InvalidName as error:
        raise MalformedUri(redacted(uri), f"{name!r} is not a database name ({error})") from error


def _preflight(connection: Connection, uri: str, timeout_seconds: float) -> None:
    """Ask who is there, and read something, since only that is refused to strangers."""
    try:
        judge(connection.client.admin.command("hello"), uri)
        connection.database["checkpoints"].find_one({}, {"_id": 1})
    except ConnectionFailure as error:
        _diagnose(uri, timeout_seconds)
        raise StoreUnreachable(redacted(uri), _reason(error)) from error
    except ConfigurationError as error:
        raise ServerTooOld(redacted(uri), _reason(error)) from error
    except OperationFailure as error:
        if error.code in (UNAUTHORIZED, AUTHENTICATION_FAILED, ATLAS_ERROR):
            raise AccessRefused(redacted(uri), _reason(error)) from error
        raise StoreUnreachable(redacted(uri), _reason(error)) from error


def judge(hello: Mapping[str, Any], uri: str) -> None:
    """Refuse a server that lacks what we need, from its answer to `hello`."""
    if hello.get("maxWireVersion", 0) < MINIMUM_WIRE_VERSION:
        raise ServerTooOld(redacted(uri), "older than 5.0")
    if hello.get("isreplicaset"):
        raise NotAReplicaSet(redacted(uri), "was started as a replica set that nobody has initiated")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise NotAReplicaSet(redacted(uri), "is a standalone server")


def _diagnose(uri: str, timeout_seconds: float) -> None:
    """Ask the first host by itself: given replicaSet=, the driver takes a standalone for unreachable."""
    host, port = parse_uri(uri, connect_timeout=timeout_seconds)["nodelist"][0]
    milliseconds = int(min(timeout_seconds, 2.0) * 1000)
    tls = {"tls": True} if re.search(r"[?&](tls|ssl)=true|^mongodb\+srv", uri, re.IGNORECASE) else {}
    direct: Client = MongoClient(
        host,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=milliseconds,
        **tls,  # type: ignore[arg-type]
    )
    with direct:
        try:
            hello = direct.admin.command("hello")
        except (ConnectionFailure, ConfigurationError, OperationFailure):
            return
    judge(hello, uri)
    raise StoreUnreachable(redacted(uri), _set_trouble(hello, uri))


def _set_trouble(hello: Mapping[str, Any], uri: str) -> str:
    """What keeps the driver from a primary although the host answers."""
    wanted = parse_uri(uri)["options"].get("replicaSet")
    if wanted and wanted != hello["setName"]:
        return f"the replica set there is called {hello['setName']!r}, not {wanted!r}"
    if hello.get("isWritablePrimary"):
        return f"the set names itself {', '.join(hello.get('hosts', []))}, which cannot be reached from here"
    return f"the set {hello['setName']!r} has no primary at present"


def _reason(error: Exception) -> str:
    """The driver's words, without its dump of the topology."""
    return str(error).partition(", Timeout:")[0].partition(", full error:")[0]
