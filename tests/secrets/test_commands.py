"""`dvault keys` and the doctor, as an operator runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo.database import Database

from store.connection import Document
from store.secrets import KeyFile, MasterKeyMissing, Masters, Secrets, rewrap

ALICE = "0x" + "aA" * 20
ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(mongo_uri: str, prepared: Database[Document], folder: Path, tmp_path: Path) -> Run:
    def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "MONGODB_URI": mongo_uri,
            "MONGODB_DATABASE": prepared.name,
            "DATA_DIR": str(folder),
            **settings,
        }
        environ |= {"PYTHONPATH": str(ROOT), "RPC_URLS": "http://127.0.0.1:1"}
        line = [sys.executable, "-m", "dvault", *command]
        done = subprocess.run(
            line, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def opened(database: Database[Document], file: KeyFile) -> Secrets:
    def load() -> Masters:
        first, *others = file.read()
        return Masters(first, tuple(others))

    return Secrets(database, load)


@pytest.fixture
def file(folder: Path) -> KeyFile:
    file = KeyFile(folder / "master_key")
    file.make()
    return file


@pytest.fixture
def sealed(prepared: Database[Document], file: KeyFile) -> bytes:
    box = opened(prepared, file)
    box.encrypt("email", ALICE, "a@b.example")
    return box.encrypt("totp", ALICE, "secret")


def test_a_rotation_in_place_leaves_one_key_that_opens_everything(
    run: Run, prepared: Database[Document], file: KeyFile, sealed: bytes
):
    old = file.read()

    done = run("keys", "rotate-master", "--json")

    new = file.read()
    assert (done.returncode, len(new)) == (0, 1)
    assert json.loads(done.stdout) == {"masterKey": new[0].name, "rewrapped": 2, "already": 0}
    assert opened(prepared, file).decrypt("totp", ALICE, sealed) == "secret"
    with pytest.raises(MasterKeyMissing):
        Secrets(prepared, lambda: Masters(*old)).decrypt("totp", ALICE, sealed)
    written = prepared["auditLog"].find_one({"action": "master-key.rotated"})
    assert written
    assert (written["before"]["masterKey"], written["after"]["masterKey"]) == (old[0].name, new[0].name)
    assert written["actor"]["kind"] == "operator"
    listed = json.loads(run("keys", "list", "--json").stdout)["dataKeys"]
    assert [(row["name"], row["masterKey"]) for row in listed] == [
        ("email", new[0].name), ("totp", new[0].name),
    ]  # fmt: skip


def test_a_rotation_that_died_half_way_is_finished_by_the_same_command(
    run: Run, prepared: Database[Document], file: KeyFile, sealed: bytes
):
    newest = file.add_newest()[0]

    done = run("keys", "rotate-master", "--json")

    assert json.loads(done.stdout)["masterKey"] == newest.name
    assert file.read() == (newest,)
    assert opened(prepared, file).decrypt("totp", ALICE, sealed) == "secret"


def test_a_rotation_that_died_before_the_old_key_was_removed_is_finished_too(
    run: Run, prepared: Database[Document], file: KeyFile, sealed: bytes
):
    newest, *others = file.add_newest()
    rewrap(prepared, Masters(newest, tuple(others)))

    done = run("keys", "rotate-master", "--json")

    assert json.loads(done.stdout) == {"masterKey": newest.name, "rewrapped": 0, "already": 2}
    assert file.read() == (newest,)


def test_a_rotation_to_another_file_says_what_to_set(
    run: Run, prepared: Database[Document], file: KeyFile, sealed: bytes, tmp_path: Path
):
    target = tmp_path / "next"

    done = run("keys", "rotate-master", "--to", str(target))

    assert done.returncode == 0
    assert f"now set MASTER_KEY_FILE={target}" in done.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    assert opened(prepared, KeyFile(target)).decrypt("totp", ALICE, sealed) == "secret"


def test_a_lost_key_is_told_and_no_new_one_is_made(run: Run, file: KeyFile, sealed: bytes, tmp_path: Path):
    file.path.unlink()

    rotated = run("keys", "rotate-master")

    assert rotated.returncode == 1
    assert "it is not there. Restore it from where you keep copies of it" in rotated.stderr
    assert not file.path.exists()


def test_a_wrong_key_changes_nothing(run: Run, file: KeyFile, sealed: bytes, prepared: Database[Document]):
    right = file.read()[0]
    file.add_newest()
    file.keep_newest()

    done = run("keys", "rotate-master")

    assert done.returncode == 1
    assert f"under the master key {right.name}" in done.stderr.replace("\n", " ")
    assert Secrets(prepared, lambda: Masters(right)).decrypt("totp", ALICE, sealed) == "secret"


def test_the_doctor_looks_at_master_key_and_uploads(run: Run, file: KeyFile, sealed: bytes, folder: Path):
    file.path.chmod(0o644)

    findings = {one["what"]: one for one in json.loads(run("doctor", "--json").stdout)["findings"]}

    assert findings["master key"]["fine"] is True
    assert "opens all 2 data keys" in findings["master key"]["detail"]
    assert "chmod o-r" in findings["master key"]["detail"]
    assert findings["uploads"] == {
        "what": "uploads",
        "fine": True,
        "detail": f"files in {folder / 'objects'}",
    }


def test_a_first_use_needs_no_preparation(run: Run, prepared: Database[Document], folder: Path):
    listed = run("keys", "list", "--json")
    made_by_looking = (folder / "master_key").exists()

    rotated = run("keys", "rotate-master", "--json")

    assert json.loads(listed.stdout) == {"dataKeys": []}
    assert not made_by_looking
    assert json.loads(rotated.stdout)["rewrapped"] == 0
    assert opened(prepared, KeyFile(folder / "master_key")).encrypt("totp", ALICE, "x")
