"""The demo: made once, in one piece, with the reference case's figures and a campaign alive today."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.test import Client, override_settings

from spilno.briefs import queries as briefs
from spilno.briefs.models import BriefState, Initiative
from spilno.channels.models import Channel, Health
from spilno.community.models import Message
from spilno.contingency.queries import open_proposals
from spilno.exchange import demo
from spilno.exchange.demo import words
from spilno.facts.models import Kind
from spilno.facts.queries import effective, observations
from spilno.kernel.errors import UserError
from spilno.measurement.values import target_values
from spilno.pages.models import Entry, PublicPage
from spilno.plan.models import Item
from spilno.publishing.models import Delivery
from spilno.publishing.states import AHEAD
from spilno.team.models import User, Workspace
from spilno.team.services import create_workspace
from spilno.toolkit import practice
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def place(folder: Path) -> override_settings:
    """Settings with a data folder and a port of their own."""
    port = free_port()
    return override_settings(
        DATA=folder,
        SPILNO_PRACTICE_URL=f"http://127.0.0.1:{port}",
        SPILNO_ALLOWED_PRIVATE_HOSTS=(f"127.0.0.1:{port}",),
    )


def rows() -> dict[str, int]:
    """How many rows there are of everything."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.app_label not in ("sessions", "contenttypes", "auth")
    }


@pytest.fixture(scope="module")
def made(
    django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:  # type: ignore[no-untyped-def]
    """One demo for all tests of this file, gone afterwards."""
    with django_db_blocker.unblock(), place(tmp_path_factory.mktemp("data")), transaction.atomic():
        yield demo.load(now=NOW)
        transaction.set_rollback(True)


@pytest.fixture
def event(made: Workspace) -> Initiative:
    return briefs.initiative_of(made, "agile-after-work")


def test_loading_it_again_changes_nothing(made: Workspace) -> None:
    before = rows()
    files = sorted((one, one.stat().st_mtime_ns) for one in Path(settings.DATA).rglob("*") if one.is_file())
    assert demo.load(now=NOW + timedelta(days=3)) == made
    assert rows() == before
    assert files == sorted(
        (one, one.stat().st_mtime_ns) for one in Path(settings.DATA).rglob("*") if one.is_file()
    )


def test_the_finished_case_has_its_figures(made: Workspace) -> None:
    case = briefs.initiative_of(made, "charity-book-sale")
    found = {one.definition.key: one.value.value for one in target_values(case, NOW)}
    assert found == {
        "members_growth": Decimal("0.135"),
        "leads": 44,
        "catalogue_outsiders": 5,
        "catalogue_items": 115,
        "catalogue_exchanged": 100,
        "donations": 39000,
    }
    assert all(one.reached for one in target_values(case, NOW))


def test_the_case_has_pictures(made: Workspace) -> None:
    items = Item.objects.filter(
        workspace=made, initiative__slug="charity-book-sale", key__in=words.CASE_PICTURES
    )
    assert items.count() == len(words.CASE_PICTURES)
    assert all(one.media.count() == 1 for one in items)


def test_the_living_campaign_is_behind_its_target(event: Initiative) -> None:
    found = {one.definition.key: one for one in target_values(event, NOW)}
    registrations = found["registrations"]
    assert (registrations.value.value, registrations.target.value) == (23, 60)
    assert registrations.reached is False
    assert event.brief.state == BriefState.READY
    assert event.starts_on < NOW.date() < event.ends_on


def test_most_registrations_know_their_post_and_nobodys_name_is_a_fact(event: Initiative) -> None:
    facts = list(effective(event.workspace).filter(initiative_id=event.pk))
    registered = [one for one in facts if one.kind == Kind.REGISTRATION]
    assert len(registered) == 24
    assert len([one for one in facts if one.kind == Kind.REGISTRATION_CANCELLED]) == 1
    assert len([one for one in registered if one.item_id]) == 20
    assert all(one.occurred_at < NOW for one in facts)
    people = set(Entry.objects.filter(page__initiative=event).values_list("email", flat=True))
    assert len(people) == 24
    text = " ".join(f"{one.actor}{one.subject}{one.source_key}{one.data}" for one in facts)
    assert not [one for one in people if one in text]
    assert not Entry.objects.filter(mail_due_at__isnull=False).exists()  # nobody of them exists: no mail


def test_a_proposal_waits_for_a_decision(made: Workspace) -> None:
    (proposal,) = open_proposals(made)
    assert (proposal.seen, proposal.below) == (23, 30)
    assert proposal.can_act


def test_posts_are_out_due_today_and_to_come(made: Workspace) -> None:
    deliveries = Delivery.objects.filter(workspace=made, variant__item__initiative__slug="agile-after-work")
    out = [one for one in deliveries if one.published_at]
    ahead = deliveries.filter(state__in=AHEAD)
    assert len(out) >= 6
    assert all(NOW - timedelta(days=10) < one.published_at < NOW for one in out)
    today = [one for one in ahead if one.due_at < NOW + timedelta(hours=8)]
    assert len(today) == 2
    assert sum(one.channel.by_hand for one in today) == 1
    assert ahead.filter(due_at__gt=NOW + timedelta(days=2)).exists()
    assert Item.objects.get(workspace=made, key=words.RESERVE).reserve


def test_counters_have_a_history_that_only_grows(made: Workspace) -> None:
    for delivery in Delivery.objects.filter(workspace=made).exclude(external_id=""):
        series = list(
            observations(made)
            .filter(subject_id=delivery.variant_id, metric="reach")
            .order_by("observed_at")
            .values_list("observed_at", "value")
        )
        assert series, delivery.external_id
        assert [value for _, value in series] == sorted(value for _, value in series)
        assert all(at <= NOW for at, _ in series)
        assert delivery.observe_next_at  # and goes on


def test_messages_wait_and_some_are_taken_care_of(made: Workspace) -> None:
    waiting = Message.objects.filter(workspace=made, handled_at=None).count()
    assert 1 <= waiting < Message.objects.filter(workspace=made).count()
    assert not Message.objects.filter(workspace=made, said_at__gt=NOW).exists()


def test_the_next_brief_has_no_answer_yet(made: Workspace) -> None:
    following = briefs.initiative_of(made, "mentoring-spring")
    assert following.starts_on > NOW.date()
    assert following.brief.state == BriefState.DRAFT
    assert briefs.missing(following.brief)


def test_channels_speak_to_the_practice_networks_as_they_left_them(made: Workspace) -> None:
    channels = {one.key: one for one in Channel.objects.filter(workspace=made)}
    assert channels["instagram"].practice
    assert channels["facebook-page"].health == Health.OK
    assert channels["facebook-group"].by_hand
    assert channels["linkedin-page"].by_hand
    kept = Path(settings.DATA) / "practice" / "state.json"
    port = int(settings.SPILNO_PRACTICE_URL.rpartition(":")[2])
    with practice.start(state=kept, port=port, clock=lambda: NOW, with_control=False):
        for delivery in Delivery.objects.filter(workspace=made).exclude(external_url=""):
            assert httpx.get(delivery.external_url, trust_env=False).status_code == 200
    state = json.loads(kept.read_text())
    assert all((kept.with_suffix(".pictures") / one).is_file() for one in state["pictures"])


def test_two_colleagues_enter_by_one_click_and_by_no_password(made: Workspace) -> None:
    for role, name in (("community_manager", "Olena Bondar"), ("smm_manager", "Taras Melnyk")):
        client = Client()
        assert client.post(f"/demo/{role}/").status_code == 302
        page = client.get(f"/w/{made.slug}/inbox/")
        assert page.status_code == 200
        assert name in page.content.decode()
    assert not any(one.has_usable_password() for one in User.objects.filter(is_demo=True))
    login = Client().get("/account/login/").content.decode()
    assert "/demo/community_manager/" in login


def test_the_public_page_is_open(made: Workspace) -> None:
    page = PublicPage.objects.get(workspace=made)
    answer = Client(headers={"Accept-Language": "en"}).get(f"/p/{page.slug}/").content.decode()
    assert "Agile after work" in answer


def test_something_else_on_the_port_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with place(tmp_path):
        port = int(settings.SPILNO_PRACTICE_URL.rpartition(":")[2])
        before = rows()
        Workspace.objects.filter(is_demo=True).update(is_demo=False)  # there is none to be found
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(UserError, match="practice_running"),
        ):
            demo.load(now=NOW)
        assert rows() == before
        assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_a_slug_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    """Somebody's own workspace never becomes the demo."""
    Workspace.objects.filter(is_demo=True).update(is_demo=False, slug="former-demo")
    PublicPage.objects.update(slug="former-page")
    User.objects.filter(is_demo=True).update(is_demo=False)
    own = create_workspace(name="Delivery House", slug="delivery-house", now=NOW)
    with place(tmp_path):
        loaded = demo.load(now=NOW)
    own.refresh_from_db()
    assert loaded.slug != "delivery-house"
    assert not own.is_demo
