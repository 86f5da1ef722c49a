"""Does a post fit a placement? Asked by the composer, by approval, by the command line and once more before sending.

All limits come from the network's declared data; there is no rule about a single network here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import regex

from spilno.toolkit.language.counting import length
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counting, Limit, MediaFile, Network, Once, Placement

ERROR = "error"
NOTE = "note"

HASHTAG = regex.compile(r"(?<![\w&/])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*")
MENTION = regex.compile(r"(?<![\w@/.])@[\p{L}\p{N}_][\p{L}\p{N}_.]*")
RATIO_TOLERANCE = Decimal("0.005")
"""Pixels are whole, so a picture cut to 4:5 is rarely exactly 0.8."""
RATIO_NEAR = Decimal("0.03")
"""Nearer to the recommended shape than this, nothing worth seeing is cut off."""


@dataclass(frozen=True)
class Problem:
    """One thing to mend or to know. ``code`` is stable and is what a message is looked up by.

    ``field`` is ``"text"``, ``"link"``, ``"media"`` or ``"media.N"`` (counted from 0).
    ``level`` is ``"error"`` (it cannot be published so) or ``"note"`` (it can, but a person should know).
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    field: str = "text"
    level: str = ERROR


@dataclass(frozen=True)
class Checked:
    """Length of the text as the network counts it, the limit (``None``: none stated), and what is wrong."""

    length: int
    limit: int | None
    counting: Counting
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Nothing that prevents publishing (notes do not)."""
        return not any(one.level == ERROR for one in self.problems)


def check(
    *,
    network: Network | str,
    placement: str,
    text: str,
    media: Sequence[MediaFile] = (),
    link: str = "",
    limits: Sequence[Limit] = (),
) -> Checked:
    """Check a post against a placement.

    :param network: the network or its key.
    :param limits: limits that replace declared ones of the same key: live ones of the server, or an administrator's.
    :raises KeyError: if there is no such network or placement.
    """
    net = registry.get(network) if isinstance(network, str) else network
    place = net.placement(placement)
    of = _Limits(place, limits)
    sent = (
        net.sent_text(placement=placement, text=text, link=link, media=bool(media))
        if place.text_allowed
        else text
    )
    by_hand = place.once is Once.HAND or (bool(link) and place.link_by_hand)
    text_limit = _text_limit(of, bool(media))
    problems = [
        *_text_problems(place, of, sent, bool(media)),
        *_link_problems(place, link),
        *_media_problems(place, of, media, by_hand),
    ]
    return Checked(length(sent, place.counting), of.whole(text_limit), place.counting, tuple(problems))


class _Limits:
    def __init__(self, place: Placement, overrides: Sequence[Limit]) -> None:
        self._by_key = {one.key: one for one in (*place.limits, *overrides)}

    def _value(self, key: str) -> int | Decimal | str | None:
        found = self._by_key.get(key)
        return None if found is None else found.value

    def whole(self, key: str) -> int | None:
        value = self._value(key)
        return None if value is None else int(value)

    def exact(self, key: str) -> Decimal | None:
        value = self._value(key)
        return None if value is None else Decimal(value)

    def words(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        return tuple(str(value).split()) if value else ()

    def counting(self, key: str) -> Counting:
        """In what a limit is counted that says so itself; "characters" are code points."""
        unit = self._by_key[key].unit
        return Counting(unit) if unit in tuple(Counting) else Counting.CODE_POINTS


def _text_limit(of: _Limits, has_media: bool) -> str:
    """Key of the limit that counts: a text beside pictures may have one of its own."""
    return "caption" if has_media and of.whole("caption") is not None else "text"


def _text_problems(place: Placement, of: _Limits, sent: str, has_media: bool) -> list[Problem]:
    if not place.text_allowed:
        return [Problem("text_not_shown", {}, "text", NOTE)] if sent.strip() else []
    found = []
    if not sent.strip() and not has_media:
        found.append(Problem("text_empty"))
    # A network may count in two ways at once (graphemes and bytes): each is a limit of its own.
    for key, counting in ((_text_limit(of, has_media), place.counting), ("bytes", Counting.BYTES)):
        most = of.whole(key)
        if most is not None and (size := length(sent, counting)) > most:
            params = {"length": size, "limit": most, "over": size - most, "unit": str(counting)}
            found.append(Problem("text_too_long", params))
    # Where a title is shown by itself it is the first line, with a limit of its own.
    most = of.whole("title")
    title = next(iter(sent.strip().splitlines()), "").strip()
    if most is not None and not title and has_media:
        found.append(Problem("text_empty"))
    if most is not None and (size := length(title, of.counting("title"))) > most:
        found.append(Problem("title_too_long", {"length": size, "limit": most, "over": size - most}))
    most = of.whole("hashtags")
    if most is not None and (count := len(HASHTAG.findall(sent))) > most:
        found.append(Problem("hashtags_too_many", {"count": count, "limit": most}))
    most = of.whole("mentions")
    if most is not None and (count := len(MENTION.findall(sent))) > most:
        found.append(Problem("mentions_too_many", {"count": count, "limit": most}))
    return found


def _link_problems(place: Placement, link: str) -> list[Problem]:
    if not link:
        return []
    found = []
    if not link.startswith(("http://", "https://")):
        found.append(Problem("link_not_an_address", {"link": link[:100]}, "link"))
    if place.link_by_hand:
        found.append(Problem("link_by_hand", {}, "link", NOTE))
    elif place.link_plain:
        found.append(Problem("link_not_clickable", {}, "link", NOTE))
    return found


def _media_problems(
    place: Placement, of: _Limits, media: Sequence[MediaFile], by_hand: bool
) -> list[Problem]:
    found = []
    if place.media_required and not media:
        only = place.media_allowed[0] if len(place.media_allowed) == 1 else ""
        found.append(Problem("media_required", {"kind": only} if only else {}, "media"))
    for kind, limited in (("image", "images"), ("video", "videos"), ("file", "documents")):
        most = of.whole(limited)
        count = sum(1 for one in media if one.kind == kind)
        if most is not None and count > most:
            params = {"count": count, "limit": most, "kind": "document" if kind == "file" else kind}
            found.append(Problem("media_too_many", params, "media"))
    if media and of.whole("videos_min") and not any(one.kind == "video" for one in media):
        found.append(Problem("media_required", {"kind": "video"}, "media"))
    fewest = of.whole("media_min")
    if fewest is not None and 0 < len(media) < fewest:
        found.append(Problem("media_too_few", {"count": len(media), "limit": fewest}, "media"))
    if of.whole("mixed") == 0 and len({one.kind for one in media}) > 1:
        found.append(Problem("media_mixed", {}, "media"))
    most = of.whole("media")  # of all kinds together
    if most is not None and len(media) > most and not any(one.code == "media_too_many" for one in found):
        found.append(Problem("media_too_many", {"count": len(media), "limit": most, "kind": "file"}, "media"))
    for number, one in enumerate(media):
        found += _file_problems(place, of, one, f"media.{number}", by_hand)
    return found


def _file_problems(place: Placement, of: _Limits, one: MediaFile, where: str, by_hand: bool) -> list[Problem]:
    named = "document" if one.kind == "file" else one.kind  # as limits are named
    types = of.words(f"{named}_mime")
    if one.kind not in place.media_allowed or (types and one.mime not in types):
        params = {"type": one.mime, "allowed": ", ".join(types) or ", ".join(place.media_allowed)}
        return [Problem("media_wrong_type", params, where)]
    found = []
    most = of.whole(f"{named}_bytes")
    if most is not None and one.bytes > most:
        found.append(Problem("media_too_large", {"bytes": one.bytes, "limit": most, "kind": named}, where))
    if one.kind == "image":
        found += _image_problems(of, one, where)
        if not one.alt.strip() and place.alt_text and not by_hand:
            found.append(Problem("alt_missing", {}, where, NOTE))
    elif one.kind == "video":
        found += _video_problems(of, one, where)
    else:
        most = of.whole("document_pages")
        if most is not None and one.pages is not None and one.pages > most:
            found.append(Problem("document_too_long", {"pages": one.pages, "limit": most}, where))
    return found


def _image_problems(of: _Limits, one: MediaFile, where: str) -> list[Problem]:
    found: list[Problem] = []
    if not one.width or not one.height:
        return found
    ratio = Decimal(one.width) / Decimal(one.height)
    if params := _outside(ratio, of.exact("ratio_min"), of.exact("ratio_max")):
        found.append(Problem("ratio_out_of_range", params, where))
    if params := _not_best(ratio, of.exact("ratio_best")):
        found.append(Problem("ratio_not_best", params, where, NOTE))
    narrowest = of.whole("width_min")
    if narrowest is not None and one.width < narrowest:
        found.append(Problem("image_too_small", {"width": one.width, "limit": narrowest}, where))
    together = of.whole("sides_sum")
    if together is not None and one.width + one.height > together:
        found.append(Problem("image_too_big", {"sum": one.width + one.height, "limit": together}, where))
    return found


def _video_problems(of: _Limits, one: MediaFile, where: str) -> list[Problem]:
    """What is not known of a video (its length, its size in pixels) is no problem: the network will say."""
    found: list[Problem] = []
    shortest, longest = of.exact("video_seconds_min"), of.exact("video_seconds")
    if one.seconds is not None and longest is not None and one.seconds > longest:
        found.append(Problem("video_too_long", {"seconds": one.seconds, "limit": longest}, where))
    if one.seconds is not None and shortest is not None and one.seconds < shortest:
        found.append(Problem("video_too_short", {"seconds": one.seconds, "limit": shortest}, where))
    most = of.exact("video_fps")
    if one.fps is not None and most is not None and one.fps > most:
        found.append(Problem("video_too_fast", {"fps": one.fps, "limit": most}, where))
    if not one.width or not one.height:
        return found
    ratio = Decimal(one.width) / Decimal(one.height)
    if params := _outside(ratio, of.exact("video_ratio_min"), of.exact("video_ratio_max")):
        found.append(Problem("video_ratio_out_of_range", params, where))
    if params := _not_best(ratio, of.exact("video_ratio_best")):
        found.append(Problem("video_ratio_not_best", params, where, NOTE))
    narrowest, lowest = of.whole("video_width_min") or 1, of.whole("video_height_min") or 1
    if one.width < narrowest or one.height < lowest:
        sides = {"width": one.width, "height": one.height, "min_width": narrowest, "min_height": lowest}
        found.append(Problem("video_too_small", sides, where))
    return found


def _outside(ratio: Decimal, low: Decimal | None, high: Decimal | None) -> dict[str, Any]:
    """Parameters of the problem that a shape is not between the two; empty if it is. Words need both ends."""
    narrow = low is not None and ratio < low - RATIO_TOLERANCE
    wide = high is not None and ratio > high + RATIO_TOLERANCE
    if not narrow and not wide:
        return {}
    ends = {"min": Decimal(0) if low is None else low, "max": "∞" if high is None else high}
    return {"ratio": ratio.quantize(Decimal("0.01"))} | ends


def _not_best(ratio: Decimal, best: Decimal | None) -> dict[str, Any]:
    if best is None or abs(ratio - best) <= RATIO_NEAR:
        return {}
    return {"ratio": ratio.quantize(Decimal("0.01")), "best": best}
