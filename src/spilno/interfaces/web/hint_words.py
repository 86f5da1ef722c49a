"""What one should know about a post's time and words, as sentences."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from spilno.interfaces.web.templatetags.format import when_short
from spilno.plan.conflicts import Hint


def hint_words(every: Iterable[Hint]) -> list[str]:
    """Hints as sentences, each once, at most three."""
    return list(dict.fromkeys(hint_text(one) for one in every))[:3]


def hint_text(one: Hint) -> str:
    """A hint as a sentence."""
    title = one.title or _("a post without words yet")
    if one.kind == "quiet":
        return _("%(channel)s: this is in its quiet hours.") % {"channel": one.channel}
    if one.kind == "holiday":
        return _("%(channel)s: a holiday, %(holiday)s.") % {"channel": one.channel, "holiday": one.title}
    if one.kind == "close":
        values = {"channel": one.channel, "title": title, "minutes": one.minutes}
        if not one.minutes:
            return _("%(channel)s: “%(title)s” goes out at the same time.") % values
        return (
            ngettext(
                "%(channel)s: only %(minutes)s minute from “%(title)s”.",
                "%(channel)s: only %(minutes)s minutes from “%(title)s”.",
                one.minutes,
            )
            % values
        )
    values = {"channel": one.channel, "title": title, "when": when_short(one.at)}
    return _("Nearly the same text as “%(title)s” (%(channel)s, %(when)s).") % values
