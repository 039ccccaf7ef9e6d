"""Any picture → a square JPEG of one size without anything but its pixels.

Runs by itself as a program as well: a picture on stdin, the JPEG on stdout, or exit code 3 and why not.
"""

from __future__ import annotations

import io
import resource
import sys

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

LARGEST_BYTES = 5 << 20
SIDE = 512
MOST_PIXELS = 25_000_000
"""Before anything is decoded; 100 MB in memory."""
LONGEST_SIDE = 10_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
STILL_WITH_MORE = frozenset({"MPO"})
"""What cameras write: a JPEG with a preview behind it. Of these, the first picture is taken."""
MOST_SCANS = 40
"""Of a progressive JPEG, which is gone over again for each; cameras and editors write about ten."""
QUALITY = 85
UNFIT = 3
CPU_SECONDS = 10
MEMORY_BYTES = 1 << 30
"""Of address space, most of which is code."""
ALSO_SOMETHING_ELSE = (
    b"<script",
    b"<html",
    b"<!doctype",
    b"<svg ",
    b"<?php",
    b"%pdf-",
    b"<%@ page",
    b"javascript:",
)
ZIP_END, ZIP_END_WITHIN = b"PK\x05\x06", 66_000
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, OverflowError)
"""What Pillow raises for pictures that are not in order."""


class Unfit(Exception):
    """The picture cannot be used; the message says why, and what could."""


def recoded(data: bytes) -> bytes:
    """The picture as a JPEG of SIDE × SIDE pixels, upright and cut to its middle. Raises Unfit."""
    if not data:
        raise Unfit("the file is empty")
    if len(data) > LARGEST_BYTES:
        raise Unfit(f"the file has {len(data)} bytes; {LARGEST_BYTES} are allowed")
    _refuse_polyglots(data)
    with _opened(data) as image:
        _check_size(image, data)
        try:
            return _encoded(_upright(image))
        except (*BROKEN, MemoryError, Image.DecompressionBombError) as error:
            raise Unfit("the picture is damaged and cannot be decoded") from error


def _refuse_polyglots(data: bytes) -> None:
    lower = data.lower()
    if any(mark in lower for mark in ALSO_SOMETHING_ELSE) or ZIP_END in data[-ZIP_END_WITHIN:]:
        raise Unfit("the file is something else besides a picture; save it again as a plain picture")


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise Unfit("the file is not a picture we know; use JPEG, PNG, WebP or GIF") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise Unfit("the picture is damaged or far too large") from error


def _check_size(image: Image.Image, data: bytes) -> None:
    """From what the header says; nothing has been decoded yet."""
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE or min(width, height) < 1:
        raise Unfit(
            f"the picture has {width} × {height} pixels; {MOST_PIXELS // 1_000_000} million are allowed"
        )
    if image.format == "JPEG" and data.count(b"\xff\xda") > MOST_SCANS:
        raise Unfit("the picture is stored in too many layers; save it again as a plain JPEG")
    if image.format not in STILL_WITH_MORE and getattr(image, "is_animated", False):
        raise Unfit("the picture is animated; use one that stands still")


def _upright(image: Image.Image) -> Image.Image:
    """Decoded no larger than needed, turned as its EXIF says, in plain colours."""
    image.draft("RGB", (2 * SIDE, 2 * SIDE))
    image.load()
    profile = image.info.get("icc_profile")
    turned = ImageOps.exif_transpose(image)
    small = ImageOps.fit(
        _smaller(_plain(turned)), (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.5)
    )
    return _without_alpha(_in_srgb(small, profile))


def _smaller(image: Image.Image) -> Image.Image:
    """A large picture reduced by a whole number, which is quick and leaves enough."""
    factor = min(image.size) // (2 * SIDE)
    return image.reduce(factor) if factor > 1 else image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as the profile means them; one that does not fit is ignored, as browsers do."""
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted or image


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encoded(image: Image.Image) -> bytes:
    """A picture made anew, so that no metadata comes along."""
    clean, out = Image.new("RGB", image.size), io.BytesIO()
    clean.paste(image)
    clean.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        sys.stdout.buffer.write(recoded(sys.stdin.buffer.read(LARGEST_BYTES + 1)))
    except Unfit as error:
        sys.stderr.write(str(error))
        sys.exit(UNFIT)


if __name__ == "__main__":
    main()
