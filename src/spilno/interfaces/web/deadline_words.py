"""Content deadlines in words: on the calendar, on Today and in the brief."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from spilno.kernel.texts import pick
from spilno.plan.deadlines import Deadline


def title_of(one: Deadline, language: str) -> str:
    """Whose content it is."""
    return pick(one.title, language) or _("a post without words yet")


def channels_of(one: Deadline) -> str:
    """For which channels; "" if none is chosen yet."""
    return ", ".join(name for _network, name in one.channels)


def said(one: Deadline, language: str) -> str:
    """One line for a calendar."""
    values = {"title": title_of(one, language), "channels": channels_of(one)}
    if one.channels:
        return _("Content for %(channels)s: %(title)s") % values
    return _("Content: %(title)s") % values


def lacks(one: Deadline) -> str:
    """What is still missing, in words; "" if nothing is."""
    if one.done:
        return ""
    if not one.planned:
        return _("nothing is planned yet")
    if one.lacking:
        return ngettext(
            "%(count)s post has no content yet", "%(count)s posts have no content yet", one.lacking
        ) % {"count": one.lacking}
    return _("not everything has a time yet")
