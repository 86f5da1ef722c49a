"""Rows of a table held against what the workspace has: every problem of every field, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.kernel.addresses import is_web_address
from spilno.kernel.errors import UserError
from spilno.kernel.wall_clock import DoubtfulTime, from_wall
from spilno.plan import checks, tags
from spilno.plan.models import Media, PlanImport, Variant
from spilno.plan.transfer import columns
from spilno.plan.transfer.columns import (
    CHANNEL,
    DATE,
    DRAFT,
    INITIATIVE,
    LINK,
    PICTURES,
    PLACEMENT,
    POST,
    RESERVE,
    SCHEDULED,
    STATE,
    TAGS,
    TEXT,
    TIME,
    TITLE,
)  # fmt: skip
from spilno.plan.transfer.tables import harmed
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, may
from spilno.toolkit.language.likeness import plain
from spilno.toolkit.networks.registry import all_networks

NOON = time(12)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a field. ``note``: one should know it; it does not keep the row out."""

    field: str
    text: str
    note: bool = False


@dataclass
class Checked:
    """One row: its cells by column, what they mean, and what is wrong."""

    number: int  # in the file
    cells: dict[str, str]
    at: datetime | None = None  # aware UTC
    places: list[tuple[Channel, str]] = field(default_factory=list)  # channel, placement
    initiative: Initiative | None = None
    media: list[Media] = field(default_factory=list)
    state: str = DRAFT
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return all(one.note for one in self.troubles)

    @property
    def words(self) -> str:
        """What it says, or what colleagues call it."""
        return self.said(TEXT) or self.said(TITLE)

    @property
    def errors(self) -> list[Trouble]:
        return [one for one in self.troubles if not one.note]

    def wrong(self, name: str, text: str, *, note: bool = False) -> None:
        if not any(one.field == name and one.text == text for one in self.troubles):
            self.troubles.append(Trouble(name, text, note))

    def said(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Known:
    """What the workspace has, read once for all rows."""

    workspace: Workspace
    channels: Mapping[str, Channel]  # by every spelling, folded
    twice: frozenset[str]  # spellings that mean several channels
    initiatives: Mapping[str, Initiative]
    pictures: Mapping[str, Media]
    may_schedule: bool


def heading_row(rows: Sequence[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Our names of the columns ("" for unknown ones), and the rows below the headings.

    :raises UserError: ``no_headings``, ``column_twice``.
    """
    _number, cells = rows[0]
    names = [columns.known_column(harmed(one)) for one in cells]
    if CHANNEL not in names and TEXT not in names:
        raise UserError("no_headings", field="file")
    for one in names:
        if one and names.count(one) > 1:
            raise UserError("column_twice", field="file", column=one)
    return names, [(number, [harmed(cell) for cell in row]) for number, row in rows[1:]]


def known_of(workspace: Workspace, person: Person | None) -> Known:
    """Channels, initiatives and pictures by what people may call them: three queries."""
    spellings: dict[str, set[Channel]] = {}
    labels = all_networks()
    for one in Channel.objects.filter(workspace=workspace, is_active=True):
        network = labels.get(one.network)
        of_network = [*network.label.values(), network.key] if network else [one.network]
        for spelling in (one.key, one.name, *of_network):
            spellings.setdefault(spelling.casefold(), set()).add(one)
        # A channel's own name wins over the name of a network.
    own = {}
    for channels in spellings.values():
        for one in channels:
            own[one.name.casefold()] = {one} | {
                other for other in channels if other.name.casefold() == one.name.casefold()
            }
    spellings |= own
    initiatives: dict[str, Initiative] = {}
    for found in Initiative.objects.filter(workspace=workspace, archived_at=None):
        for spelling in (found.slug, *found.title.values()):
            initiatives.setdefault(spelling.casefold(), found)
    pictures: dict[str, Media] = {}
    for media in Media.objects.filter(workspace=workspace).order_by("-created_at")[:5000]:
        pictures.setdefault(media.name.casefold(), media)
    return Known(
        workspace=workspace,
        channels={key: next(iter(some)) for key, some in spellings.items() if len(some) == 1},
        twice=frozenset(key for key, some in spellings.items() if len(some) > 1),
        initiatives=initiatives,
        pictures=pictures,
        may_schedule=may(person, Permission.PUBLISH),
    )


def check_rows(*, plan_import: PlanImport, now: datetime) -> list[Checked]:
    """All rows with their problems, in the active language: at most eight queries, however many rows."""
    workspace = plan_import.workspace
    known = known_of(workspace, plan_import.person)
    names: list[str] = plan_import.columns
    rows = [
        Checked(number, {name: cell for name, cell in zip(names, cells, strict=False) if name})
        for number, cells in plan_import.rows
    ]
    day_first = columns.day_comes_first(one.said(DATE) for one in rows)
    for row in rows:
        _read_time(row, day_first, known.workspace.time_zone)
        _read_places(row, known)
        _read_rest(row, known)
        _check_time(row, now)
        _check_content(row)
    _check_groups(rows)
    _check_twice(rows, workspace)
    return rows


def _read_time(row: Checked, day_first: bool | None, zone: str) -> None:
    day_text, behind = columns.split_moment(row.said(DATE))
    clock_text = row.said(TIME) or behind
    if not day_text and not clock_text:
        return
    if not day_text:
        row.wrong(DATE, _("The date is missing."))
        return
    try:
        day = columns.read_day(day_text, day_first=day_first)
    except ValueError as error:
        if str(error) == "doubtful":
            row.wrong(DATE, _("Which is the day and which the month? Write 2026-11-30."))
        else:
            row.wrong(DATE, _("This is not a date. Write 2026-11-30 or 30.11.2026."))
        return
    try:
        at, side = columns.read_clock(clock_text) if clock_text else (NOON, "")
    except ValueError:
        row.wrong(TIME, _("This is not a time. Write 18:00."))
        return
    if not clock_text:
        row.wrong(TIME, _("No time is given: 12:00 is taken."), note=True)
    try:
        row.at = from_wall(datetime.combine(day, at), zone, side=side)
    except DoubtfulTime as doubt:
        values = {"time": f"{at:%H:%M}"}
        if doubt.code == "time_does_not_exist":
            row.wrong(
                TIME,
                _(
                    "%(time)s does not exist on this day, the clocks go forward. Write another time, or "
                    "“%(time)s earlier” or “%(time)s later”."
                )
                % values,
            )
        else:
            row.wrong(
                TIME,
                _(
                    "%(time)s comes twice on this day, the clocks go back. Write “%(time)s earlier” or "
                    "“%(time)s later”."
                )
                % values,
            )
    except (ValueError, OverflowError):
        row.wrong(DATE, _("This is not a date. Write 2026-11-30 or 30.11.2026."))


def _read_places(row: Checked, known: Known) -> None:
    said = row.said(CHANNEL)
    names = [said] if said.casefold() in known.channels else _list_of(said, known)
    wanted = row.said(PLACEMENT).strip()
    for name in names:
        channel = known.channels.get(name.casefold())
        if channel is None:
            if name.casefold() in known.twice:
                row.wrong(CHANNEL, _("Several channels are called “%(name)s”.") % {"name": name[:60]})
            else:
                row.wrong(CHANNEL, _("There is no channel “%(name)s”.") % {"name": name[:60]})
            continue
        places = checks.placements_of(channel)
        if not wanted:
            placement = places[0].key if places else "post"
        else:
            labels = {
                spelling.casefold(): one.key for one in places for spelling in (one.key, *one.label.values())
            }
            placement = labels.get(wanted.casefold(), "")
            if not placement:
                row.wrong(
                    PLACEMENT,
                    _("%(channel)s has no placement “%(name)s”.")
                    % {"channel": channel.name, "name": wanted[:40]},
                )
                continue
        if (channel, placement) not in row.places:
            row.places.append((channel, placement))


def _list_of(said: str, known: Known) -> list[str]:
    """Names behind each other: with semicolons or on lines, else with commas if all of these are known."""
    parts = [one.strip() for one in said.replace("\n", ";").split(";") if one.strip()]
    found = []
    for part in parts:
        commas = [one.strip() for one in part.split(",") if one.strip()]
        split = part.casefold() not in known.channels and len(commas) > 1
        found += commas if split else [part]
    return list(dict.fromkeys(found))


def _read_rest(row: Checked, known: Known) -> None:
    state = columns.read_state(row.said(STATE))
    if state is None:
        row.wrong(STATE, _("Write “draft”, “scheduled” or “reserve”."))
    row.state = state or DRAFT
    if row.state == SCHEDULED and not known.may_schedule:
        row.wrong(STATE, _("Your role may plan posts, not schedule them. Write “draft”."))
    if (name := row.said(INITIATIVE)) and (row_initiative := known.initiatives.get(name.casefold())) is None:
        row.wrong(INITIATIVE, _("There is no initiative “%(name)s”.") % {"name": name[:60]})
    elif name:
        row.initiative = row_initiative
    for one in (part.strip() for part in row.said(PICTURES).replace("\n", ",").replace(";", ",").split(",")):
        if not one:
            continue
        media = known.pictures.get(one.casefold())
        if media is None:
            row.wrong(PICTURES, _("There is no picture “%(name)s” in the library.") % {"name": one[:60]})
        elif media not in row.media:
            row.media.append(media)
    if (link := row.said(LINK)) and not is_web_address(link):
        row.wrong(LINK, _("The link is not a web address. It begins with https://"))
    if len(row.said(TITLE)) > 200:
        row.wrong(TITLE, _("At most %(limit)s characters.") % {"limit": 200})
    try:
        tags.check_names(tags.read_names(row.said(TAGS)))
    except UserError:
        row.wrong(TAGS, _("At most 20 tags of 40 characters each."))


def _check_time(row: Checked, now: datetime) -> None:
    if (
        row.state == SCHEDULED
        and row.at is None
        and not any(one.field in (DATE, TIME) for one in row.troubles)
    ):
        row.wrong(DATE, _("What is scheduled needs a date and a time."))
    if row.at is None:
        return
    if row.state == RESERVE:
        row.wrong(DATE, _("What is in reserve has no date yet; it is left out."), note=True)
    elif row.at < now - timedelta(minutes=1):
        row.wrong(DATE, _("This moment has passed."), note=row.state != SCHEDULED)


def _check_content(row: Checked) -> None:
    text = row.said(TEXT)
    if not text and not row.media and not row.said(TITLE):
        row.wrong(TEXT, _("There is neither a text nor a picture nor a title."))
        return
    if not row.said(CHANNEL):
        if row.state == SCHEDULED:
            row.wrong(CHANNEL, _("Say where it goes."))
        else:
            row.wrong(CHANNEL, _("No channel yet: it becomes an idea."), note=True)
    for channel, placement in row.places:
        found = checks.check(
            channel=channel, placement=placement, text=text, media=row.media, link=row.said(LINK)
        )
        for one in found.problems:
            if one.level == checks.ERROR:
                # A draft may lack a picture still; too many words are too many now.
                where = PICTURES if one.field.startswith("media") else LINK if one.field == "link" else TEXT
                note = row.state != SCHEDULED and (where != TEXT or not text)
                row.wrong(where, f"{channel.name}: {one.text}", note=note)


def _check_groups(rows: Iterable[Checked]) -> None:
    """Rows with the same number are one post; then they cannot be on the same place twice."""
    places: dict[str, set[tuple[UUID, str]]] = {}
    states: dict[str, str] = {}
    for row in rows:
        key = row.said(POST).casefold()
        if not key:
            continue
        if states.setdefault(key, row.state) != row.state:
            row.wrong(STATE, _("A row above says something else about the same post."))
        taken = places.setdefault(key, set())
        for channel, placement in row.places:
            if (channel.pk, placement) in taken:
                row.wrong(
                    CHANNEL, _("This post is on “%(name)s” in a row above already.") % {"name": channel.name}
                )
            taken.add((channel.pk, placement))


def _check_twice(rows: Sequence[Checked], workspace: Workspace) -> None:
    """The same words at the same time on the same channel: in the table above, or in the plan."""
    times = [one.at for one in rows if one.at]
    known: dict[tuple[UUID, datetime, str], bool] = {}
    if times:
        found = Variant.objects.filter(
            workspace=workspace, item__deleted_at=None, publish_at__gte=min(times), publish_at__lte=max(times)
        ).values_list("channel_id", "publish_at", "text", "item__text")
        for channel_id, at, own, common in found[:20_000]:
            if at is not None:
                known[channel_id, at, plain(own or common)] = True
    above: dict[tuple[UUID, datetime, str], int] = {}
    for row in rows:
        if row.at is None:
            continue
        for channel, _placement in row.places:
            key = (channel.pk, row.at, plain(row.said(TEXT)))
            if key in known:
                row.wrong(TEXT, _("This is in the plan already, at this time and on this channel."))
            elif key in above:
                row.wrong(TEXT, _("The same as in row %(number)s.") % {"number": above[key]})
            above.setdefault(key, row.number)
