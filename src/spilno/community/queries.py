"""Reading what was said, and communities with what is known about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from spilno.briefs.models import Initiative
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.community.models import Member, Message
from spilno.facts.queries import effective, observations
from spilno.kernel.errors import UserError
from spilno.pages.models import Entry
from spilno.plan.queries import title_of
from spilno.team.models import Community, Workspace

GROWTH_DAYS = 30
LATEST = 3


# ------------------------------------------------------------------------------------------------ messages


def messages(workspace: Workspace) -> QuerySet[Message]:
    """Everything said to us, newest first, with where it was said."""
    return (
        Message.objects.filter(workspace=workspace)
        .select_related("channel", "delivery__variant__item__initiative", "handled_by")
        .order_by("-said_at", "-pk")
    )


def open_messages(workspace: Workspace) -> QuerySet[Message]:
    """What nobody took care of yet."""
    return messages(workspace).filter(handled_at=None)


def message_of(workspace: Workspace, pk: UUID) -> Message | None:
    """One message of *this* workspace."""
    return messages(workspace).filter(pk=pk).first()


@dataclass(frozen=True)
class Post:
    """A post under which people speak. ``open``: messages that wait."""

    item_id: UUID
    title: str
    channel: str
    network: str
    url: str
    open: int
    total: int


def talked_about(workspace: Workspace, *, most: int = 8) -> list[Post]:
    """The posts with messages that wait, the most first; then those spoken about last."""
    rows = (
        Message.objects.filter(workspace=workspace, delivery__isnull=False)
        .values(
            "delivery__variant__item_id",
            "delivery__variant__item__title",
            "delivery__variant__item__text",
            "delivery__external_url",
            "channel__name",
            "channel__network",
        )
        .annotate(waiting=Count("pk", filter=Q(handled_at=None)), total=Count("pk"), last=Max("said_at"))
        .order_by("-waiting", "-last")[:most]
    )
    return [
        Post(
            item_id=row["delivery__variant__item_id"],
            title=title_of(row["delivery__variant__item__title"], row["delivery__variant__item__text"]),
            channel=row["channel__name"],
            network=row["channel__network"],
            url=row["delivery__external_url"],
            open=row["waiting"],
            total=row["total"],
        )
        for row in rows
    ]


# ------------------------------------------------------------------------------------------------ communities


@dataclass(frozen=True)
class Growth:
    """How many there are in a community's channels, and how that changed in :data:`GROWTH_DAYS` days.

    ``members`` is ``None`` if no channel ever reported; ``change`` if there was nothing to compare with.
    ``as_of``: when the newest reading was taken.
    """

    members: Decimal | None
    change: Decimal | None
    as_of: datetime | None


@dataclass(frozen=True)
class CommunityCard:
    """A community at a glance."""

    community: Community
    growth: Growth
    channels: tuple[Channel, ...]
    initiatives: tuple[Initiative, ...]
    latest: tuple[Message, ...]
    seen: int  # people of it whom facts know


def cards(workspace: Workspace, *, now: datetime) -> list[CommunityCard]:
    """All communities, in a number of queries that does not grow with what was said."""
    communities = list(Community.objects.filter(workspace=workspace).select_related("owner"))
    channels, initiatives = _channels(workspace), _initiatives(workspace)
    grown = growth(workspace, {one.pk: channels[one.pk] for one in communities}, now=now)
    found = [
        CommunityCard(
            community=one,
            growth=grown[one.pk],
            channels=tuple(channels[one.pk]),
            initiatives=tuple(initiatives[one.pk]),
            latest=tuple(latest(workspace, one)),
            seen=_faces(workspace, one, initiatives[one.pk], channels[one.pk]).count(),
        )
        for one in communities
    ]
    return sorted(found, key=lambda one: (-(one.growth.members or 0), -one.seen, one.community.key))


def card_of(workspace: Workspace, key: str, *, now: datetime) -> CommunityCard | None:
    """One community of *this* workspace."""
    return next((one for one in cards(workspace, now=now) if one.community.key == key), None)


def growth(workspace: Workspace, of: dict[UUID, list[Channel]], *, now: datetime) -> dict[UUID, Growth]:
    """Members of communities by their channels' last readings, and as they were 30 days before: two queries.

    Members of several channels are added: who is in two of them is counted twice, because nobody can tell.
    Change is only told for channels that have both readings.
    """
    metric = {channel.pk: _audience(channel) for some in of.values() for channel in some}
    last = _readings(workspace, metric, until=now)
    before = _readings(workspace, metric, until=now - timedelta(days=GROWTH_DAYS))
    found = {}
    for community, channels in of.items():
        known = [one.pk for one in channels if one.pk in last]
        # A reading that is older than the stretch itself says nothing about it.
        both = [pk for pk in known if pk in before and last[pk][1] > now - timedelta(days=GROWTH_DAYS)]
        found[community] = Growth(
            members=sum((last[pk][0] for pk in known), Decimal(0)) if known else None,
            change=sum((last[pk][0] - before[pk][0] for pk in both), Decimal(0)) if both else None,
            as_of=max((last[pk][1] for pk in known), default=None),
        )
    return found


@dataclass(frozen=True)
class Face:
    """Somebody whom facts of the community's initiatives and channels know. ``name`` is empty if nobody told."""

    actor: str
    name: str
    scope: str  # "internal", "external" or "" (unknown)
    first_seen: date
    last_seen: datetime
    deeds: int

    @property
    def code(self) -> str:
        """What to call somebody without a name: the key itself if somebody chose it, else a piece of it."""
        kind, _, key = self.actor.partition(":")
        return key[-6:] if kind in ("voice", "person", "visitor") else self.actor


def faces(workspace: Workspace, card: CommunityCard, *, most: int = 300) -> list[Face]:
    """People of the community as facts know them, the latest first."""
    rows = _faces(workspace, card.community, card.initiatives, card.channels)[:most]
    names: dict[str, str] = {}
    for named in (  # who registered told a name; who wrote has one on the network
        Member.objects.filter(community=card.community),
        Entry.objects.filter(workspace=workspace),
    ):
        found = named.filter(actor__in=[row["actor"] for row in rows]).exclude(name="")
        names |= dict(found.values_list("actor", "name"))
    return [
        Face(
            actor=row["actor"],
            name=names.get(row["actor"], ""),
            scope=row["scope"],
            first_seen=row["first"],
            last_seen=row["last"],
            deeds=row["deeds"],
        )
        for row in rows
    ]


def scopes(workspace: Workspace, card: CommunityCard) -> dict[str, int]:
    """How many of the people whom facts know are internal, external, or unknown (``""``)."""
    rows = _faces(workspace, card.community, card.initiatives, card.channels).values_list("actor", "scope")
    found: dict[str, int] = defaultdict(int)
    for _, scope in rows:
        found[scope] += 1
    return found


def latest(workspace: Workspace, community: Community, *, most: int = LATEST) -> list[Message]:
    """What was said last in the community's channels or about its initiatives."""
    ours = Q(channel__community=community) | Q(delivery__variant__item__initiative__community=community)
    return list(messages(workspace).filter(ours)[:most])


def _faces(
    workspace: Workspace, community: Community, initiatives: Iterable[Initiative], channels: Iterable[Channel]
) -> QuerySet:  # type: ignore[type-arg]
    return (
        effective(workspace)
        .filter(
            Q(initiative_id__in=[one.pk for one in initiatives])
            | Q(channel_id__in=[one.pk for one in channels])
        )
        # Who only visited is not known from one day to the next, and is no face.
        .exclude(Q(actor="") | Q(kind="visit"))
        .values("actor")
        .annotate(
            first=Min("occurred_at"), last=Max("occurred_at"), deeds=Count("pk"), scope=Max("actor_scope")
        )
        .order_by("-last", "actor")
    )


def _channels(workspace: Workspace) -> dict[UUID | None, list[Channel]]:
    found: dict[UUID | None, list[Channel]] = defaultdict(list)
    for one in Channel.objects.filter(workspace=workspace, community__isnull=False):
        found[one.community_id].append(one)
    return found


def _initiatives(workspace: Workspace) -> dict[UUID | None, list[Initiative]]:
    found: dict[UUID | None, list[Initiative]] = defaultdict(list)
    for one in Initiative.objects.filter(workspace=workspace, archived_at=None, community__isnull=False):
        found[one.community_id].append(one)
    return found


def _audience(channel: Channel) -> str:
    """What grows there: "members" or "followers"."""
    try:
        return access.network_of(channel).audience_metric or "members"
    except UserError:  # the network's file is gone from this installation
        return "members"


def _readings(
    workspace: Workspace, metric: dict[UUID, str], *, until: datetime
) -> dict[UUID, tuple[Decimal, datetime]]:
    """The last reading of each channel's audience up to a moment."""
    rows = (
        observations(workspace)
        .filter(subject_id__in=metric, metric__in=set(metric.values()), observed_at__lte=until)
        .order_by("subject_id", "metric", "-observed_at", "-recorded_at")
        .distinct("subject_id", "metric")
    )
    return {
        row.subject_id: (row.value, row.observed_at) for row in rows if metric[row.subject_id] == row.metric
    }
