"""Pictures: looking into them, and making them into what a network takes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageFilter, ImageOps, ImageStat, UnidentifiedImageError

from spilno.toolkit.media.facts import Facts, MediaTrouble
from spilno.toolkit.media.recipe import Recipe

MAX_PIXELS = 50_000_000  # a frame; a 48-megapixel phone camera fits
MAX_PIXELS_ALL_FRAMES = 400_000_000

TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # what many phones write: a JPEG with further pictures behind it
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError)

QUALITIES = (92, 86, 80, 74)
"""Of JPEG, the first that fits; below that fewer pixels look better than worse ones."""
STEP = 0.82  # sides of the next smaller try
LEAST_SIDE = 200  # px; smaller than that a picture is not made for its bytes
UNIFORM = 6.0  # of 255: an edge with less variation than this is one colour to the eye
BLUR_SIDE = 160  # px; the blurred ground is made so small and enlarged
_WHITE = (255, 255, 255)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture, not yet decoded.

    :raises MediaTrouble: ``media_unknown_type``, ``media_broken``, ``media_too_many_pixels``.
    """
    with path.open("rb") as file:
        head = file.read(12)
    formats = ["JPEG", "PNG", "WEBP", "GIF", "AVIF"]
    if head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis"):
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
        formats = ["HEIF"]
    try:
        with warnings.catch_warnings():
            # Our own limit is checked below, before a single pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=formats)
    except UnidentifiedImageError:
        raise MediaTrouble("media_unknown_type") from None
    except Image.DecompressionBombError:
        raise MediaTrouble("media_too_many_pixels", limit=MAX_PIXELS // 1_000_000) from None
    except DAMAGED:
        raise MediaTrouble("media_broken") from None
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise MediaTrouble("media_too_many_pixels", limit=MAX_PIXELS // 1_000_000)
        if image.width * image.height * frames_of(image) > MAX_PIXELS_ALL_FRAMES:
            raise MediaTrouble("media_too_many_pixels", limit=MAX_PIXELS_ALL_FRAMES // 1_000_000)
        yield image


def frames_of(image: Image.Image) -> int:
    """How many pictures follow each other. An MPO's and a HEIF's further ones are thumbnails and depth maps."""
    return 1 if image.format in ("MPO", "HEIF") else int(getattr(image, "n_frames", 1))


def read_picture(path: Path) -> Facts:
    """Decode a picture completely and say what it is.

    :raises MediaTrouble: those of :func:`opened`.
    """
    with opened(path) as image:
        try:
            frames, format_ = frames_of(image), image.format or ""
            seconds = _seconds(image, frames) if frames > 1 else None
            alpha = image.has_transparency_data
            image.load()
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8) and format_ != "HEIF"
        except DAMAGED:
            raise MediaTrouble("media_broken") from None
        width, height = image.size
    return Facts(
        mime=TYPES[format_],
        bytes=path.stat().st_size,
        width=height if turned else width,
        height=width if turned else height,
        alpha=alpha,
        animated=frames > 1,
        seconds=seconds,
        fps=(Decimal(frames) / seconds).quantize(Decimal("0.001")) if seconds else None,
    )


def _seconds(image: Image.Image, frames: int) -> Decimal | None:
    total = 0
    for number in range(frames):
        image.seek(number)
        total += int(image.info.get("duration") or 100)
    image.seek(0)
    return Decimal(total) / 1000


def convert_picture(source: Path, recipe: Recipe, into: Path) -> Facts:
    """Make a picture as the recipe says.

    :raises MediaTrouble: those of :func:`opened`, ``image_cannot_be_made_smaller`` (``limit``).
    """
    with opened(source) as image:
        try:
            image.seek(0)
            image.draft("RGB", (recipe.width, recipe.height))
            upright = ImageOps.exif_transpose(image)
            flat = _in_srgb(upright)
        except DAMAGED:
            raise MediaTrouble("media_broken") from None
    for mime in filter(None, (recipe.mime, recipe.or_mime)):
        content = _fitting(flat, recipe, mime, last=mime == recipe.or_mime or not recipe.or_mime)
        if content is not None:
            into.write_bytes(content)
            return read_picture(into)
    raise MediaTrouble("image_cannot_be_made_smaller", limit=recipe.most_bytes)


def _in_srgb(image: Image.Image) -> Image.Image:
    """The picture in RGB (or RGBA, if some of it is transparent), its colours as sRGB, 8 bits."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits of grey
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colours = image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")
    if profile:
        try:
            found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(colours, found, ImageCms.createProfile("sRGB"), outputMode="RGB")
            colours = made or colours
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile: its colours as they are
    colours = colours.convert("RGB")
    colours.info.pop("icc_profile", None)
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _fitting(image: Image.Image, recipe: Recipe, mime: str, *, last: bool) -> bytes | None:
    """The picture in few enough bytes, or ``None``. Only in the last type it is made smaller for that."""
    scale = 1.0
    while True:
        drawn = _drawn(image, recipe, scale, keep_alpha=mime == "image/png")
        for quality in QUALITIES if mime == "image/jpeg" else QUALITIES[:1]:
            content = _saved(drawn, mime, quality)
            if recipe.most_bytes is None or len(content) <= recipe.most_bytes:
                return content
        scale *= STEP
        narrow = recipe.width * scale < max(recipe.width_min, min(LEAST_SIDE, recipe.width_min + LEAST_SIDE))
        if not last or narrow or recipe.height * scale < 1:
            return None


def _drawn(image: Image.Image, recipe: Recipe, scale: float, *, keep_alpha: bool) -> Image.Image:
    def sized(value: int) -> int:
        return max(1, round(value * scale))

    outer = (sized(recipe.width), sized(recipe.height))
    inner = (
        outer[0] if recipe.inner_width == recipe.width else sized(recipe.inner_width),
        outer[1] if recipe.inner_height == recipe.height else sized(recipe.inner_height),
    )
    if image.mode == "RGBA" and not keep_alpha:
        ground = Image.new("RGB", image.size, _WHITE)
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    small = image if image.size == inner else image.resize(inner, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if inner == outer:
        return small
    whole = _ground(small, outer)
    left_top = ((outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2)
    whole.paste(small, left_top, small if small.mode == "RGBA" else None)
    return whole


def _ground(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """What a picture stands on when its shape does not fit: the colour of its edges if they have one, else itself,
    enlarged and blurred. Nothing is cut off: words at the rim of a picture stay readable.
    """
    if image.mode == "RGBA":
        return Image.new("RGBA", size, (0, 0, 0, 0))
    across = size[0] > image.width  # room at the left and at the right
    width, height = image.size
    edges = (
        (image.crop((0, 0, 1, height)), image.crop((width - 1, 0, width, height)))
        if across
        else (image.crop((0, 0, width, 1)), image.crop((0, height - 1, width, height)))
    )
    colours = [ImageStat.Stat(one) for one in edges]
    means = [one.mean for one in colours]
    near = all(abs(one - other) < UNIFORM for one, other in zip(*means, strict=True))
    if near and all(max(one.stddev) < UNIFORM for one in colours):
        colour = tuple(round((one + other) / 2) for one, other in zip(*means, strict=True))
        return Image.new("RGB", size, colour)
    factor = BLUR_SIDE / max(size)
    small = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
    ground = ImageOps.fit(image, small, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(6))
    return ground.resize(size, Image.Resampling.BICUBIC).point(lambda value: round(value * 0.9))


def _saved(image: Image.Image, mime: str, quality: int) -> bytes:
    into = io.BytesIO()
    if mime == "image/jpeg":
        values: dict[str, Any] = {
            "quality": quality,
            "subsampling": 0 if quality > 90 else 2,
        }
        image.convert("RGB").save(into, "JPEG", **values)
    else:
        image.save(into, "PNG", optimize=True)
    return into.getvalue()
