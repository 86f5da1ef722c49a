"""Writing a brief in a real browser: what is typed is saved by itself, and nothing is replaced under the fingers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from spilno.briefs.models import Brief, Initiative, Target
from spilno.briefs.services import create_initiative, save_brief
from spilno.channels.models import Channel, Health
from spilno.contingency.models import Checkpoint
from spilno.kernel import clock
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_design_browser import browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def initiative(transactional_db: None, cast: Cast) -> Initiative:
    Channel.objects.create(
        workspace=cast.workspace, key="group", network="facebook_group", name="Група", by_hand=True,
        health=Health.BY_HAND, created_at=cast.now,
    )  # fmt: skip
    today = clock.local_day(clock.now(), cast.workspace.time_zone)
    return create_initiative(
        workspace=cast.workspace, by=cast.owner, now=clock.now(), kind="event", title={"en": "Meet-up"},
        starts_on=today, ends_on=date(today.year + 1, 12, 1),
    )  # fmt: skip


@pytest.fixture
def page(
    initiative: Initiative, cast: Cast, client_of: Callable[[Person], Client], live_server: object,
    browser: Browser,  # noqa: F811
) -> Iterator[Page]:  # fmt: skip
    address = str(live_server)
    session = client_of(cast.owner).cookies["sessionid"].value
    context = browser.new_context(base_url=address, locale="en", viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"/w/delivery-house/initiatives/{initiative.slug}/brief/")
    yield page
    context.close()
    assert not problems


def test_a_brief_is_written_from_the_question_to_ready(page: Page) -> None:
    ready = page.get_by_role("button", name="Mark as ready")
    expect(ready).to_be_disabled()
    page.get_by_label("Which task must this content solve?").fill("Managers come and bring a colleague")
    page.get_by_label("Who is it for?").fill("Project managers")  # leaving the first field saves it
    expect(page.locator("#task-note")).to_have_text(re.compile("Saved at"))
    expect(page.locator("#frame-question")).to_contain_text("Managers come")
    page.get_by_label("Budget").fill("2 500")
    page.get_by_label("PDF").check()
    expect(page.locator("#details-note")).to_have_text(re.compile("Saved at"))
    expect(page.get_by_label("Budget")).to_have_value("2 500")

    page.get_by_role("link", name="Registrations").click()
    wanted = page.get_by_label("Wanted", exact=True)
    wanted.fill("sixty")
    page.get_by_role("button", name="Add the target").click()
    expect(page.get_by_text("“sixty” is not a number.")).to_be_visible()
    expect(wanted).to_have_value("sixty")
    wanted.fill("60")
    page.get_by_role("button", name="Add the target").click()
    expect(page.locator("#targets tbody tr")).to_have_count(1)

    page.get_by_role("link", name="Change this target").click()
    page.get_by_label("Wanted", exact=True).fill("80")
    page.locator("#targets").get_by_role("button", name="Save").click()
    expect(page.locator("#targets tbody tr")).to_contain_text("80")

    expect(ready).to_be_enabled()
    ready.click()
    expect(page.get_by_text("Brief is ready", exact=True)).to_be_visible()
    brief = Brief.objects.get()
    assert (brief.state, brief.task, brief.audience) == (
        "ready", {"en": "Managers come and bring a colleague"}, {"en": "Project managers"},
    )  # fmt: skip
    assert (brief.budget, brief.report_formats) == (2500, ["pdf"])
    assert Target.objects.get().value == 80


def test_two_who_write_at_once_choose(page: Page, cast: Cast, initiative: Initiative) -> None:
    save_brief(
        brief=initiative.brief, by=cast.owner, now=clock.now(), expected_version=1,
        task={"en": "The colleague's words"}, audience={}, content_due=None, budget=None, report_formats=[],
    )  # fmt: skip
    question = page.get_by_label("Which task must this content solve?")
    question.fill("My words")
    question.blur()
    expect(page.get_by_text("The colleague's words")).to_be_visible()
    expect(question).to_have_value("My words")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.locator("#frame-question")).to_contain_text("My words")
    assert Brief.objects.get().task == {"en": "My words"}


def test_a_target_is_removed_after_asking(page: Page) -> None:
    page.get_by_role("link", name="Registrations").click()
    page.get_by_label("Wanted", exact=True).fill("60")
    page.get_by_role("button", name="Add the target").click()
    page.get_by_role("button", name="Remove this target").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#targets tbody tr")).to_have_count(0)
    assert not Target.objects.exists()


def test_a_checkpoint_is_agreed_in_a_dialog_that_forgets_nothing(page: Page, initiative: Initiative) -> None:
    page.get_by_role("link", name="Contingency").click()
    page.get_by_role("button", name="Add a checkpoint").click()
    page.get_by_label("Stage").fill("Half-way")
    page.get_by_label("On which number").select_option("registrations|")
    page.get_by_label("Behind, if worse than").fill("many")
    page.get_by_label("Remind people in Група").check()
    page.get_by_role("button", name="Watch this").click()
    expect(page.get_by_text("“many” is not a number.")).to_be_visible()
    expect(page.get_by_label("Remind people in Група")).to_be_checked()
    page.get_by_label("Behind, if worse than").fill("30")
    page.get_by_role("button", name="Watch this").click()
    expect(page.get_by_text("If “Registrations” is below 30, we propose:")).to_be_visible()
    assert Checkpoint.objects.get().below == 30


def test_what_was_typed_is_offered_again(page: Page, initiative: Initiative) -> None:
    page.get_by_label("Which task must this content solve?").press_sequentially("Half a thought")
    page.goto("/w/delivery-house/initiatives/")
    page.go_back()
    question = page.get_by_label("Which task must this content solve?")
    restore = page.locator("#task-form .restore button").first
    # Either the browser or the page itself still has it.
    expect(restore.or_(question.and_(page.locator("textarea:not(:placeholder-shown)"))).first).to_be_visible()
    if restore.is_visible():
        restore.click()
    expect(question).to_have_value("Half a thought")


def test_the_pages_fit_a_phone(page: Page, initiative: Initiative) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    base = "/w/delivery-house/"
    for address in ("today/", "initiatives/", "initiatives/new/", *(
        f"initiatives/{initiative.slug}/{tab}/" for tab in ("brief", "contingency", "log")
    )):  # fmt: skip
        page.goto(base + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
