"""One place's card at the right of the composer: how the post will look there, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from spilno.plan.checks import Conversion, Said, Verdict
from spilno.toolkit.language.differences import Piece

if TYPE_CHECKING:
    from spilno.interfaces.web.composing import Target

SHORTER = ("text_too_long", "title_too_long", "hashtags_too_many")
"""Problems that a shorter text mends."""


@dataclass(frozen=True)
class Offer:
    """A text that would fit, and what it leaves out."""

    text: str
    pieces: Sequence[Piece]


@dataclass(frozen=True)
class Preview:
    """One place's card at the right of the composer."""

    target: Target
    verdict: Verdict
    at: str
    link: str
    media: Sequence[Mapping[str, str]]  # url, alt
    offer: Offer | None = None
    differs: Sequence[Piece] = ()  # own words against the common ones
    comment: str = ""  # that follows it
    said: str = ""  # its words, with everybody named as they are there

    @property
    def story(self) -> bool:
        """A full picture without words of its own."""
        return self.target.placement is not None and not self.target.placement.text_allowed

    @property
    def shape(self) -> str:
        """How it is laid out there, by what the placement declares: ``tall`` (a film that fills a phone),
        ``carousel``, ``document`` or ``post``.
        """
        place, kinds = self.target.placement, {one["kind"] for one in self.media}
        if place is None:
            return "post"
        upright = place.limit("video_ratio_best") or place.limit("video_ratio_max")
        if "file" in kinds:
            return "document"
        if place.media_allowed[:1] == ("video",) and upright is not None and Decimal(upright) <= 1:
            return "tall"
        return "carousel" if len(self.media) > 1 and place.limit("media_min") is not None else "post"

    @property
    def left(self) -> int | None:
        """Characters left; ``None`` if the network states no limit."""
        return None if self.verdict.limit is None else self.verdict.limit - self.verdict.length

    @property
    def part(self) -> float:
        """How full it is, 0 to 1."""
        limit = self.verdict.limit
        return min(1.0, self.verdict.length / limit) if limit else 0.0

    @property
    def fullness(self) -> str:
        left = self.left
        if left is None:
            return ""
        return "over" if left < 0 else "near" if left < (self.verdict.limit or 0) * 0.1 else ""

    @property
    def card_link(self) -> str:
        """The link, unless the text says it already."""
        return "" if self.link and self.link in self.verdict.sent else self.link

    @property
    def link_title(self) -> str:
        """The link without its scheme, as networks show it."""
        return self.link.partition("://")[2].rstrip("/")

    @property
    def errors(self) -> list[str]:
        """What has to be mended, each thing once; of several pictures it is said which."""
        said = [self._numbered(one) for one in self.verdict.problems if one.level == "error"]
        return list(dict.fromkeys(said))

    @property
    def notes(self) -> list[str]:
        """What one should know, each thing once."""
        said = (
            one for one in self.verdict.problems if one.level != "error" and one.code != "media_converted"
        )
        return list(dict.fromkeys(one.text for one in said))

    @property
    def conversions(self) -> list[Conversion]:
        """What is made of its files, the same thing once."""
        return list({(one.text, one.state): one for one in self.verdict.conversions}.values())

    @property
    def preparing(self) -> bool:
        """Is one of its files at work just now?"""
        return any(one.state == "pending" for one in self.verdict.conversions)

    def _numbered(self, problem: Said) -> str:
        where, _dot, number = problem.field.partition(".")
        if where != "media" or not number.isdecimal() or len(self.media) < 2:
            return problem.text
        return _("File %(number)s: %(problem)s") % {"number": int(number) + 1, "problem": problem.text}
