"""The plan in a real browser: writing, uploading, dragging, being asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect

from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.plan import services
from spilno.plan.models import Item, Media, Variant
from spilno.publishing.models import Delivery
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_design_browser import browser  # noqa: F401 - a fixture
from tests.plan.conftest import make_channel, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def page(
    cast: Cast,
    client_of: Callable[[Person], Client],
    live_server: object,
    browser: Browser,  # noqa: F811
) -> Iterator[Page]:
    address = str(live_server)
    context = browser.new_context(
        base_url=address,
        locale="en-GB",
        viewport={"width": 1440, "height": 1000},
        bypass_csp=True,  # wait_for_function compiles in the page; test_safety holds the pages against their policy
    )
    session = client_of(cast.owner).cookies["sessionid"].value
    context.add_cookies(
        [
            {"name": "sessionid", "value": session, "url": address},
            {"name": "django_language", "value": "en", "url": address},
        ]
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems


def mid_month() -> datetime:
    """Noon on a day in the middle of this month, so that the days around it are on the same page."""
    today = clock.local_day(clock.now(), "Europe/Kyiv")
    return clock.from_wall(datetime.combine(today.replace(day=15), time(12)), "Europe/Kyiv")


def put(cast: Cast, channel: Channel, at: datetime | None, text: str) -> Variant:
    item = services.create_item(workspace=cast.workspace, by=cast.owner, now=clock.now(), text=text)
    return services.put_variant(item=item, channel=channel, by=cast.owner, now=clock.now(), publish_at=at)


def plan(page: Page) -> None:
    page.goto("/w/delivery-house/plan/")
    expect(page.locator(".fc-daygrid-day").first).to_be_visible()


def day(page: Page, moment: datetime) -> Locator:
    return page.locator(f'.fc-daygrid-day[data-date="{moment.astimezone(KYIV):%Y-%m-%d}"]')


def drag(page: Page, what: Locator, where: Locator) -> None:
    start, end = what.bounding_box(), where.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + start["width"] / 2 + 12, start["y"] + start["height"] / 2 + 12, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    page.mouse.up()


def test_a_post_from_nothing_to_the_calendar(page: Page, cast: Cast, bluesky: Channel) -> None:
    matrix = make_channel(cast, "matrix")
    plan(page)
    page.get_by_role("link", name="New post").first.click()
    page.locator(".chip", has_text=bluesky.name).click()
    page.locator(".chip", has_text=matrix.name).click()
    page.locator("#id_text").fill("Words for everybody")
    expect(page.locator("#previews .look")).to_have_count(2)
    page.locator("#id_files").set_input_files(
        [
            {"name": "books.jpg", "mimeType": "image/jpeg", "buffer": picture()},
            {"name": "fake.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"},
        ]
    )
    expect(page.locator("#pictures img")).to_have_count(1)
    expect(page.locator("#pictures .error")).to_contain_text("fake.jpg")
    expect(page.locator("#previews")).to_contain_text("Describe the picture")
    page.locator("#pictures input[name^=alt]").fill("Books on a table")
    expect(page.locator("#previews")).not_to_contain_text("Describe the picture")

    # A text of its own begins as the common one.
    line = page.locator(".target", has_text=matrix.name)
    line.get_by_text("Own text").click()
    own = line.locator("textarea")
    expect(own).to_have_value("Words for everybody")
    own.fill("Words for the room")
    expect(page.locator("#previews")).to_contain_text("Words for the room")

    at = clock.now() + timedelta(days=2)
    page.locator("#id_at").fill(f"{at.astimezone(KYIV):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator(".toast-good")).to_contain_text("Scheduled")
    expect(page.locator("#panel-dialog")).not_to_be_visible()

    item = Item.objects.get()
    assert {one.channel_id: one.text for one in item.variants.all()} == {
        bluesky.pk: "",
        matrix.pk: "Words for the room",
    }
    assert Delivery.objects.count() == 2
    assert Media.objects.get().alt == "Books on a table"
    if at.astimezone(KYIV).month == clock.now().astimezone(KYIV).month:
        expect(page.locator(".fc-event", has_text="Words for everybody")).to_be_visible()


def test_back_to_the_common_text(page: Page, cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, None, "Common")
    services.put_variant(item=variant.item, channel=bluesky, text="Own", by=cast.owner, now=clock.now())
    page.goto(f"/w/delivery-house/plan/items/{variant.item_id}/")
    expect(page.locator("#previews")).to_contain_text("Own")
    page.get_by_role("button", name="Same as the common text").click()
    expect(page.locator("#previews")).to_contain_text("Common")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".toast-good")).to_contain_text("Saved")
    assert Variant.objects.get().text == ""


def test_dragging_to_another_day(page: Page, cast: Cast, bluesky: Channel) -> None:
    at = mid_month()
    put(cast, bluesky, at, "Drag me")
    plan(page)
    event = page.locator(".fc-event", has_text="Drag me")
    drag(page, event, day(page, at + timedelta(days=2)))
    expect(page.locator(".toast-good")).to_contain_text("Moved to")
    assert Variant.objects.get().publish_at == at + timedelta(days=2)


def test_a_move_that_is_refused_goes_back(page: Page, cast: Cast, bluesky: Channel) -> None:
    at = mid_month()
    variant = put(cast, bluesky, at, "Drag me")
    plan(page)
    event = page.locator(".fc-event", has_text="Drag me")
    expect(event).to_be_visible()
    services.put_variant(
        item=variant.item, channel=bluesky, by=cast.owner, now=clock.now(), publish_at=at + timedelta(hours=1)
    )
    drag(page, event, day(page, at + timedelta(days=2)))
    expect(page.locator(".toast-late")).to_contain_text("Reload the page")
    expect(day(page, at).locator(".fc-event", has_text="Drag me")).to_be_visible()
    assert Variant.objects.get().publish_at == at + timedelta(hours=1)


def test_from_the_shelf_onto_a_day(page: Page, cast: Cast, bluesky: Channel) -> None:
    put(cast, bluesky, None, "Spare idea")
    plan(page)
    at = mid_month()
    drag(page, page.locator(".shelf-card", has_text="Spare idea"), day(page, at))
    expect(day(page, at).locator(".fc-event", has_text="Spare idea")).to_be_visible()
    expect(page.locator(".shelf-card")).to_have_count(0)
    expect(page.locator("#panel-dialog")).not_to_be_visible()
    assert Variant.objects.get().publish_at == at


def test_publishing_now_is_asked_about(page: Page, cast: Cast, bluesky: Channel) -> None:
    plan(page)
    page.get_by_role("link", name="New post").first.click()
    page.locator(".chip", has_text=bluesky.name).click()
    page.locator("#id_text").fill("Now or never")
    page.get_by_role("button", name="Publish now").click()
    sure = page.locator("#sure")
    expect(sure).to_contain_text(bluesky.name)
    sure.get_by_role("button", name="Not yet").click()
    expect(sure).not_to_be_visible()
    assert not Item.objects.exists()
    expect(page.locator("#id_text")).to_have_value("Now or never")
    page.locator(".composer-foot").get_by_role("button", name="Publish now").click()
    page.locator("#sure").get_by_role("button", name="Publish now").click()
    expect(page.locator(".toast-good")).to_contain_text("On its way")
    assert Delivery.objects.get().variant.item.text == "Now or never"


def test_what_was_typed_survives(page: Page, bluesky: Channel) -> None:
    page.goto("/w/delivery-house/plan/new/")
    page.locator("#id_text").press_sequentially("Half a thought")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('item:new'))")
    page.goto("/w/delivery-house/plan/new/")
    page.locator(".restore button").first.click()
    expect(page.locator("#id_text")).to_have_value("Half a thought")


def test_deleting_can_be_undone_at_once(page: Page, cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, mid_month(), "Delete me")
    plan(page)
    page.locator(".fc-event", has_text="Delete me").click()
    page.locator(".composer-foot summary").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm [data-answer=yes]").click()
    expect(page.get_by_text("deleted.")).to_be_visible()
    assert Item.objects.get().deleted_at is not None
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#id_text")).to_have_value("Delete me")
    assert Item.objects.get(pk=variant.item_id).deleted_at is None


def test_a_picture_from_the_library(page: Page, cast: Cast, bluesky: Channel) -> None:
    services.store_media(
        workspace=cast.workspace, by=cast.owner, now=clock.now(), name="books.jpg", alt="Books",
        content=io.BytesIO(picture()),
    )  # fmt: skip
    page.goto("/w/delivery-house/plan/new/")
    page.get_by_role("button", name="From the library").click()
    page.locator("#choose [data-take]").click()
    expect(page.locator("#pictures img")).to_have_count(1)
    expect(page.locator("#choose")).not_to_be_visible()
    page.get_by_role("button", name="From the library").click()
    page.locator("#choose [data-take]").click()
    expect(page.locator("#choose")).not_to_be_visible()
    expect(page.locator("#pictures img")).to_have_count(1)
    page.get_by_title("Remove").click()
    expect(page.locator("#pictures img")).to_have_count(0)


def test_uploading_into_the_library(page: Page, cast: Cast) -> None:
    page.goto("/w/delivery-house/library/")
    page.locator("#id_files").set_input_files(
        {"name": "books.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    page.locator(".library-card").click()
    page.get_by_label("What is in the picture?").fill("Books")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast-good").first).to_be_visible()
    assert Media.objects.get().alt == "Books"
