"""Networks in words: what a limit says, how a channel is, what a way of publishing means."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from spilno.channels.queries import Rule
from spilno.toolkit.language.formats import number

# Key of a limit → what it limits. A test keeps this complete over all networks.
RULES: Mapping[str, Promise] = {
    "text": gettext_lazy("Text"),
    "caption": gettext_lazy("Text beside a picture or video"),
    "bytes": gettext_lazy("Text, counted in bytes"),
    "event_bytes": gettext_lazy("Whole message"),
    "hashtags": gettext_lazy("Hashtags"),
    "images": gettext_lazy("Pictures"),
    "videos": gettext_lazy("Videos"),
    "videos_min": gettext_lazy("Videos, at least"),
    "media": gettext_lazy("Pictures and videos together"),
    "media_min": gettext_lazy("Pictures and videos at least"),
    "mentions": gettext_lazy("Accounts named with @"),
    "image_bytes": gettext_lazy("Size of a picture"),
    "video_bytes": gettext_lazy("Size of a video"),
    "image_mime": gettext_lazy("Kinds of pictures"),
    "video_mime": gettext_lazy("Kinds of videos"),
    "video_seconds_min": gettext_lazy("Shortest video"),
    "video_seconds": gettext_lazy("Length of a video"),
    "video_ratio_min": gettext_lazy("Narrowest video (width to height)"),
    "video_ratio_max": gettext_lazy("Widest video (width to height)"),
    "video_ratio_best": gettext_lazy("Best shape of a video (width to height)"),
    "video_width_min": gettext_lazy("Smallest width of a video"),
    "video_height_min": gettext_lazy("Smallest height of a video"),
    "video_fps": gettext_lazy("Pictures a second in a video"),
    "documents": gettext_lazy("Documents"),
    "document_bytes": gettext_lazy("Size of a document"),
    "document_mime": gettext_lazy("Kinds of documents"),
    "document_pages": gettext_lazy("Pages of a document"),
    "title": gettext_lazy("Title (the first line)"),
    "mixed": gettext_lazy("Pictures and videos in one post"),
    "ratio_min": gettext_lazy("Narrowest picture (width to height)"),
    "ratio_max": gettext_lazy("Widest picture (width to height)"),
    "ratio_best": gettext_lazy("Best shape (width to height)"),
    "sides_sum": gettext_lazy("Width and height together"),
    "width_min": gettext_lazy("Smallest width"),
    "posts_per_day": gettext_lazy("Posts in 24 hours"),
}

UNITS: Mapping[str, Promise] = {
    "px": gettext_lazy("px"),
    "s": gettext_lazy("seconds"),
}


def rule_label(rule: Rule) -> str:
    """What the limit limits."""
    return str(RULES.get(rule.key, rule.key))


def rule_value(rule: Rule, language: str) -> str:
    """The limit's value with its unit, as a person reads it."""
    value = rule.value
    if value is None:
        return _("not stated")
    if rule.unit == "mime":
        return ", ".join(part.partition("/")[2].upper() for part in str(value).split())
    if isinstance(value, str):
        return value
    if rule.unit == "bytes":
        return _bytes(int(value), language)
    if rule.key in ("images", "videos", "documents", "hashtags") and value == 0:
        return _("none")
    if rule.key == "mixed":
        return _("yes") if value else _("not together")
    if rule.unit == "ratio":
        return _ratio(Decimal(value), language)
    written = number(value, language)
    if rule.unit in ("graphemes", "characters"):
        return ngettext("%(number)s character", "%(number)s characters", int(value)) % {"number": written}
    unit = UNITS.get(rule.unit)
    return f"{written} {unit}" if unit else written


def _ratio(value: Decimal, language: str) -> str:
    """``0.5625`` → ``9 : 16``, as people say it; ``1.91`` → ``1,91 : 1``."""
    near = Fraction(value).limit_denominator(16)
    if near == value:
        return f"{near.numerator} : {near.denominator}"
    return f"{number(value, language, places=2)} : 1"


def _bytes(value: int, language: str) -> str:
    """The largest unit that says it exactly: networks count in thousands and in 1024s."""
    units: tuple[tuple[int, int, str], ...] = (
        (1_000_000, 100_000, _("%(number)s MB")),
        (1024 * 1024, 1024 * 1024, _("%(number)s MiB")),
        (1_000, 100, _("%(number)s kB")),
        (1024, 1024, _("%(number)s KiB")),
    )
    for size, step, words in units:
        if value >= size and value % step == 0:
            return words % {"number": number(Decimal(value) / size, language)}
    return _("%(number)s bytes") % {"number": number(value, language)}


ONCE: Mapping[str, Promise] = {
    "key": gettext_lazy("Sent twice, it is one post: the network recognises our key."),
    "prepare": gettext_lazy("Prepared unseen, then switched on; switching twice changes nothing."),
    "lookup": gettext_lazy("If an answer gets lost, we look whether the post is there before sending again."),
    "none": gettext_lazy("If an answer gets lost, only a person can see whether the post is there."),
    "hand": gettext_lazy("A person posts; we remind in time and ask for the link."),
}
"""How a post is kept from appearing twice, by the placement's way of publishing once."""


def health_text(code: str, params: Mapping[str, Any]) -> str:
    """Why a channel is not well, in words; ``""`` if nothing is known."""
    from spilno.interfaces.web.messages import text_of
    from spilno.kernel.errors import UserError

    return text_of(UserError(code, **params)) if code else ""
