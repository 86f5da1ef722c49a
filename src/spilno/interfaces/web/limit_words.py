"""Limits on how often and outages, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from spilno.channels import queries
from spilno.interfaces.web.messages import moment_text
from spilno.kernel.texts import pick
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Workspace
from spilno.toolkit.language.formats import number
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counts, Network, Per, RatePolicy

COUNTS: Mapping[str, Promise] = {
    Counts.REQUEST: gettext_lazy("Requests to the network"),
    Counts.POST: gettext_lazy("Posts"),
    Counts.UPLOAD: gettext_lazy("Files handed over"),
}

PER: Mapping[str, Promise] = {
    Per.CHANNEL: gettext_lazy("this account"),
    Per.APP: gettext_lazy("all channels of the same app together"),
    Per.SERVER: gettext_lazy("all channels on the same server together"),
}


def span(seconds: int, language: str) -> str:
    """``5 minutes``, ``24 hours``: the unit in which the span is a whole number."""
    if seconds % 3600 == 0:
        hours = seconds // 3600
        return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": number(hours, language)}
    if seconds % 60 == 0:
        minutes = seconds // 60
        return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {
            "number": number(minutes, language)
        }
    return ngettext("%(number)s second", "%(number)s seconds", seconds) % {
        "number": number(seconds, language)
    }


def rate_label(net: Network, policy: RatePolicy, language: str) -> str:
    """What the limit counts: ``Posts``, or the placements that alone count."""
    if policy.counts == Counts.POST and policy.placements:
        names = [pick(one.label, language) for one in net.placements if one.key in policy.placements]
        return ", ".join(names)
    return str(COUNTS[policy.counts])


@dataclass(frozen=True)
class RateWords:
    """A limit on how often: what, how many in which time, whose, and how much of it is used."""

    label: str
    allowed: str
    whose: str
    used: int
    free_at: datetime | None
    policy: RatePolicy
    line: queries.RateLine


def rate_words(net: Network, line: queries.RateLine, language: str) -> RateWords:
    """A line of the channel's page."""
    return RateWords(
        label=rate_label(net, line.policy, language),
        allowed=_("%(number)s in %(span)s")
        % {"number": number(line.allowed, language), "span": span(line.policy.seconds, language)},
        whose=str(PER[line.policy.per]),
        used=line.used,
        free_at=line.free_at,
        policy=line.policy,
        line=line,
    )


@dataclass(frozen=True)
class SilenceLine:
    """A server that does not answer, as pages say it."""

    name: str
    text: str
    channels: tuple[str, ...]
    keys: frozenset[str]
    next_at: datetime


def silence_lines(workspace: Workspace, language: str, *, now: datetime) -> list[SilenceLine]:
    """Servers of the workspace's channels that do not answer. One query while all do, three otherwise."""
    found = queries.silences(workspace, now=now)
    if not found:
        return []
    ids = [channel.pk for one in found for channel in one.channels]
    counted = (
        Delivery.objects.filter(workspace=workspace, channel_id__in=ids, state=DeliveryState.WAITING)
        .values("channel_id")
        .annotate(count=Count("pk"))
    )
    waiting = {row["channel_id"]: row["count"] for row in counted}
    lines = []
    for one in found:
        net = registry.all_networks().get(one.network)
        label = pick(net.label, language) if net else one.network
        name = f"{label} {one.host}".strip()
        count = sum(waiting.get(channel.pk, 0) for channel in one.channels)
        first = _("%(server)s has not answered since %(since)s.") % {
            "server": name,
            "since": moment_text(one.since),
        }
        held = (
            ngettext("%(number)s post is waiting.", "%(number)s posts are waiting.", count)
            % {"number": number(count, language)}
            if count
            else _("No post is waiting.")
        )
        then = (
            _("We ask again at %(time)s.") % {"time": moment_text(one.next_at)}
            if one.next_at > now
            else _("The next post will try it.")
        )
        lines.append(
            SilenceLine(
                name,
                f"{first} {held} {then}",
                tuple(channel.name for channel in one.channels),
                frozenset(channel.key for channel in one.channels),
                one.next_at,
            )
        )
    return lines
