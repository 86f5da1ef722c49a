"""Public pages from the inside: making, changing, closing, who came, and who may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from spilno.pages import addresses, services
from spilno.pages.models import PublicPage
from spilno.plan.queries import link_of
from spilno.team.models import AuditEntry, Person
from tests.conftest import NOW, Cast
from tests.pages.conftest import Stage, stage_of

Browser = Callable[[Person], Client]


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return stage_of(cast.workspace, now=NOW - timedelta(days=5), capacity=60)


def address(name: str, stage: Stage, *more: object) -> str:
    return reverse(name, args=[stage.workspace.slug, stage.initiative.slug, *more])


def test_the_page_says_who_came_and_through_which_post(stage: Stage, cast: Cast, client_of: Browser) -> None:
    link = services.tracked_link(target=addresses.page_address(stage.page), variant=stage.variant, now=NOW)
    services.register(
        page=stage.page, now=NOW, name="Ірина Коваль", email="i@example.org", origin=services.Origin(link)
    )
    page = client_of(cast.owner).get(address("initiatives-page", stage)).content.decode()
    assert "Ірина Коваль" in page
    assert "Our channel" in page
    assert f"/l/{link.code}" in page


def test_names_are_only_for_those_who_may_see_them(stage: Stage, cast: Cast, client_of: Browser) -> None:
    services.register(page=stage.page, now=NOW, name="Ірина Коваль", email="i@example.org")
    browser = client_of(cast.analyst)
    page = browser.get(address("initiatives-page", stage))
    assert page.status_code == 200
    assert "Ірина" not in page.content.decode()
    assert "i@example.org" not in page.content.decode()
    assert browser.get(address("initiatives-page-csv", stage, stage.page.pk)).status_code == 403
    assert browser.post(address("initiatives-page-open", stage, stage.page.pk)).status_code == 403
    assert client_of(cast.outsider).get(address("initiatives-page", stage)).status_code == 404


def test_a_page_is_made_from_a_form_in_the_workspaces_time(
    stage: Stage, cast: Cast, client_of: Browser
) -> None:
    stage.page.delete()
    browser = client_of(cast.owner)
    assert browser.get(address("initiatives-page", stage)).status_code == 200
    new = address("initiatives-page-new", stage, "registration")
    form = {
        "starts_at": "2027-07-01T18:30",
        "capacity": "40",
        "title_uk": "Літня зустріч",
        "title_en": "Summer",
    }
    assert browser.post(new, form).status_code == 302
    made = PublicPage.objects.get(initiative=stage.initiative)
    assert made.starts_at == datetime(2027, 7, 1, 15, 30, tzinfo=UTC)
    assert (made.capacity, made.title) == (40, {"uk": "Літня зустріч", "en": "Summer"})


@pytest.mark.parametrize(
    "change",
    [
        {"starts_at": "2027-03-28T03:30"},  # the clocks go forward
        {"starts_at": "2027-10-31T03:30"},  # the clocks go back: which of the two?
        {"starts_at": "soon"},
        {"starts_at": ""},
        {"ends_at": "2026-01-01T10:00"},
        {"capacity": "0"},
        {"title_uk": "", "title_en": ""},
    ],
    ids=str,
)
def test_what_cannot_be_is_asked_about_and_nothing_typed_is_lost(
    stage: Stage, cast: Cast, client_of: Browser, change: dict[str, str]
) -> None:
    edit = address("initiatives-page-edit", stage, stage.page.pk)
    form = {
        "starts_at": "2026-12-01T18:30",
        "capacity": "60",
        "title_uk": "Зустріч",
        "body_uk": "Слова, слова",
    } | change
    answer = client_of(cast.owner).post(edit, form)
    assert answer.status_code == 422
    assert "Слова, слова" in answer.content.decode()
    assert PublicPage.objects.get(pk=stage.page.pk).title == stage.page.title


def test_closing_and_opening(stage: Stage, cast: Cast, client_of: Browser) -> None:
    browser, url = client_of(cast.owner), address("initiatives-page-open", stage, stage.page.pk)
    browser.post(url, {"open": "0"})
    assert not PublicPage.objects.get(pk=stage.page.pk).is_open
    browser.post(url, {"open": "1"})
    assert PublicPage.objects.get(pk=stage.page.pk).is_open


def test_the_table_cannot_run_in_somebodys_spreadsheet(stage: Stage, cast: Cast, client_of: Browser) -> None:
    services.register(
        page=stage.page, now=NOW, name='=HYPERLINK("http://evil")', email="i@example.org", company="@x"
    )
    with time_machine.travel(NOW, tick=False):
        answer = client_of(cast.owner).get(address("initiatives-page-csv", stage, stage.page.pk))
    text = answer.content.decode("utf-8-sig")
    _head, row = csv.reader(io.StringIO(text))
    assert row[0] == '\'=HYPERLINK("http://evil")'
    assert row[2] == "'@x"
    assert row[4] == "2026-11-20 12:00"
    assert AuditEntry.objects.filter(action="page.exported", person=cast.owner).count() == 1


def test_the_page_of_another_initiative_is_not_there(stage: Stage, cast: Cast, client_of: Browser) -> None:
    other = stage_of(cast.workspace, now=NOW, key="second")
    foreign = stage_of(cast.other_workspace, now=NOW, key="third")
    browser = client_of(cast.owner)
    for page in (other.page, foreign.page):
        assert browser.get(address("initiatives-page-edit", stage, page.pk)).status_code == 404
        assert (
            browser.post(address("initiatives-page-open", stage, page.pk), {"open": "0"}).status_code == 404
        )
        assert browser.get(address("initiatives-page-csv", stage, page.pk)).status_code == 404


def test_posts_get_their_short_links_and_carry_them(stage: Stage, cast: Cast, client_of: Browser) -> None:
    browser = client_of(cast.owner)
    browser.post(address("initiatives-page-links", stage, stage.page.pk))
    (link,) = stage.variant.links.all()
    assert link_of(stage.variant) == ""  # the post does not lead to the page
    stage.variant.item.link = addresses.page_address(stage.page)
    assert link_of(stage.variant) == addresses.link_address(link)
    stage.variant.item.link = "https://example.org/elsewhere"
    assert link_of(stage.variant) == "https://example.org/elsewhere"
