"""`dvault objects copy` between a folder and a real bucket."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from store.objects import Headers
from store.objects.files import FileObjects
from store.objects.s3 import Bucket, S3Objects

ROOT = Path(__file__).parents[2]


def run(folder: Path, bucket: Bucket | None, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {"DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    if bucket is not None:
        environ |= {
            "S3_BUCKET": bucket.name,
            "S3_ENDPOINT": str(bucket.endpoint),
            "AWS_ACCESS_KEY_ID": str(bucket.access_key),
            "AWS_SECRET_ACCESS_KEY": str(bucket.secret_key),
        }
    line = [sys.executable, "-m", "dvault", "objects", *command]
    return subprocess.run(
        line, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_uploads_move_to_a_bucket_and_back(swift_bucket: Bucket, tmp_path: Path, links):
    folder, bucket = FileObjects(tmp_path / "objects", links), S3Objects(swift_bucket)
    headers = Headers("image/webp", "public, max-age=60", {"a": "b"})
    for number in range(5):
        folder.put(f"a/{number}", b"%d" % number * 1000, headers)
    bucket.put("a/1", b"of an interrupted copy", headers)
    bucket.put("a/2", b"2" * 1000, headers)

    first = run(tmp_path, swift_bucket, "copy", "--to", "bucket", "--json")
    again = run(tmp_path, swift_bucket, "copy", "--to", "bucket", "--json")

    assert json.loads(first.stdout) == {"copied": 4, "alreadyThere": 1}
    assert json.loads(again.stdout) == {"copied": 0, "alreadyThere": 5}
    for number in range(5):
        with bucket.get(f"a/{number}") as found:
            assert (found.body.read(), found.info.headers) == (b"%d" % number * 1000, headers)
        folder.delete(f"a/{number}")
    assert json.loads(run(tmp_path, swift_bucket, "copy", "--to", "folder", "--json").stdout)["copied"] == 5
    assert folder.head("a/3").headers == headers


def test_copying_without_a_bucket_says_what_to_set(tmp_path: Path):
    done = run(tmp_path, None, "copy", "--to", "bucket")

    assert done.returncode == 1
    assert "S3_BUCKET is not set" in done.stderr


def test_copying_to_a_bucket_that_is_not_ours_says_so(swift_bucket: Bucket, tmp_path: Path, links):
    FileObjects(tmp_path / "objects", links).put("a", b"x", Headers("text/plain"))
    stranger = Bucket(swift_bucket.name, "us-east-1", swift_bucket.endpoint, "test:tester", "wrong")

    done = run(tmp_path, stranger, "copy", "--to", "bucket")

    assert done.returncode == 1
    assert "refused access to the bucket" in done.stderr
    assert "Traceback" not in done.stderr
