"""Does a variant fit where it goes? The composer, scheduling and sending ask here; the rules are the
networks' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from spilno.channels.access import network_of
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import queries
from spilno.plan.fitting import by_hand as posted_by_hand
from spilno.plan.fitting import fitting_of, limits_of
from spilno.plan.media import facts_of
from spilno.plan.models import Media, Rendition, Variant
from spilno.toolkit.language.formats import number
from spilno.toolkit.media.recipe import Fitting, as_file
from spilno.toolkit.networks.base import Placement
from spilno.toolkit.networks.check import ERROR, NOTE, Problem
from spilno.toolkit.networks.check import check as check_network

# What a problem says to a person, by its code. A test finds codes without words.
MESSAGES: dict[str, Promise] = {
    "text_empty": _("There is neither text nor a picture."),
    "text_not_shown": _("No text is shown here: put the words into the picture."),
    "text_too_long": _("Too long by %(over)s: %(length)s of %(limit)s characters."),
    "text_too_long_bytes": _(
        "Too long by %(over)s bytes: %(length)s of %(limit)s. Emoji and Cyrillic take several."
    ),
    "hashtags_too_many": _("%(count)s hashtags, at most %(limit)s are allowed."),
    "mentions_too_many": _("%(count)s accounts are named with @, at most %(limit)s are allowed."),
    "link_not_an_address": _("The link must begin with https://"),
    "link_by_hand": _("A link here can only be added by hand: at the time we remind the person responsible."),
    "link_not_clickable": _("Nobody can click a link here: it is shown as plain text."),
    "linked_post_not_out": _("The post it links to is not out yet. This one waits for its address."),
    "media_required": _("A picture is needed here."),
    "media_required_video": _("A video is needed here."),
    "media_required_file": _("A document is needed here."),
    "media_too_few": _("At least %(limit)s pictures or videos are needed here; there is %(count)s."),
    "media_too_many": _("%(count)s pictures, at most %(limit)s fit."),
    "media_too_many_video": _("%(count)s videos, at most %(limit)s fit."),
    "media_too_many_document": _("%(count)s documents, at most %(limit)s fit."),
    "media_mixed": _("Pictures, videos and documents cannot stand together here. Keep one kind."),
    "media_too_many_file": _("%(count)s pictures and videos, at most %(limit)s fit."),
    "media_wrong_type": _("%(type)s is not accepted here. Possible: %(allowed)s."),
    "media_too_large": _("The picture has %(bytes)s, at most %(limit)s are accepted."),
    "media_too_large_video": _("The video has %(bytes)s, at most %(limit)s are accepted. Shorten it."),
    "media_too_large_document": _("The document has %(bytes)s, at most %(limit)s are accepted."),
    "document_too_long": _("The document has %(pages)s pages, at most %(limit)s are accepted."),
    "title_too_long": _("The first line is the title: %(length)s of %(limit)s characters. Shorten it."),
    "video_too_long": _("The video lasts %(seconds)s s, at most %(limit)s s are accepted."),
    "video_too_short": _("The video lasts %(seconds)s s, at least %(limit)s s are needed."),
    "video_too_fast": _("The video has %(fps)s pictures a second, at most %(limit)s are accepted."),
    "video_ratio_out_of_range": _(
        "The video's sides are %(ratio)s to 1; from %(min)s to %(max)s is accepted. Crop it."
    ),
    "video_ratio_not_best": _("The video's sides are %(ratio)s to 1; here %(best)s looks best."),
    "video_too_small": _(
        "The video has %(width)s × %(height)s px, at least %(min_width)s × %(min_height)s are needed."
    ),
    "ratio_out_of_range": _(
        "The picture's sides are %(ratio)s to 1; from %(min)s to %(max)s is accepted. Crop it."
    ),
    "ratio_not_best": _("The picture's sides are %(ratio)s to 1; here %(best)s looks best."),
    "image_too_small": _("The picture is %(width)s px wide, at least %(limit)s px are needed."),
    "image_too_big": _("Width and height make %(sum)s px together, at most %(limit)s px are accepted."),
    "alt_missing": _("Describe the picture for those who cannot see it."),
    "media_converted": _("It will be converted: %(what)s."),
    "image_cannot_be_made_smaller": _(
        "It cannot be made small enough for this network. Use a smaller or simpler picture."
    ),
    "video_cannot_be_made_smaller": _(
        "A video this long would look too bad in the size this network takes. Cut it to the part that matters."
    ),
    "media_broken": _("It could not be converted, because it is damaged. Export it again and replace it."),
    "media_too_heavy": _("It could not be converted: that took too long. Export it smaller and replace it."),
    "media_file_gone": _("The file is no longer there. Add it again."),
    "channel_gone": _("The channel is no longer connected."),
    "unknown_placement": _("The network does not have this placement any more."),
}


@dataclass(frozen=True)
class Said:
    """A problem in words. ``level``: ``"error"`` or ``"note"``; ``field``: ``text``, ``link``, ``media``,
    ``media.N``.
    """

    code: str
    level: str
    field: str
    text: str


@dataclass(frozen=True)
class Conversion:
    """A file that is made into what the network takes. ``text`` says what it becomes; ``state``: ``""`` not begun,
    ``"pending"``, ``"ready"`` or ``"failed"``.
    """

    media_id: UUID
    state: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """What the network would say. ``length`` and ``limit`` as the network counts; ``limit`` ``None``: none
    stated.

    ``sent`` is the text as it would really leave. ``by_hand``: a person will post it. Files are judged by what they
    become.
    """

    length: int
    limit: int | None
    problems: tuple[Said, ...]
    sent: str
    by_hand: bool
    conversions: tuple[Conversion, ...] = ()

    @property
    def ok(self) -> bool:
        """It can be scheduled: notes do not stand in the way."""
        return not any(one.level == ERROR for one in self.problems)


def placements_of(channel: Channel) -> tuple[Placement, ...]:
    """Where content can appear on the channel, the usual place first; ``()`` if its network is unknown here."""
    try:
        return network_of(channel).placements
    except UserError:
        return ()


def check(
    *,
    channel: Channel,
    placement: str,
    text: str,
    media: Sequence[Media] = (),
    link: str = "",
    awaits_link: bool = False,
) -> Verdict:
    """Check words and pictures against a channel's placement, in the active language.

    :param awaits_link: it will carry the address of a post that is not out yet.
    """
    try:
        network = network_of(channel)
        place = network.placement(placement)
    except (KeyError, UserError):
        return Verdict(0, None, (say(Problem("unknown_placement", field="channel")),), text, False)
    by_hand = posted_by_hand(channel, place, link=bool(link or awaits_link))
    fits = [Fitting(None, facts_of(one)) if by_hand else fitting_of(one, channel, place) for one in media]
    files = [as_file(fit.result, alt=one.alt) for one, fit in zip(media, fits, strict=True)]
    checked = check_network(
        network=network, placement=placement, text=text, media=files, link=link,
        limits=limits_of(channel, placement),
    )  # fmt: skip
    conversions, unfit = _conversions(media, fits)
    problems = [*checked.problems, *unfit]
    if not channel.is_active:
        problems.append(Problem("channel_gone", field="channel"))
    if awaits_link:
        problems.append(Problem("linked_post_not_out", field="link", level=NOTE))
    sent = network.sent_text(placement=placement, text=text, link=link, media=bool(media))
    return Verdict(
        checked.length,
        checked.limit,
        tuple(say(one) for one in problems),
        sent if place.text_allowed else "",
        by_hand,
        conversions,
    )


def _conversions(
    media: Sequence[Media], fits: Sequence[Fitting]
) -> tuple[tuple[Conversion, ...], list[Problem]]:
    """What is made of the files, how far that is, and what cannot be made."""
    keys = [one.recipe.key for one in fits if one.recipe]
    rows = Rendition.objects.filter(media__in=media, key__in=keys) if keys else ()
    made = {(one.media_id, one.key): one for one in rows}
    conversions, problems = [], []
    for at, (one, fit) in enumerate(zip(media, fits, strict=True)):
        where = f"media.{at}"
        if fit.hitch is not None:
            problems.append(Problem(fit.hitch.code, fit.hitch.params, where))
        if fit.recipe is None:
            continue
        row = made.get((one.pk, fit.recipe.key))
        note = Problem("media_converted", {"what": what_becomes(one, fit)}, where, NOTE)
        problems.append(note)
        conversions.append(Conversion(one.pk, row.state if row else "", say(note).text))
        if row is not None and row.state == Rendition.State.FAILED:
            problems.append(Problem(row.error_code, row.error_params, where))
    return tuple(conversions), problems


def what_becomes(media: Media, fit: Fitting) -> str:
    """What a file becomes, in a few words: ``JPEG, 1080 × 1350 px, filled up at its edges``."""
    recipe, result = fit.recipe, fit.result
    assert recipe is not None
    said = []
    if result.mime != media.mime:
        said.append(_kind(result.mime))
    if (result.width, result.height) != (media.width, media.height):
        said.append(gettext("%(width)s × %(height)s px") % {"width": result.width, "height": result.height})
    if recipe.padded:
        said.append(gettext("filled up at its edges, nothing is cut off"))
    if recipe.most_bytes is not None and media.bytes > recipe.most_bytes:
        said.append(gettext("at most %(size)s") % {"size": _size(recipe.most_bytes)})
    if fit.still:
        said.append(gettext("only its first picture"))
    if recipe.fps and (facts_of(media).fps or 0) > Decimal(recipe.fps):
        said.append(gettext("%(fps)s pictures a second") % {"fps": recipe.fps})
    if not said and recipe.copy:
        said.append(gettext("the same video in another wrapping, without the place it was made at"))
    return ", ".join(said or [gettext("as every phone plays it")])


def check_variant(variant: Variant) -> Verdict:
    """:func:`check` for what is saved."""
    link = queries.link_to_check(variant)
    return check(
        channel=variant.channel,
        placement=variant.placement,
        text=queries.words_of(variant),
        media=queries.media_of(variant.item),
        link=link,
        awaits_link=variant.item.link_to_id is not None and not link,
    )


def problems_of(variant: Variant) -> tuple[Said, ...]:
    """What is wrong with a variant and what one should know, in words."""
    return check_variant(variant).problems


def require_fitting(variant: Variant) -> None:
    """:raises UserError: ``variant_does_not_fit`` if the network would refuse the variant; notes pass."""
    for one in problems_of(variant):
        if one.level == ERROR:
            raise UserError(
                "variant_does_not_fit", field=one.field, channel=variant.channel.name, problem=one.text
            )


def say(problem: Problem) -> Said:
    """A problem in the active language."""
    code, params = _wording(problem.code, {key: _shown(one) for key, one in problem.params.items()})
    words = MESSAGES.get(code)
    text = str(words) % params if words is not None else problem.code
    return Said(problem.code, problem.level, problem.field, text)


def _shown(value: Any) -> Any:
    """A decimal as people write it: ``75`` and not ``75.000000``."""
    return (
        number(value, get_language() or settings.LANGUAGE_CODE, places=3)
        if isinstance(value, Decimal)
        else value
    )


def _wording(code: str, params: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if code == "text_too_long" and params.get("unit") == "bytes":
        return "text_too_long_bytes", params
    if code == "media_too_many" and params.get("kind") in ("video", "document", "file"):
        return f"media_too_many_{params['kind']}", params
    if code == "media_required" and params.get("kind") in ("video", "file"):
        return f"media_required_{params['kind']}", params
    if code == "media_too_large":
        code += f"_{params['kind']}" if params.get("kind") in ("video", "document") else ""
        return code, params | {"bytes": _size(params["bytes"]), "limit": _size(params["limit"])}
    if code == "media_wrong_type":
        allowed = (_kind(one) for one in str(params["allowed"]).split(", "))
        return code, params | {"type": _kind(str(params["type"])), "allowed": ", ".join(allowed)}
    return code, params


_KINDS = {"image": _("pictures"), "video": _("videos"), "file": _("documents (PDF)")}
_NAMES = {"quicktime": "MOV", "x-matroska": "MKV"}


def _kind(mime: str) -> str:
    """``"JPEG"`` for ``image/jpeg``; what is no MIME type is a kind of file: ``"pictures"``."""
    name = mime.partition("/")[2]
    if not name:
        return str(_KINDS.get(mime, mime))
    return _NAMES.get(name, name.upper())


def _size(value: int) -> str:
    language = get_language() or settings.LANGUAGE_CODE
    if value >= 1_000_000:
        return gettext("%(number)s MB") % {"number": number(Decimal(value) / 1_000_000, language)}
    return gettext("%(number)s kB") % {"number": number(max(1, round(value / 1000)), language)}
