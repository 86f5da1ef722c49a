"""The demo as a visitor sees it: in with one click, every page in three languages, a post made by hand on a phone."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from .house import House
from .steps import Manager, a_picture

if TYPE_CHECKING:
    from .conftest import Opener, Window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

SECTIONS = (
    "today",
    "initiatives",
    "plan",
    "inbox",
    "community",
    "results",
    "networks",
    "library",
    "settings",
)
TABS = ("brief", "plan", "page", "contingency", "results", "log")
FILES = re.compile(r"\.(pdf|html|json|csv|ics|xlsx)$|/(file|small|export|print)/$")
ALIKE = 2
"""Of pages that differ only in what they are about, so many are looked at."""


@pytest.mark.parametrize(
    ("role", "language", "width"),
    [("smm_manager", "en", 1440), ("community_manager", "ru", 390), ("smm_manager", "uk", 390)],
)
def test_every_section_and_tab(
    demo_house: House, window: Opener, role: str, language: str, width: int
) -> None:
    here = window(demo_house.address, language=language, width=width)
    workspace = here.enter_demo(role)
    sections = here.page.locator("nav.side a.side-link")
    linked = {str(one.get_attribute("href")) for one in sections.all()}
    assert linked == {f"/w/{workspace}/{one}/" for one in SECTIONS}
    for path in sorted(linked):
        look(here, path, language)
    here.page.goto(f"/w/{workspace}/initiatives/?all")
    initiatives = {
        str(one.get_attribute("href")).split("/initiatives/")[1].split("/")[0]
        for one in here.page.locator("main article h3 a").all()
    }
    assert "charity-book-sale" in initiatives
    assert len(initiatives) >= 2
    for initiative in sorted(initiatives):
        for tab in TABS:
            look(here, f"/w/{workspace}/initiatives/{initiative}/{tab}/", language)
            current = here.page.locator("nav.tabs a[aria-current=page]")
            expect(current).to_have_attribute("href", f"/w/{workspace}/initiatives/{initiative}/{tab}/")


def test_every_page_that_a_link_leads_to(demo_house: House, window: Opener) -> None:
    """From Today on, on a phone: lists, rows, forms, panels as pages; of pages of one kind the first two."""
    here = window(demo_house.address, language="uk", width=390)
    workspace = here.enter_demo("community_manager")
    seen: dict[str, set[str]] = {}
    waiting = deque([f"/w/{workspace}/today/"])
    while waiting:
        look(here, waiting.popleft(), "uk")
        for address in here.page.eval_on_selector_all("a[href]", "links => links.map(one => one.href)"):
            parts = urlsplit(address)
            if not address.startswith(f"{here.address}/w/{workspace}/") or FILES.search(parts.path):
                continue
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            alike = seen.setdefault(_kind(path), set())
            if path not in alike and len(alike) < ALIKE:
                alike.add(path)
                waiting.append(path)
    assert len(seen) > 40, sorted(seen)


def _kind(path: str) -> str:
    """The address without what it is about: ids, names of initiatives and the like, values of the query."""
    address, _, query = path.partition("?")
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", address)
    kept = r"(?!(?:new|connect|about|by-hand)/)"
    address = re.sub(
        rf"/(initiatives|facts|about|networks|community|connect|by-hand)/{kept}[\w-]+/", r"/\1/…/", address
    )
    return f"{address}?{'&'.join(sorted(part.split('=')[0] for part in query.split('&')))}"


def look(here: Window, path: str, language: str) -> None:
    """Open the page: it answers, is in its language, and nothing sticks out at the side."""
    answer = here.page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{answer.status} {path}"
    here.settle()
    assert here.page.locator("html").get_attribute("lang") == language, path
    assert here.page.locator("main h1").count() == 1, path
    beyond = here.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert beyond <= 0, f"{path} is {beyond} px wider than the window"


def test_a_post_by_hand_on_a_phone(demo_house: House, window: Opener) -> None:
    """The reminder: written on the phone, sent to the group that has no way in for programs, copied, confirmed."""
    text = "Хто вже дочитав книжку з полиці? Розкажіть, кому її передати далі."
    here = window(
        demo_house.address, language="uk", width=390, permissions=["clipboard-read", "clipboard-write"]
    )
    page = here.page
    somebody = Manager(page, here.enter_demo("community_manager"))
    somebody.go("plan/new/")
    composer = page.locator("form#composer")
    somebody.write(composer, text=text, channels=1, to="facebook_group")
    somebody.publish_now(composer)

    somebody.go("today/")
    row = page.locator("main li.row").filter(has_text=text[:20])
    row.locator("a.btn").click()
    expect(page.locator("#delivery-state [data-state=reminded]")).to_be_visible()
    delivery = urlsplit(page.url).path
    page.locator("button[data-copy='#text-to-copy']").click()
    expect(page.locator("button[data-copy='#text-to-copy']")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == text

    confirm = page.locator(f"form[action='{delivery}confirm/']")
    confirm.locator("[name=url]").fill("no link at all")
    confirm.evaluate("form => form.noValidate = true")  # what comes from an old browser
    here.expect_trouble(r"422|Unprocessable")
    confirm.locator("[type=submit]").click()
    expect(confirm.locator("[name=url][aria-invalid=true]")).to_have_value("no link at all")
    confirm.locator("[name=url]").fill("https://www.facebook.com/groups/pm/posts/1234567890/")
    confirm.locator("[type=submit]").click()
    expect(page.locator("#delivery-state [data-state=published]")).to_be_visible()
    expect(
        page.locator("main a[href='https://www.facebook.com/groups/pm/posts/1234567890/']")
    ).to_be_visible()
    somebody.go("today/")
    expect(page.locator("main li.row:has(a.btn)").filter(has_text=text[:20])).to_have_count(0)


def test_a_post_on_a_practice_network(demo_house: House, window: Opener, tmp_path: Path) -> None:
    """It leaves by itself, and stands on the network's own page, which says what it is."""
    text = "Нова полиця в коридорі: беріть, що подобається, і лишайте своє."
    here = window(demo_house.address, language="uk")
    page = here.page
    somebody = Manager(page, here.enter_demo("smm_manager"))
    somebody.go("plan/new/")
    composer = page.locator("form#composer")
    somebody.write(
        composer,
        text=text,
        channels=1,
        to="facebook_page",
        picture=a_picture(tmp_path / "shelf.jpg"),
        alt="Полиця",
    )
    somebody.publish_now(composer)
    page.locator("main a[href*='/plan/deliveries/']").first.click()
    expect(page.locator("#delivery-state [data-state=published]")).to_be_visible()
    address = str(page.locator("main dl.facts a[rel=noopener]").get_attribute("href"))
    assert address.startswith("http://127.0.0.1:")
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok
    expect(page.locator("body")).to_contain_text(text)
    expect(page.locator("img").first).to_be_visible()
