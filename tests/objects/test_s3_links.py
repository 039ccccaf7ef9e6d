"""Signed URLs of a bucket, against a server that really checks them; and what its failures are called."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import urllib3

from store.objects import (
    BucketMissing,
    BucketRefused,
    BucketUnreachable,
    Headers,
    SignedRequest,
)
from store.objects.s3 import Bucket, S3Objects

PNG = {"content_type": "image/png", "size": 5, "seconds": 60}


@pytest.fixture
def objects(swift_bucket: Bucket) -> S3Objects:
    return S3Objects(swift_bucket)


def send(asked: SignedRequest, body: bytes = b"", **changes: object) -> tuple[int, bytes, Mapping[str, str]]:
    """Send it as signed, or with another `method`, `url` or `headers`."""
    asked = replace(asked, **changes)
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        answer = pool.request(
            asked.method, asked.url, body=body if asked.method == "PUT" else None, headers=dict(asked.headers)
        )
    return answer.status, answer.data, answer.headers


def test_a_link_reads_the_object_with_its_headers(objects: S3Objects):
    objects.put("a/b", b"hello", Headers("image/png", "public, max-age=60"))

    status, data, headers = send(objects.get_link("a/b", seconds=60))

    assert (status, data) == (200, b"hello")
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("image/png", "public, max-age=60")


def test_a_link_writes_exactly_what_it_was_made_for(objects: S3Objects):
    asked = objects.put_link("a/b", **PNG)

    status, _, _ = send(asked, b"12345")

    assert status == 200
    assert objects.head("a/b").headers == Headers("image/png")
    assert objects.head("a/b").size == 5
    assert 50 < (asked.expires_at - datetime.now(UTC)).total_seconds() <= 60


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"12345", {"Content-Type": "text/html", "Content-Length": "5"}),
        (b"12345", {"Content-Length": "5"}),
        (b"123456", {"Content-Type": "image/png", "Content-Length": "6"}),
        (b"1", {"Content-Type": "image/png", "Content-Length": "1"}),
    ],
)
def test_a_link_writes_no_other_type_or_size(objects: S3Objects, body: bytes, headers: dict[str, str]):
    status, _, _ = send(objects.put_link("a", **PNG), body, headers=headers)

    assert status == 403
    assert objects.list("").objects == ()


def test_a_link_serves_no_other_key_method_or_signature(objects: S3Objects):
    objects.put("a", b"secret", Headers("text/plain"))
    objects.put("b", b"secret", Headers("text/plain"))
    asked = objects.get_link("a", seconds=60)
    head, signature = asked.url.rsplit("Signature=", 1)
    other = "0" if signature[0] != "0" else "1"
    longer = asked.url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")

    changed = [
        {"url": asked.url.replace("/a?", "/b?")},
        {"url": f"{head}Signature={other}{signature[1:]}"},
        {"url": longer},
        {"method": "PUT"},
        {"method": "DELETE"},
    ]

    assert longer != asked.url
    assert [send(asked, **change)[0] for change in changed] == [403] * len(changed)
    assert send(asked, url=asked.url.partition("?")[0])[0] in (400, 403)
    assert len(objects.list("").objects) == 2


def test_a_link_that_expired_is_refused(objects: S3Objects):
    objects.put("a", b"x", Headers("text/plain"))
    asked = objects.get_link("a", seconds=1)
    time.sleep(2.1)  # expiry is what is tested, and the server has a clock of its own

    assert send(asked)[0] == 403


def test_links_made_with_another_secret_are_refused(swift_bucket: Bucket, objects: S3Objects):
    objects.put("a", b"x", Headers("text/plain"))
    stranger = S3Objects(replace(swift_bucket, secret_key="wrong"))

    assert send(stranger.get_link("a", seconds=60))[0] == 403
    assert send(stranger.put_link("a", **PNG), b"12345")[0] == 403


def test_a_wrong_secret_is_told_with_what_to_do(swift_bucket: Bucket):
    stranger = S3Objects(replace(swift_bucket, secret_key="wrong"))

    for act in (
        lambda: stranger.put("a", b"", Headers("text/plain")),
        lambda: stranger.get("a"),
        lambda: stranger.head("a"),
        lambda: stranger.delete("a"),
        lambda: stranger.list(""),
        stranger.check,
    ):
        with pytest.raises(BucketRefused, match="AWS_SECRET_ACCESS_KEY") as refused:
            act()
        assert "wrong" not in str(refused.value)


def test_a_bucket_that_is_not_there_is_told(swift_bucket: Bucket):
    nowhere = S3Objects(replace(swift_bucket, name="no-such-bucket"))

    for act in (
        lambda: nowhere.put("a", b"", Headers("text/plain")),
        lambda: nowhere.get("a"),
        lambda: nowhere.list(""),
        nowhere.check,
    ):
        with pytest.raises(BucketMissing, match="Create it, or correct S3_BUCKET"):
            act()


def test_a_storage_that_is_away_is_told_within_bounds(swift_bucket: Bucket):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = S3Objects(replace(swift_bucket, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}"))
        began = time.monotonic()

        with pytest.raises(BucketUnreachable, match="cannot be reached"):
            away.head("a")

    assert time.monotonic() - began < 30


def test_the_secret_is_not_in_what_is_shown_of_a_bucket(swift_bucket: Bucket):
    assert "testing" not in repr(swift_bucket)
