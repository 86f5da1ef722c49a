"""Uploaded pictures: decoded for real, limited, and silent about where they were taken."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image, ImageChops, ImageStat, PngImagePlugin

from spilno.kernel.errors import UserError
from spilno.plan import pictures
from spilno.plan.pictures import read_picture
from tests.plan.conftest import picture


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def with_place(orientation: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Phone of Olena"
    exif.get_ifd(0x8825)[2] = (50.0, 27.0, 0.0)
    exif.get_ifd(0x8825)[1] = "N"
    if orientation:
        exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("kind", "mime", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ],
)
def test_each_kind_is_read_and_kept_as_it_is(kind: str, mime: str, extension: str) -> None:
    content = picture(kind, (320, 200))
    found = read_picture(content)
    assert (found.mime, found.extension, found.width, found.height) == (mime, extension, 320, 200)
    assert found.content == content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_place_is_taken_out(kind: str) -> None:
    content = picture(kind, exif=with_place())
    assert opened(content).getexif().get_ifd(0x8825)
    found = read_picture(content)
    assert dict(opened(found.content).getexif()) == {}
    assert b"Phone of Olena" not in found.content
    difference = ImageChops.difference(opened(content).convert("RGB"), opened(found.content).convert("RGB"))
    # Saving again moves a few pixels at hard edges; on the whole it is the same picture.
    assert max(ImageStat.Stat(difference).rms) < 2, "the picture itself changed"


def test_xmp_and_comments_are_taken_out() -> None:
    jpeg = read_picture(
        picture("JPEG", comment=b"taken at home", xmp=b"<x:xmpmeta>home street 5</x:xmpmeta>")
    )
    assert b"home" not in jpeg.content
    told = PngImagePlugin.PngInfo()
    told.add_text("Location", "home street 5")
    assert b"home" not in read_picture(picture("PNG", pnginfo=told)).content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_picture_is_turned_for_good(kind: str) -> None:
    found = read_picture(picture(kind, (300, 200), exif=with_place(orientation=6)))
    assert (found.width, found.height) == (200, 300)
    image = opened(found.content).convert("RGB")
    assert image.size == (200, 300)
    assert dict(image.getexif()) == {}
    # The orange corner was at the top left; turned a quarter to the right it is at the top right.
    assert image.getpixel((190, 10))[0] > 200
    assert image.getpixel((10, 10))[0] < 60


def test_an_animation_stays_one() -> None:
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green", "blue")]
    into = io.BytesIO()
    frames[0].save(
        into, "WEBP", save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=2,
        exif=with_place(), lossless=True,
    )  # fmt: skip
    found = opened(read_picture(into.getvalue()).content)
    assert found.n_frames == 3
    assert dict(found.getexif()) == {}
    durations = []
    for number in range(3):
        found.seek(number)
        found.load()
        durations.append(found.info["duration"])
    assert durations == [100, 200, 300]


def test_the_colour_profile_stays() -> None:
    found = read_picture(picture("JPEG", icc_profile=b"profile of the screen", exif=with_place()))
    assert opened(found.content).info["icc_profile"] == b"profile of the screen"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "media_empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "media_unknown_type"),
        (b"MZ\x90\x00 this is no picture", "media_unknown_type"),
        (picture("BMP"), "media_unknown_type"),
        (picture("JPEG")[:900], "media_broken"),
        (picture("PNG")[:-60], "media_broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "media_unknown_type"),
    ],
)
def test_what_is_no_whole_picture_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(UserError) as caught:
        read_picture(content)
    assert (caught.value.code, caught.value.field) == (code, "media")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A PNG of a few bytes that says it is 60,000 × 60,000 pixels."""
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    data = zlib.compress(b"\x00" * 1000)
    bomb = b"\x89PNG\r\n\x1a\n"
    for chunk in (head, b"IDAT" + data, b"IEND"):
        bomb += (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    with pytest.raises(UserError) as caught:
        read_picture(bomb)
    assert caught.value.code == "media_too_many_pixels"


def test_limits_in_bytes_and_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    content = picture("PNG", (100, 100))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 9_999)
    with pytest.raises(UserError) as caught:
        read_picture(content)
    assert caught.value.code == "media_too_many_pixels"
    monkeypatch.setattr(pictures, "MAX_PIXELS", 10_000)
    assert read_picture(content).width == 100
    monkeypatch.setattr(pictures, "MAX_BYTES", len(content) - 1)
    with pytest.raises(UserError) as caught:
        read_picture(content)
    assert caught.value.code == "media_too_large"
