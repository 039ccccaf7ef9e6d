"""Pictures that people upload: made one size and harmless, or refused with the reason."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms

from api.images import LARGEST_BYTES, SIDE, Busy, Unfit, safely_recoded, sandbox
from api.images.recoding import recoded

RED, GREEN = (200, 30, 30), (30, 180, 30)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def plain(size: tuple[int, int] = (640, 480), mode: str = "RGB", colour: Any = RED) -> Image.Image:
    return Image.new(mode, size, colour)


def result(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(recoded(data)))
    image.load()
    return image


def near(pixel: Any, wanted: tuple[int, int, int], by: int = 14) -> bool:
    return all(abs(one - other) <= by for one, other in zip(pixel, wanted, strict=True))


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that says it has that size, whatever it has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(640, 480), (1, 1), (512, 512), (3000, 200), (33, 2000)])
def test_every_picture_becomes_a_jpeg_of_one_size(form: str, size: tuple[int, int]):
    image = result(encoded(plain(size), form))

    assert (image.format, image.size, image.mode) == ("JPEG", (SIDE, SIDE), "RGB")
    assert near(image.getpixel((SIDE // 2, SIDE // 2)), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_mode_of_colour_is_understood(mode: str):
    form = "JPEG" if mode == "CMYK" else "PNG"
    base = Image.new("I;16", (600, 600), 40000) if mode == "I;16" else plain((600, 600)).convert(mode)

    assert result(encoded(base, form)).mode == "RGB"


def test_what_is_transparent_becomes_white():
    image = result(encoded(plain((600, 600), "RGBA", (0, 0, 0, 0))))

    assert near(image.getpixel((300, 300)), (255, 255, 255))


def test_the_middle_is_kept():
    wide = plain((1200, 400))
    wide.paste(GREEN, (400, 0, 800, 400))

    image = result(encoded(wide))

    assert near(image.getpixel((10, 256)), GREEN)
    assert near(image.getpixel((500, 256)), GREEN)


def test_the_picture_is_turned_as_its_exif_says_and_nothing_else_of_it_is_kept():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "the camera's name"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 5.0)
    upper = plain((600, 600), colour=RED)
    upper.paste(GREEN, (0, 300, 600, 600))
    data = encoded(upper, "JPEG", exif=exif, comment=b"a comment", quality=95)
    assert b"the camera's name" in data

    made = recoded(data)

    image = Image.open(io.BytesIO(made))
    # Green was below; turned by 90° clockwise it is on the left.
    assert near(image.getpixel((60, 256)), GREEN)
    assert near(image.getpixel((450, 256)), RED)
    assert not image.getexif()
    assert {"icc_profile", "comment", "exif"} & image.info.keys() == set()
    assert b"camera" not in made
    assert b"Exif" not in made


def test_colours_are_converted_by_their_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert near(result(encoded(plain(), "PNG", icc_profile=profile)).getpixel((9, 9)), RED)
    assert near(result(encoded(plain(), "PNG", icc_profile=b"nonsense")).getpixel((9, 9)), RED)


def test_the_same_picture_twice_is_the_same_file():
    data = encoded(plain())

    assert recoded(data) == recoded(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"not a picture", "not a picture we know"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "not a picture|something else"),
        (b"<svg onload=alert(1)>", "something else besides a picture"),
        (b"%PDF-1.7\n", "something else besides a picture"),
        (b"GIF89a/*" + b"\x00" * 20 + b"*/=1;alert(1)", "not a picture|damaged|pixels"),
        (encoded(plain(), "BMP"), "not a picture we know"),
        (encoded(plain(), "TIFF"), "not a picture we know"),
        (encoded(plain(), "ICO"), "not a picture we know"),
        (encoded(plain())[:300], "damaged"),
        (encoded(plain(), "JPEG")[:200], "damaged"),
        (encoded(plain(), "JPEG") + b"<script>alert(1)</script>", "something else besides a picture"),
        (encoded(plain(), "PNG") + b"<HTML>", "something else besides a picture"),
        (encoded(plain(), "JPEG") + b"PK\x03\x04...PK\x05\x06" + b"\x00" * 18, "something else besides a picture"),
        (encoded(plain(), "JPEG", comment=b"<?php system($_GET[0]); ?>"), "something else besides a picture"),
        (png_of(100_000, 100_000), "pixels|too large|damaged"),
        (png_of(20_000, 1000), "pixels; 25 million are allowed"),
        (png_of(6000, 6000), "36000000|6000 × 6000 pixels"),
        (png_of(0, 10), "damaged|pixels|not a picture"),
        (b"\xff\xd8\xff" * 1000, "not a picture|damaged"),
        (b"x" * (LARGEST_BYTES + 1), "are allowed"),
    ],
)  # fmt: skip
def test_what_is_not_a_plain_picture_is_refused_with_the_reason(data: bytes, said: str):
    with pytest.raises(Unfit, match=said):
        recoded(data)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animated_picture_is_refused(form: str):
    frames = [plain((64, 64), colour=colour) for colour in (RED, GREEN)]

    with pytest.raises(Unfit, match="animated"):
        recoded(encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100))


def test_a_camera_s_picture_with_a_preview_behind_it_is_taken():
    data = encoded(plain(), "MPO", save_all=True, append_images=[plain((64, 64), colour=GREEN)])

    assert near(result(data).getpixel((256, 256)), RED)


def test_a_jpeg_with_endless_scans_is_refused():
    data = encoded(plain((64, 64)), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")

    with pytest.raises(Unfit, match="too many layers"):
        recoded(data[:scan] + data[scan:-2] * 60 + data[-2:])


# --- in a process of its own ---------------------------------------------------------------


def test_decoding_happens_in_another_process():
    assert safely_recoded(encoded(plain())) == recoded(encoded(plain()))
    with pytest.raises(Unfit, match="not a picture we know"):
        safely_recoded(b"nothing")


def test_a_bomb_within_the_limits_is_decoded_in_bounded_time():
    data = png_of(5000, 5000, b"\x00" * (5001 * 5000))

    assert len(data) < 50_000
    assert len(safely_recoded(data)) < 20_000


@pytest.mark.parametrize(
    ("code", "said"), [(-11, "cannot be decoded"), (-9, "cannot be decoded"), (1, "cannot be")]
)
def test_a_decoder_that_crashes_or_is_stopped_is_a_picture_refused(monkeypatch: Any, code: int, said: str):
    crashed = subprocess.CompletedProcess[bytes]([], code, b"", b"trace")
    monkeypatch.setattr(sandbox, "_run", lambda _data: crashed)

    with pytest.raises(Unfit, match=said):
        safely_recoded(b"any")


def test_a_decoder_that_hangs_is_stopped(monkeypatch: Any):
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.001)

    with pytest.raises(Unfit, match="too long"):
        safely_recoded(encoded(plain()))


def test_more_pictures_at_once_than_there_are_places_are_told_to_wait(monkeypatch: Any):
    monkeypatch.setattr(sandbox, "PATIENCE_SECONDS", 0.01)
    for _ in range(sandbox.AT_ONCE):
        assert sandbox._places.acquire()
    try:
        with pytest.raises(Busy):
            safely_recoded(encoded(plain()))
    finally:
        for _ in range(sandbox.AT_ONCE):
            sandbox._places.release()
