"""Objects as files of one folder: the default, for one machine.

A file is a line of JSON that describes the object, then its bytes, so that both appear by one rename. The
mark at the end of a file's name keeps the key `a` and the folder of the key `a/b` apart; no key has it.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from store.objects.errors import AlreadyThere, FolderUnusable, ObjectMissing
from store.objects.links import Grant, Links
from store.objects.port import (
    MOST_LISTED,
    Headers,
    Listed,
    Listing,
    ObjectInfo,
    SignedRequest,
    StoredObject,
    checked_headers,
    checked_key,
    checked_prefix,
    checked_seconds,
)

MARK = "@"
DRAFTS = ".drafts"
"""No segment of a key begins with a dot."""
DRAFT_SECONDS = 3600
CHUNK_BYTES = 1 << 20


class FileObjects:
    """Keeps objects below a folder, which is made when it is first needed."""

    direct = False

    def __init__(self, folder: Path, links: Links) -> None:
        self._folder, self._links = folder, links

    def put(
        self, key: str, data: bytes | BinaryIO, headers: Headers, *, only_if_absent: bool = False
    ) -> ObjectInfo:
        target = self._path(key)
        checked_headers(key, headers)
        with self._usable(), self._draft() as (file, draft):
            description = _written(file, data, headers)
            _make_folders(target.parent)
            _appear(draft, target, key, only_if_absent=only_if_absent)
            return _info(key, description, target.stat().st_mtime)

    def get(self, key: str) -> StoredObject:
        file = self._opened(key)
        try:
            return StoredObject(_info(key, _described(file), os.fstat(file.fileno()).st_mtime), file)
        except BaseException:
            file.close()
            raise

    def head(self, key: str) -> ObjectInfo:
        with self.get(key) as found:
            return found.info

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._usable():
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            _sync_folder(path.parent)

    def list(self, prefix: str, *, after: str = "", limit: int = MOST_LISTED) -> Listing:
        with self._usable():
            keys = sorted(key for key in self._keys(checked_prefix(prefix)) if key > after)
            found = [listed for key in keys[:limit] if (listed := self._listed(key))]
            return Listing(tuple(found), keys[limit - 1] if len(keys) > limit else None)

    def copy(self, source: str, target: str) -> ObjectInfo:
        with self.get(source) as found:
            return self.put(target, found.body, found.info.headers)

    def get_link(self, key: str, *, seconds: int) -> SignedRequest:
        return self._links.make(Grant("GET", checked_key(key)), checked_seconds(key, seconds))

    def put_link(self, key: str, *, content_type: str, size: int, seconds: int) -> SignedRequest:
        checked_headers(key, Headers(content_type))
        grant = Grant("PUT", checked_key(key), content_type, size)
        return self._links.make(grant, checked_seconds(key, seconds))

    def check(self) -> str:
        key = f"health/{secrets.token_hex(8)}"
        self.put(key, b"ok", Headers("text/plain"))
        with self.get(key) as found:
            found.body.read()
        self.delete(key)
        return f"files in {self._folder}"

    def sweep_drafts(self, older_than_seconds: float = DRAFT_SECONDS) -> int:
        """Remove what writers that died left unfinished; how many."""
        limit = time.time() - older_than_seconds
        drafts = list((self._folder / DRAFTS).glob("*"))
        left = [draft for draft in drafts if draft.stat().st_mtime < limit]
        for draft in left:
            draft.unlink(missing_ok=True)
        return len(left)

    def _path(self, key: str) -> Path:
        return self._folder / f"{checked_key(key)}{MARK}"

    def _opened(self, key: str) -> BinaryIO:
        path = self._path(key)
        with self._usable():
            try:
                return path.open("rb")
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing(key) from error

    def _keys(self, prefix: str) -> Iterator[str]:
        top = self._folder / prefix.rpartition("/")[0]
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            place = Path(folder).relative_to(self._folder).as_posix()
            start = "" if place == "." else f"{place}/"
            for name in files:
                if name.endswith(MARK) and (key := f"{start}{name.removesuffix(MARK)}").startswith(prefix):
                    yield key

    def _listed(self, key: str) -> Listed | None:
        """None for one that was removed meanwhile."""
        try:
            info = self.head(key)
        except ObjectMissing:
            return None
        return Listed(key, info.size, info.etag, info.modified_at)

    @contextmanager
    def _draft(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A file of our own on the same filesystem, gone afterwards unless it was renamed."""
        drafts = self._folder / DRAFTS
        _make_folders(drafts)
        path = drafts / secrets.token_hex(16)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderUnusable(self._folder, error.strerror or str(error)) from error


def _written(file: BinaryIO, data: bytes | BinaryIO, headers: Headers) -> dict[str, Any]:
    """Write description and bytes, down to the disk; the digest, known last, fits in where another stood."""
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    digest, size = hashlib.md5(usedforsecurity=False), 0
    description = {
        "contentType": headers.content_type,
        "cacheControl": headers.cache_control,
        "metadata": dict(headers.metadata),
        "etag": digest.hexdigest(),
    }
    file.write(orjson.dumps(description) + b"\n")
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        file.write(chunk)
    description["etag"] = digest.hexdigest()
    file.seek(0)
    file.write(orjson.dumps(description) + b"\n")
    file.flush()
    os.fsync(file.fileno())
    return {**description, "size": size}


def _described(file: BinaryIO) -> dict[str, Any]:
    """The description; the file then stands at the first byte of the object."""
    line = file.readline()
    size = os.fstat(file.fileno()).st_size - len(line)
    try:
        return {**cast("dict[str, Any]", orjson.loads(line)), "size": size}
    except orjson.JSONDecodeError as error:
        raise FolderUnusable(file.name, "this file is damaged") from error


def _info(key: str, description: dict[str, Any], modified: float) -> ObjectInfo:
    headers = Headers(description["contentType"], description["cacheControl"], description["metadata"])
    at = datetime.fromtimestamp(int(modified), UTC)
    return ObjectInfo(key, description["size"], description["etag"], at, headers)


def _appear(draft: Path, target: Path, key: str, *, only_if_absent: bool) -> None:
    """A link, unlike a rename, does not replace."""
    if only_if_absent:
        try:
            os.link(draft, target)
        except FileExistsError as error:
            raise AlreadyThere(key) from error
    else:
        os.replace(draft, target)
    _sync_folder(target.parent)


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it, each safely on the disk."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
