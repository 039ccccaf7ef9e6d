"""What is encrypted comes back to its owner, and to nobody who only has the database."""

from __future__ import annotations

import base64
import secrets as random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
from bson import Binary
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from store.connection import Document
from store.errors import StoreUnreachable
from store.secrets import (
    VAULT,
    DataKeyLost,
    KeyFile,
    KeyFileUnusable,
    LocalMaster,
    MasterKeyMissing,
    Masters,
    SecretKind,
    Secrets,
    Undecipherable,
)

ALICE, BOB = "0x" + "aA" * 20, "0x" + "bB" * 20
KINDS: tuple[SecretKind, ...] = get_args(SecretKind)


def strangers(database: Database[Document]) -> Secrets:
    """Somebody with the whole database and a master key of their own."""
    return Secrets(database, lambda: Masters(LocalMaster(random.token_bytes(96))))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", "a@b.example", "JBSWY3DPEHPK3PXP", "ümläut 😀", "x" * 100_000])
def test_what_was_encrypted_comes_back(box: Secrets, kind: SecretKind, value: str):
    assert box.decrypt(kind, ALICE, box.encrypt(kind, ALICE, value)) == value


def test_the_database_gives_back_what_was_stored(box: Secrets, prepared: Database[Document]):
    prepared["users"].insert_one(
        {"walletAddress": ALICE, "email": box.encrypt("email", ALICE, "a@b.example")}
    )

    stored = prepared["users"].find_one({})
    assert stored
    assert isinstance(stored["email"], Binary)
    assert stored["email"].subtype == 6
    assert box.decrypt("email", ALICE, stored["email"]) == "a@b.example"


def test_equal_values_look_different(box: Secrets):
    assert len({box.encrypt("email", ALICE, "a@b.example") for _ in range(20)}) == 20


def test_each_kind_has_one_data_key_however_many_begin_at_once(
    prepared: Database[Document], key_file: KeyFile
):
    boxes = [Secrets(prepared, lambda: Masters(*key_file.make())) for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        sealed = list(pool.map(lambda box: [box.encrypt(kind, ALICE, kind) for kind in KINDS], boxes))

    assert [key["keyAltNames"] for key in prepared[VAULT].find(sort=[("keyAltNames", 1)])] == [
        [kind] for kind in sorted(KINDS)
    ]
    for one in sealed:
        assert [boxes[0].decrypt(kind, ALICE, each) for kind, each in zip(KINDS, one, strict=True)] == list(
            KINDS
        )


def test_what_belongs_to_somebody_else_is_refused(box: Secrets):
    sealed = box.encrypt("email", ALICE, "a@b.example")

    for kind, owner in (("email", BOB), ("totp", ALICE), ("email", ALICE.lower())):
        with pytest.raises(Undecipherable, match="it was encrypted for something else"):
            box.decrypt(kind, owner, sealed)


def test_what_was_altered_is_refused(box: Secrets):
    sealed = box.encrypt("email", ALICE, "a@b.example")

    for place in (20, 40, len(sealed) - 1):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Undecipherable, match="Enter it again, or restore a backup"):
            box.decrypt("email", ALICE, altered)
    for nonsense in (b"", b"\x02", b"a@b.example"):
        with pytest.raises(Undecipherable, match="too short"):
            box.decrypt("email", ALICE, nonsense)


def test_a_dump_of_the_database_shows_none_of_200_secrets(
    box: Secrets, prepared: Database[Document], key_file: KeyFile
):
    planted = [f"{random.token_hex(6)}-{kind}-{number}" for number in range(50) for kind in KINDS]
    for number, value in enumerate(planted):
        kind = KINDS[number % len(KINDS)]
        prepared["users"].insert_one(
            {
                "walletAddress": f"{number:040}",
                "kind": kind,
                "number": number,
                "sealed": box.encrypt(kind, ALICE, value),
            }
        )

    dump = raw_dump(prepared)

    assert len(planted) == 200
    assert len(dump) > 200 * 60
    for value in planted:
        plain = value.encode()
        for spelled in (
            plain, value.encode("utf-16-le"), base64.b64encode(plain)[:-4], plain.hex().encode(), plain[::-1],
            value.partition("-")[0].encode(),
        ):  # fmt: skip
            assert spelled not in dump
    for master in key_file.read():
        assert master.key not in dump
        assert base64.b64encode(master.key) not in dump
    found = list(prepared["users"].find({}, sort=[("number", 1)]))
    assert [box.decrypt(one["kind"], ALICE, one["sealed"]) for one in found] == planted


def raw_dump(database: Database[Document]) -> bytes:
    """Every byte of every document of every collection."""
    return b"".join(
        document.raw
        for name in database.list_collection_names()
        for document in database.get_collection(name, codec_options=raw_options(database)).find({})
    )


def raw_options(database: Database[Document]):
    return database.codec_options.with_options(document_class=RawBSONDocument)


def test_the_whole_database_without_the_master_key_is_of_no_use(box: Secrets, prepared: Database[Document]):
    sealed = box.encrypt("totp", ALICE, "secret")

    with pytest.raises(
        MasterKeyMissing, match=r"encrypted under the master key local:[0-9a-f]{12}, and we have"
    ):
        strangers(prepared).decrypt("totp", ALICE, sealed)


def test_a_stranger_cannot_encrypt_under_our_names_either(box: Secrets, prepared: Database[Document]):
    box.encrypt("totp", ALICE, "secret")

    with pytest.raises(MasterKeyMissing):
        strangers(prepared).encrypt("totp", ALICE, "other")


def test_a_master_key_that_differs_in_one_bit_is_not_ours(prepared: Database[Document], key_file: KeyFile):
    box = Secrets(prepared, lambda: Masters(*key_file.make()))
    sealed = box.encrypt("totp", ALICE, "secret")
    key = key_file.read()[0].key
    nearly = LocalMaster(bytes([key[0] ^ 1]) + key[1:])

    with pytest.raises(MasterKeyMissing):
        Secrets(prepared, lambda: Masters(nearly)).decrypt("totp", ALICE, sealed)


def test_a_data_key_that_is_gone_is_told_with_what_to_restore(
    prepared: Database[Document], key_file: KeyFile, box: Secrets
):
    sealed = box.encrypt("totp", ALICE, "secret")
    prepared[VAULT].delete_many({})

    with pytest.raises(DataKeyLost, match="Restore that collection"):
        Secrets(prepared, lambda: Masters(*key_file.make())).decrypt("totp", ALICE, sealed)


def test_a_database_that_is_away_is_told_as_such(prepared: Database[Document], key_file: KeyFile):
    from pymongo import MongoClient

    with MongoClient("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200") as away:
        box = Secrets(away["nowhere"], lambda: Masters(*key_file.make()))
        with pytest.raises(StoreUnreachable):
            box.encrypt("totp", ALICE, "secret")
        with pytest.raises(StoreUnreachable):
            box.decrypt("totp", ALICE, b"\x02" + bytes(16) + b"\x02" + bytes(60))


def test_nothing_secret_is_shown_of_a_master_key(key_file: KeyFile):
    master = key_file.make()[0]

    assert repr(master) == "LocalMaster()"
    assert base64.b64encode(master.key).decode() not in repr(Masters(master))


def test_the_key_file_is_made_once_for_its_owner_only(key_file: KeyFile):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: key_file.make(), range(8)))

    assert len(made) == 1
    assert key_file.path.stat().st_mode & 0o777 == 0o600
    assert list(key_file.path.parent.iterdir()) == [key_file.path]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "there is no key in it"),
        (b"# a comment only\n", "there is no key in it"),
        (b"not base64!\n", "line 1 is not base64"),
        (base64.b64encode(b"x" * 32), "line 1 has 32 bytes instead of 96"),
        (b"# \n" + base64.b64encode(b"x" * 96) + b"\nzz\n", "line 3 is not base64"),
        (b"\xff\xfe", "cannot be used"),
    ],
)
def test_a_key_file_that_is_damaged_is_told_and_never_replaced(key_file: KeyFile, content: bytes, said: str):
    key_file.path.parent.mkdir()
    key_file.path.write_bytes(content)

    for act in (key_file.read, key_file.make, key_file.add_newest, key_file.keep_newest):
        with pytest.raises(KeyFileUnusable, match=said):
            act()

    assert key_file.path.read_bytes() == content


def test_a_key_file_that_is_missing_or_a_folder_is_told(key_file: KeyFile, tmp_path: Path):
    with pytest.raises(KeyFileUnusable, match="it is not there"):
        key_file.read()
    with pytest.raises(KeyFileUnusable, match="directory"):
        KeyFile(tmp_path).read()
