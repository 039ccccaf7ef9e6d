"""`dvault demo` as its reader runs it: real processes, from the first to the last."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from dvault.demo.command import free_port

ROOT = Path(__file__).parents[2]
SMALL = ("--assets", "8", "--days", "5")
SECONDS = 100
SUMMARY = {"blocks", "events", "assets", "transactions", "reorgs", "verifyDifferences", "digest", "seconds"}
BEGINS = "What happens now"

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("demo")]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo whose temporary files all lie in `folder`; whatever happens, it has ended afterwards."""
    folder.mkdir()
    with (folder / "said.txt").open("w") as said:
        demo = subprocess.Popen(
            [sys.executable, "-m", "dvault", "demo", *options],
            cwd=folder, env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
    with demo:
        try:
            yield demo
        finally:
            demo.kill()


def said(folder: Path) -> str:
    return (folder / "said.txt").read_text()


def alive_in(folder: Path) -> list[str]:
    """The processes that work in that folder or were told about it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name != "said.txt"]


def await_live(demo: subprocess.Popen[str], folder: Path) -> str:
    deadline = time.monotonic() + SECONDS
    while not re.search(rf"{BEGINS}:\nblock \d+", said(folder)):
        assert demo.poll() is None, said(folder)
        assert time.monotonic() < deadline, said(folder)
        time.sleep(0.05)
    return said(folder)


def await_nobody(folder: Path) -> None:
    deadline = time.monotonic() + 40
    while left := alive_in(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_two_demos_side_by_side_agree_with_their_chains_and_leave_nothing(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"

    with (
        running(first, "--once", *SMALL, "--port", "0") as one,
        running(second, "--once", *SMALL, "--seed", "8", "--port", "0") as two,
    ):
        answers = [demo.communicate(timeout=SECONDS)[0] for demo in (one, two)]

    assert (one.returncode, two.returncode) == (0, 0), said(first) + said(second)
    summaries = [json.loads(answer.splitlines()[-1]) for answer in answers]
    for summary in summaries:
        assert set(summary) == SUMMARY
        assert (summary["verifyDifferences"], summary["reorgs"]) == (0, 1)
        assert summary["assets"] >= 8
    assert summaries[0]["digest"] != summaries[1]["digest"]
    assert (alive_in(tmp_path), left_over(first), left_over(second)) == ([], [], [])


def test_every_address_shown_answers_and_ctrl_c_stops_everything(tmp_path):
    folder, port = tmp_path / "demo", free_port(0)

    with running(folder, *SMALL, "--port", str(port)) as demo:
        shown = await_live(demo, folder)
        addresses = re.findall(rf"http://127\.0\.0\.1:{port}[^\s']*", shown)
        statuses = {address: urllib.request.urlopen(address).status for address in addresses}
        demo.send_signal(signal.SIGINT)
        code = demo.wait(SECONDS)

    assert len(addresses) >= 12
    assert set(statuses.values()) == {200}
    assert code == 0
    assert "Traceback" not in said(folder)
    assert (alive_in(tmp_path), left_over(folder)) == ([], [])
    assert free_port(port) == port


def test_a_demo_that_is_killed_takes_everything_with_it(tmp_path):
    folder = tmp_path / "demo"

    with running(folder, *SMALL, "--port", "0") as demo:
        await_live(demo, folder)
        assert len(alive_in(folder)) >= 8
        demo.kill()
        demo.wait()

        await_nobody(folder)


@pytest.mark.long
@pytest.mark.parametrize(
    ("phase", "seconds"),
    [
        ("starting a development chain", 0.0),
        ("starting a development chain", 0.4),
        ("playing", 0.0),
        ("playing", 0.3),
        ("indexing", 0.0),
        ("indexing", 1.0),
        ("indexing", 3.0),
        ("live:", 0.0),
        ("reorg ", 0.0),
        ("reorg ", 1.0),
    ],
)
def test_ctrl_c_in_any_phase_says_so_and_leaves_nothing_behind(tmp_path, phase, seconds):
    folder = tmp_path / "demo"

    with running(folder, "--once", *SMALL, "--port", "0") as demo:
        deadline = time.monotonic() + SECONDS
        while phase not in said(folder):
            assert time.monotonic() < deadline, said(folder)
            time.sleep(0.01)
        time.sleep(seconds)  # somewhere in the phase: any moment will do
        demo.send_signal(signal.SIGINT)
        code = demo.wait(SECONDS)

    assert code == 130
    assert said(folder).endswith("stopping everything …\nstopped; nothing is left behind\n")
    assert (alive_in(tmp_path), left_over(folder)) == ([], [])
