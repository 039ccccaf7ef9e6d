"""Decoding in a process of its own, with little time and memory: a picture made to hurt hurts nobody else."""

from __future__ import annotations

import logging
import subprocess
import sys
from threading import BoundedSemaphore

from api.images import recoding
from api.images.recoding import Unfit

logger = logging.getLogger(__name__)

WALL_SECONDS = 30.0
AT_ONCE = 2
PATIENCE_SECONDS = 10.0
_places = BoundedSemaphore(AT_ONCE)


class Busy(Exception):
    """Other pictures are being decoded; try again in a moment."""


def safely_recoded(data: bytes) -> bytes:
    """What `recoding.recoded` makes of it. Raises Unfit, also where decoding crashes or takes long; Busy."""
    if not _places.acquire(timeout=PATIENCE_SECONDS):
        raise Busy
    try:
        return _judged(_run(data))
    except subprocess.TimeoutExpired as error:
        raise Unfit("the picture takes too long to decode; save it again as a plain picture") from error
    finally:
        _places.release()


def _run(data: bytes) -> subprocess.CompletedProcess[bytes]:
    # Isolated: neither the environment nor the working directory is looked at.
    return subprocess.run(
        [sys.executable, "-I", recoding.__file__],
        input=data,
        capture_output=True,
        timeout=WALL_SECONDS,
        env={},
        check=False,
    )


def _judged(done: subprocess.CompletedProcess[bytes]) -> bytes:
    if done.returncode == 0 and done.stdout:
        return done.stdout
    if done.returncode == recoding.UNFIT:
        raise Unfit(done.stderr.decode(errors="replace"))
    logger.warning(
        "a picture could not be decoded",
        extra={"code": done.returncode, "said": done.stderr[-500:].decode("utf-8", "replace")},
    )
    raise Unfit("the picture cannot be decoded; save it again as a plain picture")
