"""What every view of the plan shares: the period, what it is narrowed to, and the address that says both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest
from spilno.interfaces.web.plan_marks import Entry, Mark
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.texts import pick
from spilno.plan import calendar
from spilno.plan.calendar import View, Wanted
from spilno.plan.models import PlanView, Tag
from spilno.plan.queries import title_of
from spilno.plan.writing.models import Pillar
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, may

FIELDS = ("network", "channel", "initiative", "owner", "state", "tag", "rubric")
_PAST = 4000  # years that browsers let people type; reckoning days beyond them overflows


@dataclass(frozen=True)
class Filters:
    """What the plan is narrowed to. Within a field any of the values will do."""

    network: tuple[str, ...] = ()
    channel: tuple[UUID, ...] = ()
    initiative: tuple[UUID, ...] = ()
    owner: tuple[UUID, ...] = ()
    state: tuple[str, ...] = ()  # keys of plan_marks.GROUPS
    tag: tuple[UUID, ...] = ()
    rubric: tuple[UUID, ...] = ()

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            channels=self.channel,
            networks=self.network,
            initiatives=self.initiative,
            owners=self.owner,
            states=tuple(one for key in self.state for one in plan_marks.GROUPS[key]),
            tags=self.tag,
            rubrics=self.rubric,
        )

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name in FIELDS for value in getattr(self, name)]

    @property
    def query(self) -> str:
        return urlencode(self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)


def filters_of(query: QueryDict) -> Filters:
    """What an address narrows to; values that cannot be are left out."""

    def ids(name: str) -> tuple[UUID, ...]:
        found = (uuid_of(one) for one in query.getlist(name))
        return tuple(dict.fromkeys(one for one in found if one))

    return Filters(
        network=tuple(dict.fromkeys(one[:40] for one in query.getlist("network") if one)),
        channel=ids("channel"),
        initiative=ids("initiative"),
        owner=ids("owner"),
        state=tuple(dict.fromkeys(one for one in query.getlist("state") if one in plan_marks.GROUPS)),
        tag=ids("tag"),
        rubric=ids("rubric"),
    )


def entries(workspace: Workspace, filters: Filters, first: date, after: date) -> list[Entry]:
    """The posts of these days of the workspace's calendar. Every view of the plan shows these and no others.

    :raises UserError: ``period_too_long``.
    """
    zone = workspace.time_zone
    slots = calendar.calendar(
        workspace=workspace,
        start=clock.day_start(first, zone),
        end=clock.day_start(after, zone),
        wanted=filters.wanted,
    )
    return plan_marks.entries(slots)


@dataclass(frozen=True)
class Option:
    """One value that a field can be narrowed to."""

    value: str
    label: str
    chosen: bool
    network: str = ""  # its mark stands before it


@dataclass(frozen=True)
class Choice:
    """One field that the plan can be narrowed by."""

    name: str
    label: str
    options: tuple[Option, ...]

    @property
    def chosen(self) -> int:
        return sum(one.chosen for one in self.options)

    @property
    def said(self) -> str:
        """The field's name, or the one value that is chosen."""
        found = [one.label for one in self.options if one.chosen]
        return found[0] if len(found) == 1 else self.label


@dataclass(frozen=True)
class Desk:
    """The frame of every view of the plan."""

    request: WorkspaceRequest
    view: View
    day: date
    filters: Filters
    today: date
    kept: Sequence[PlanView] = ()  # the person's views, also the one without a name

    @property
    def workspace(self) -> Workspace:
        return self.request.workspace

    @property
    def period(self) -> tuple[date, date]:
        return calendar.period(self.view, self.day)

    @property
    def first(self) -> date:
        return self.period[0]

    @property
    def last(self) -> date:
        return self.period[1] - timedelta(days=1)

    @property
    def is_months(self) -> bool:
        return self.view in (View.MONTH, View.LIST, View.BOARD)

    def url(self, *, view: str = "", day: date | None = None, name: str = "plan", **more: object) -> str:
        """An address of the plan that keeps what it is narrowed to."""
        pairs = [
            ("view", view or str(self.view)),
            ("day", (day or self.day).isoformat()),
            *self.filters.pairs,
        ]
        pairs += [(key, str(value)) for key, value in more.items() if value]
        return f"{reverse(name, args=[self.workspace.slug])}?{urlencode(pairs)}"

    @property
    def here(self) -> str:
        return self.url()

    @property
    def before_url(self) -> str:
        return self.url(day=calendar.beside(self.view, self.day)[0])

    @property
    def after_url(self) -> str:
        return self.url(day=calendar.beside(self.view, self.day)[1])

    @property
    def today_url(self) -> str:
        return self.url(day=self.today)

    @property
    def export_url(self) -> str:
        return self.url(name="plan-export")

    @property
    def print_url(self) -> str:
        return self.url(name="plan-print")

    @property
    def list_url(self) -> str:
        return self.url(view=View.LIST)

    @property
    def bare_url(self) -> str:
        """This view of these days, of everything."""
        pairs = {"view": str(self.view), "day": self.day.isoformat()}
        return f"{reverse('plan', args=[self.workspace.slug])}?{urlencode(pairs)}"

    @property
    def views(self) -> tuple[Mapping[str, Any], ...]:
        named = (
            (View.MONTH, _("Month")),
            (View.WEEK, _("Week")),
            (View.DAY, _("Day")),
            (View.LIST, _("List")),
            (View.BOARD, _("Board")),
            (View.LANES, _("Lanes")),
        )
        return tuple({"key": str(key), "label": label, "url": self.url(view=key)} for key, label in named)

    @property
    def may_edit(self) -> bool:
        return may(self.request.person, Permission.PLAN_EDIT)

    @property
    def may_publish(self) -> bool:
        return may(self.request.person, Permission.PUBLISH)

    @cached_property
    def known(self) -> Mapping[str, list[tuple[str, str, str]]]:
        """What the workspace has to narrow by: (id, name, network) by field. One query for all of it."""

        def rows(kind: str, found: QuerySet[Any], name: str, network: Any, order: Any) -> QuerySet[Any, Any]:
            return (
                found.filter(workspace=self.workspace)
                .order_by()
                .annotate(
                    of_field=Value(kind),
                    id_text=Cast("pk", TextField()),
                    said=Cast(name, TextField()),
                    of_network=network,
                    in_order=Cast(order, TextField()),
                )
                .values_list("of_field", "id_text", "said", "of_network", "in_order")
            )

        nothing = Value("", output_field=TextField())
        every = rows("channel", Channel.objects.all(), "name", Cast("network", TextField()), "name").union(
            rows("initiative", Initiative.objects.filter(archived_at=None), "title", nothing, "ends_on"),
            rows("owner", Person.objects.filter(is_active=True), "name", nothing, "name"),
            rows("tag", Tag.objects.all(), "name", nothing, "name"),
            rows("rubric", Pillar.objects.filter(archived_at=None), "name", nothing, "name"),
            all=True,
        )
        found: dict[str, list[tuple[str, str, str]]] = {
            "channel": [],
            "initiative": [],
            "owner": [],
            "tag": [],
            "rubric": [],
        }
        for kind, value, words, network, _place in sorted(every, key=lambda row: row[4].casefold()):
            found[kind].append((value, words, network))
        found["initiative"].reverse()  # the latest first
        return found

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the networks on which the workspace has channels."""
        return tuple(dict.fromkeys(network for _pk, _name, network in self.known["channel"]))

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The fields to narrow by that have anything to choose from."""
        language = self.request.LANGUAGE_CODE
        marks = {key: plan_marks.mark_of(key, language).label for key in self.networks}
        known = self.known
        found = (
            (
                "network",
                _("Network"),
                [(key, label, key) for key, label in sorted(marks.items(), key=lambda one: one[1])],
            ),
            ("channel", _("Channel"), known["channel"]),
            (
                "initiative",
                _("Initiative"),
                [(pk, pick(json.loads(title), language), "") for pk, title, _none in known["initiative"]],
            ),
            ("owner", _("Owner"), known["owner"]),
            ("state", _("State"), [(key, str(label), "") for key, label in plan_marks.GROUP_LABELS.items()]),
            ("tag", _("Tag"), known["tag"]),
            ("rubric", _("Rubric"), known["rubric"]),
        )
        return tuple(
            Choice(
                name,
                label,
                tuple(
                    Option(value, words, value in {str(one) for one in getattr(self.filters, name)}, network)
                    for value, words, network in values
                ),
            )
            for name, label, values in found
            if values
        )

    @property
    def saved(self) -> tuple[Mapping[str, str], ...]:
        """The person's own named views."""
        here = reverse("plan", args=[self.workspace.slug])
        return tuple(
            {"pk": str(one.pk), "name": one.name, "url": f"{here}?{one.query}"}
            for one in self.kept
            if one.name
        )

    @property
    def kept_query(self) -> str:
        """What is kept of this address when the person comes again: not the day."""
        return urlencode([("view", str(self.view)), *self.filters.pairs])

    @property
    def own_zone(self) -> str:
        """The person's own time zone, if it is another one than the workspace's."""
        own = self.request.user.time_zone
        return own if own != self.workspace.time_zone else ""


def desk_of(request: WorkspaceRequest, kept: Sequence[PlanView] = ()) -> Desk:
    """The frame for an address: ``view``, ``day`` and the fields of :class:`Filters`."""
    wished = request.GET.get("view", "")
    today = clock.local_day(clock.now(), request.workspace.time_zone)
    return Desk(
        request=request,
        view=View(wished) if wished in set(View) else View.MONTH,
        day=_day(request.GET) or today,
        filters=filters_of(request.GET),
        today=today,
        kept=kept,
    )


def _day(query: QueryDict) -> date | None:
    text = query.get("day", "") or f"{query.get('month', '')}-01"
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 < found.year < _PAST else None


SHELF_MOST = 60


@dataclass(frozen=True)
class Shelved:
    """A card beside the calendar: reserve or an idea, ready to be dragged onto a day."""

    id: UUID
    title: str
    reserve: bool
    marks: tuple[Mark, ...]
    url: str


def shelved(desk: Desk) -> tuple[Shelved, ...]:
    """What stands on no day yet."""
    workspace, language = desk.workspace, desk.request.LANGUAGE_CODE
    found = calendar.shelf(workspace=workspace, wanted=desk.filters.wanted, most=SHELF_MOST)
    return tuple(
        Shelved(
            id=one.pk,
            title=title_of(one.title, one.text) or _("Without words yet"),
            reserve=one.reserve,
            marks=tuple(
                plan_marks.mark_of(key, language)
                for key in dict.fromkeys(variant.channel.network for variant in one.variants.all())
            ),
            url=reverse("plan-item", args=[workspace.slug, one.pk]),
        )
        for one in found
    )
