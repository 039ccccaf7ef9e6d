"""What only the storage in a folder has to answer for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.objects import FolderUnusable, Headers
from store.objects.files import DRAFTS, FileObjects

PLAIN = Headers("text/plain")
ROOT = Path(__file__).parents[2]


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_is_written_outside_the_folder(files: FileObjects, tmp_path: Path):
    files.put("a/b", b"x", PLAIN)

    assert files_of(tmp_path) == [tmp_path / "objects" / "a" / "b@"]


def test_what_is_kept_is_for_its_owner_only(files: FileObjects, tmp_path: Path):
    files.put("a/b", b"x", PLAIN)

    modes = {
        path.stat().st_mode & 0o077 for path in [tmp_path / "objects", *(tmp_path / "objects").rglob("*")]
    }
    assert modes == {0}


def test_a_source_that_breaks_leaves_the_old_object_and_no_draft(files: FileObjects, tmp_path: Path):
    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError(5, "the source broke")

    files.put("a", b"old", PLAIN)
    with pytest.raises(FolderUnusable, match="the source broke"):
        files.put("a", Broken(), PLAIN)  # type: ignore[arg-type]

    with files.get("a") as found:
        assert found.body.read() == b"old"
    assert files_of(tmp_path) == [tmp_path / "objects" / "a@"]


WRITER = """
import sys
from pathlib import Path
from store.objects import Headers
from store.objects.files import FileObjects
from store.objects.links import Links

files = FileObjects(Path(sys.argv[1]), Links("x", ""))
print("ready", flush=True)
number = 0
while True:
    number += 1
    files.put("a", bytes([48 + number % 10]) * 300_000, Headers("text/plain", None, {"digit": str(number % 10)}))
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_object(files: FileObjects, tmp_path: Path):
    folder = tmp_path / "objects"
    for pause in (0.01, 0.023, 0.05, 0.08, 0.11):
        command = [sys.executable, "-c", WRITER, str(folder)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
            deadline = time.monotonic() + 30
            while not (folder / "a@").exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(pause)  # the moment at which it dies is what varies
            writer.send_signal(signal.SIGKILL)

        with files.get("a") as found:
            data = found.body.read()
        digit = found.info.headers.metadata["digit"].encode()
        assert data == digit * 300_000

    assert files.sweep_drafts(older_than_seconds=-1) <= 5
    assert list((folder / DRAFTS).iterdir()) == []
    assert [one.key for one in files.list("").objects] == ["a"]


def test_drafts_of_writers_at_work_are_left_alone(files: FileObjects, tmp_path: Path):
    files.put("a", b"x", PLAIN)
    young, old = (tmp_path / "objects" / DRAFTS / name for name in ("young", "old"))
    young.touch()
    old.touch()
    os.utime(old, (time.time() - 7200, time.time() - 7200))

    assert files.sweep_drafts() == 1
    assert young.exists()


def test_a_damaged_file_is_told(files: FileObjects, tmp_path: Path):
    files.put("a", b"x", PLAIN)
    (tmp_path / "objects" / "a@").write_bytes(b"nonsense")

    with pytest.raises(FolderUnusable, match="this file is damaged"):
        files.get("a")


def test_a_folder_that_cannot_be_used_is_told_with_what_to_do(tmp_path: Path, links):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(FolderUnusable, match="correct the permissions of DATA_DIR"):
        FileObjects(tmp_path / "taken", links).put("a", b"x", PLAIN)


def test_a_link_in_the_folder_is_not_listed_below(files: FileObjects, tmp_path: Path):
    files.put("a/b", b"x", PLAIN)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c@").write_text("{}\nsecret")
    (tmp_path / "objects" / "linked").symlink_to(outside)

    assert [one.key for one in files.list("").objects] == ["a/b"]
