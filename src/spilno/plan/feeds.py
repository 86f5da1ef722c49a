"""The plan as a calendar that other programs subscribe to, at an address that nobody can guess."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from icalendar import Calendar, Event

from spilno.channels.models import Channel
from spilno.kernel import clock, secrets
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_token
from spilno.kernel.texts import pick
from spilno.plan import deadlines
from spilno.plan.calendar import CALENDAR_DAYS, Slot, Wanted, calendar
from spilno.plan.models import CalendarFeed, Item
from spilno.team import audit
from spilno.team.models import Person, Workspace

BACK, AHEAD = timedelta(days=31), timedelta(days=186)
MOST = 3_000  # posts in one answer
LENGTH = timedelta(minutes=15)  # a post has none; calendars draw what has some


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def open_feed(*, person: Person, channel: Channel | None, now: datetime) -> CalendarFeed:
    """A feed of what is the person's (their posts, and the channels they answer for), or of one channel.

    One that is there already is withdrawn: its address stops to work.

    :raises UserError: ``not_of_this_workspace``.
    """
    if channel is not None and channel.workspace_id != person.workspace_id:
        raise UserError("not_of_this_workspace")
    CalendarFeed.objects.filter(person=person, channel=channel).delete()
    token = new_token(32)
    feed = CalendarFeed.objects.create(
        workspace_id=person.workspace_id,
        person=person,
        channel=channel,
        token_hash=_hash(token),
        secret=secrets.seal({"token": token}, keys=settings.SPILNO_CREDENTIAL_KEYS),
        created_at=now,
    )
    _log(feed, "feed.opened", now)
    return feed


@transaction.atomic
def close_feed(*, feed: CalendarFeed, now: datetime) -> None:
    """Its address stops to work."""
    _log(feed, "feed.closed", now)
    feed.delete()


def _log(feed: CalendarFeed, action: str, now: datetime) -> None:
    audit.record(
        workspace=feed.person.workspace, by=feed.person, action=action, object_kind="feed", object_id=feed.pk,
        now=now, channel=feed.channel.name if feed.channel else "",
    )  # fmt: skip


def token_of(feed: CalendarFeed) -> str:
    """The secret part of its address."""
    return secrets.unseal(bytes(feed.secret), keys=settings.SPILNO_CREDENTIAL_KEYS)["token"]


def feed_at(*, token: str, now: datetime) -> CalendarFeed | None:
    """The feed of a secret address; ``None`` if there is none, or its person belongs to the workspace no more."""
    feed = (
        CalendarFeed.objects.select_related("workspace", "person__user", "channel")
        .filter(token_hash=_hash(token), person__is_active=True)
        .first()
    )
    if feed is not None and (feed.read_at is None or now - feed.read_at > timedelta(hours=1)):
        CalendarFeed.objects.filter(pk=feed.pk).update(read_at=now)
    return feed


def slots_of(feed: CalendarFeed, now: datetime) -> list[Slot]:
    """What the feed shows: a month back and half a year ahead, at most :data:`MOST` posts."""
    workspace = feed.workspace
    if feed.channel_id:
        wanted = Wanted(channels=(feed.channel_id,))
        return _stretch(workspace, wanted, now)[:MOST]
    owned = set(Channel.objects.filter(workspace=workspace, owner=feed.person).values_list("pk", flat=True))
    return [
        one
        for one in _stretch(workspace, Wanted(), now)
        if one.owner_id == feed.person_id or one.channel_id in owned
    ][:MOST]


def _stretch(workspace: Workspace, wanted: Wanted, now: datetime) -> list[Slot]:
    start = clock.day_start(clock.local_day(now - BACK, workspace.time_zone), workspace.time_zone)
    end, found = now + AHEAD, []
    while start < end:
        after = min(start + timedelta(days=CALENDAR_DAYS), end)
        found += calendar(workspace=workspace, start=start, end=after, wanted=wanted)
        start = after
    return found


def calendar_file(
    *, feed: CalendarFeed, now: datetime, states: dict[str, str], address: str, language: str
) -> bytes:
    """The feed as an iCalendar file (RFC 5545). Times are UTC, so that no program has to know a zone's rules.

    :param states: words for the states of deliveries ("" is a draft).
    :param address: of an item's page, with ``{item}`` in the place of its id.
    """
    workspace = feed.workspace
    made = Calendar()
    made.add("prodid", "-//Spilno//plan//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"{workspace.name} · {feed.channel.name if feed.channel else feed.person.name}")
    made.add("x-wr-timezone", workspace.time_zone)
    made.add("refresh-interval", timedelta(hours=1), parameters={"value": "DURATION"})
    slots = slots_of(feed, now)
    changed: dict[UUID, datetime] = dict(
        Item.objects.filter(workspace=workspace, pk__in={one.item_id for one in slots}).values_list(
            "pk", "updated_at"
        )
    )
    for group in _grouped(slots):
        made.add_component(_post(group, changed[group[0].item_id], states, address))
    for one in _due(feed, now, language):
        made.add_component(one)
    return bytes(made.to_ical())


def _grouped(slots: Sequence[Slot]) -> list[list[Slot]]:
    """A post on several channels at the same time is one event."""
    found: dict[tuple[UUID, datetime], list[Slot]] = {}
    for one in slots:
        found.setdefault((one.item_id, one.at), []).append(one)
    return list(found.values())


def _post(slots: Sequence[Slot], changed: datetime, states: dict[str, str], address: str) -> Event:
    first = slots[0]
    event = Event()
    # By the variant: a post that is moved is the same event at another time.
    event.add("uid", f"{first.variant_id}@spilno")
    event.add("dtstamp", changed.astimezone(UTC))
    event.add("dtstart", first.at)
    event.add("dtend", first.at + LENGTH)
    event.add("summary", f"{', '.join(dict.fromkeys(one.channel for one in slots))}: {first.title}")
    url = address.replace("{item}", str(first.item_id))
    event.add("description", "\n".join([*(f"{one.channel}: {states[one.state]}" for one in slots), url]))
    event.add("url", url)
    if first.state in ("", "cancelled"):
        event.add("status", "TENTATIVE")
    event.add("transp", "TRANSPARENT")  # nobody is busy because a post leaves
    return event


def _due(feed: CalendarFeed, now: datetime, language: str) -> list[Event]:
    workspace = feed.workspace
    today = clock.local_day(now, workspace.time_zone)
    found = []
    for one in deadlines.due_between(workspace=workspace, first=today - BACK, after=today + AHEAD):
        if one.done or (feed.channel and feed.channel.name not in {name for _network, name in one.channels}):
            continue
        if not feed.channel_id and one.owner_id != feed.person_id:
            continue
        event = Event()
        event.add("uid", f"{one.initiative_id}-{one.item_id}-{one.lead_days}-{one.on.isoformat()}@spilno")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", one.on)
        names = ", ".join(name for _network, name in one.channels)
        event.add("summary", " · ".join(part for part in ("⏳", pick(one.title, language), names) if part))
        event.add("transp", "TRANSPARENT")
        found.append(event)
    return found
