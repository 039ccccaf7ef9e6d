"""Object and profile in step, whenever the process dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from store.avatars import Avatars, is_avatar
from store.connection import Document
from store.errors import NotFound
from store.indexes import ensure_early
from store.objects import BucketUnreachable, Objects
from store.objects.files import FileObjects
from store.profiles import Profiles
from store.users import Users

ANN = "0x" + "Ab" * 20
NONE, ALWAYS = timedelta(seconds=-60), timedelta(days=1)


class Died(BaseException):
    """The process ended here."""


class Dying:
    """Storage or profiles that die at the n-th step; what came before has happened."""

    def __init__(self, inner: Any, steps: list[str], at: int) -> None:
        self._inner, self._steps, self._at = inner, steps, at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in ("put", "delete", "change_avatar"):
            return method

        def step(*args: Any, **kwargs: Any) -> Any:
            if len(self._steps) == self._at:
                raise Died
            self._steps.append(name)
            return method(*args, **kwargs)

        return step


@pytest.fixture
def profiles(database: Database[Document]) -> Profiles:
    ensure_early(database)
    Users(database).ensure(ANN, datetime.now(UTC))
    return Profiles(database)


def keys(objects: Objects) -> set[str]:
    return {one.key for one in objects.list("").objects}


def dying_at(profiles: Profiles, objects: Objects, step: int, act: Callable[[Avatars], Any]) -> list[str]:
    steps: list[str] = []
    with pytest.raises(Died):
        act(Avatars(Dying(profiles, steps, step), Dying(objects, steps, step)))  # type: ignore[arg-type]
    return steps


@pytest.mark.parametrize("step", [0, 1, 2])
def test_an_upload_that_dies_leaves_no_dead_link_and_what_it_leaves_is_swept(
    profiles: Profiles, objects: Objects, step: int
):
    avatars = Avatars(profiles, objects)
    avatars.put(ANN, b"first")

    steps = dying_at(profiles, objects, step, lambda dying: dying.put(ANN, b"second"))

    shown = profiles.avatar(ANN)
    assert steps == ["put", "change_avatar"][:step]
    assert shown in keys(objects)
    assert avatars.sweep(older_than=ALWAYS) == 0
    avatars.sweep(older_than=NONE)
    assert keys(objects) == {shown}


@pytest.mark.parametrize("step", [0, 1])
def test_a_removal_that_dies_leaves_no_dead_link_and_what_it_leaves_is_swept(
    profiles: Profiles, objects: Objects, step: int
):
    avatars = Avatars(profiles, objects)
    avatars.put(ANN, b"first")

    dying_at(profiles, objects, step, lambda dying: dying.delete(ANN))

    shown = profiles.avatar(ANN)
    assert shown is None or shown in keys(objects)
    avatars.sweep(older_than=NONE)
    assert keys(objects) == ({shown} if shown else set())


def test_the_next_upload_sweeps_what_an_earlier_one_left(
    profiles: Profiles, files: FileObjects, tmp_path: Path
):
    dying_at(profiles, files, 1, lambda dying: dying.put(ANN, b"lost"))
    lost = keys(files).pop()
    old = (datetime.now(UTC) - timedelta(hours=2)).timestamp()

    os.utime(tmp_path / "objects" / f"{lost}@", (old, old))

    key = Avatars(profiles, files).put(ANN, b"new")

    assert keys(files) == {key}


def test_a_sweep_leaves_other_uploads_alone(profiles: Profiles, files: FileObjects):
    from store.objects import Headers

    for key in (f"user-uploads/{ANN}/temp/a.jpg", f"user-uploads/{ANN}/profile/other.jpg", "images/a.jpg"):
        files.put(key, b"x", Headers("image/jpeg"))

    assert Avatars(profiles, files).sweep(older_than=NONE) == 0


def test_pictures_of_wallets_that_are_not_users_are_swept(profiles: Profiles, files: FileObjects):
    avatars = Avatars(profiles, files)
    with pytest.raises(NotFound):
        avatars.put("0x" + "Cd" * 20, b"x")

    assert avatars.sweep(older_than=NONE) == 1


def test_an_old_picture_that_cannot_be_removed_does_not_fail_the_upload(
    profiles: Profiles, files: FileObjects, monkeypatch: pytest.MonkeyPatch
):
    avatars = Avatars(profiles, files)
    avatars.put(ANN, b"first")

    def away(_: str) -> None:
        raise BucketUnreachable("bucket", "host", "away")

    monkeypatch.setattr(files, "delete", away)
    key = avatars.put(ANN, b"second")

    assert profiles.avatar(ANN) == key
    monkeypatch.undo()
    assert avatars.sweep(older_than=NONE) == 1


def test_keys_of_avatars_are_told_from_others():
    good = f"user-uploads/{ANN}/profile/avatar_{'0' * 32}.jpg"

    assert is_avatar(good)
    for other in (
        good + "\n",
        good.upper(),
        good.replace("profile", "temp"),
        "x" + good,
        good.replace("0x", ""),
    ):
        assert not is_avatar(other)
