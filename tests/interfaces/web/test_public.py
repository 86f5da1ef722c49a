"""Public pages as outsiders meet them: any language, no script, no cookie, no way for programs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from spilno.briefs import services as briefs
from spilno.facts.models import Fact, Kind
from spilno.pages import addresses, services
from spilno.pages.models import Entry
from tests.conftest import NOW, Cast
from tests.pages.conftest import BROWSER, Stage, stage_of


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return stage_of(cast.workspace, now=NOW - timedelta(days=5))


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"User-Agent": BROWSER, "Accept-Language": "uk"})


def opened(visitor: Client, path: str = "/p/agile/", at=NOW) -> tuple[str, dict[str, str]]:  # type: ignore[no-untyped-def]
    """The page, and what its form would send."""
    with time_machine.travel(at, tick=False):
        page = visitor.get(path).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    return page, {
        "name": "Ірина Коваль",
        "email": "iryna@example.org",
        "company": "",
        "website": "",
        **hidden,
    }


def send(visitor: Client, form: dict[str, str], path: str = "/p/agile/", at=NOW + timedelta(seconds=20)):  # type: ignore[no-untyped-def]
    with time_machine.travel(at, tick=False):
        return visitor.post(path, form)


def test_read_register_and_be_thanked(stage: Stage, visitor: Client) -> None:
    page, form = opened(visitor)
    assert "Agile після роботи" in page
    assert "18:30" in page
    assert "Київ" in page
    answer = send(visitor, form)
    assert answer.status_code == 302
    with time_machine.travel(NOW, tick=False):
        thanks = visitor.get(answer["Location"]).content.decode()
    assert "iryna@example.org" in thanks
    assert "Ірина Коваль" not in thanks
    assert Entry.objects.get().name == "Ірина Коваль"
    assert Entry.objects.get().language == "uk"
    assert not visitor.cookies


def test_who_is_registered_already_sees_the_same(stage: Stage, visitor: Client) -> None:
    _, form = opened(visitor)
    first = send(visitor, form)
    again = send(visitor, form | {"name": "Хтось інший"})
    assert again.status_code == first.status_code == 302
    assert Entry.objects.count() == 1


@pytest.mark.parametrize(
    ("wish", "path", "words"),
    [
        ("uk-UA,uk;q=0.9", "/p/agile/", "Зустріч для тих"),
        ("en-GB,en", "/p/agile/", "For those who lead projects"),
        ("de,en;q=0.4", "/p/agile/", "For those who lead projects"),
        ("ru", "/p/agile/", "Зустріч для тих"),  # no Russian text: the workspace's own language
        ("uk", "/p/agile/?lang=en", "For those who lead projects"),
    ],
)
def test_the_visitors_language(stage: Stage, wish: str, path: str, words: str) -> None:
    answer = Client(headers={"User-Agent": BROWSER, "Accept-Language": wish}).get(path)
    assert words in answer.content.decode()


def test_switching_the_language_keeps_where_one_came_from(stage: Stage, visitor: Client) -> None:
    page, _ = opened(visitor, "/p/agile/?l=abc&utm_source=friend")
    assert 'href="?lang=en&amp;l=abc&amp;utm_source=friend"' in page


def test_a_short_link_counts_leads_on_and_names_the_post(stage: Stage, visitor: Client) -> None:
    link = services.tracked_link(target=addresses.page_address(stage.page), variant=stage.variant, now=NOW)
    with time_machine.travel(NOW, tick=False):
        answer = visitor.get(f"/l/{link.code}")
    assert answer.status_code == 302
    path = answer["Location"].removeprefix(settings.SPILNO_PUBLIC_URL)
    _, form = opened(visitor, path, NOW + timedelta(seconds=1))
    assert Fact.objects.filter(kind=Kind.VISIT).count() == 1  # click and page are one visit
    send(visitor, form)
    for kind in (Kind.VISIT, Kind.REGISTRATION):
        fact = Fact.objects.get(kind=kind)
        assert (fact.item_id, fact.channel_id) == (stage.variant.item_id, stage.channel.pk)
        assert fact.utm_campaign == "agile"


def test_looking_with_head_or_as_a_bot_counts_nothing_but_leads_on(stage: Stage, visitor: Client) -> None:
    link = services.tracked_link(target="https://example.org/", variant=stage.variant, now=NOW)
    assert visitor.head(f"/l/{link.code}").status_code == 302
    assert visitor.head("/p/agile/").status_code == 200
    assert visitor.get(f"/l/{link.code}", headers={"User-Agent": "Twitterbot/1.0"}).status_code == 302
    assert visitor.get(f"/l/{link.code}", headers={"Sec-GPC": "1"}).status_code == 302
    assert not Fact.objects.exists()


def test_the_address_cannot_choose_where_a_link_leads(stage: Stage, visitor: Client) -> None:
    link = services.tracked_link(target="https://example.org/", variant=stage.variant, now=NOW)
    answer = visitor.get(f"/l/{link.code}?target=https://evil.example&next=//evil.example")
    assert answer["Location"].startswith("https://example.org/?utm_source=")
    assert "evil" not in answer["Location"]
    assert visitor.get("/l/unknown").status_code == 404
    assert visitor.post(f"/l/{link.code}").status_code == 405


def test_a_code_of_another_workspace_credits_nobody(stage: Stage, cast: Cast, visitor: Client) -> None:
    other = stage_of(cast.other_workspace, now=NOW, key="other")
    link = services.tracked_link(target="https://example.org/", variant=other.variant, now=NOW)
    _, form = opened(visitor, f"/p/agile/?l={link.code}")
    send(visitor, form)
    assert Fact.objects.get(kind=Kind.REGISTRATION).item_id is None


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"website": "https://buy.example"}, timedelta(seconds=20)),
        ({}, timedelta(seconds=1)),
        ({"key": "made-up"}, timedelta(seconds=20)),
        ({"key": ""}, timedelta(seconds=20)),
        ({}, timedelta(days=2)),
    ],
    ids=["bait", "too quick", "own key", "no key", "stale"],
)
def test_programs_do_not_get_in_but_a_person_gets_over_it(stage: Stage, visitor: Client, change, at) -> None:  # type: ignore[no-untyped-def]
    _, form = opened(visitor)
    answer = send(visitor, form | change, at=NOW + at)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert not Entry.objects.exists()
    assert "Ірина Коваль" in page  # nothing typed is lost
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert send(visitor, form | hidden, at=NOW + at + timedelta(seconds=5)).status_code == 302


def test_a_key_is_good_for_its_own_page_only(stage: Stage, cast: Cast, visitor: Client) -> None:
    stage_of(cast.workspace, now=NOW, key="second")
    _, form = opened(visitor, "/p/second/")
    assert send(visitor, form).status_code == 422


def test_the_last_seat_is_gone_while_typing(stage: Stage, visitor: Client) -> None:
    services.update_page(page=stage.page, by=None, now=NOW, capacity=1)
    page, form = opened(visitor)
    assert "form" in page
    services.register(page=stage.page, now=NOW, name="Faster", email="faster@example.org")
    answer = send(visitor, form)
    assert answer.status_code == 422
    assert '<form class="form"' not in answer.content.decode()
    assert Entry.objects.count() == 1


def test_cancelling_asks_first(stage: Stage, visitor: Client) -> None:
    entry = services.register(page=stage.page, now=NOW, name="Ірина", email="i@example.org").entry
    with time_machine.travel(NOW, tick=False):
        assert visitor.get(f"/p/agile/cancel/{entry.token}/").status_code == 200
        assert Entry.objects.get().cancelled_at is None  # mail scanners follow every link
        visitor.post(f"/p/agile/cancel/{entry.token}/")
        assert Entry.objects.get().cancelled_at == NOW
        assert visitor.post(f"/p/agile/cancel/{entry.token}/").status_code == 200
        assert visitor.get("/p/agile/cancel/guess/").status_code == 404


def test_a_closed_page_says_so(stage: Stage, visitor: Client) -> None:
    services.set_open(page=stage.page, by=None, now=NOW, is_open=False)
    page, _ = opened(visitor)
    assert '<form class="form"' not in page
    briefs.archive(initiative=stage.initiative, by=None, now=NOW)
    assert visitor.get("/p/agile/").status_code == 404


def test_calendar_file_and_forged_thanks(stage: Stage, visitor: Client) -> None:
    answer = visitor.get("/p/agile/event.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    assert b"20261201T163000Z" in answer.content
    assert visitor.get("/p/agile/thanks/forged/")["Location"] == "/p/agile/"


def test_a_lead_form_keeps_its_words(stage: Stage, visitor: Client) -> None:
    services.create_page(initiative=stage.initiative, by=None, now=NOW, kind="lead_form", slug="ask")
    page, form = opened(visitor, "/p/ask/")
    assert 'name="note"' in page
    assert send(visitor, form | {"note": "<b>Скільки</b> коштує?"}, "/p/ask/").status_code == 302
    assert Entry.objects.get().note == "<b>Скільки</b> коштує?"
    assert Fact.objects.get(kind=Kind.LEAD).subject == "ask"


def test_the_page_is_light(stage: Stage, visitor: Client) -> None:
    """With its style sheet and both fonts under 100 kB, and without any script."""
    page, _ = opened(visitor)
    assert "<script" not in page
    built = Path(settings.PACKAGE) / "interfaces/web/static/build"
    if not (built / "public.css").exists():
        pytest.fail("run `npm run build` first")
    names = ["public.css", "fonts/onest-latin-wght-normal.woff2", "fonts/onest-cyrillic-wght-normal.woff2"]
    assert len(page.encode()) + sum((built / name).stat().st_size for name in names) < 100_000


@pytest.mark.parametrize(
    ("remote", "forwarded", "believed"),
    [
        ("93.184.216.34", "198.51.100.1", "93.184.216.34"),
        ("127.0.0.1", "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "", ""),
    ],
)
def test_only_our_own_proxy_is_believed(remote: str, forwarded: str, believed: str) -> None:
    from django.test import RequestFactory

    from spilno.interfaces.web.views.public import _address_of

    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(headers=headers).get("/", REMOTE_ADDR=remote)
    assert _address_of(request) == believed
