"""Month, week, day, list, board, lanes and export are one question: whatever is asked, they show the same posts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spilno.channels.models import Channel
from spilno.plan import services, tags
from spilno.plan.calendar import View, period
from spilno.plan.models import Item, PlanView, Variant
from spilno.publishing.models import Delivery
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel
from tests.plan.test_items import deliver, make_initiative

ClientOf = Callable[[Person], Client]

# Around midnight, on the days when the clocks of Kyiv change, and in between.
AWKWARD = (
    datetime(2026, 10, 24, 20, 59), datetime(2026, 10, 24, 21, 0), datetime(2026, 10, 25, 0, 30),
    datetime(2026, 10, 25, 1, 30), datetime(2026, 10, 25, 21, 59), datetime(2026, 10, 25, 22, 0),
    datetime(2026, 10, 31, 21, 59), datetime(2026, 10, 31, 22, 0), datetime(2026, 9, 30, 20, 59),
    datetime(2026, 9, 30, 21, 0), datetime(2026, 10, 11, 12, 0), datetime(2026, 10, 12, 3, 15),
)  # fmt: skip
moments = st.one_of(st.sampled_from(AWKWARD), st.datetimes(datetime(2026, 9, 28), datetime(2026, 11, 3))).map(
    lambda one: one.replace(tzinfo=UTC, second=0, microsecond=0)
)
STATES = ("", "queued", "published", "failed", "held", "cancelled")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 10, 10, 9, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def channels(cast: Cast) -> list[Channel]:
    return [make_channel(cast, "bluesky"), make_channel(cast, "linkedin")]


def put(
    cast: Cast, channel: Channel, at: datetime, state: str, *, moved: int = 0, **values: object
) -> Variant:
    number = Item.objects.count()
    item = services.create_item(
        workspace=cast.workspace, by=cast.owner, now=cast.now, title=f"post{number:03}", **values
    )  # type: ignore[arg-type]
    variant = services.put_variant(item=item, channel=channel, by=cast.owner, now=cast.now, publish_at=at)
    if state:
        out = at + timedelta(minutes=moved) if state == "published" else None
        deliver(variant, state, cast.now, published_at=out)
    return variant


class Reader:
    """The plan as its views show it: sets of (post, wall clock)."""

    def __init__(self, client: Client, query: dict[str, object]) -> None:
        self.client, self.query = client, query

    def data(self, first: date, after: date, view: str) -> set[tuple[str, str]]:
        said = {"start": first.isoformat(), "end": after.isoformat(), "view": view} | self.query
        answer = json.loads(self.client.get(reverse("plan-events", args=["delivery-house"]), said).content)
        assert sum(answer["more"].values()) + len(answer["rows"]) == answer["total"]
        return {(row[2], row[1]) for row in answer["rows"]}

    def page(self, view: str, day: date) -> str:
        said = {"view": view, "day": day.isoformat()} | self.query
        return self.client.get(reverse("plan", args=["delivery-house"]), said).content.decode()

    def drawn(self, view: str, day: date) -> set[tuple[str, str]]:
        """Posts on board and lanes."""
        found = re.findall(r'data-start="([^"]+)" data-title="(post\d+)"', self.page(view, day))
        return {(title, start) for start, title in found}

    def listed(self, day: date) -> set[tuple[str, str]]:
        found = re.findall(
            r'plan-row">.*?datetime="([^"]+)".*?>(post\d+)</a>', self.page("list", day), re.DOTALL
        )
        zone = ZoneInfo("Europe/Kyiv")
        return {
            (title, f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%dT%H:%M}") for at, title in found
        }

    def exported(self, day: date) -> set[tuple[str, str]]:
        said = {"view": "list", "day": day.isoformat(), "lang": "en"} | self.query
        content = self.client.get(reverse("plan-export", args=["delivery-house"]), said).content
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
        return {(row["Working title"], f"{row['Date']}T{row['Time'][:5]}") for row in rows}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    posts=st.lists(
        st.tuples(moments, st.sampled_from(STATES), st.integers(0, 1), st.integers(-90, 90)),
        min_size=1,
        max_size=14,
    ),
    group=st.sampled_from(["", "draft", "scheduled", "attention", "published"]),
    one_channel=st.booleans(),
    one_tag=st.booleans(),
)
def test_all_views_show_the_same(
    cast: Cast,
    client_of: ClientOf,
    channels: list[Channel],
    posts: list[tuple[datetime, str, int, int]],
    group: str,
    one_channel: bool,
    one_tag: bool,
) -> None:
    Delivery.objects.all().delete()
    Item.objects.all().delete()
    for number, (at, state, place, moved) in enumerate(posts):
        variant = put(cast, channels[place], at, state, moved=moved)
        if number % 2:
            tags.set_tags(item=variant.item, names=["odd"], by=cast.owner)
    query: dict[str, object] = {}
    if group:
        query["state"] = group
    if one_channel:
        query["channel"] = str(channels[0].pk)
    if one_tag and (tag := tags.tags(cast.workspace).first()):
        query["tag"] = str(tag.pk)
    # Whoever lives elsewhere sees the same days: they are the workspace's.
    assert cast.owner.user
    cast.owner.user.time_zone = "America/St_Johns"
    cast.owner.user.save()
    reader = Reader(client_of(cast.owner), query)
    october = date(2026, 10, 1)
    first, after = period(View.MONTH, october)
    month = reader.data(first, after, "month")
    days = [first + timedelta(days=number) for number in range((after - first).days)]
    by_day = [reader.data(one, one + timedelta(days=1), "day") for one in days]
    assert month == set().union(*by_day)
    assert len(month) == sum(len(one) for one in by_day), "no post stands on two days"
    assert all(
        start.startswith(day.isoformat())
        for day, found in zip(days, by_day, strict=True)
        for _t, start in found
    )
    assert month == reader.listed(october)
    assert month == reader.drawn("board", october)
    assert month == reader.exported(october)
    weeks = [date(2026, 9, 28) + timedelta(days=7 * number) for number in range(5)]
    around = set().union(*(reader.data(*period(View.WEEK, one), "week") for one in weeks))
    lanes = set().union(*(reader.drawn("lanes", one) for one in weeks))
    grid = reader.data(date(2026, 9, 28), date(2026, 11, 2), "month")
    assert grid == around == lanes
    assert month == {one for one in grid if one[1].startswith("2026-10")}


def test_a_full_month_says_how_much_it_leaves_out(
    cast: Cast, client_of: ClientOf, channels: list[Channel]
) -> None:
    from tests.plan.test_calendar import fill

    fill(cast, channels[0], 700)
    client = client_of(cast.owner)
    said = {"start": "2026-11-01", "end": "2026-12-01", "view": "month"}
    answer = json.loads(client.get(reverse("plan-events", args=["delivery-house"]), said).content)
    by_day: dict[str, int] = {}
    for row in answer["rows"]:
        by_day[row[1][:10]] = by_day.get(row[1][:10], 0) + 1
    assert answer["total"] == 700
    assert len(answer["rows"]) < 100
    for day, rest in answer["more"].items():
        one = {"start": day, "end": (date.fromisoformat(day) + timedelta(days=1)).isoformat(), "view": "day"}
        full = json.loads(client.get(reverse("plan-events", args=["delivery-house"]), one).content)
        assert by_day[day] + rest == full["total"] == len(full["rows"])


def test_every_field_narrows_and_values_of_one_field_add_up(
    cast: Cast, client_of: ClientOf, channels: list[Channel]
) -> None:
    at = datetime(2026, 10, 20, 9, tzinfo=UTC)
    initiative = make_initiative(cast)
    first = put(cast, channels[0], at, "", initiative=initiative)
    second = put(cast, channels[1], at + timedelta(hours=1), "", owner=cast.colleague)
    put(cast, channels[1], at + timedelta(hours=2), "queued")
    tags.set_tags(item=second.item, names=["a"], by=cast.owner)
    client, october = client_of(cast.owner), (date(2026, 10, 1), date(2026, 11, 1), "month")

    def titles(**query: object) -> list[str]:
        return sorted(title for title, _at in Reader(client, query).data(*october))

    assert titles(network="bluesky") == ["post000"]
    assert titles(network=["bluesky", "linkedin"]) == ["post000", "post001", "post002"]
    assert titles(initiative=str(initiative.pk)) == ["post000"]
    assert titles(owner=str(cast.colleague.pk)) == ["post001"]
    assert titles(tag=str(tags.tags(cast.workspace).get().pk)) == ["post001"]
    assert titles(state=["draft", "scheduled"]) == ["post000", "post001", "post002"]
    assert titles(state="scheduled", network="bluesky") == []
    assert titles(channel=str(first.channel_id), tag="nonsense") == ["post000"]


def test_the_way_of_looking_is_kept_and_can_be_named(
    cast: Cast, client_of: ClientOf, channels: list[Channel]
) -> None:
    home, client = reverse("plan", args=["delivery-house"]), client_of(cast.owner)
    assert client.get(home).status_code == 200
    client.get(home, {"view": "board", "day": "2026-10-05", "network": "bluesky"})
    again = client.get(home)
    assert again.status_code == 302
    assert again.headers["Location"] == f"{home}?view=board&network=bluesky", "the day is not kept"
    assert client_of(cast.colleague).get(home).status_code == 200, "everybody has their own"
    saved = client.post(
        reverse("plan-keep-view", args=["delivery-house"]),
        {"name": " Bluesky  only ", "query": "view=list&network=bluesky"},
    )
    assert saved.status_code == 302
    named = PlanView.objects.get(person=cast.owner, name="Bluesky only")
    page = client.get(home, {"view": "list"}).content.decode()
    assert f"{home}?view=list&amp;network=bluesky" in page
    theirs = client_of(cast.colleague)
    theirs.post(reverse("plan-keep-view", args=["delivery-house"]), {"forget": str(named.pk)})
    assert PlanView.objects.filter(pk=named.pk).exists()
    client.post(reverse("plan-keep-view", args=["delivery-house"]), {"forget": str(named.pk)})
    assert not PlanView.objects.filter(pk=named.pk).exists()


@pytest.mark.parametrize("view", [*View, "nonsense"])
@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28", "9999-12-31", "0001-01-01", "x"])
def test_no_day_breaks_a_page(
    cast: Cast, client_of: ClientOf, channels: list[Channel], view: str, day: str
) -> None:
    put(cast, channels[0], datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "queued")
    client = client_of(cast.owner)
    for name in ("plan", "plan-export", "plan-print"):
        answer = client.get(reverse(name, args=["delivery-house"]), {"view": view, "day": day})
        assert answer.status_code == 200, (name, view, day)
