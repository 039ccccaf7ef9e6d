"""`objects`: uploads, wherever they are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

import click

from config.settings import Settings
from dvault.console import Failure, answer, explained, messages, settings
from dvault.database import store_of
from dvault.keeping import bucket_of, folder_of, objects_of
from store.avatars import Avatars
from store.objects import Listed, Objects
from store.profiles import Profiles

IN_MEMORY_BYTES = 8 << 20


@click.group()
def objects() -> None:
    """Look after uploads."""


@objects.command("copy")
@click.option("--to", "target", type=click.Choice(["bucket", "folder"]), required=True, help="Where to.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def copy_objects(target: str, as_json: bool) -> None:
    """Copy all uploads from the folder in DATA_DIR to the bucket, or back.

    What is there already, and the same, is passed over: repeat it until nothing is copied any more. Nothing
    is removed.

    \b
    Example:
      dvault objects copy --to bucket
    """
    folder, bucket = _places(settings())
    source, sink = (folder, bucket) if target == "bucket" else (bucket, folder)
    copied = passed_over = 0
    for listed in every_object(source):
        if _same(sink, listed):
            passed_over += 1
        else:
            _copy(source, sink, listed.key)
            copied += 1
    if as_json:
        answer({"copied": copied, "alreadyThere": passed_over})
    messages.print(f"{copied} objects copied, {passed_over} were there already")


@objects.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def sweep(as_json: bool) -> None:
    """Remove uploads that nobody refers to, left by processes that died, once they are an hour old.

    \b
    Example:
      dvault objects sweep
    """
    chosen = settings()
    with store_of(chosen) as connection:
        removed = Avatars(Profiles(connection.database), objects_of(chosen)).sweep()
    if chosen.s3_bucket is None:
        removed += folder_of(chosen).sweep_drafts()
    if as_json:
        answer({"removed": removed})
    messages.print(f"{removed} objects that nobody referred to were removed")


def _places(chosen: Settings) -> tuple[Objects, Objects]:
    bucket = bucket_of(chosen)
    if bucket is None:
        raise Failure(
            "S3_BUCKET is not set: there is only the folder; set it, and S3_ENDPOINT if it is not Amazon's"
        )
    return folder_of(chosen), bucket


def every_object(objects: Objects, prefix: str = "") -> Iterator[Listed]:
    """All objects whose keys begin like this, part by part."""
    after: str | None = ""
    while after is not None:
        part = objects.list(prefix, after=after)
        yield from part.objects
        after = part.after


def _same(sink: Objects, listed: Listed) -> bool:
    there = sink.list(listed.key, limit=1).objects
    return bool(there) and (there[0].key, there[0].size, there[0].etag) == (
        listed.key,
        listed.size,
        listed.etag,
    )


def _copy(source: Objects, sink: Objects, key: str) -> None:
    with source.get(key) as found, tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as spool:
        while chunk := found.body.read(1 << 20):
            spool.write(chunk)
        spool.seek(0)
        sink.put(key, cast("BinaryIO", spool), found.info.headers)
