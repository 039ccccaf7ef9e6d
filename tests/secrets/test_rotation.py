"""A new master key takes over; the old one then opens nothing."""

from __future__ import annotations

import secrets as random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from store.connection import Document
from store.secrets import (
    VAULT,
    KeyFile,
    KeyFileUnusable,
    LocalMaster,
    MasterKeyMissing,
    Masters,
    Secrets,
    rewrap,
)

ALICE = "0x" + "aA" * 20


def loaded(key_file: KeyFile) -> Masters:
    first, *others = key_file.make()
    return Masters(first, tuple(others))


def fresh() -> LocalMaster:
    return LocalMaster(random.token_bytes(96))


@pytest.fixture
def sealed(box: Secrets) -> dict[str, bytes]:
    return {kind: box.encrypt(kind, ALICE, f"the {kind}") for kind in ("email", "totp", "webhook")}


def opened(database: Database[Document], masters: Masters, sealed: dict[str, bytes]) -> Iterator[str]:
    box = Secrets(database, lambda: masters)
    for kind, each in sealed.items():
        yield box.decrypt(kind, ALICE, each)  # type: ignore[arg-type]
    box.close()


def test_after_a_rotation_the_new_key_opens_everything_and_the_old_one_nothing(
    prepared: Database[Document], key_file: KeyFile, sealed: dict[str, bytes]
):
    old, new = loaded(key_file).current, fresh()

    report = rewrap(prepared, Masters(new, (old,)))

    assert (report.master, report.rewrapped, report.already) == (new.name, 3, 0)
    assert list(opened(prepared, Masters(new), sealed)) == ["the email", "the totp", "the webhook"]
    with pytest.raises(MasterKeyMissing):
        list(opened(prepared, Masters(old), sealed))


def test_a_rotation_that_was_interrupted_is_finished_by_the_next(
    prepared: Database[Document], key_file: KeyFile, sealed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    from store.secrets import rewrap as package_function
    from store.secrets.vault import Vault

    old, new = loaded(key_file).current, fresh()
    everything = Vault.all
    # As if the process had died after the first: only one data key is done.
    monkeypatch.setattr(Vault, "all", lambda self: everything(self)[:1])
    package_function(prepared, Masters(new, (old,)))
    monkeypatch.undo()
    half_way = list(opened(prepared, Masters(new, (old,)), sealed))

    report = rewrap(prepared, Masters(new, (old,)))

    assert half_way == ["the email", "the totp", "the webhook"]
    assert (report.rewrapped, report.already) == (2, 1)
    assert list(opened(prepared, Masters(new), sealed)) == half_way


def test_a_rotation_without_the_old_key_changes_nothing_and_says_which_is_wanted(
    prepared: Database[Document], key_file: KeyFile, sealed: dict[str, bytes]
):
    before = list(prepared[VAULT].find())

    with pytest.raises(MasterKeyMissing, match=loaded(key_file).current.name):
        rewrap(prepared, Masters(fresh(), (fresh(),)))

    assert list(prepared[VAULT].find()) == before


def test_a_rotation_can_be_repeated(
    prepared: Database[Document], key_file: KeyFile, sealed: dict[str, bytes]
):
    same = loaded(key_file)

    assert (rewrap(prepared, same).rewrapped, rewrap(prepared, same, again=True).rewrapped) == (0, 3)


def test_a_database_without_secrets_has_nothing_to_rotate(prepared: Database[Document]):
    assert rewrap(prepared, Masters(fresh())).rewrapped == 0


def test_processes_at_work_notice_a_new_key_in_the_file(
    prepared: Database[Document], key_file: KeyFile, box: Secrets, sealed: dict[str, bytes]
):
    fresh_box = Secrets(prepared, lambda: loaded(key_file))
    fresh_box.decrypt("email", ALICE, sealed["email"])

    newest, *others = key_file.add_newest()
    rewrap(prepared, Masters(newest, tuple(others)))
    key_file.keep_newest()

    # This kind's data key is not remembered by that box: it has to be unwrapped anew.
    assert fresh_box.decrypt("totp", ALICE, sealed["totp"]) == "the totp"
    assert fresh_box.decrypt("email", ALICE, fresh_box.encrypt("email", ALICE, "x")) == "x"


def test_a_file_holds_both_keys_while_a_rotation_is_under_way(key_file: KeyFile):
    first = key_file.make()
    both = key_file.add_newest()

    assert both[1:] == first
    assert key_file.keep_newest() == both[:1]
    assert key_file.path.stat().st_mode & 0o777 == 0o600


def test_one_rotation_at_a_time(key_file: KeyFile):
    key_file.make()

    with (
        key_file.locked(),
        pytest.raises(KeyFileUnusable, match="another rotation is under way"),
        KeyFile(key_file.path).locked(),
    ):
        pass


def test_keys_move_to_another_file(
    prepared: Database[Document], key_file: KeyFile, sealed: dict[str, bytes], tmp_path: Path
):
    other = KeyFile(tmp_path / "elsewhere")

    rewrap(prepared, Masters(other.make()[0], key_file.read()))

    assert list(opened(prepared, loaded(other), sealed)) == ["the email", "the totp", "the webhook"]
