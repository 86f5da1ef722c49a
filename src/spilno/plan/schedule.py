"""The posting schedule: reading it as rules, changing it, and asking for free slots."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import UUIDField, Value

from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import public_days, slots
from spilno.plan.models import ChannelSchedule, PlanSettings, PostingSlot, Variant
from spilno.plan.slots import AHEAD, HORIZON_DAYS, Rules
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

SLOTS_MOST = 200  # of one channel in a week
GAP_MOST = 24 * 60  # minutes
LEAD_MOST = 60  # days

# Beginnings that people know; weekday (Monday is 0) and hour.
PRESETS: dict[str, tuple[tuple[int, time], ...]] = {
    "workdays": tuple((day, time(hour)) for day in range(5) for hour in (10, 18)),
    "daily": tuple((day, time(12)) for day in range(7)),
    "three": tuple((day, time(11)) for day in (0, 2, 4)),
    "weekend": tuple((day, time(hour)) for day in (5, 6) for hour in (11, 19)),
}


@dataclass(frozen=True)
class Schedule:
    """A channel's schedule as a person wants it. ``lead_days`` ``None`` and ``country`` "": as the workspace."""

    slots: tuple[tuple[int, time], ...] = ()
    closes_up: bool = True
    min_gap: int = 30  # minutes
    quiet_from: time | None = None
    quiet_to: time | None = None
    skip_holidays: bool = False
    country: str = ""
    lead_days: int | None = None


def settings_of(workspace: Workspace) -> PlanSettings:
    """The workspace's own settings of the plan; the defaults if nobody set any."""
    return PlanSettings.objects.filter(workspace=workspace).first() or PlanSettings(workspace=workspace)


def schedule_of(channel: Channel) -> Schedule:
    """What is set for a channel; the defaults if nobody set anything."""
    row = ChannelSchedule.objects.filter(channel=channel).first() or ChannelSchedule()
    times = PostingSlot.objects.filter(channel=channel).values_list("weekday", "at")
    return Schedule(
        slots=tuple(times), closes_up=row.closes_up, min_gap=row.min_gap, quiet_from=row.quiet_from,
        quiet_to=row.quiet_to, skip_holidays=row.skip_holidays, country=row.country, lead_days=row.lead_days,
    )  # fmt: skip


def rules_of(
    *,
    workspace: Workspace,
    channels: Collection[UUID] | None = None,
    first: date,
    after: date,
    settings: PlanSettings | None = None,
) -> dict[UUID, Rules]:
    """The rules of the workspace's channels (of those named), with the holidays of these days: four queries at most.

    :param settings: those of the workspace, if they are known.
    """
    ids = list(
        Channel.objects.filter(workspace=workspace).values_list("pk", flat=True)
        if channels is None
        else channels
    )
    common = settings or settings_of(workspace)
    of_these = {"workspace": workspace, "channel__in": ids}
    own = {one.channel_id: one for one in ChannelSchedule.objects.filter(**of_these)}
    times: dict[UUID, list[tuple[int, time]]] = {}
    for channel_id, weekday, at in PostingSlot.objects.filter(**of_these).values_list(
        "channel_id", "weekday", "at"
    ):
        times.setdefault(channel_id, []).append((weekday, at))
    found = {}
    for pk in ids:
        row = own.get(pk) or ChannelSchedule()
        country = row.country or common.country
        found[pk] = Rules(
            channel_id=pk,
            zone=workspace.time_zone,
            slots=tuple(times.get(pk, ())),
            min_gap=timedelta(minutes=row.min_gap),
            quiet_from=row.quiet_from,
            quiet_to=row.quiet_to,
            closes_up=row.closes_up,
            lead_days=common.lead_days if row.lead_days is None else row.lead_days,
            holidays=public_days.between(country, first, after) if row.skip_holidays else {},
        )
    return found


@dataclass(frozen=True)
class LeadTimes:
    """How many days before its date content is wanted, by channel."""

    common: int
    own: Mapping[UUID, int]

    def of(self, channel_id: UUID) -> int:
        return self.own.get(channel_id, self.common)


def lead_times(workspace: Workspace) -> LeadTimes:
    """The workspace's lead times: one query."""
    own = ChannelSchedule.objects.filter(workspace=workspace, lead_days__isnull=False)
    nobody = Value(None, output_field=UUIDField())
    common = PlanSettings.objects.filter(workspace=workspace).values_list(nobody, "lead_days")
    rows: list[Any] = list(own.order_by().values_list("channel_id", "lead_days").union(common, all=True))
    return LeadTimes(
        next((days for pk, days in rows if pk is None), 0), {pk: days for pk, days in rows if pk is not None}
    )


def standing(
    *,
    workspace: Workspace,
    channels: Collection[UUID],
    start: datetime,
    end: datetime,
    without: Collection[UUID] = (),
) -> dict[UUID, list[datetime]]:
    """When something stands on these channels in a stretch of time: one query. ``without``: items not to count."""
    rows = Variant.objects.filter(
        workspace=workspace,
        channel__in=channels,
        publish_at__gte=start,
        publish_at__lt=end,
        item__deleted_at=None,
    )
    if without:
        rows = rows.exclude(item__in=without)
    found: dict[UUID, list[datetime]] = {}
    for channel_id, at in rows.values_list("channel_id", "publish_at"):
        if at is not None:
            found.setdefault(channel_id, []).append(at)
    return found


def free_slots(
    *,
    workspace: Workspace,
    first: date,
    after: date,
    now: datetime,
    channels: Collection[UUID] | None = None,
    rules: Mapping[UUID, Rules] | None = None,
) -> dict[UUID, list[datetime]]:
    """The free slots of these days by channel, of those that have any slots: five queries, one if ``rules`` are known.

    :raises UserError: ``period_too_long`` beyond :data:`~spilno.plan.slots.HORIZON_DAYS` days.
    """
    if (after - first).days > HORIZON_DAYS:
        raise UserError("period_too_long", days=HORIZON_DAYS)
    if rules is None:
        rules = rules_of(workspace=workspace, channels=channels, first=first, after=after)
    rules = {pk: one for pk, one in rules.items() if one.slots}
    taken = standing(
        workspace=workspace,
        channels=list(rules),
        start=clock.day_start(first - timedelta(days=1), workspace.time_zone),
        end=clock.day_start(after + timedelta(days=1), workspace.time_zone),
    )
    return {
        pk: slots.free(one, first, after, taken=taken.get(pk, ()), not_before=now + AHEAD)
        for pk, one in rules.items()
    }


def next_free(
    *,
    workspace: Workspace,
    channels: Iterable[UUID],
    now: datetime,
    after: datetime | None = None,
    without: Collection[UUID] = (),
) -> dict[UUID, datetime]:
    """The next free slot of each channel that has one, not before ``after``: five queries."""
    begin = max(now + AHEAD, after or now)
    first = clock.local_day(begin, workspace.time_zone)
    end = first + timedelta(days=HORIZON_DAYS)
    rules = rules_of(workspace=workspace, channels=list(channels), first=first, after=end)
    taken = standing(
        workspace=workspace,
        channels=[pk for pk, one in rules.items() if one.slots],
        start=begin - timedelta(days=1),
        end=clock.day_start(end, workspace.time_zone),
        without=without,
    )
    found = {
        pk: next(slots.next_free(one, taken=taken.get(pk, ()), not_before=begin), None)
        for pk, one in rules.items()
        if one.slots
    }
    return {pk: at for pk, at in found.items() if at is not None}


# ------------------------------------------------------------------------------------------------ writing


@transaction.atomic
def save_schedule(*, channel: Channel, schedule: Schedule, by: Person | None, now: datetime) -> None:
    """Set a channel's whole schedule. What is planned already stays where it is.

    :raises UserError: ``too_many_slots``, ``gap_wrong``, ``lead_days_wrong``, ``quiet_half``, ``quiet_all_slots``,
        ``unknown_country``.
    """
    require(by, Permission.PUBLISH)
    times = sorted({(day, at.replace(second=0, microsecond=0)) for day, at in schedule.slots})
    if len(times) > SLOTS_MOST:
        raise UserError("too_many_slots", field="slots", limit=SLOTS_MOST)
    if any(not 0 <= day < 7 for day, _at in times):
        raise UserError("not_a_time", field="slots")
    if not 0 <= schedule.min_gap <= GAP_MOST:
        raise UserError("gap_wrong", field="min_gap", longest=GAP_MOST)
    _check_lead(schedule.lead_days)
    if (schedule.quiet_from is None) != (schedule.quiet_to is None):
        raise UserError("quiet_half", field="quiet_from" if schedule.quiet_from is None else "quiet_to")
    _check_country(schedule.country)
    ChannelSchedule.objects.update_or_create(
        channel=channel,
        defaults={
            "workspace_id": channel.workspace_id, "closes_up": schedule.closes_up, "min_gap": schedule.min_gap,
            "quiet_from": schedule.quiet_from, "quiet_to": schedule.quiet_to, "country": schedule.country,
            "skip_holidays": schedule.skip_holidays, "lead_days": schedule.lead_days,
        },
    )  # fmt: skip
    PostingSlot.objects.filter(channel=channel).delete()
    PostingSlot.objects.bulk_create(
        PostingSlot(workspace_id=channel.workspace_id, channel=channel, weekday=day, at=at)
        for day, at in times
    )
    audit.record(
        workspace=channel.workspace, by=by, action="schedule.changed", object_kind="channel",
        object_id=channel.pk, now=now, channel=channel.name, slots=len(times),
    )  # fmt: skip


@transaction.atomic
def save_settings(
    *, workspace: Workspace, country: str, lead_days: int, by: Person | None, now: datetime
) -> PlanSettings:
    """Set what holds for all channels of the workspace.

    :raises UserError: ``unknown_country``, ``lead_days_wrong``.
    """
    require(by, Permission.PUBLISH)
    _check_country(country)
    _check_lead(lead_days)
    saved, _made = PlanSettings.objects.update_or_create(
        workspace=workspace, defaults={"country": country, "lead_days": lead_days}
    )
    audit.record(
        workspace=workspace, by=by, action="plan.settings_changed", object_kind="workspace",
        object_id=workspace.pk, now=now, country=country, lead_days=lead_days,
    )  # fmt: skip
    return saved


def _check_country(country: str) -> None:
    if country and country not in public_days.countries():
        raise UserError("unknown_country", field="country", country=country[:8])


def _check_lead(days: int | None) -> None:
    if days is not None and not 0 <= days <= LEAD_MOST:
        raise UserError("lead_days_wrong", field="lead_days", longest=LEAD_MOST)
