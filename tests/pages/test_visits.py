"""Visits: people, once per half hour, without knowing who they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from spilno.facts.models import Fact, Kind
from spilno.kernel.errors import UserError
from spilno.pages import addresses, services, visits
from spilno.pages.models import Salt, TrackedLink, Visitor
from spilno.pages.visits import Asker, counts, visit
from spilno.team.services import create_workspace
from tests.conftest import NOW, Cast
from tests.pages.conftest import BROWSER, Stage

PERSON = Asker("203.0.113.7", BROWSER)


def come(stage: Stage, now: datetime = NOW, asker: Asker = PERSON, **more):  # type: ignore[no-untyped-def]
    return visit(
        workspace=stage.workspace,
        asker=asker,
        now=now,
        subject="agile",
        initiative_id=stage.initiative.pk,
        **more,
    )


def test_a_new_visit_begins_after_half_an_hour_of_silence(stage: Stage) -> None:
    minutes = [0, 10, 39, 69, 99, 130]
    begun = [come(stage, NOW + timedelta(minutes=one)) is not None for one in minutes]
    assert begun == [True, False, False, True, True, True]
    assert Fact.objects.filter(kind=Kind.VISIT).count() == 4


def test_visitors_are_told_apart_by_address_and_browser(stage: Stage) -> None:
    assert come(stage)
    assert come(stage, asker=Asker("203.0.113.8", BROWSER))
    assert come(stage, asker=Asker("203.0.113.7", BROWSER + " Mobile"))
    assert not come(stage)


def test_a_visit_over_midnight_is_one(stage: Stage) -> None:
    late = datetime(2026, 11, 20, 23, 55, tzinfo=UTC)
    assert come(stage, late)
    assert not come(stage, late + timedelta(minutes=10))


def test_the_next_day_nobody_is_recognised(stage: Stage) -> None:
    first, second = come(stage), come(stage, NOW + timedelta(days=1))
    assert first.actor != second.actor
    assert "203.0.113.7" not in first.actor


def test_salts_and_visitors_are_forgotten(stage: Stage) -> None:
    come(stage)
    assert visits.forget(now=NOW + timedelta(days=1)) == 0
    assert visits.forget(now=NOW + timedelta(days=3)) == 2
    assert not Salt.objects.exists()
    assert not Visitor.objects.exists()


@pytest.mark.parametrize(
    "asker",
    [
        Asker("203.0.113.7", ""),
        Asker("203.0.113.7", BROWSER, do_not_count=True),
        Asker("203.0.113.7", BROWSER, ahead=True),
        *(
            Asker("203.0.113.7", one)
            for one in (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
                "TelegramBot (like TwitterBot)",
                "WhatsApp/2.23.20.0",
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
                "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
                "curl/8.5.0",
                "python-requests/2.32",
                "Synapse (bot; +https://github.com/matrix-org/synapse)",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36",
            )
        ),
    ],
    ids=lambda one: one.browser[:30] or "nothing",
)
def test_programs_and_those_who_mind_are_not_counted(stage: Stage, asker: Asker) -> None:
    assert come(stage, asker=asker) is None
    assert not Fact.objects.exists()
    assert not Visitor.objects.exists()


@pytest.mark.parametrize(
    "browser",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) AppleWebKit/605.1.15 Mobile Instagram 300.0.0.0",
    ],
)
def test_people_are_counted(browser: str) -> None:
    assert counts(Asker("203.0.113.7", browser))


def test_a_link_of_a_post_is_one_and_says_where_it_stands(stage: Stage) -> None:
    link = services.tracked_link(target="https://example.org/a?x=1#top", variant=stage.variant, now=NOW)
    assert (
        services.tracked_link(target="https://example.org/a?x=1#top", variant=stage.variant, now=NOW) == link
    )
    there = urlsplit(addresses.destination(link))
    assert parse_qs(there.query) == {
        "x": ["1"],
        "utm_source": ["agile-channel"],
        "utm_medium": ["social"],
        "utm_campaign": ["agile"],
    }
    assert there.fragment == "top"


def test_only_our_own_page_is_told_the_code(stage: Stage) -> None:
    ours = services.tracked_link(target=addresses.page_address(stage.page), variant=stage.variant, now=NOW)
    theirs = services.tracked_link(
        target="https://example.org/p/agile/", initiative=stage.initiative, now=NOW
    )
    assert f"l={ours.code}" in addresses.destination(ours)
    assert "l=" not in urlsplit(addresses.destination(theirs)).query


def test_what_the_target_says_itself_is_kept(stage: Stage) -> None:
    link = services.tracked_link(
        target="https://example.org/?utm_source=mine", variant=stage.variant, now=NOW
    )
    assert parse_qs(urlsplit(addresses.destination(link)).query)["utm_source"] == ["mine"]


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//example.org", "ftp://example.org/", "/p/x/", "http://a b/"]
)
def test_links_lead_only_to_the_web(stage: Stage, target: str) -> None:
    with pytest.raises(UserError, match="link_not_an_address"):
        services.tracked_link(target=target, variant=stage.variant, now=NOW)


def test_posts_that_lead_to_our_page_get_links_and_others_do_not(cast: Cast, stage: Stage) -> None:
    item = stage.variant.item
    item.link = "https://example.org/elsewhere"
    assert services.track_item(item=item, now=NOW) == []
    item.link = addresses.page_address(stage.page)
    made = services.track_item(item=item, now=NOW)
    assert [one.variant for one in made] == [stage.variant]
    assert services.track_item(item=item, now=NOW) == made


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_are_one_visit() -> None:
    workspace = create_workspace(name="Rush", slug="rush", now=NOW)
    start = Barrier(4)

    def one(_number: int) -> bool:
        try:
            start.wait(timeout=20)
            return visit(workspace=workspace, asker=PERSON, now=NOW, subject="x") is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_a_link_asked_for_by_many_at_once_is_one(cast: Cast) -> None:
    from tests.pages.conftest import stage_of

    stage, start = stage_of(cast.workspace, now=NOW), Barrier(4)

    def one(_number: int) -> str:
        try:
            start.wait(timeout=20)
            return services.tracked_link(target="https://example.org/", variant=stage.variant, now=NOW).code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(one, range(4)))) == 1
    assert TrackedLink.objects.count() == 1
