"""The plan by time, and what stands beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from spilno.channels.models import Channel
from spilno.kernel.clock import day_start, from_wall
from spilno.kernel.errors import UserError
from spilno.plan import queries, services
from spilno.plan.calendar import Wanted, calendar, shelf
from spilno.plan.models import Variant
from tests.conftest import Cast
from tests.plan.test_items import deliver, make_initiative, make_item


def put(cast: Cast, channel: Channel, at: datetime | None, text: str = "a", **values: object) -> Variant:
    item = make_item(cast, text, **values)
    return services.put_variant(item=item, channel=channel, by=cast.owner, now=cast.now, publish_at=at)


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def test_from_is_inside_and_to_is_outside(cast: Cast, bluesky: Channel) -> None:
    start, end = kyiv("2026-11-01T00:00"), kyiv("2026-12-01T00:00")
    put(cast, bluesky, start - timedelta(seconds=1), "before")
    put(cast, bluesky, end - timedelta(seconds=1), "last")
    put(cast, bluesky, start, "first")
    put(cast, bluesky, end, "after")
    put(cast, bluesky, None, "undated")
    found = calendar(workspace=cast.workspace, start=start, end=end)
    assert [(one.title, one.at) for one in found] == [("first", start), ("last", end - timedelta(seconds=1))]


def test_a_published_post_stands_where_it_really_went_out(cast: Cast, group: Channel) -> None:
    variant = put(cast, group, kyiv("2026-11-30T20:00"))
    deliver(variant, "published", cast.now, published_at=kyiv("2026-12-01T09:15"))
    november = calendar(
        workspace=cast.workspace, start=kyiv("2026-11-01T00:00"), end=kyiv("2026-12-01T00:00")
    )
    december = calendar(
        workspace=cast.workspace, start=kyiv("2026-12-01T00:00"), end=kyiv("2027-01-01T00:00")
    )
    assert november == []
    assert [(one.state, one.at) for one in december] == [("published", kyiv("2026-12-01T09:15"))]


def test_filters(cast: Cast, bluesky: Channel, group: Channel) -> None:
    at = kyiv("2026-11-21T12:00")
    initiative = make_initiative(cast)
    put(cast, bluesky, at, "draft", initiative=initiative)
    deliver(put(cast, bluesky, at, "queued"), "queued", cast.now)
    deliver(put(cast, group, at, "failed"), "failed", cast.now)

    def titles(**wanted: object) -> list[str]:
        found = calendar(
            workspace=cast.workspace,
            start=day_start(at.date(), "UTC"),
            end=at + timedelta(days=1),
            wanted=Wanted(**wanted),  # type: ignore[arg-type]
        )
        return sorted(one.title for one in found)

    assert titles() == ["draft", "failed", "queued"]
    assert titles(channels=(group.pk,)) == ["failed"]
    assert titles(initiatives=(initiative.pk,)) == ["draft"]
    assert titles(states=("queued",)) == ["queued"]
    assert titles(states=("",)) == ["draft"]
    assert titles(states=("", "failed")) == ["draft", "failed"]


def test_other_workspaces_and_deleted_items_are_not_there(cast: Cast, bluesky: Channel) -> None:
    at = kyiv("2026-11-21T12:00")
    services.delete_item(item=put(cast, bluesky, at).item, by=cast.owner, now=cast.now)
    put(cast, bluesky, at, "ours")
    around = {"start": at - timedelta(days=1), "end": at + timedelta(days=1)}
    assert [one.title for one in calendar(workspace=cast.workspace, **around)] == ["ours"]
    assert calendar(workspace=cast.other_workspace, **around) == []


def test_a_year_is_too_long(cast: Cast) -> None:
    with pytest.raises(UserError) as caught:
        calendar(workspace=cast.workspace, start=cast.now, end=cast.now + timedelta(days=365))
    assert caught.value.code == "period_too_long"


def test_the_shelf_holds_what_has_no_day(cast: Cast, bluesky: Channel) -> None:
    put(cast, bluesky, kyiv("2026-11-21T12:00"), "dated")
    put(cast, bluesky, None, "idea")
    make_item(cast, "no channel", reserve=True)
    out = put(cast, bluesky, None, "out without a plan")
    deliver(out, "published", cast.now, published_at=cast.now)
    assert sorted(one.text for one in shelf(workspace=cast.workspace)) == ["idea", "no channel"]
    assert shelf(workspace=cast.other_workspace) == []


def test_two_thousand_items_take_two_queries(
    cast: Cast, bluesky: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fill(cast, bluesky, 2000)
    start = kyiv("2026-11-01T00:00")
    with django_assert_num_queries(2):
        found = calendar(workspace=cast.workspace, start=start, end=start + timedelta(days=30))
    assert len(found) == 2000


def fill(cast: Cast, channel: Channel, number: int) -> list[Variant]:
    """``number`` items in November, written in bulk, half of them scheduled."""
    from spilno.plan.models import Item
    from spilno.publishing.models import Delivery

    start = kyiv("2026-11-01T06:00")
    items = Item.objects.bulk_create(
        Item(
            workspace=cast.workspace,
            key=f"bulk-{index}",
            text=f"Item {index}",
            created_at=cast.now,
            updated_at=cast.now,
        )
        for index in range(number)
    )
    variants = Variant.objects.bulk_create(
        Variant(
            workspace=cast.workspace,
            item=item,
            channel=channel,
            publish_at=start + timedelta(minutes=index * 20),
        )
        for index, item in enumerate(items)
    )
    Delivery.objects.bulk_create(
        Delivery(
            workspace=cast.workspace,
            variant=variant,
            channel=channel,
            state="queued",
            due_at=variant.publish_at,
            created_at=cast.now,
            updated_at=cast.now,
        )
        for variant in variants[::2]
    )
    return variants


def test_an_initiatives_items_by_time(
    cast: Cast, bluesky: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    initiative = make_initiative(cast)
    make_item(cast, "reserve", initiative=initiative, reserve=True)
    put(cast, bluesky, kyiv("2026-11-22T12:00"), "second", initiative=initiative)
    put(cast, bluesky, kyiv("2026-11-21T12:00"), "first", initiative=initiative)
    put(cast, bluesky, kyiv("2026-11-21T12:00"), "elsewhere")
    with django_assert_num_queries(3):
        found = queries.of_initiative(initiative)
        assert [one.text for one in found] == ["first", "second", "reserve"]
        assert [variant.channel.name for one in found for variant in one.variants.all()]
