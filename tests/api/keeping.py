"""A place for uploads and secrets, in a folder of the test's own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image
from pymongo.database import Database
from werkzeug.datastructures import FileStorage

from api.keeping import Keeping
from store.avatars import Avatars
from store.objects import Objects
from store.objects.files import FileObjects
from store.objects.links import Links
from store.profiles import Profiles
from store.secrets import KeyFile, Masters, Secrets

RED, GREEN = (200, 30, 30), (30, 180, 30)


def keeping_in(
    folder: Path, database: Database[Any], objects: Objects | None = None, public_url: str | None = None
) -> Keeping:
    links, profiles = Links("a test", "/api/media"), Profiles(database)
    kept = objects or FileObjects(folder / "objects", links)
    file = KeyFile(folder / "master_key")
    secrets = Secrets(database, lambda: Masters(file.make()[0], file.make()[1:]))
    return Keeping(kept, links, secrets, profiles, Avatars(profiles, kept), public_url)


def picture(
    colour: tuple[int, int, int] = RED, form: str = "PNG", size: tuple[int, int] = (300, 200)
) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    return out.getvalue()


def form(data: bytes, name: str = "me.png", kind: str = "image/png") -> dict[str, Any]:
    return {"file": FileStorage(io.BytesIO(data), filename=name, content_type=kind)}
