"""Looking into uploaded pictures: is it really one, how large is it, and nothing in it that tells where it
was taken.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from spilno.kernel.errors import UserError
from spilno.toolkit.media.facts import EXTENSIONS, Facts
from spilno.toolkit.media.pictures import MAX_PIXELS, MAX_PIXELS_ALL_FRAMES, TYPES, frames_of

MAX_BYTES = 50_000_000  # one picture; it is decoded in memory
JPEG_QUALITY = 92  # only where the pixels had to be turned; else the file's own tables are kept

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
    facts: Facts

    @property
    def mime(self) -> str:
        return self.facts.mime

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.facts.mime]

    @property
    def width(self) -> int:
        return self.facts.width or 0

    @property
    def height(self) -> int:
        return self.facts.height or 0


def read_picture(content: bytes) -> Picture:
    """Decode a picture completely and take out what it tells about place and maker.

    A file without such data is kept byte for byte. One that is stored turned (EXIF orientation) is turned for
    good, because networks drop the note that says so. HEIC, which few programs can show, becomes JPEG.

    :raises UserError: ``media_too_large``, ``media_empty``, ``media_unknown_type``,
        ``media_too_many_pixels``, ``media_broken``; all with ``field="media"``.
    """
    if not content:
        raise UserError("media_empty", field="media")
    if len(content) > MAX_BYTES:
        raise UserError("media_too_large", field="media", limit=MAX_BYTES // 1_000_000)
    try:
        with warnings.catch_warnings():
            # Our own limit is checked below, before a single pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_formats(content))
    except UnidentifiedImageError:
        raise UserError("media_unknown_type", field="media") from None
    except Image.DecompressionBombError:
        raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS // 1_000_000) from None
    except (OSError, ValueError, SyntaxError):
        raise UserError("media_broken", field="media") from None
    with image:
        return _read(image, content)


def _formats(content: bytes) -> list[str]:
    if content[4:8] == b"ftyp" and content[8:12] not in (b"avif", b"avis"):
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
        return ["HEIF"]
    return ["JPEG", "PNG", "WEBP", "GIF", "AVIF"]


def _read(image: Image.Image, content: bytes) -> Picture:
    if image.width * image.height > MAX_PIXELS:
        raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS // 1_000_000)
    try:
        frames = frames_of(image)
        if image.width * image.height * frames > MAX_PIXELS_ALL_FRAMES:
            raise UserError("media_too_many_pixels", field="media", limit=MAX_PIXELS_ALL_FRAMES // 1_000_000)
        image.load()
        alpha = image.has_transparency_data
        seconds = Decimal(sum(_durations(image, frames))) / 1000 if frames > 1 else None
        if image.format == "HEIF" or _tells(image, content):
            content = _without_telling(image, content, frames)
        with Image.open(io.BytesIO(content)) as kept:
            width, height = kept.size
            mime = TYPES[kept.format or ""]
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError):
        raise UserError("media_broken", field="media") from None
    facts = Facts(
        mime=mime,
        bytes=len(content),
        width=width,
        height=height,
        alpha=alpha and mime != "image/jpeg",
        animated=frames > 1,
        seconds=seconds,
        fps=(frames / seconds).quantize(Decimal("0.001")) if seconds else None,
    )
    return Picture(content, facts)


def _tells(image: Image.Image, content: bytes) -> bool:
    """Does the file carry anything besides the picture?"""
    if image.format == "MPO" or any(image.info.get(key) for key in _TELLING) or image.getexif():
        return True
    if image.format == "GIF":
        return b"XMP DataXMP" in content
    return image.format == "PNG" and bool(getattr(image, "text", None))


def _without_telling(image: Image.Image, content: bytes, frames: int) -> bytes:
    # A HEIF is turned by its reader; its note about that is what remains.
    turned = image.getexif().get(_ORIENTATION, 1) != 1 and frames == 1 and image.format != "HEIF"
    values: dict[str, Any] = {"exif": b""}
    if image.info.get("icc_profile"):
        values["icc_profile"] = image.info["icc_profile"]
    if image.format in ("JPEG", "MPO", "HEIF"):
        # The file's own quantization tables: saving again loses next to nothing.
        same = image.format == "JPEG" and not turned
        values |= {"quality": "keep"} if same else {"quality": JPEG_QUALITY, "subsampling": 0}
    elif image.format == "WEBP":
        values |= {"xmp": b"", "lossless": b"VP8L" in content[:64], "quality": 90}
    elif image.format == "AVIF":
        values |= {"xmp": b"", "quality": 90}
    elif image.format == "GIF":
        values["comment"] = b""
    if frames > 1:
        values |= {"save_all": True, "duration": _durations(image, frames), "loop": image.info.get("loop", 0)}
    result = ImageOps.exif_transpose(image) if turned else image
    if image.format == "HEIF":
        result = result.convert("RGB")
    for key in _TELLING:
        result.info.pop(key, None)
    into = io.BytesIO()
    result.save(into, "JPEG" if image.format in ("MPO", "HEIF") else image.format, **values)
    return into.getvalue()


def _durations(image: Image.Image, frames: int) -> list[int]:
    """Milliseconds that each frame is shown."""
    found = []
    for number in range(frames):
        image.seek(number)
        image.load()
        found.append(int(image.info.get("duration") or 100))
    image.seek(0)
    return found
