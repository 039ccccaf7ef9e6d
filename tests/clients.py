"""The clients as tests use them: their tools installed when they are first needed, and compiled."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIENT = ROOT / "clients" / "typescript"
BIN = CLIENT / "node_modules" / ".bin"


def installed() -> Path:
    """Where the tools of the client are; several tests may ask at once."""
    modules, lock = CLIENT / "node_modules", CLIENT / "package-lock.json"
    with (CLIENT / ".installing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        mark = modules / ".package-lock.json"
        if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
            run("bash", str(ROOT / "tools" / "setup"), "client")
            mark.touch()
    return BIN


def build(folder: Path) -> list[Path]:
    """Compile client and tests, strictly; returns the tests."""
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"type": "module"}')
    run(str(installed() / "tsc"), "--project", str(CLIENT), "--outDir", str(folder))
    return sorted((folder / "test").glob("*.test.js"))


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout
