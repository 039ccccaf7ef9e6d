"""The bench of signing in measures what it says it does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.running import ROOT


@pytest.mark.long
def test_any_body_is_answered_and_the_good_one_signs_in():
    done = subprocess.run(
        [sys.executable, "-m", "bench.sign_in", "--rounds", "2", "--limit-ms", "2000"],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["answers"] == 2 * len(told["perKind"])
    assert {"good sign-in", "1 MB of nesting", "256 kB of scopes"} <= told["perKind"].keys()
