"""What every storage of objects does, whichever it is: a folder, an imitation of S3, a real S3 server."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from store.objects import AlreadyThere, Headers, MalformedKey, ObjectMissing, Objects

PLAIN = Headers("text/plain")
BAD_KEYS = [
    "", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a", "a/../b", "a/./b", ".hidden", "a/.hidden", "-a",
    "a b", "a\\b", "a\x00", "a\n", "ä", "a@", "a%2fb", "C:/a", "a" * 201, "a/" * 300 + "a",
]  # fmt: skip


def read(objects: Objects, key: str) -> bytes:
    with objects.get(key) as found:
        return found.body.read()


def keys(objects: Objects, prefix: str) -> list[str]:
    return [one.key for one in objects.list(prefix).objects]


@pytest.mark.parametrize("data", [b"", b"hello", b'{"contentType": "x"}\n' * 3, bytes(range(256)) * 9000])
def test_what_was_put_is_what_is_read(objects: Objects, data: bytes):
    objects.put("folder/name.bin", data, Headers("application/octet-stream"))

    assert read(objects, "folder/name.bin") == data
    assert objects.head("folder/name.bin").size == len(data)


def test_a_file_is_put_like_its_bytes(objects: Objects):
    objects.put("a", io.BytesIO(b"from a file"), PLAIN)

    assert read(objects, "a") == b"from a file"


def test_an_object_can_be_read_piece_by_piece(objects: Objects):
    objects.put("a", b"0123456789", PLAIN)

    with objects.get("a") as found:
        assert [found.body.read(4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]


def test_headers_and_metadata_come_back(objects: Objects):
    headers = Headers(
        "image/webp", "public, max-age=31536000, immutable", {"wallet": "0xAb", "note-2": "a b=c"}
    )

    put = objects.put("a", b"x", headers)

    assert put.headers == headers
    assert objects.head("a").headers == headers
    with objects.get("a") as found:
        assert found.info == put
    assert abs(put.modified_at - datetime.now(UTC)) < timedelta(seconds=60)


def test_the_etag_tells_other_bytes_from_the_same(objects: Objects):
    first, other = objects.put("a", b"1", PLAIN).etag, objects.put("a", b"2", PLAIN).etag

    assert first != other
    assert objects.put("b", b"1", PLAIN).etag == first == objects.list("b").objects[0].etag


def test_putting_replaces_bytes_and_headers(objects: Objects):
    objects.put("a", b"first", Headers("text/plain", "no-store", {"x": "1"}))
    objects.put("a", b"2", Headers("image/png"))

    assert read(objects, "a") == b"2"
    assert objects.head("a").headers == Headers("image/png")


def test_an_object_can_be_put_only_if_there_is_none(objects: Objects):
    objects.put("a", b"first", PLAIN, only_if_absent=True)

    with pytest.raises(AlreadyThere, match="the object a is there already"):
        objects.put("a", b"second", PLAIN, only_if_absent=True)

    assert read(objects, "a") == b"first"


def test_asking_for_what_is_not_there_says_so(objects: Objects):
    objects.put("folder/there", b"", PLAIN)

    for key in ("nowhere", "folder", "folder/there/below", "folder/the"):
        with pytest.raises(ObjectMissing, match=f"no object {key}"):
            objects.get(key)
        with pytest.raises(ObjectMissing):
            objects.head(key)
    with pytest.raises(ObjectMissing):
        objects.copy("nowhere", "b")


def test_deleting_is_harmless_to_repeat(objects: Objects):
    objects.put("folder/a", b"", PLAIN)
    objects.delete("folder/a")
    objects.delete("folder/a")
    objects.delete("never/was")

    assert keys(objects, "") == []


def test_a_key_may_be_the_beginning_of_others(objects: Objects):
    for key in ("a", "a/b", "a/b/c", "a.b"):
        objects.put(key, key.encode(), PLAIN)

    assert {key: read(objects, key) for key in ("a", "a/b", "a/b/c")} == {
        "a": b"a", "a/b": b"a/b", "a/b/c": b"a/b/c",
    }  # fmt: skip
    assert keys(objects, "a/") == ["a/b", "a/b/c"]


def test_listing_is_by_prefix_in_the_order_of_keys_and_in_parts(objects: Objects):
    names = ["b/1", "b/10", "b/2", "b-x", "b.x", "b/Z", "b/a", "c", "B/1"]
    for name in names:
        objects.put(name, b"12", PLAIN)

    first = objects.list("b", limit=3)
    second = objects.list("b", after=first.after or "", limit=3)
    third = objects.list("b", after=second.after or "", limit=3)

    told = [one.key for part in (first, second, third) for one in part.objects]
    assert told == sorted(name for name in names if name.startswith("b"))
    assert third.after is None
    assert {one.size for one in first.objects} == {2}
    assert keys(objects, "b/1") == ["b/1", "b/10"]
    assert keys(objects, "none/") == []


def test_a_copy_has_bytes_and_headers_and_a_life_of_its_own(objects: Objects):
    headers = Headers("text/plain", "no-store", {"x": "y"})
    objects.put("a", b"bytes", headers)

    copied = objects.copy("a", "deep/b")
    objects.delete("a")

    assert (copied.key, copied.headers) == ("deep/b", headers)
    assert read(objects, "deep/b") == b"bytes"


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_is_not_of_the_form_is_refused_before_anything_happens(objects: Objects, key: str):
    for act in (
        lambda: objects.put(key, b"x", PLAIN),
        lambda: objects.get(key),
        lambda: objects.head(key),
        lambda: objects.delete(key),
        lambda: objects.copy("a", key) if key else objects.head(key),
        lambda: objects.get_link(key, seconds=60),
        lambda: objects.put_link(key, content_type="text/plain", size=1, seconds=60),
    ):
        with pytest.raises((MalformedKey, ObjectMissing)):
            act()
    with pytest.raises(MalformedKey):
        objects.put(key, b"x", PLAIN)


@pytest.mark.parametrize(
    "headers",
    [
        Headers("text/plain\r\nSet-Cookie: a=b"),
        Headers("html"),
        Headers(""),
        Headers("text/plain", "no-store\r\nX: y"),
        Headers("text/plain", None, {"a\nb": "c"}),
        Headers("text/plain", None, {"UPPER": "c"}),
        Headers("text/plain", None, {"a": "b\r\nc"}),
        Headers("text/plain", None, {"a": "ä"}),
        Headers("text/plain", None, {"a": "x" * 3000}),
    ],
)
def test_headers_that_could_forge_others_are_refused(objects: Objects, headers: Headers):
    with pytest.raises(MalformedKey):
        objects.put("a", b"x", headers)

    assert keys(objects, "") == []


def test_of_many_writers_at_once_one_is_seen_whole(objects: Objects):
    values = [bytes([48 + number]) * 200_000 for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda value: objects.put("a", value, PLAIN), values))

    assert read(objects, "a") in values


@pytest.mark.parametrize("seconds", [0, -1, 8 * 24 * 3600])
def test_links_live_for_a_while_only(objects: Objects, seconds: int):
    with pytest.raises(MalformedKey, match="links live"):
        objects.get_link("a", seconds=seconds)


def test_a_doctor_is_told_where_the_objects_are_and_leaves_nothing_behind(objects: Objects):
    assert objects.check().startswith(("files in", "bucket "))
    assert keys(objects, "") == []
