"""The plan's pages: calendar, its events, moving, the list."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.plan import services
from spilno.plan.models import Item, Variant
from spilno.publishing.models import Delivery
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel
from tests.plan.test_calendar import fill
from tests.plan.test_items import deliver, make_initiative, make_item

ClientOf = Callable[[Person], Client]


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> object:
    with time_machine.travel(cast.now, tick=False):
        yield


def put(cast: Cast, channel: Channel, at: datetime | None, text: str = "Words", **values: object) -> Variant:
    item = make_item(cast, text, **values)
    return services.put_variant(item=item, channel=channel, by=cast.owner, now=cast.now, publish_at=at)


def events(client: Client, start: str = "2026-11-01", end: str = "2026-12-01", **query: str) -> list[dict]:
    said = {"start": f"{start}T00:00:00Z", "end": f"{end}T00:00:00Z"} | query
    response = client.get(reverse("plan-events", args=["delivery-house"]), said)
    assert response.status_code == 200, response.content
    return drawn(json.loads(response.content))


def drawn(found: dict) -> list[dict]:
    """The answer's rows as the browser reads them."""
    events = []
    for item, start, title, places, state, movable, seconds in found["rows"]:
        word, look, icon = found["states"][state]
        channels = [found["channels"][place] for place in places]
        events.append(
            {
                "id": f"{item}@{seconds}", "start": start, "title": title, "look": look, "icon": icon,
                "networks": sorted({network for _name, network in channels}),
                "channels": [name for name, _network in channels], "state": word, "editable": bool(movable),
            }
        )  # fmt: skip
    return events


def move(client: Client, event: str, start: str) -> tuple[int, dict]:
    response = client.post(reverse("plan-move", args=["delivery-house", event]), {"start": start})
    kind = response.headers.get("Content-Type", "")
    return response.status_code, json.loads(response.content) if "json" in kind else {}


def test_events_are_the_workspaces_wall_clock(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    summer, winter = (
        put(cast, bluesky, kyiv("2026-10-24T18:00")),
        put(cast, bluesky, kyiv("2026-10-26T18:00")),
    )
    found = events(client_of(cast.analyst), "2026-10-20", "2026-10-31")
    assert [one["start"] for one in found] == ["2026-10-24T18:00", "2026-10-26T18:00"]
    assert summer.publish_at.hour != winter.publish_at.hour


def test_one_event_for_one_time_with_a_mark_for_each_channel(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    at = kyiv("2026-11-21T12:00")
    first = put(cast, bluesky, at, "Одне на всіх")
    matrix = make_channel(cast, "matrix")
    other = services.put_variant(
        item=first.item, channel=matrix, placement="message", by=cast.owner, now=cast.now, publish_at=at
    )
    deliver(first, "published", cast.now, published_at=at)
    deliver(other, "failed", cast.now)
    (event,) = events(client_of(cast.owner))
    assert event["networks"] == ["bluesky", "matrix"]
    assert event["title"] == "Одне на всіх"
    assert (event.get("look", ""), event["icon"]) == ("late", "failed"), "the most urgent channel speaks"
    assert event["editable"] is False


def test_states_have_a_shape_and_a_word(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    at = kyiv("2026-11-21T12:00")
    looks = {}
    for number, state in enumerate(["", "queued", "published", "reminded", "missed", "needs_person"]):
        variant = put(cast, bluesky, at + timedelta(minutes=number), state or "draft")
        if state:
            deliver(
                variant, state, cast.now, published_at=variant.publish_at if state == "published" else None
            )
    for event in events(client_of(cast.owner), lang="en"):
        looks[event["title"]] = (event.get("look", ""), event["icon"])
        assert event["state"]
        assert event["channels"] == [bluesky.name]
    assert looks == {
        "draft": ("draft", "edit"),
        "queued": ("", "clock"),
        "published": ("done", "check"),
        "reminded": ("ask", "hand"),
        "missed": ("late", "missed"),
        "needs_person": ("ask", "uncertain"),
    }


def test_filters_reach_events_and_list(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    client, at = client_of(cast.owner), kyiv("2026-11-21T12:00")
    initiative = make_initiative(cast)
    put(cast, bluesky, at, "one", initiative=initiative)
    deliver(put(cast, make_channel(cast, "linkedin"), at, "two"), "queued", cast.now)
    for query, expected in (
        ({"channel": str(bluesky.pk)}, ["one"]),
        ({"initiative": str(initiative.pk)}, ["one"]),
        ({"state": "scheduled"}, ["two"]),
        ({"state": "draft"}, ["one"]),
        ({"state": "nonsense", "channel": "nonsense"}, ["one", "two"]),
        ({"channel": str(uuid4())}, []),
    ):
        assert [one["title"] for one in events(client, **query)] == expected, query
        page = client.get(
            reverse("plan", args=["delivery-house"]), {"view": "list", **query}
        ).content.decode()
        assert [word for word in ("one", "two") if f">{word}</a>" in page] == expected, query
        board = client.get(
            reverse("plan", args=["delivery-house"]), {"view": "board", **query}
        ).content.decode()
        assert [word for word in ("one", "two") if f">{word}</span>" in board] == expected, query


@pytest.mark.parametrize(
    "query",
    [{}, {"start": "x", "end": "y"}, {"start": "2026-01-01", "end": "2028-01-01"}, {"start": "2026-11-01"}],
)
def test_impossible_periods_are_refused(cast: Cast, client_of: ClientOf, query: dict[str, str]) -> None:
    response = client_of(cast.owner).get(reverse("plan-events", args=["delivery-house"]), query)
    assert response.status_code == 400
    assert json.loads(response.content)["problem"]


def test_dragging_moves_and_says_so(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-21T12:00"))
    client = client_of(cast.owner)
    (event,) = events(client)
    status, said = move(client, event["id"], "2026-11-23T15:30")
    assert status == 200
    assert "15:30" in said["message"]
    variant.refresh_from_db()
    assert variant.publish_at == kyiv("2026-11-23T15:30")
    assert [one["id"] for one in events(client)] == [said["id"]], "it can be dragged again without reloading"


def test_what_is_scheduled_moves_with_it(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-21T12:00"))
    deliver(variant, "queued", cast.now)
    client = client_of(cast.owner)
    (event,) = events(client)
    assert move(client, event["id"], "2026-11-19T15:30")[0] == 409, "into the past"
    assert Delivery.objects.get().due_at == kyiv("2026-11-21T12:00")
    assert Variant.objects.get().publish_at == kyiv("2026-11-21T12:00"), "plan and delivery stay together"
    assert move(client, event["id"], "2026-11-24T15:30")[0] == 200
    assert Delivery.objects.get().due_at == kyiv("2026-11-24T15:30")
    (event,) = events(client)
    status, said = move(client_of(cast.colleague), event["id"], "2026-11-25T10:00")
    assert status == 409, "a designer may move drafts, not what is scheduled"
    assert said["problem"]


def test_hours_that_do_not_exist_or_come_twice_are_asked_about(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    variant = put(cast, bluesky, kyiv("2027-03-20T03:30"))
    client = client_of(cast.owner)
    (event,) = events(client, "2027-03-01", "2027-04-01")
    for gone, word in (("2027-03-28T03:30", "03:30"), ("2027-10-31T03:30", "03:30")):
        status, said = move(client, event["id"], gone)
        assert status == 409
        assert word in said["problem"]
    variant.refresh_from_db()
    assert variant.publish_at == kyiv("2027-03-20T03:30")
    assert move(client, event["id"], "2027-03-28T04:30")[0] == 200
    assert [one["start"] for one in events(client, "2027-03-01", "2027-04-01")] == ["2027-03-28T04:30"]


def test_from_the_shelf_onto_a_day(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant = put(cast, bluesky, None, "spare", reserve=True)
    client = client_of(cast.owner)
    page = client.get(reverse("plan", args=["delivery-house"])).content.decode()
    assert f'data-item="{variant.item_id}"' in page
    assert move(client, str(variant.item_id), "2026-11-24")[0] == 200
    variant.refresh_from_db()
    assert variant.publish_at == kyiv("2026-11-24T12:00"), "a bare day means noon"
    assert not Item.objects.get().reserve
    bare = make_item(cast, "no channel")
    assert move(client, str(bare.pk), "2026-11-24")[0] == 409


def test_what_cannot_be_moved(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-21T12:00"))
    seconds = int(variant.publish_at.timestamp())
    client = client_of(cast.owner)
    event = f"{variant.item_id}@{seconds}"
    assert move(client, event, "tomorrow")[0] == 400
    assert move(client, event, "")[0] == 400
    assert move(client, f"{variant.item_id}@{seconds + 60}", "2026-11-24T10:00")[0] == 409
    for wrong in (f"{variant.item_id}@x", "x@1", str(uuid4()), f"{variant.item_id}@{'9' * 30}"):
        assert move(client, wrong, "2026-11-24T10:00")[0] == 404, wrong
    assert move(client_of(cast.analyst), event, "2026-11-24T10:00")[0] == 403
    foreign = make_item(cast, workspace=cast.other_workspace, by=cast.outsider)
    assert move(client, str(foreign.pk), "2026-11-24T10:00")[0] == 404
    assert move(client_of(cast.outsider), event, "2026-11-24T10:00")[0] == 404
    services.delete_item(item=variant.item, by=cast.owner, now=cast.now)
    assert move(client, event, "2026-11-24T10:00")[0] == 404
    variant.refresh_from_db()
    assert variant.publish_at == kyiv("2026-11-21T12:00")


def test_two_thousand_items_in_a_month_stay_cheap(
    cast: Cast,
    client_of: ClientOf,
    bluesky: Channel,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    fill(cast, bluesky, 2000)
    client = client_of(cast.owner)
    with django_assert_max_num_queries(12):
        assert len(events(client)) == 2000
    with django_assert_max_num_queries(12):
        assert client.get(reverse("plan", args=["delivery-house"])).status_code == 200
    client.get(reverse("plan", args=["delivery-house"]), {"view": "list"})  # is remembered
    with django_assert_max_num_queries(12):
        page = client.get(reverse("plan", args=["delivery-house"]), {"view": "list"})
    assert page.content.count(b'class="row plan-row"') == 200, "a very full month is turned page by page"
    compressed = client.get(
        reverse("plan-events", args=["delivery-house"]),
        {"start": "2026-11-01", "end": "2026-12-01"},
        headers={"Accept-Encoding": "gzip"},
    )
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert len(compressed.content) < 80_000


def test_the_list_needs_no_script(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    client = client_of(cast.analyst)
    put(cast, bluesky, kyiv("2026-11-30T23:30"), "Останній у листопаді")
    put(cast, bluesky, kyiv("2026-12-01T00:30"), "Перший у грудні")
    address = reverse("plan", args=["delivery-house"])
    november = client.get(address, {"view": "list"}).content.decode()
    assert "Останній у листопаді" in november
    assert "Перший у грудні" not in november
    assert "day=2026-12-01" in november
    december = client.get(address, {"view": "list", "month": "2026-12"}).content.decode()
    assert "Перший у грудні" in december
    assert client.get(address, {"view": "list", "month": "never", "page": "x"}).status_code == 200
    empty = client.get(address, {"view": "list", "month": "2025-01"})
    assert empty.status_code == 200


def test_an_empty_plan_says_what_to_do(cast: Cast, client_of: ClientOf) -> None:
    address = reverse("plan", args=["delivery-house"])
    page = client_of(cast.owner).get(address).content.decode()
    assert 'class="empty"' in page
    assert reverse("plan-new", args=["delivery-house"]) in page
    analyst = client_of(cast.analyst).get(address).content.decode()
    assert reverse("plan-new", args=["delivery-house"]) not in analyst
    assert "data-move" not in analyst
    assert client_of(cast.outsider).get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_an_initiatives_plan(
    cast: Cast, client_of: ClientOf, bluesky: Channel, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    from spilno.briefs.services import create_initiative

    initiative = create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Мітап"},
        starts_on=cast.now.date(), ends_on=cast.now.date() + timedelta(days=9), slug="meetup",
    )  # fmt: skip
    address = reverse("initiatives-plan", args=["delivery-house", "meetup"])
    empty = client_of(cast.owner).get(address)
    assert empty.status_code == 200
    assert "initiative=meetup" in empty.content.decode()
    for number in range(12):
        put(
            cast,
            bluesky,
            kyiv("2026-11-21T12:00") + timedelta(hours=number),
            f"Planned {number}",
            initiative=initiative,
        )
    put(cast, bluesky, None, "Spare one", initiative=initiative, reserve=True)
    put(cast, bluesky, None, "Of another initiative")
    client = client_of(cast.owner)
    with django_assert_max_num_queries(14):
        page = client.get(address).content.decode()
    assert page.count('class="row planned"') == 13
    assert "Spare one" in page
    assert "Of another initiative" not in page
    assert client_of(cast.outsider).get(address).status_code == 404
    assert (
        client_of(cast.owner).get(reverse("initiatives-plan", args=["delivery-house", "none"])).status_code
        == 404
    )
