"""A week for four channels from an empty workspace, the night when clocks change, a table with five bad rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from . import house
from .conftest import Window
from .house import House
from .steps import Manager, submit
from .test_a11y import violations

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

KYIV = ZoneInfo("Europe/Kyiv")
# By hand: nothing leaves the machine, and yet every rule of the network holds.
CHANNELS = {
    "linkedin": "Company page", "facebook_group": "Project managers", "telegram": "News", "mastodon": "Fediverse",
}  # fmt: skip


WORDS = ("five books", "who comes on Friday", "a question to you", "how we plan", "thank you, everybody")


@pytest.fixture(scope="module")
def planning_house() -> Iterator[House]:
    """An empty installation, set up by the first test and used by the others."""
    running = house.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def olena_of(planning_house: House) -> dict[str, str]:
    """What the first test leaves to the others: the workspace and the session."""
    return {}


def enter(planning_house: House, window: Opener, known: dict[str, str]) -> Manager:
    """Olena, in a workspace with four channels."""
    here = window(planning_house.address, language="en")
    # A refused move answers 409, and the browser notes that as an error.
    here.expect_trouble(r"409")
    olena = Manager(here.page)
    if not known:
        olena.set_up(name="Olena", email="olena@example.org", workspace="Delivery House", language="en")
        for network, name in CHANNELS.items():
            olena.go(f"networks/by-hand/{network}/")
            form = here.page.locator("form:has([name=purpose])")
            form.locator("[name=name]").fill(name)
            submit(form)
            here.page.wait_for_url(lambda url: "/by-hand/" not in url)
        known.update(workspace=olena.workspace)
    else:
        olena.workspace = known["workspace"]
        page = here.page
        page.goto("/account/login/")
        page.locator("[name=login]").fill("olena@example.org")
        page.locator("[name=password]").fill("correct horse battery 42")
        submit(page.locator("form:has([name=password])"))
        page.wait_for_url("**/today/")
    return olena


def drag(page: Page, what: Locator, where: Locator, *, alt: bool = False) -> None:
    what.hover()  # also waits until what was done before is drawn anew
    start, end = what.bounding_box(), where.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    if alt:
        page.keyboard.down("Alt")
    page.mouse.down()
    page.mouse.move(start["x"] + start["width"] / 2 + 12, start["y"] + start["height"] / 2 + 12, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    page.mouse.up()
    if alt:
        page.keyboard.up("Alt")


def day_of(page: Page, day: date) -> Locator:
    return page.locator(f'.fc-daygrid-day[data-date="{day.isoformat()}"]')


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))


def posts(page: Page, text: str) -> Locator:
    return page.locator(".fc-event[data-entry]", has_text=text)


def test_a_week_for_four_channels(planning_house: House, window: Opener, olena_of: dict[str, str]) -> None:
    olena = enter(planning_house, window, olena_of)
    page = olena.page
    # The schedule first: working days at 10:00 and 18:00, the evening only for the group.
    olena.go("plan/?view=lanes")
    page.locator("a.btn[href$='/plan/schedule/']").click()
    for name in CHANNELS.values():
        page.locator(".schedule-table a.with-mark", has_text=name).click()
        page.locator("button[name=preset][value=workdays]").click()
        expect(page.locator("input[name=day-0]")).to_have_count(2)
        page.locator("form.schedule-form button.btn-primary").click()
        page.wait_for_url("**/plan/schedule/")
    expect(page.locator(".schedule-table")).to_contain_text("10:00, 18:00")

    # Next week: five posts, each on all four channels, each at the next slot that is free.
    monday = datetime.now(KYIV).date() + timedelta(days=7 - datetime.now(KYIV).weekday())
    for number in range(5):
        olena.go(f"plan/new/?at={monday + timedelta(days=number)}T09:00")
        composer = page.locator("form#composer")
        for name in CHANNELS.values():
            composer.locator("label.chip", has_text=name).first.click()
        composer.locator("[name=text]").fill(f"Post number {number}: {WORDS[number]}")
        expect(page.locator("#previews section.look")).to_have_count(4)
        before = composer.locator("[name=at]").input_value()
        composer.locator("[data-next-slot]").click()
        expect(composer.locator("[name=at]")).not_to_have_value(before)
        composer.locator("button[name=do][value=schedule]").click()
        page.wait_for_url(lambda url: "/plan/new/" not in url)

    # The queue took the first free slots from now on; lanes and calendar show the same twenty posts.
    shown: list[str] = []
    day = datetime.now(KYIV).date()
    for week in (day, day + timedelta(days=7)):
        olena.go(f"plan/?view=lanes&day={week}")
        expect(page.locator(".lanes tbody tr")).to_have_count(4)
        shown += [str(one.get_attribute("data-start")) for one in page.locator(".lanes [data-entry]").all()]
    assert len(shown) == 20
    assert {start[11:] for start in shown} <= {"10:00", "18:00"}
    assert len(set(shown)) == 5, "a post goes out everywhere at the same time"

    # An idea is dropped into a lane's free slot, and thought better of.
    olena.go("plan/new/")
    page.locator("form#composer [name=text]").fill("An idea without a day")
    page.locator("form#composer button[name=do][value=save]").click()
    page.wait_for_url("**/plan/items/**")
    olena.go(f"plan/?view=lanes&day={monday}")
    slot = page.locator(".lanes [data-slot]").last
    at = str(slot.get_attribute("data-slot"))
    page.locator(".shelf-card", has_text="An idea").drag_to(slot)
    moved = page.locator(f'.lanes [data-entry][data-start="{at}"]', has_text="An idea")
    expect(moved).to_have_count(1)
    expect(page.locator(".shelf-card")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(moved).to_have_count(0)
    expect(page.locator(".shelf-card", has_text="An idea")).to_have_count(1)

    # By keyboard on the month: a day later, a copy, deleted, and all of it taken back.
    olena.go(f"plan/?view=month&day={monday}")
    first = posts(page, "Post number").first
    first.focus()
    before = str(first.get_attribute("data-start"))
    page.keyboard.press("d")
    expect(page.locator(".fc-event[data-entry]:focus")).not_to_have_attribute("data-start", before)
    page.keyboard.press("Delete")
    expect(page.locator(".toast-good", has_text="deleted")).to_be_visible()
    for _step in range(2):
        page.keyboard.press("Control+z")
    expect(page.locator(".toast-good", has_text="Undone")).to_have_count(1)


def next_spring() -> date:
    """The next day on which Kyiv's clocks go forward."""
    day = datetime.now(KYIV).date()
    while True:
        day += timedelta(days=1)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=KYIV)
        before = noon - timedelta(days=1)
        change = (noon.utcoffset() or timedelta()) - (before.replace(tzinfo=KYIV).utcoffset() or timedelta())
        if change > timedelta(0):
            return day


def test_dragging_over_the_night_when_clocks_change(
    planning_house: House, window: Opener, olena_of: dict[str, str]
) -> None:
    olena = enter(planning_house, window, olena_of)
    page, spring = olena.page, next_spring()
    eve = spring - timedelta(days=1)
    for at, text in (("03:30", "Night owl"), ("18:00", "Evening")):
        olena.go(f"plan/new/?at={eve}T{at}")
        page.locator("form#composer label.chip", has_text="News").first.click()
        page.locator("form#composer [name=text]").fill(text)
        page.locator("form#composer button[name=do][value=save]").click()
        page.wait_for_url("**/plan/items/**")
    olena.go(f"plan/?view=month&day={eve}")

    # 18:00 stays 18:00, whatever the clocks did in between.
    drag(page, posts(page, "Evening"), day_of(page, spring))
    expect(day_of(page, spring).locator(".fc-event", has_text="Evening").locator("time")).to_have_text(
        "18:00"
    )

    # 03:30 does not exist on that day: nothing is guessed, and leaving it leaves it.
    drag(page, posts(page, "Night owl"), day_of(page, spring))
    doubt = page.locator("#doubt-dialog")
    expect(doubt).to_contain_text("03:30")
    expect(doubt.locator("[data-doubt-choices] button")).to_have_count(2)
    doubt.locator("[data-close]").click()
    expect(day_of(page, eve).locator(".fc-event", has_text="Night owl")).to_have_count(1)
    drag(page, posts(page, "Night owl"), day_of(page, spring))
    doubt.get_by_text("04:30").click()
    night = day_of(page, spring).locator(".fc-event", has_text="Night owl")
    expect(night.locator("time")).to_have_text("04:30")
    page.reload()
    expect(night.locator("time")).to_have_text("04:30")

    # A copy with Alt held: the post itself stays.
    drag(page, posts(page, "Evening"), day_of(page, eve), alt=True)
    expect(posts(page, "Evening")).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(posts(page, "Evening")).to_have_count(1)


def test_three_hundred_rows_of_which_five_are_bad(
    planning_house: House, window: Opener, olena_of: dict[str, str], tmp_path: Path
) -> None:
    olena = enter(planning_house, window, olena_of)
    page = olena.page
    start = (datetime.now(KYIV).date() + timedelta(days=40)).replace(day=1)
    rows = [
        [
            f"{start + timedelta(days=number % 28):%d.%m.%Y}",
            f"{8 + number // 28:02}:15",
            "News",
            f"Row {number}: {'word ' * (number % 9)}",
        ]
        for number in range(300)
    ]
    rows[10][0] = "31.02.2027"
    rows[20][2] = "Nowhere"
    rows[30][3] = "x" * 5000
    rows[40][1] = "late"
    rows[50][3] = ""
    file = tmp_path / "plan.csv"
    with file.open("w", encoding="windows-1251", newline="") as into:
        csv.writer(into, delimiter=";").writerows([["Date", "Time", "Channel", "Text"], *rows])
    olena.go("plan/import/")
    page.locator("input[name=file]").set_input_files(file)
    submit(page.locator("form:has([name=file])"))
    summary = page.locator("[data-import-good]")
    expect(summary).to_have_attribute("data-import-good", "295")
    expect(summary).to_have_attribute("data-import-bad", "5")
    expect(page.locator(".mend-row")).to_have_count(5)
    expect(page.locator(".mend-row [aria-invalid=true]")).to_have_count(5)

    assert not violations(Window(page, planning_house.address), page.url), "axe, on the page of a preview"

    # Two are mended in place; nothing is in the plan yet.
    page.locator("#cell-12-date").fill("28.02.2027")
    page.locator("#cell-52-text").fill("Now it says something")
    page.locator("button[name=do][value=mend]").click()
    expect(summary).to_have_attribute("data-import-good", "297")
    with page.expect_download() as download:
        page.locator("a[href$='to-mend.csv']").click()
    lines = table(Path(download.value.path()))
    assert len(lines) == 4
    assert all(line[-1] for line in lines), "each with its reason"
    page.locator("button[name=do][value=import]").click()
    expect(summary).to_have_attribute("data-import-good", "0")
    expect(summary).to_have_attribute("data-import-bad", "3")
    page.locator("button[name=do][value=forget]").click()
    page.wait_for_url("**/plan/import/")

    # They are in the list, can be ticked from here to there, moved, and moved back.
    olena.go(f"plan/?view=list&day={start}")
    boxes = page.locator("input[name=post]")
    assert boxes.count() == 200, "a page of them"
    boxes.nth(0).click()
    boxes.nth(9).click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("10 chosen")
    page.locator(".bulk summary", has_text="Move").click()
    page.locator("[name=days]").fill("1")
    page.locator("button[name=do][value=days]").click()
    expect(page.locator(".toast-good")).to_contain_text("10 posts moved")
    page.keyboard.press("Control+z")
    expect(page.locator(".toast-good", has_text="Undone")).to_be_visible()
    with page.expect_download() as download:
        page.evaluate(
            "address => location.assign(address)", f"/w/{olena.workspace}/plan/export/?view=list&day={start}"
        )
    out = table(Path(download.value.path()))
    assert len(out) > 280
