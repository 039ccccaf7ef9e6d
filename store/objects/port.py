"""What the rest of the program may ask of object storage, whatever keeps the objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from store.objects.errors import MalformedKey

LONGEST_KEY, LONGEST_SEGMENT = 512, 200
MOST_LISTED = 1000
MOST_METADATA_BYTES = 2000
LONGEST_LINK_SECONDS = 7 * 24 * 3600
"""What S3 allows."""
SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
KEY = re.compile(rf"{SEGMENT}(/{SEGMENT})*")
PREFIX = re.compile(rf"(?:{SEGMENT}/)*(?:{SEGMENT})?")
CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*(; ?charset=[a-zA-Z0-9-]+)?")
PRINTABLE = re.compile(r"[\x20-\x7e]*")
METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Headers:
    """What is told with an object whenever it is handed out."""

    content_type: str
    cache_control: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names, printable values, 2 kB together; not secret."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object; the etag is opaque and the same for the same bytes put at once."""

    key: str
    size: int
    etag: str
    modified_at: datetime
    headers: Headers


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """Part of a listing, by key; the next part begins `after` that key, None where all was told."""

    objects: tuple[Listed, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object being read; to be used in a `with`."""

    info: ObjectInfo
    body: BinaryIO

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.body.close()


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that whoever holds it may send, with exactly these headers, until it expires."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Objects(Protocol):
    """Named bytes. Safe to share between threads. Every method raises ObjectsError, MalformedKey among them.

    Keys are `/`-separated segments of letters, digits, `.`, `_` and `-`, none beginning with a dot or hyphen.
    A write is seen whole or not at all, and by whoever reads after it returned.
    """

    direct: bool
    """Whether signed URLs lead to the storage itself, rather than back to our own API."""

    def put(
        self, key: str, data: bytes | BinaryIO, headers: Headers, *, only_if_absent: bool = False
    ) -> ObjectInfo:
        """Write an object, replacing what had the key; a file is read from where it stands."""

    def get(self, key: str) -> StoredObject:
        """Open an object for reading. Raises ObjectMissing."""

    def head(self, key: str) -> ObjectInfo:
        """What is known of an object. Raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def list(self, prefix: str, *, after: str = "", limit: int = MOST_LISTED) -> Listing:
        """Objects whose keys begin with the prefix, those after a key only, ordered by key."""

    def copy(self, source: str, target: str) -> ObjectInfo:
        """Give the bytes and headers of one object to another key. Raises ObjectMissing."""

    def get_link(self, key: str, *, seconds: int) -> SignedRequest:
        """A request by which anyone can read the object for a while; whether it exists is not looked at."""

    def put_link(self, key: str, *, content_type: str, size: int, seconds: int) -> SignedRequest:
        """A request by which anyone can write an object of exactly that type and size, for a while."""

    def check(self) -> str:
        """Write, read and remove something small; where, in words. For doctors."""


def checked_key(key: str) -> str:
    """The key, if it is of the allowed form."""
    if not KEY.fullmatch(key):
        raise MalformedKey(
            key, "keys are segments of letters, digits, '.', '_' and '-' with '/' between them"
        )
    if len(key) > LONGEST_KEY or any(len(segment) > LONGEST_SEGMENT for segment in key.split("/")):
        raise MalformedKey(key, f"keys have {LONGEST_KEY} characters at most, {LONGEST_SEGMENT} in a segment")
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix, if keys can begin with it."""
    if not PREFIX.fullmatch(prefix) or len(prefix) > LONGEST_KEY:
        raise MalformedKey(prefix, "no key can begin like this")
    return prefix


def checked_headers(key: str, headers: Headers) -> Headers:
    """The headers, if every storage can keep them and none can be used to forge others."""
    if not CONTENT_TYPE.fullmatch(headers.content_type):
        raise MalformedKey(key, f"{headers.content_type[:50]!r} is not a content type")
    if not PRINTABLE.fullmatch(headers.cache_control or ""):
        raise MalformedKey(key, "its cache control has characters that no header can have")
    for name, value in headers.metadata.items():
        if not METADATA_NAME.fullmatch(name) or not PRINTABLE.fullmatch(value) or value != value.strip():
            raise MalformedKey(key, f"its metadata {name[:50]!r} has characters that no header can have")
    if sum(len(name) + len(value) for name, value in headers.metadata.items()) > MOST_METADATA_BYTES:
        raise MalformedKey(key, f"its metadata is longer than {MOST_METADATA_BYTES} bytes")
    return headers


def checked_seconds(key: str, seconds: int) -> int:
    """A lifetime of a link that every storage grants."""
    if not 1 <= seconds <= LONGEST_LINK_SECONDS:
        raise MalformedKey(key, f"links live 1 to {LONGEST_LINK_SECONDS} seconds, not {seconds}")
    return seconds
