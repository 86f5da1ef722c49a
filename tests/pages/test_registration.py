"""Registering, cancelling, leads: one seat each, never too many, and facts that carry nobody's name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from spilno.facts.models import Fact, Kind
from spilno.facts.queries import effective
from spilno.kernel.errors import NotAllowed, UserError
from spilno.measurement.values import value_of
from spilno.pages import queries, services
from spilno.pages.models import Entry, PublicPage
from spilno.team.services import create_workspace
from tests.conftest import NOW, Cast
from tests.pages.conftest import Stage, stage_of


def registrations(stage: Stage, now=NOW):  # type: ignore[no-untyped-def]
    return value_of(
        workspace=stage.workspace, metric="registrations", initiative=stage.initiative, as_of=now
    ).value


def join(stage: Stage, name: str = "Ірина", now=NOW, **more):  # type: ignore[no-untyped-def]
    more.setdefault("email", "iryna@example.org")
    return services.register(page=stage.page, now=now, name=name, **more)


def test_a_registration_is_a_fact_without_personal_data(stage: Stage) -> None:
    done = join(stage, company="Delivery House")
    fact = Fact.objects.get(kind=Kind.REGISTRATION)
    assert done.new
    assert (fact.initiative_id, fact.subject, fact.actor) == (stage.initiative.pk, "agile", done.entry.actor)
    row = json.dumps(
        {field.name: str(getattr(fact, field.name)) for field in Fact._meta.fields if not field.is_relation}
    )
    for personal in ("iryna", "Ірина", "Delivery"):
        assert personal not in row
    assert registrations(stage) == 1


def test_the_post_that_brought_somebody_is_named_by_the_fact(stage: Stage, now) -> None:  # type: ignore[no-untyped-def]
    link = services.tracked_link(target="https://example.org/x", variant=stage.variant, now=now)
    join(stage, origin=services.Origin(link, utm_source="friend"))
    fact = Fact.objects.get(kind=Kind.REGISTRATION)
    assert (fact.item_id, fact.channel_id) == (stage.variant.item_id, stage.channel.pk)
    assert (fact.utm_source, fact.utm_medium, fact.utm_campaign) == ("friend", "social", "agile")


def test_the_same_address_again_changes_nothing(stage: Stage) -> None:
    first = join(stage)
    again = join(stage, name="Somebody else", email=" IRYNA@example.org ", now=NOW + timedelta(hours=1))
    assert not again.new
    assert again.entry.pk == first.entry.pk
    assert Entry.objects.get().name == "Ірина"
    assert registrations(stage, NOW + timedelta(days=1)) == 1


def test_cancelling_gives_the_seat_back_and_coming_back_counts_again(stage: Stage) -> None:
    entry = join(stage).entry
    assert services.cancel_registration(entry=entry, now=NOW + timedelta(minutes=1))
    assert not services.cancel_registration(entry=entry, now=NOW + timedelta(minutes=2))
    assert queries.seats_taken(stage.page) == 0
    assert registrations(stage, NOW + timedelta(minutes=3)) == 0
    back = join(stage, now=NOW + timedelta(minutes=4))
    assert back.new
    assert back.entry.pk == entry.pk
    assert registrations(stage, NOW + timedelta(minutes=5)) == 1
    assert registrations(stage, NOW + timedelta(seconds=90)) == 0  # as it stood then
    assert effective(stage.workspace).filter(kind=Kind.REGISTRATION).count() == 2


def test_a_person_is_one_actor_on_all_pages_of_a_workspace(stage: Stage, cast: Cast) -> None:
    other = stage_of(cast.workspace, now=cast.now, key="second")
    elsewhere = stage_of(cast.other_workspace, now=cast.now, key="third")
    first, second, third = (join(one).entry for one in (stage, other, elsewhere))
    assert first.actor == second.actor
    assert third.actor != first.actor


@pytest.mark.parametrize(
    ("name", "email", "code"),
    [
        ("  ", "a@example.org", "name_missing"),
        ("Ірина", "example.org", "email_wrong"),
        ("Ірина", "a@b\nBcc: c@example.org", "email_wrong"),
        ("Ірина", "x" * 250 + "@example.org", "email_wrong"),
    ],
)
def test_what_cannot_be_is_refused(stage: Stage, name: str, email: str, code: str) -> None:
    with pytest.raises(UserError) as error:
        join(stage, name=name, email=email)
    assert error.value.code == code
    assert not Entry.objects.exists()


def test_closed_full_and_over(stage: Stage) -> None:
    services.set_open(page=stage.page, by=None, now=NOW, is_open=False)
    with pytest.raises(UserError, match="page_closed"):
        join(stage)
    services.set_open(page=stage.page, by=None, now=NOW, is_open=True)
    services.update_page(page=stage.page, by=None, now=NOW, capacity=1)
    join(stage)
    with pytest.raises(UserError, match="page_full"):
        join(stage, email="late@example.org")
    assert not join(stage).new  # who has a seat is never told that there is none
    assert stage.page.starts_at
    with pytest.raises(UserError, match="event_over"):
        join(stage, email="later@example.org", now=stage.page.starts_at)


def test_leads_are_counted_once_and_lose_no_words(cast: Cast, stage: Stage) -> None:
    page = services.create_page(initiative=stage.initiative, by=cast.owner, now=NOW, kind="lead_form")
    for words in ("Скільки коштує?", "І коли?", "І коли?"):
        services.leave_lead(page=page, now=NOW, name="Ірина", email="i@example.org", note=words)
    assert Entry.objects.get(page=page).note == "Скільки коштує?\n\nІ коли?"
    value = value_of(workspace=stage.workspace, metric="leads", initiative=stage.initiative, as_of=NOW)
    assert value.value == 1


def test_who_may_make_and_change_pages(cast: Cast, stage: Stage) -> None:
    with pytest.raises(NotAllowed):
        services.create_page(initiative=stage.initiative, by=cast.analyst, now=NOW, kind="lead_form")
    with pytest.raises(NotAllowed):
        services.set_open(page=stage.page, by=cast.colleague, now=NOW, is_open=False)
    stage.page.refresh_from_db()
    assert stage.page.is_open


def test_addresses_of_pages_are_unique_in_the_installation(cast: Cast, stage: Stage) -> None:
    other = stage_of(cast.other_workspace, now=NOW, key="agile")
    assert stage.page.slug == "agile"
    assert other.page.slug.startswith("agile-")
    with pytest.raises(UserError, match="page_slug_taken"):
        services.create_page(initiative=stage.initiative, by=None, now=NOW, kind="lead_form", slug="agile")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"starts_at": None}, "event_start_missing"),
        ({"ends_at": NOW - timedelta(days=400)}, "event_ends_before_start"),
        ({"capacity": 0}, "capacity_wrong"),
        ({"title": {"uk": " "}}, "page_title_missing"),
        ({"body": {"en": "x" * 5001}}, "page_text_long"),
    ],
)
def test_pages_that_make_no_sense_are_refused(stage: Stage, values, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError) as error:
        services.update_page(page=stage.page, by=None, now=NOW, **values)
    assert error.value.code == code


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_as_many_get_in_as_there_are_seats() -> None:
    workspace = create_workspace(name="Rush", slug="rush", now=NOW)
    stage = stage_of(workspace, now=NOW, capacity=3)
    many, start = 8, Barrier(8)

    def one(number: int) -> str:
        try:
            start.wait(timeout=20)
            services.register(
                page=PublicPage.objects.get(pk=stage.page.pk),
                now=NOW,
                name="X",
                email=f"{number}@example.org",
            )
        except UserError as error:
            return error.code
        finally:
            connection.close()
        return "in"

    with ThreadPoolExecutor(many) as pool:
        results = list(pool.map(one, range(many)))
    assert sorted(results) == ["in"] * 3 + ["page_full"] * 5
    assert queries.seats_taken(stage.page) == 3
    assert effective(workspace).filter(kind=Kind.REGISTRATION).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_double_press_is_one_registration() -> None:
    workspace = create_workspace(name="Rush", slug="rush", now=NOW)
    stage = stage_of(workspace, now=NOW)
    start = Barrier(4)

    def one(_number: int) -> bool:
        try:
            start.wait(timeout=20)
            return services.register(page=stage.page, now=NOW, name="X", email="x@example.org").new
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, False, False, True]
    assert Entry.objects.count() == 1
