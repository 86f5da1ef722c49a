"""Can the pages be used with a screen reader, the keyboard, weak sight? What axe-core can tell, in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.process import REPOSITORY

from .house import House

if TYPE_CHECKING:
    from .conftest import Opener, Window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
BAD = ("serious", "critical")
OPTIONS = {
    "resultTypes": ["violations"],
    # Best practices and the rules of WCAG 2.2 AA; rules on trial are not asked.
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
PAGES = (
    "today/", "initiatives/", "initiatives/new/", "plan/?view=month", "plan/?view=week", "plan/?view=day",
    "plan/?view=list", "plan/?view=board", "plan/?view=lanes", "plan/schedule/", "plan/import/", "plan/feeds/",
    "plan/print/", "plan/new/", "inbox/", "community/", "results/", "networks/", "networks/connect/",
    "networks/connect/bluesky/", "networks/by-hand/facebook_group/", "library/", "settings/", "settings/roles/",
)  # fmt: skip
TABS = ("brief", "plan", "page", "contingency", "results", "log")


def violations(here: Window, path: str) -> list[str]:
    """What is badly wrong on the page, one line each."""
    here.page.goto(path)
    here.settle()
    here.page.evaluate(AXE.read_text())
    # At its end, where nothing that stays at the window's edge lies over anything.
    here.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    found: list[dict[str, Any]] = here.page.evaluate("options => axe.run(document, options)", OPTIONS)[
        "violations"
    ]
    return [
        f"{path}: {one['id']} at {node['target']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in BAD
        for node in one["nodes"]
        if not _known(one["id"], node["html"])
    ]


def _known(rule: str, html: str) -> bool:
    """A day of the calendar is called by its date, not by the posts in it: so FullCalendar names its cells."""
    return rule == "label-content-name-mismatch" and 'role="gridcell"' in html


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_no_page_keeps_anybody_out(demo_house: House, window: Opener, theme: str, width: int) -> None:
    here = window(demo_house.address, language="en", theme=theme, width=width)
    wrong = violations(here, "/account/login/")
    workspace = here.enter_demo("community_manager")
    paths = [f"/w/{workspace}/{one}" for one in PAGES]
    here.page.goto(f"/w/{workspace}/initiatives/charity-book-sale/plan/")
    posts = here.page.locator("main a[href*='/plan/items/'], main a[href*='/plan/deliveries/']")
    paths += {str(one.get_attribute("href")) for one in posts.all()[:2]}
    paths += [f"/w/{workspace}/initiatives/charity-book-sale/{one}/" for one in TABS]
    here.page.goto(f"/w/{workspace}/plan/schedule/")
    paths.append(str(here.page.locator(".schedule-table a").first.get_attribute("href")))
    for path in paths:
        wrong += violations(here, path)
    assert not wrong, "\n".join(wrong)


def test_the_first_page(empty_house: House, window: Opener) -> None:
    for theme in ("light", "dark"):
        assert not violations(window(empty_house.address, language="uk", theme=theme), "/setup/")
