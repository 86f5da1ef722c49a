"""The board of ideas and the rubrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import services
from spilno.plan.models import Item
from spilno.plan.writing import extras, ideas, pillars
from spilno.plan.writing.extras import Extra
from spilno.plan.writing.models import Idea, Pillar
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_items import errors, new, to
from tests.plan.conftest import make_channel
from tests.plan.test_items import deliver, make_initiative, make_item

ClientOf = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> object:
    with time_machine.travel(cast.now, tick=False):
        yield


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def client_of(client_of: ClientOf) -> ClientOf:
    """Browsers of people who read English, whose words are asked for below."""

    def reading_english(person: Person) -> Client:
        browser = client_of(person)
        browser.cookies["django_language"] = "en"
        return browser

    return reading_english


@pytest.fixture
def client(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.owner)


def at(name: str, *more: object) -> str:
    return reverse(name, args=["delivery-house", *more])


def words(response: HttpResponse) -> str:
    return response.content.decode()


def idea(cast: Cast, title: str, **said: str) -> Idea:
    return ideas.put(workspace=cast.workspace, title=title, by=cast.owner, now=cast.now, **said)


def rubric(cast: Cast, name: str = "Книги", share: int | None = 40) -> Pillar:
    return pillars.put(workspace=cast.workspace, name=name, colour=3, share=share, by=cast.owner)


def order(state: str) -> list[str]:
    return list(Idea.objects.filter(state=state).order_by("position").values_list("title", flat=True))


# ------------------------------------------------------------------------------------------------ ideas


def test_an_idea_is_noted_changed_and_moved(client: Client, cast: Cast) -> None:
    for title in ("Перша", "Друга", "Третя"):
        client.post(at("plan-ideas"), {"title": title})
    assert order("new") == ["Третя", "Друга", "Перша"]
    first = Idea.objects.get(title="Перша")
    assert 'value="Перша"' in words(client.get(at("plan-ideas"), {"edit": first.pk}))
    client.post(at("plan-ideas"), {"id": first.pk, "title": "Перша, краща", "note": "Слова"})
    assert order("new")[-1] == "Перша, краща"
    move = {"id": first.pk, "state": "new", "index": "1"}
    answer = client.post(at("plan-ideas-change"), move, headers={"Accept": "application/json"})
    assert answer.status_code == 204
    assert order("new") == ["Третя", "Перша, краща", "Друга"]
    client.post(at("plan-ideas-change"), {"id": first.pk, "state": "ready"})
    assert (order("new"), order("ready")) == (["Третя", "Друга"], ["Перша, краща"])
    assert errors(client.post(at("plan-ideas"), {"title": "  "}))
    client.post(at("plan-ideas-change"), {"id": first.pk, "do": "remove"})
    assert not order("ready")


def test_an_idea_grows_into_one_post(client: Client, cast: Cast) -> None:
    initiative, about = make_initiative(cast), rubric(cast)
    one = idea(cast, "Чай", note="Збираємося", initiative=str(initiative.pk), pillar=str(about.pk))
    answer = client.post(at("plan-ideas-change"), {"id": one.pk, "do": "grow"})
    item = Item.objects.get()
    assert answer["Location"] == at("plan-item", item.pk)
    assert (item.title, item.text, item.initiative, item.extra.pillar) == (
        "Чай",
        "Збираємося",
        initiative,
        about,
    )
    client.post(at("plan-ideas-change"), {"id": one.pk, "do": "grow"})
    assert Item.objects.count() == 1
    assert f'href="{at("plan-item", item.pk)}"' in words(client.get(at("plan-ideas")))
    refused = client.post(
        at("plan-ideas-change"), {"id": one.pk, "state": "new"}, headers={"Accept": "application/json"}
    )
    assert refused.status_code == 409
    services.delete_item(item=item, by=cast.owner, now=cast.now)
    client.post(at("plan-ideas-change"), {"id": one.pk, "do": "grow"})
    assert Item.objects.filter(deleted_at=None).count() == 1


def test_others_ideas_and_who_may(client: Client, cast: Cast, client_of: ClientOf) -> None:
    theirs = ideas.put(workspace=cast.other_workspace, title="Чужа", by=None, now=cast.now)
    assert "Чужа" not in words(client.get(at("plan-ideas")))
    for wish in ("move", "grow", "remove"):
        client.post(at("plan-ideas-change"), {"id": theirs.pk, "do": wish, "state": "ready"})
    theirs.refresh_from_db()
    assert theirs.state == "new"
    foreign = pillars.put(workspace=cast.other_workspace, name="Чужа", colour=1, share=None, by=None)
    assert errors(client.post(at("plan-ideas"), {"title": "x", "pillar": foreign.pk}))
    reader = client_of(cast.analyst)
    assert reader.get(at("plan-ideas")).status_code == 200
    assert reader.post(at("plan-ideas"), {"title": "x"}).status_code == 403
    assert reader.post(at("plan-ideas-change"), {"id": theirs.pk}).status_code == 403


def test_the_board_asks_little(
    client: Client, cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        idea(cast, f"Ідея {number}", initiative="", pillar="")
    with django_assert_max_num_queries(12):
        client.get(at("plan-ideas"))


# ------------------------------------------------------------------------------------------------ rubrics


def test_a_post_belongs_to_a_rubric(client: Client, cast: Cast, bluesky: Channel) -> None:
    about = rubric(cast)
    new(client, text="Post", to=to(bluesky), pillar=about.pk, at="2026-11-21T18:00")
    item = Item.objects.get()
    assert item.extra.pillar == about
    page = words(client.get(at("plan-item", item.pk)))
    assert f'<option value="{about.pk}" selected>' in page
    other = make_item(cast, "Other")
    services.put_variant(item=other, channel=bluesky, by=None, now=cast.now, publish_at=cast.now)
    page = words(client.get(at("plan"), {"view": "list", "rubric": about.pk}))
    assert at("plan-item", item.pk) in page
    assert at("plan-item", other.pk) not in page


def test_wished_and_real_shares(client: Client, cast: Cast, bluesky: Channel) -> None:
    books, people = rubric(cast, "Книги", 50), rubric(cast, "Люди", None)
    for number, about in enumerate([books, people, people, None]):
        item = make_item(cast, f"Post {number}")
        extras.put(item=item, extra=Extra(pillar=str(about.pk) if about else ""), workspace=cast.workspace)
        when = cast.now + timedelta(days=number)
        variant = services.put_variant(item=item, channel=bluesky, by=None, now=cast.now, publish_at=when)
        if number == 1:
            deliver(variant, "published", when, published_at=when)
    far = make_item(cast, "Far away")
    services.put_variant(
        item=far, channel=bluesky, by=None, now=cast.now, publish_at=cast.now + timedelta(days=200)
    )
    make_item(cast, "Without a time")
    found = pillars.shares(
        workspace=cast.workspace, start=cast.now - timedelta(days=10), end=cast.now + timedelta(days=10)
    )
    assert [(one.pillar and one.pillar.name, one.posts, one.percent, one.apart) for one in found] == [
        ("Книги", 1, 25, -25), ("Люди", 2, 50, None), (None, 1, 25, None),
    ]  # fmt: skip
    page = words(client.get(at("plan-rubrics"), {"days": "7"}))
    assert "25 points less than wished" in page
    assert re.search(r"4 posts", page)


def test_rubrics_are_made_changed_and_put_away(client: Client, cast: Cast, client_of: ClientOf) -> None:
    put = at("plan-rubrics-put")
    client.post(put, {"name": "Книги", "share": "40", "colour": "2"})
    about = Pillar.objects.get()
    assert (about.name, about.share, about.colour) == ("Книги", 40, 2)
    assert "is there already" in errors(client.post(put, {"name": "книги"}))
    assert errors(client.post(put, {"name": "Y", "share": "101"}))
    assert errors(client.post(put, {"name": "Y", "share": "much"}))
    client.post(put, {"id": about.pk, "name": "Книжки", "share": ""})
    about.refresh_from_db()
    assert (about.name, about.share) == ("Книжки", None)
    client.post(put, {"id": about.pk, "do": "archive"})
    assert not pillars.of(cast.workspace).exists()
    client.post(put, {"name": "книжки", "share": "10"})
    assert pillars.of(cast.workspace).get().pk == about.pk
    assert client_of(cast.analyst).post(put, {"name": "x"}).status_code == 403
    with pytest.raises(UserError) as caught:
        extras.put(
            item=make_item(cast), extra=Extra(pillar=str(rubric_of_others(cast).pk)), workspace=cast.workspace
        )
    assert caught.value.code == "unknown_pillar"


def rubric_of_others(cast: Cast) -> Pillar:
    return pillars.put(workspace=cast.other_workspace, name="Чужа", colour=1, share=None, by=None)
