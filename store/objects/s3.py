"""Objects in an S3 bucket: that of Amazon, or any server that speaks the same."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from store.objects.errors import (
    AlreadyThere,
    BucketMissing,
    BucketRefused,
    BucketUnreachable,
    ObjectMissing,
    ObjectsError,
)
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

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 15, 3
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
TAKEN = frozenset({"PreconditionFailed", "412"})
REFUSALS = frozenset({"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                      "RequestTimeTooSkewed", "ExpiredToken", "InvalidToken", "401"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are kept. Without an endpoint, Amazon's; without keys, by the role of this machine."""

    name: str
    region: str = "us-east-1"
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """Where, fit for messages."""
        return f"{urlsplit(self.endpoint).netloc}" if self.endpoint else f"Amazon S3 in {self.region}"


class S3Objects:
    """Keeps objects in one bucket, which has to be there."""

    direct = True

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._client = bucket, _client(bucket)

    def put(
        self, key: str, data: bytes | BinaryIO, headers: Headers, *, only_if_absent: bool = False
    ) -> ObjectInfo:
        condition = {"IfNoneMatch": "*"} if only_if_absent else {}
        told = _spoken(checked_headers(key, headers))
        body = io.BytesIO(data) if isinstance(data, bytes) else data
        with self._answering(checked_key(key)):
            self._client.put_object(Bucket=self._bucket.name, Key=key, Body=body, **told, **condition)
        return self.head(key)

    def get(self, key: str) -> StoredObject:
        with self._answering(checked_key(key)):
            found = self._client.get_object(Bucket=self._bucket.name, Key=key)
        return StoredObject(_info(key, found), cast("BinaryIO", _Body(found["Body"], self._failed)))

    def head(self, key: str) -> ObjectInfo:
        with self._answering(checked_key(key)):
            return _info(key, self._client.head_object(Bucket=self._bucket.name, Key=key))

    def delete(self, key: str) -> None:
        with self._answering(checked_key(key)):
            self._client.delete_object(Bucket=self._bucket.name, Key=key)

    def list(self, prefix: str, *, after: str = "", limit: int = MOST_LISTED) -> Listing:
        with self._answering(checked_prefix(prefix)):
            told = self._client.list_objects_v2(
                Bucket=self._bucket.name, Prefix=prefix, StartAfter=after, MaxKeys=limit
            )
        found = tuple(_listed(each) for each in told.get("Contents", ()))
        return Listing(found, found[-1].key if told.get("IsTruncated") and found else None)

    def copy(self, source: str, target: str) -> ObjectInfo:
        origin = {"Bucket": self._bucket.name, "Key": checked_key(source)}
        with self._answering(source):
            self._client.copy_object(Bucket=self._bucket.name, Key=checked_key(target), CopySource=origin)
        return self.head(target)

    def get_link(self, key: str, *, seconds: int) -> SignedRequest:
        return self._signed("get_object", "GET", {"Key": checked_key(key)}, {}, seconds)

    def put_link(self, key: str, *, content_type: str, size: int, seconds: int) -> SignedRequest:
        checked_headers(key, Headers(content_type))
        asked = {"Key": checked_key(key), "ContentType": content_type, "ContentLength": size}
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return self._signed("put_object", "PUT", asked, headers, seconds)

    def check(self) -> str:
        key = f"health/{secrets.token_hex(8)}"
        with self._answering(None):
            self._client.head_bucket(Bucket=self._bucket.name)
        self.put(key, b"ok", Headers("text/plain"))
        with self.get(key) as found:
            found.body.read()
        self.delete(key)
        return f"bucket {self._bucket.name} at {self._bucket.place}"

    def _signed(
        self, operation: str, method: str, asked: dict[str, Any], headers: dict[str, str], seconds: int
    ) -> SignedRequest:
        expires_at = datetime.now(UTC) + timedelta(seconds=checked_seconds(asked["Key"], seconds))
        parameters = {"Bucket": self._bucket.name, **asked}
        with self._answering(asked["Key"]):
            url = self._client.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds)
        return SignedRequest(method, str(url), headers, expires_at)

    @contextmanager
    def _answering(self, key: str | None) -> Iterator[None]:
        """Tell failures in our words; `key` is what was asked for, None for the bucket itself."""
        try:
            yield
        except ClientError as error:
            raise self._told(error, key) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise BucketRefused(self._bucket.name, self._bucket.place, str(error)) from error
        except BotoCoreError as error:
            raise self._failed(error) from error

    def _told(self, error: ClientError, key: str | None) -> ObjectsError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        name, place = self._bucket.name, self._bucket.place
        if code == "NoSuchBucket" or (code in MISSING and key is None):
            return BucketMissing(name, place)
        if code in MISSING:
            return ObjectMissing(key or "")
        if code in TAKEN:
            return AlreadyThere(key or "")
        if code in REFUSALS:
            return BucketRefused(name, place, str(error))
        return BucketUnreachable(name, place, str(error))

    def _failed(self, error: Exception) -> BucketUnreachable:
        return BucketUnreachable(self._bucket.name, self._bucket.place, str(error))


class _Body(io.RawIOBase):
    """The bytes of an object as they come in; a connection that breaks is told in our words."""

    def __init__(self, stream: Any, failed: Callable[[Exception], ObjectsError]) -> None:
        super().__init__()
        self._stream, self._failed = stream, failed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(None if size < 0 else size))
        except BotoCoreError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        self._stream.close()
        super().close()


def _client(bucket: Bucket) -> Any:
    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Buckets as host names need DNS that only Amazon has.
        s3={"addressing_style": "path" if bucket.endpoint else "auto"},
        # Checksums in trailers are unknown to most other servers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.Session(region_name=bucket.region).client(
        "s3",
        endpoint_url=bucket.endpoint,
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        aws_session_token=bucket.session_token,
        config=config,
    )


def _spoken(headers: Headers) -> dict[str, Any]:
    told: dict[str, Any] = {"ContentType": headers.content_type, "Metadata": dict(headers.metadata)}
    return told if headers.cache_control is None else {**told, "CacheControl": headers.cache_control}


def _info(key: str, told: dict[str, Any]) -> ObjectInfo:
    headers = Headers(told["ContentType"], told.get("CacheControl"), dict(told.get("Metadata", {})))
    etag = str(told["ETag"]).strip('"')
    return ObjectInfo(key, told["ContentLength"], etag, _utc(told["LastModified"]), headers)


def _listed(told: dict[str, Any]) -> Listed:
    return Listed(told["Key"], told["Size"], str(told["ETag"]).strip('"'), _utc(told["LastModified"]))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
