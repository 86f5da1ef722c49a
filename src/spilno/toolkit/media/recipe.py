"""From what a file is and what a placement takes: nothing to do, a recipe, or what a person has to do.

Pure arithmetic on declared limits; no file is opened here, and no rule about a single network stands here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from spilno.toolkit.media.facts import Facts
from spilno.toolkit.networks.base import Limit, MediaFile, Placement

VERSION = 1
"""Counted up when the same recipe would give another result: then everything is made anew."""

MADE_IMAGES = ("image/jpeg", "image/png")
"""What we can make, the first that is allowed first."""
MADE_VIDEO = "video/mp4"
PLAIN_VIDEO = ("h264",)
"""Video codecs that every network takes, unless a placement declares ``video_codecs``."""
PLAIN_AUDIO = ("aac",)
WEBM_CODECS = ("vp8", "vp9", "opus", "vorbis")

_SEARCH = 40  # steps of a side in which a shape that is allowed is looked for
UPSCALE_MOST = 2
"""A picture is enlarged at most so much to reach the least width; more than that looks broken."""
LONG_SIDE = 1920  # px; what has to be coded anyway is not coded larger than networks show it
AUDIO_RATE = 128_000  # bits per second
SPARE = Decimal("0.96")  # of the allowed bytes; the rest is for the container
LEAST_RATE = 150_000  # bits per second of picture: below this nobody can look at it
BITS_PER_PIXEL = 0.1  # at most, H.264
FPS_USUAL = Decimal(60)


@dataclass(frozen=True)
class Recipe:
    """How a file is to be made into another. The same recipe and the same file give the same picture.

    ``width`` × ``height`` is the whole result, ``inner_width`` × ``inner_height`` what the original takes of it; the
    rest is filled with the original, blurred, or with the colour of its edge. A picture may end up smaller (same
    shape, at least ``width_min`` wide), if it has to for ``most_bytes``. ``copy``: a video's streams are taken over
    as they are, only the container is written anew, without its place.
    """

    kind: str  # "image" or "video"
    mime: str
    width: int
    height: int
    inner_width: int
    inner_height: int
    most_bytes: int | None = None
    width_min: int = 1
    copy: bool = False
    fps: str = ""  # frames per second as a decimal
    rate: int = 0  # bits per second of the video's picture, at most
    audio: bool = False
    or_mime: str = ""  # if it does not fit as ``mime``

    @property
    def padded(self) -> bool:
        return (self.width, self.height) != (self.inner_width, self.inner_height)

    @property
    def key(self) -> str:
        """Stable name of what comes out (64 hexadecimal digits)."""
        said = json.dumps([VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Recipe:
        return cls(**said)


@dataclass(frozen=True)
class Hitch:
    """Why a file cannot be made to fit, where the check of the result does not say it."""

    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Fitting:
    """``recipe`` ``None``: the file is left as it is. ``result``: what the network will get; its bytes are an upper
    bound where they cannot be known. What is still wrong with it (too long, too small, of a kind that is not taken)
    is found by :func:`spilno.toolkit.networks.check.check` of the result, as of any other file.
    """

    recipe: Recipe | None
    result: Facts
    hitch: Hitch | None = None
    still: bool = False  # only the first picture of a moving one is left


def as_file(facts: Facts, *, path: Path = Path(), alt: str = "", url: str = "") -> MediaFile:
    """A file as networks are given it."""
    return MediaFile(
        path=path,
        mime=facts.mime,
        bytes=facts.bytes,
        width=facts.width,
        height=facts.height,
        alt=alt,
        url=url,
        seconds=facts.seconds if facts.kind == "video" else None,
        fps=facts.fps if facts.kind == "video" else None,
        pages=facts.pages,
    )


class Bounds:
    """The limits of a placement that speak of files, by key."""

    def __init__(self, place: Placement, overrides: Sequence[Limit] = ()) -> None:
        self.place = place
        self._values = {one.key: one.value for one in (*place.limits, *overrides)}

    def whole(self, *keys: str) -> int | None:
        """The first of the keys that is declared, as a whole number."""
        value = self.exact(*keys)
        return None if value is None else int(value)

    def exact(self, *keys: str) -> Decimal | None:
        for key in keys:
            if (value := self._values.get(key)) is not None:
                return Decimal(value)
        return None

    def words(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        return tuple(str(value).split()) if value else ()

    def takes(self, kind: str) -> bool:
        """Is that kind of file taken at all?"""
        allowed = self.place.media_allowed
        if self.whole(f"{kind}s") == 0:
            return False
        return kind in allowed


def fitting(facts: Facts, place: Placement, limits: Sequence[Limit] = ()) -> Fitting:
    """What becomes of a file in a placement.

    :param limits: limits that replace declared ones of the same key.
    """
    bounds = Bounds(place, limits)
    if facts.kind == "image":
        return _image(facts, bounds)
    if facts.kind == "video":
        return _video(facts, bounds)
    return Fitting(None, facts)  # documents are sent as they are or not at all


# ------------------------------------------------------------------------------------------------ pictures


def _image(facts: Facts, bounds: Bounds) -> Fitting:
    types, most = bounds.words("image_mime"), bounds.whole("image_bytes")
    wrong_type = bool(types) and facts.mime not in types
    too_large = most is not None and facts.bytes > most
    if facts.animated and (wrong_type or too_large or not bounds.takes("image")) and bounds.takes("video"):
        moving = replace(facts, seconds=facts.seconds or Decimal(1), fps=facts.fps or Decimal(10))
        return _video(moving, bounds)
    if not bounds.takes("image") or not facts.width or not facts.height:
        return Fitting(None, facts)
    shape = _shape(facts.width, facts.height, bounds, "image")
    same_shape = (shape.width, shape.height) == (facts.width, facts.height)
    if not wrong_type and not too_large and same_shape:
        return Fitting(None, facts)
    mimes = [one for one in MADE_IMAGES if not types or one in types]
    if not mimes:
        return Fitting(None, facts)
    # What is transparent stays so where it can; everything else that is too large is a photograph soon enough.
    if "image/png" in mimes and (facts.alpha or (facts.mime == "image/png" and not too_large)):
        mimes = ["image/png", *(one for one in mimes if one != "image/png")]
    made = Recipe(
        kind="image",
        mime=mimes[0],
        or_mime=mimes[1] if len(mimes) > 1 and mimes[0] == "image/png" and most is not None else "",
        width=shape.width,
        height=shape.height,
        inner_width=shape.inner_width,
        inner_height=shape.inner_height,
        most_bytes=most,
        width_min=max(1, bounds.whole("width_min") or 1),
    )
    result = replace(
        facts,
        mime=made.mime,
        bytes=min(most, facts.bytes) if most is not None else facts.bytes,
        width=made.width,
        height=made.height,
        animated=False,
        alpha=facts.alpha and made.mime == "image/png",
        telling=False,
        seconds=None,
        fps=None,
    )
    return Fitting(made, result, still=facts.animated)


# ------------------------------------------------------------------------------------------------ shape


@dataclass(frozen=True)
class _Shape:
    width: int
    height: int
    inner_width: int
    inner_height: int


def _shape(width: int, height: int, bounds: Bounds, kind: str, step: int = 1) -> _Shape:
    """Sides that fit: scaled down if too big, filled up to the nearest allowed shape, enlarged if too narrow.

    :param step: sides are multiples of it (2 for video).
    """
    video = kind == "video"
    named = "video_" if video else ""
    low, high = bounds.exact(f"{named}ratio_min"), bounds.exact(f"{named}ratio_max")
    narrowest, lowest = bounds.whole(f"{named}width_min") or 1, bounds.whole(f"{named}height_min") or 1
    whole_w, whole_h = Decimal(width), Decimal(height)
    ratio = whole_w / whole_h
    if low is not None and ratio < low:
        whole_w = whole_h * low
    elif high is not None and ratio > high:
        whole_h = whole_w / high
    grow = max(Decimal(1), Decimal(narrowest) / whole_w, Decimal(lowest) / whole_h)
    scale = min(grow, Decimal(UPSCALE_MOST)) * _shrink(whole_w * grow, whole_h * grow, bounds, kind)
    sides = (whole_w * scale, whole_h * scale, Decimal(width) * scale, Decimal(height) * scale)
    if (low is not None and ratio < low) or (high is not None and ratio > high):
        outer_w, outer_h = _inside(
            sides[0], sides[1], low, high, step, wide=high is not None and ratio > high
        )
    else:
        outer_w, outer_h = _to(sides[0], step), _to(sides[1], step)
        if scale > 1:  # enlarged to reach a least side: rounding must not miss it
            outer_w, outer_h = _up(sides[0], step), _up(sides[1], step)
    inner_w, inner_h = min(_to(sides[2], step), outer_w), min(_to(sides[3], step), outer_h)
    if ratio < (low or ratio):
        inner_h = outer_h
    elif ratio > (high or ratio):
        inner_w = outer_w
    else:
        inner_w, inner_h = outer_w, outer_h
    return _Shape(outer_w, outer_h, inner_w, inner_h)


def _shrink(width: Decimal, height: Decimal, bounds: Bounds, kind: str) -> Decimal:
    """By how much (at most 1) sides have to shrink for limits on how big they are."""
    video = kind == "video"
    scale = Decimal(1)
    widest = bounds.whole(f"{kind}_width_max", "width_max")
    highest = bounds.whole(f"{kind}_height_max", "height_max")
    pixels = bounds.whole(f"{kind}_pixels")
    together = None if video else bounds.whole("sides_sum")
    if widest is not None:
        scale = min(scale, widest / width)
    if highest is not None:
        scale = min(scale, highest / height)
    if pixels is not None:
        scale = min(scale, Decimal(math.sqrt(float(pixels / (width * height)))))
    if together is not None:
        scale = min(scale, together / (width + height))
    # A hair less, so that rounding up does not end above the limit.
    return scale if scale == 1 else scale * Decimal("0.999")


def _inside(
    width: Decimal, height: Decimal, low: Decimal | None, high: Decimal | None, step: int, *, wide: bool
) -> tuple[int, int]:
    """Whole sides near the wanted ones whose shape is really allowed: the nearest multiple may miss it by a hair.

    The side that the picture fills (the width of a ``wide`` one) stays, if that is possible.
    """
    wanted = width / height
    best, distance = (_to(width, step), _to(height, step)), Decimal("Infinity")
    for more in range(_SEARCH):
        filled = _to(width if wide else height, step) + more * step
        other = filled / wanted if wide else filled * wanted
        for rest in (_to(other, step), _up(other, step)):
            sides = (filled, rest) if wide else (rest, filled)
            ratio = Decimal(sides[0]) / sides[1]
            if (low is None or ratio >= low) and (high is None or ratio <= high):
                return sides
            if abs(ratio - wanted) < distance:
                best, distance = sides, abs(ratio - wanted)
    return best


def _to(value: Decimal, step: int) -> int:
    return max(step, int(value / step + Decimal("0.5")) * step)


def _up(value: Decimal, step: int) -> int:
    return max(step, math.ceil(value / step) * step)


# ------------------------------------------------------------------------------------------------ videos


def _video(facts: Facts, bounds: Bounds) -> Fitting:
    if not bounds.takes("video") or not facts.width or not facts.height or not facts.seconds:
        return Fitting(None, facts)
    moving = facts.kind == "image"
    types, most = bounds.words("video_mime"), bounds.whole("video_bytes")
    wrong_type = moving or (bool(types) and facts.mime not in types)
    too_large = most is not None and facts.bytes > most
    fps = facts.fps or Decimal(30)
    fastest = bounds.exact("video_fps") or max(FPS_USUAL, fps)
    shape = _shape(facts.width, facts.height, bounds, "video")
    same_shape = (shape.width, shape.height) == (facts.width, facts.height)
    recode = (
        moving
        or too_large
        or not same_shape
        or fps > fastest
        or not facts.plain
        or not _codecs_fit(facts, bounds, wrong_type)
    )
    if not recode and not wrong_type and facts.ready and not facts.telling:
        return Fitting(None, facts)
    if types and MADE_VIDEO not in types:
        return Fitting(None, facts)
    if not recode:
        made = Recipe(
            kind="video",
            mime=_container(facts, types),
            width=facts.width,
            height=facts.height,
            inner_width=facts.width,
            inner_height=facts.height,
            most_bytes=most,
            copy=True,
            audio=facts.has_audio,
        )
        return Fitting(made, replace(facts, mime=made.mime, ready=True, telling=False))
    made, tight = _coded(facts, bounds, min(fps, fastest), most)
    if tight:
        return Fitting(
            None, facts, Hitch("video_cannot_be_made_smaller", {"bytes": facts.bytes, "limit": most})
        )
    result = replace(
        facts,
        mime=MADE_VIDEO,
        bytes=min(most, facts.bytes) if most is not None else facts.bytes,
        width=made.width,
        height=made.height,
        fps=Decimal(made.fps),
        video_codec="h264",
        audio_codec="aac" if made.audio else "",
        plain=True,
        ready=True,
        telling=False,
        animated=False,
        alpha=False,
    )
    return Fitting(made, result)


def _container(facts: Facts, types: tuple[str, ...]) -> str:
    return facts.mime if facts.mime == "video/webm" and (not types or facts.mime in types) else MADE_VIDEO


def _codecs_fit(facts: Facts, bounds: Bounds, wrong_type: bool) -> bool:
    declared = bounds.words("video_codecs")
    if declared:
        return facts.video_codec in declared
    if facts.mime == "video/webm" and not wrong_type and "video/webm" in bounds.words("video_mime"):
        return facts.video_codec in WEBM_CODECS
    return facts.video_codec in PLAIN_VIDEO and facts.audio_codec in ("", *PLAIN_AUDIO)


def _coded(facts: Facts, bounds: Bounds, fps: Decimal, most: int | None) -> tuple[Recipe, bool]:
    """A recipe for H.264, and whether it would be too poor to look at."""
    assert facts.width
    assert facts.height
    assert facts.seconds
    budget = None
    if most is not None:
        budget = int(Decimal(most) * 8 * SPARE / facts.seconds) - (AUDIO_RATE if facts.has_audio else 0)
    for side in (LONG_SIDE, 1280, 960, 640, 480):
        scale = min(Decimal(1), Decimal(side) / max(facts.width, facts.height))
        shape = _shape(
            max(2, round(facts.width * scale)), max(2, round(facts.height * scale)), bounds, "video", 2
        )
        wanted = max(400_000, int(shape.width * shape.height * float(min(fps, Decimal(30))) * BITS_PER_PIXEL))
        if budget is None or budget >= wanted // 4:
            break
    assert budget is None or isinstance(budget, int)
    made = Recipe(
        kind="video",
        mime=MADE_VIDEO,
        width=shape.width,
        height=shape.height,
        inner_width=shape.inner_width,
        inner_height=shape.inner_height,
        most_bytes=most,
        fps=str(fps),
        rate=wanted if budget is None else max(1, min(wanted, budget)),
        audio=facts.has_audio,
    )
    return made, budget is not None and budget < LEAST_RATE
