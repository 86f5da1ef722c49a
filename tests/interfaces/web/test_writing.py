"""History, two people at one post, words that were typed and not saved: the pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from spilno.channels.models import Channel
from spilno.plan import services
from spilno.plan.models import Item, Media
from spilno.plan.writing import versions
from spilno.plan.writing.models import TypedDraft
from spilno.publishing.comments.models import FirstComment
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_items import edit, new, to
from tests.plan.conftest import make_channel, picture, store  # noqa: F401 - a fixture
from tests.plan.test_items import deliver, make_item

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


def choose(client: Client, item: Item, said: dict[str, str], **choices: str) -> HttpResponse:
    """Answer the two versions side by side."""
    now = Item.objects.get(pk=item.pk).version
    return client.post(at("plan-item", item.pk), {**said, "resolve": str(now), **choices})


def test_the_history_tells_what_changed_and_brings_it_back(
    client: Client, cast: Cast, bluesky: Channel
) -> None:
    item = make_item(cast, "Приходьте в суботу")
    edit(client, item, text="Приходьте в неділю", link="https://example.org/a", to=to(bluesky))
    page = words(client.get(at("plan-history", item.pk)))
    assert re.search(r"<del>суботу</del><ins>неділю</ins>", page)
    assert "<ins>https://example.org/a</ins>" in page
    assert "<ins>Our bluesky</ins>" in page
    assert page.count("<html") == 1
    piece = words(client.get(at("plan-history", item.pk), headers={"HX-Request": "true"}))
    assert "<html" not in piece
    (action,) = re.findall(r'action="([^"]+/history/1/)"', page)
    item.refresh_from_db()
    assert client.post(action, {"version": item.version}).status_code == 302
    item.refresh_from_db()
    assert (item.text, item.link) == ("Приходьте в суботу", "")
    # Somebody saved in between: nothing is overwritten, and it is said.
    page = words(client.post(action, {"version": 1}, follow=True))
    assert "Somebody changed this post meanwhile" in page
    assert client.post(at("plan-history-restore", item.pk, 77)).status_code == 404


def test_the_history_of_a_post_that_nobody_changed(client: Client, cast: Cast) -> None:
    item = make_item(cast)
    assert "The post was written." in words(client.get(at("plan-history", item.pk)))
    services.update_item(item=item, by=cast.owner, now=cast.now, expected_version=1, text="Інакше")
    assert "Changed in the plan" not in words(client.get(at("plan-history", item.pk)))


def test_a_long_history_comes_in_pieces(
    client: Client, cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    item = make_item(cast, "0")
    for number in range(45):
        by = cast.owner if number % 2 else cast.colleague
        Item.objects.filter(pk=item.pk).update(text=str(number))
        versions.note(item=item, by=by, now=cast.now)
    with django_assert_max_num_queries(20):
        page = words(client.get(at("plan-history", item.pk)))
    seen = re.findall(r"Version (\d+)\"", page)
    while more := re.search(r'href="([^"]+\?before=\d+)"', page):
        page = words(client.get(more[1]))
        seen += re.findall(r"Version (\d+)\"", page)
    assert seen == [str(number) for number in range(45, 0, -1)]


def test_different_changes_of_two_people_fit_together(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    item = make_item(cast, "Before", title="Title")
    mine, theirs = client_of(cast.colleague), client_of(cast.owner)
    edit(theirs, item, text="Theirs")
    said = {"version": "1", "text": "Before", "title": "My title", "link": "", "to": to(bluesky)}
    response = mine.post(at("plan-item", item.pk), {**said, "do": "save"})
    page = words(response)
    assert response.status_code == 422
    assert "Olena saved this post meanwhile" in page
    assert "data-clash" not in page
    assert "Taken over from the other version" in page
    # The page holds both already.
    assert re.search(r'<textarea[^>]*id="id_text"[^>]*>\s*Theirs</textarea>', page)
    assert 'value="My title"' in page
    choose(mine, item, {**said, "text": "Theirs"})
    item.refresh_from_db()
    assert (item.text, item.title) == ("Theirs", "My title")
    assert item.variants.get().channel == bluesky


@pytest.mark.parametrize(
    ("choice", "text"), [("mine", "Red tea"), ("theirs", "Green coffee"), ("both", "Red coffee")]
)
def test_the_same_words_changed_by_two(cast: Cast, client_of: ClientOf, choice: str, text: str) -> None:
    item = make_item(cast, "Green tea")
    mine, theirs = client_of(cast.colleague), client_of(cast.owner)
    edit(theirs, item, text="Green coffee")
    said = {"version": "1", "text": "Red tea", "title": "", "link": ""}
    page = words(mine.post(at("plan-item", item.pk), said))
    assert re.findall(r'data-clash="([^"]+)"', page) == ["text"]
    assert "<mark>Red tea</mark>" in page
    (both,) = re.findall(r'name="both-text"[^>]*>\n([^<]*)<', page)
    assert both == "Red coffee"
    assert Item.objects.get().text == "Green coffee"
    choose(mine, item, said, **{"choice-text": choice, "both-text": both})
    assert Item.objects.get().text == text


def test_a_third_saving_while_one_chooses_asks_again_and_loses_nothing(
    cast: Cast, client_of: ClientOf
) -> None:
    item = make_item(cast, "Green tea")
    mine, theirs = client_of(cast.colleague), client_of(cast.owner)
    edit(theirs, item, text="Green coffee")
    said = {"version": "1", "text": "Red tea", "title": "", "link": ""}
    seen = Item.objects.get().version
    edit(theirs, Item.objects.get(), text="Green water")
    answer = mine.post(
        at("plan-item", item.pk),
        {**said, "resolve": seen, "choice-text": "both", "both-text": "Put together by hand"},
    )
    assert answer.status_code == 422
    assert Item.objects.get().text == "Green water"
    assert re.search(r'id="id_text"[^>]*>\s*Put together by hand<', words(answer))


def test_what_was_pressed_before_the_conflict_is_done_after_it(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    item = make_item(cast, "Green tea")
    mine, theirs = client_of(cast.owner), client_of(cast.colleague)
    edit(theirs, item, text="Green coffee")
    said = {
        "version": "1",
        "text": "Green tea",
        "title": "",
        "link": "",
        "to": to(bluesky),
        "at": "2026-11-25T18:00",
    }
    page = words(mine.post(at("plan-item", item.pk), {**said, "do": "schedule"}))
    (wish,) = re.findall(r'name="wish" value="(\w+)"', page)
    choose(mine, item, {**said, "text": "Green coffee", "wish": wish})
    variant = Item.objects.get().variants.get()
    assert variant.delivery.state == "queued"


def test_people_at_the_same_post(cast: Cast, client_of: ClientOf) -> None:
    item = make_item(cast)
    mine, theirs = client_of(cast.colleague), client_of(cast.owner)
    assert words(mine.post(at("plan-here", item.pk), {"version": 1})).strip() == ""
    assert "Taras has this post open too." in words(theirs.post(at("plan-here", item.pk), {"version": 1}))
    edit(theirs, item, text="Newer")
    assert "Olena saved a newer version" in words(mine.post(at("plan-here", item.pk), {"version": 1}))
    mine.post(at("plan-here", item.pk), {"gone": "1"})
    assert words(theirs.post(at("plan-here", item.pk), {"version": 2})).strip() == ""
    assert client_of(cast.analyst).post(at("plan-here", item.pk)).status_code == 403


def test_typed_words_wait_on_another_device(client: Client, cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast, "Saved")
    said = {
        "item": str(item.pk),
        "version": "1",
        "text": "Typed, not saved",
        "title": "",
        "link": "",
        "to": to(bluesky),
    }
    assert client.post(at("plan-typed"), said).json()["said"]
    assert Item.objects.get().text == "Saved"
    page = words(client.get(at("plan-item", item.pk)))
    assert "You typed something here on" in page
    assert "Typed, not saved" not in page
    page = words(client.get(at("plan-item", item.pk), {"typed": "1"}))
    assert re.search(r'id="id_text"[^>]*>\s*Typed, not saved<', page)
    assert f'value="{to(bluesky)}" checked' in page
    # Another person is not told, and saving takes it away.
    assert "You typed" not in words(Client().get(at("plan-item", item.pk), follow=True))
    edit(client, item, text="Typed, not saved")
    assert not TypedDraft.objects.exists()


def test_typed_words_that_were_overtaken_meet_what_was_saved(cast: Cast, client_of: ClientOf) -> None:
    item = make_item(cast, "Before")
    mine, theirs = client_of(cast.colleague), client_of(cast.owner)
    mine.post(
        at("plan-typed"), {"item": str(item.pk), "version": "1", "text": "Mine", "title": "", "link": ""}
    )
    edit(theirs, item, text="Theirs")
    page = words(mine.get(at("plan-item", item.pk), {"typed": "1"}))
    assert re.findall(r'name="version" value="(\d+)"', page) == ["1"]
    assert edit(mine, item, text="Mine").status_code == 422


def test_typed_words_of_a_new_post(client: Client, cast: Cast) -> None:
    client.post(at("plan-typed"), {"text": "An idea", "version": "0"})
    assert "You typed something here on" in words(client.get(at("plan-new")))
    client.post(at("plan-typed-forget"), {"item": ""})
    assert "You typed something here on" not in words(client.get(at("plan-new")))
    client.post(at("plan-typed"), {"text": "An idea", "version": "0"})
    new(client, text="An idea")
    assert not TypedDraft.objects.exists()
    assert client.post(at("plan-typed"), {"text": "а" * 300_000}).status_code == 422


def test_the_composer_asks_the_database_little(
    client: Client, cast: Cast, bluesky: Channel, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    item = make_item(cast)
    services.put_variant(item=item, channel=bluesky, by=None, now=cast.now)
    with django_assert_max_num_queries(20):
        client.get(at("plan-item", item.pk))
    with django_assert_max_num_queries(10):
        client.post(at("plan-here", item.pk), {"version": 1})


def test_the_states_are_asked_for_until_nothing_moves(client: Client, cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast)
    variant = services.put_variant(item=item, channel=bluesky, by=None, now=cast.now, publish_at=cast.now)
    delivery = deliver(variant, "committing", cast.now)
    assert at("plan-states", item.pk) in words(client.get(at("plan-item", item.pk)))
    page = words(client.get(at("plan-states", item.pk)))
    assert 'data-state="committing"' in page
    assert "load delay" in page
    type(delivery).objects.update(state="published", published_at=cast.now)
    page = words(client.get(at("plan-states", item.pk)))
    assert 'data-state="published"' in page
    assert "data-settled" in page
    assert at("plan-states", item.pk) not in words(client.get(at("plan-item", item.pk)))


def test_the_first_comment_is_written_and_shown(client: Client, cast: Cast, bluesky: Channel) -> None:
    make_channel(cast, "matrix")
    page = words(client.get(at("plan-new")))
    assert "Posted under the post within a minute of its publishing: Our bluesky." in page
    new(client, text="Post", to=to(bluesky), first_comment="More: https://example.org")
    item = Item.objects.get()
    assert item.extra.first_comment == "More: https://example.org"
    seen = words(
        client.post(at("plan-check"), {"text": "Post", "to": to(bluesky), "first_comment": "Under it"})
    )
    assert "Under it" in seen
    edit(client, item, to=to(bluesky), first_comment="Another")
    assert [one.content["first_comment"] for one in versions.of(item)][-1] == "More: https://example.org"
    variant = item.variants.get()
    deliver(variant, "published", cast.now, published_at=cast.now)
    item.refresh_from_db()
    assert edit(client, item, to=to(bluesky), first_comment="Too late").status_code == 422


def test_what_becomes_of_a_comment_is_decided_on_the_deliverys_page(
    client: Client, cast: Cast, bluesky: Channel
) -> None:
    variant = services.put_variant(item=make_item(cast), channel=bluesky, by=None, now=cast.now)
    delivery = deliver(variant, "published", cast.now, published_at=cast.now)
    comment = FirstComment.objects.create(
        workspace=cast.workspace, delivery=delivery, text="Under it", state="needs_person", created_at=cast.now,
        updated_at=cast.now,
    )  # fmt: skip
    page = words(client.get(at("plan-delivery", delivery.pk)))
    assert "Look under the post." in page
    assert "First comment under" in words(client.get(at("today")))
    client.post(at("plan-delivery-comment", delivery.pk), {"do": "there"})
    comment.refresh_from_db()
    assert comment.state == "out"
    assert client.post(at("plan-delivery-comment", delivery.pk), {"do": "x"}).status_code == 404


def test_previews_are_laid_out_by_what_the_placement_declares(
    client: Client,
    cast: Cast,
    store: Callable[..., Media],  # noqa: F811
) -> None:
    instagram = make_channel(cast, "instagram")
    first, second = store(), store(picture(color="navy"), name="second.jpg")
    places = [to(instagram, one) for one in ("post", "carousel", "reel")]
    said = {"text": "Post", "to": places, "media": [first.pk, second.pk]}
    shapes = re.findall(r'class="look-as look-(\w+)"', words(client.post(at("plan-check"), said)))
    assert shapes == ["post", "carousel", "tall"]
