"""Looking into uploaded pictures: is it really one, how large is it, and nothing in it that tells where it
was taken.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from spilno.kernel.errors import UserError

MAX_BYTES = 20 * 1024 * 1024  # one file
MAX_PIXELS = 50_000_000  # a frame; a 48-megapixel phone camera fits
MAX_PIXELS_ALL_FRAMES = 400_000_000
JPEG_QUALITY = 92  # only where the pixels had to be turned; else the file's own tables are kept

_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),  # what many phones write: a JPEG with further pictures behind it
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
}
# What a file may say about its maker and place. Everything else in ``info`` (profile, transparency, timing)
# stays.
_TELLING = ("exif", "xmp", "XML:com.adobe.xmp", "comment", "photoshop", "mp", "mpoffset")
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Picture:
    """A picture that may be kept. ``content`` carries no EXIF, XMP, IPTC or comment; ``width``, ``height`` in
    pixels.
    """

    content: bytes
    mime: str
    extension: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture:
    """Decode a picture completely and take out what it tells about place and maker.

    A file without such data is kept byte for byte. One that is stored turned (EXIF orientation) is turned for
    good, because networks drop the note that says so.

    :raises UserError: ``media_too_large``, ``media_empty``, ``media_unknown_type``,
        ``media_too_many_pixels``, ``media_broken``; all with ``field="media"``.
    """
    if not content:
        raise UserError("media_empty", field="media")
    if len(content) > MAX_BYTES:
        raise UserError("media_too_large", field="media", limit=MAX_BYTES // (1024 * 1024))
    try:
        with warnings.catch_warnings():
            # Our own limit is checked below, before a single pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP", "GIF"))
    except UnidentifiedImageError:
        raise UserError("media_unknown_type", field="media") from None
    except Image.DecompressionBombError:
        raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS // 1_000_000) from None
    except (OSError, ValueError, SyntaxError):
        raise UserError("media_broken", field="media") from None
    with image:
        return _read(image, content)


def _read(image: Image.Image, content: bytes) -> Picture:
    mime, extension = _TYPES[image.format or ""]
    if image.width * image.height > MAX_PIXELS:
        raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS // 1_000_000)
    try:
        # An MPO's further pictures are thumbnails and depth maps, not frames.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if image.width * image.height * frames > MAX_PIXELS_ALL_FRAMES:
            raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS_ALL_FRAMES // 1_000_000)
        image.load()
        if _tells(image, content):
            content = _without_telling(image, content, frames)
        with Image.open(io.BytesIO(content)) as kept:
            width, height = kept.size
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError):
        raise UserError("media_broken", field="media") from None
    return Picture(content, mime, extension, width, height)


def _tells(image: Image.Image, content: bytes) -> bool:
    """Does the file carry anything besides the picture?"""
    if image.format == "MPO" or any(image.info.get(key) for key in _TELLING) or image.getexif():
        return True
    if image.format == "GIF":
        return b"XMP DataXMP" in content
    return image.format == "PNG" and bool(getattr(image, "text", None))


def _without_telling(image: Image.Image, content: bytes, frames: int) -> bytes:
    turned = image.getexif().get(_ORIENTATION, 1) != 1 and frames == 1
    values: dict[str, Any] = {"exif": b""}
    if image.info.get("icc_profile"):
        values["icc_profile"] = image.info["icc_profile"]
    if image.format in ("JPEG", "MPO"):
        # The file's own quantization tables: saving again loses next to nothing.
        same = image.format == "JPEG" and not turned
        values |= {"quality": "keep"} if same else {"quality": JPEG_QUALITY, "subsampling": 0}
    elif image.format == "WEBP":
        values |= {"xmp": b"", "lossless": b"VP8L" in content[:64], "quality": 90}
    elif image.format == "GIF":
        values["comment"] = b""
    if frames > 1:
        values |= {"save_all": True, "duration": _durations(image, frames), "loop": image.info.get("loop", 0)}
    result = ImageOps.exif_transpose(image) if turned else image
    for key in _TELLING:
        result.info.pop(key, None)
    into = io.BytesIO()
    result.save(into, "JPEG" if image.format == "MPO" else image.format, **values)
    return into.getvalue()


def _durations(image: Image.Image, frames: int) -> list[int]:
    """Milliseconds that each frame is shown."""
    found = []
    for number in range(frames):
        image.seek(number)
        image.load()
        found.append(int(image.info.get("duration", 100)))
    image.seek(0)
    return found


def shrink(path: Path, side: int) -> bytes:
    """A WebP of the picture's first frame, at most ``side`` pixels wide and high."""
    with Image.open(path) as image:
        image.draft("RGB", (side, side))  # JPEG: decode at a fraction of the size
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail((side, side))
    into = io.BytesIO()
    small.save(into, "WEBP", quality=82)
    return into.getvalue()
