"""Where the workers of one server put their figures, so that any of them can tell the sum."""

from __future__ import annotations

import shutil
from pathlib import Path

from config.variables import environment, hand_down

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported, which only workers do."""


def share_metrics(data_dir: Path, port: int) -> None:
    """An empty folder for the workers that are started from here on; an operator may name another."""
    if FOLDER in environment():
        return
    folder = (data_dir / "metrics" / str(port)).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hand_down(FOLDER, str(folder))


def metrics_folder() -> str | None:
    """The folder of the server that this worker belongs to."""
    return environment().get(FOLDER)
