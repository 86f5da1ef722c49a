"""Snippets, names, links: the library's pages, and what the composer and the post make of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from spilno.channels.models import Channel
from spilno.pages.addresses import destination
from spilno.pages.models import TrackedLink
from spilno.plan import checks, queries
from spilno.plan.models import Item, Variant
from spilno.plan.writing import links, mentions, snippets
from spilno.plan.writing.models import Handle, ItemExtra, LinkRules, Snippet
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_items import edit, errors, new, to
from tests.plan.conftest import make_channel
from tests.plan.test_items import make_initiative, make_item

ClientOf = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> object:
    with time_machine.travel(cast.now, tick=False):
        yield


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def mastodon(cast: Cast) -> Channel:
    return make_channel(cast, "mastodon", purpose="community")


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


def check(client: Client, **said: object) -> str:
    """The previews of a form as it is being typed."""
    return words(client.post(at("plan-check"), said))


# ------------------------------------------------------------------------------------------------ shorter, different


def test_a_text_that_is_too_long_is_offered_shorter(client: Client, bluesky: Channel) -> None:
    page = check(client, text="слово " * 60, to=to(bluesky))
    (offered,) = re.findall(r'data-text="([^"]+)"', page)
    assert f'data-take-text="{to(bluesky)}"' in page
    assert "<del>" in page
    mended = check(client, text="слово " * 60, to=to(bluesky), **{f"text-{to(bluesky)}": offered})
    assert "problem-error" not in mended
    assert "data-take-text" not in mended
    assert "Differs from the common text" in mended
    assert "data-take-text" not in check(client, text="Коротко", to=to(bluesky))


def test_what_differs_is_marked(client: Client, bluesky: Channel) -> None:
    page = check(
        client, text="Приходьте в суботу", to=to(bluesky), **{f"text-{to(bluesky)}": "Приходьте в неділю"}
    )
    assert "<del>суботу</del><ins>неділю</ins>" in page
    assert "Differs" not in check(
        client, text="Те саме", to=to(bluesky), **{f"text-{to(bluesky)}": "Те саме"}
    )


# ------------------------------------------------------------------------------------------------ snippets


def test_snippets_are_kept_and_offered(client: Client, cast: Cast, client_of: ClientOf) -> None:
    client.post(at("library-words"), {"name": "Ending", "kind": "text", "text": "Come with friends!"})
    client.post(at("library-words"), {"name": "Books", "kind": "tags", "text": "книги, #Київ книги"})
    assert Snippet.objects.get(name="Books").text == "#книги #Київ"
    page = words(client.get(at("plan-insert")))
    assert re.findall(r'data-insert="([^"]+)"', page) == ["#книги #Київ", "Come with friends!"]
    assert re.findall(r'data-insert="([^"]+)"', words(client.get(at("plan-insert"), {"q": "FRIEND"}))) == [
        "Come with friends!"
    ]
    one = Snippet.objects.get(name="Ending")
    assert f'value="{one.pk}"' in words(client.get(at("library-words"), {"edit": one.pk}))
    client.post(at("library-words"), {"id": one.pk, "name": "Ending", "kind": "text", "text": "Bye"})
    one.refresh_from_db()
    assert one.text == "Bye"
    assert "is there already" in errors(
        client.post(at("library-words"), {"name": "ENDING", "kind": "text", "text": "x"})
    )
    assert errors(client.post(at("library-words"), {"name": "Empty", "kind": "tags", "text": " # , "}))
    client.post(at("library-words-delete"), {"id": one.pk})
    assert Snippet.objects.count() == 1
    assert client_of(cast.analyst).post(at("library-words"), {"name": "x"}).status_code == 403
    assert "x" in words(client_of(cast.analyst).get(at("library-words")))


def test_a_foreign_snippet_cannot_be_changed(client: Client, cast: Cast) -> None:
    theirs = snippets.put(
        workspace=cast.other_workspace, name="Theirs", kind="text", text="x", by=None, now=cast.now
    )
    assert errors(
        client.post(at("library-words"), {"id": theirs.pk, "name": "M", "kind": "text", "text": "y"})
    )
    client.post(at("library-words-delete"), {"id": theirs.pk})
    assert "Theirs" not in words(client.get(at("library-words")))
    theirs.refresh_from_db()
    assert theirs.text == "x"


# ------------------------------------------------------------------------------------------------ names


def test_a_name_becomes_who_it_is_on_each_network(
    client: Client, cast: Cast, bluesky: Channel, mastodon: Channel
) -> None:
    client.post(
        at("library-names"),
        {
            "name": "@Olena",
            "handle-bluesky": "@olena.bsky.social",
            "handle-": "Олена Коваль",
            "handle-mastodon": "",
        },
    )
    text = "Дякуємо, @olena! І @невідомій, пишіть на mail@olena.ua."
    page = check(client, text=text, to=[to(bluesky), to(mastodon)])
    assert "Дякуємо, @olena.bsky.social! І @невідомій, пишіть на mail@olena.ua." in page
    assert "Дякуємо, Олена Коваль! І @невідомій" in page
    new(client, text=text, to=[to(bluesky), to(mastodon)])
    sent = {
        one.channel.network: queries.outgoing(variant=one, key="k", now=cast.now).text
        for one in Variant.objects.select_related("channel")
    }
    assert sent["bluesky"].startswith("Дякуємо, @olena.bsky.social!")
    assert sent["mastodon"].startswith("Дякуємо, Олена Коваль!")
    assert Item.objects.get().text == text
    assert [checks.check_variant(one).sent for one in Variant.objects.order_by("position")] == list(
        sent.values()
    )


def test_names_are_changed_and_taken_away(client: Client, cast: Cast) -> None:
    def put(**said: str) -> HttpResponse:
        return client.post(at("library-names"), said)

    put(name="olena", **{"handle-bluesky": "@o.bsky.social"})
    assert "is there already" in errors(put(name="Olena", **{"handle-": "O"}))
    assert errors(put(name="two words", **{"handle-": "O"}))
    assert errors(put(name="nobody"))
    assert errors(put(name="strange", **{"handle-nowhere": "x"}))
    put(name="kovalenko", was="olena", **{"handle-": "Олена"})
    assert list(Handle.objects.values_list("name", "network", "handle")) == [("kovalenko", "", "Олена")]
    assert 'value="kovalenko"' in words(client.get(at("library-names"), {"edit": "kovalenko"}))
    client.post(at("library-names-delete"), {"name": "KOVALENKO"})
    assert not Handle.objects.exists()


def test_another_workspaces_names_do_not_count(cast: Cast, bluesky: Channel) -> None:
    mentions.put_name(
        workspace=cast.other_workspace, name="olena", handles={"": "Foreign"}, by=None, now=cast.now
    )
    assert mentions.names_for(cast.workspace.pk, ["@olena"]) == {}


# ------------------------------------------------------------------------------------------------ links


def rules(cast: Cast, mode: str, **patterns: str) -> None:
    links.put_rules(workspace=cast.workspace, mode=mode, patterns={**links.USUAL, **patterns}, by=cast.owner)


def out(cast: Cast, channel: Channel) -> str:
    variant = Variant.objects.get(channel=channel)
    return queries.outgoing(variant=variant, key="k", now=cast.now).link


def test_links_get_parameters_by_the_initiative(
    client: Client, cast: Cast, bluesky: Channel, mastodon: Channel
) -> None:
    initiative = make_initiative(cast, "meetup")
    rules(cast, "utm")
    said = {"text": "Come", "link": "https://example.org/a?b=1#c", "initiative": initiative.pk}
    page = check(client, **said, to=to(mastodon))
    utm = "utm_source=mastodon&amp;utm_medium=community&amp;utm_campaign=meetup&amp;utm_content=come"
    assert f"https://example.org/a?b=1&amp;{utm}#c" in page
    new(client, **said, to=[to(bluesky), to(mastodon)])
    assert out(cast, mastodon) == f"https://example.org/a?b=1&{utm.replace('&amp;', '&')}#c"
    assert "utm_source=bluesky&utm_medium=social" in out(cast, bluesky)
    assert Item.objects.get().link == "https://example.org/a?b=1#c"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://e.org/?utm_source=x", "https://e.org/?utm_source=x&utm_medium=m"),
        ("https://e.org/?UTM_Source=x&utm_medium=y", "https://e.org/?UTM_Source=x&utm_medium=y"),
        ("https://e.org/%D0%B0?q=%20a+b&e", "https://e.org/%D0%B0?q=%20a+b&e&utm_source=s&utm_medium=m"),
        ("https://e.org", "https://e.org?utm_source=s&utm_medium=m"),
    ],
)
def test_what_a_link_says_is_never_said_twice(link: str, expected: str) -> None:
    wanted = {"utm_source": "s", "utm_medium": "m"}
    assert links.with_parameters(link, wanted) == expected
    assert links.with_parameters(expected, wanted) == expected


def test_a_post_may_choose_another_way(client: Client, cast: Cast, bluesky: Channel) -> None:
    rules(cast, "utm")
    new(client, text="Come", link="https://example.org/", to=to(bluesky), link_mode="plain")
    assert out(cast, bluesky) == "https://example.org/"
    item = Item.objects.get()
    edit(client, item, to=to(bluesky), link_mode="short")
    short = out(cast, bluesky)
    link = TrackedLink.objects.get()
    assert short.endswith(f"/l/{link.code}")
    assert destination(link) == ("https://example.org/?utm_source=bluesky&utm_medium=social&utm_content=come")
    page = words(client.get(at("plan-item", item.pk)))
    assert short in page
    item.refresh_from_db()
    edit(client, item, to=to(bluesky), link_mode="")
    assert not TrackedLink.objects.exists()
    assert not ItemExtra.objects.exists()
    assert "utm_source" in out(cast, bluesky)
    assert errors(edit(client, Item.objects.get(), to=to(bluesky), link_mode="nonsense"))


def test_a_short_link_is_drawn_as_long_as_it_will_be(client: Client, cast: Cast, mastodon: Channel) -> None:
    said = {
        "text": "Come",
        "link": "https://example.org/" + "a" * 600,
        "to": to(mastodon),
        "link_mode": "short",
    }
    page = check(client, **said)
    (drawn,) = set(re.findall(r"http://[^\s<\"]+/l/x+", page))
    new(client, "schedule", **said, at="2026-11-25T18:00")
    variant = Variant.objects.get()
    assert variant.delivery.state == "queued"
    sent = checks.check_variant(variant).sent
    assert sent.endswith(f"/l/{TrackedLink.objects.get().code}")
    assert len(sent.split()[-1]) == len(drawn)


def test_the_workspace_says_what_is_usual(
    client: Client, cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    assert "As it is" in words(client.get(at("library-links")))
    said = {
        "mode": "utm",
        "source": "{channel}",
        "medium": "",
        "campaign": "spring-{initiative}",
        "content": "",
    }
    client.post(at("library-links"), said)
    assert LinkRules.objects.get().source == "{channel}"
    assert "utm_source=bluesky&amp;utm_campaign=spring-book-sale" in words(client.get(at("library-links")))
    assert "{colour} means nothing here" in errors(
        client.post(at("library-links"), {**said, "content": "{colour}"})
    )
    assert client_of(cast.colleague).post(at("library-links"), said).status_code == 403


def test_many_posts_cost_no_more_questions(cast: Cast, bluesky: Channel) -> None:
    rules(cast, "utm")
    mentions.put_name(workspace=cast.workspace, name="olena", handles={"": "Олена"}, by=None, now=cast.now)
    for number in range(3):
        item = make_item(cast, f"@olena {number}", link="https://example.org/")
        Variant.objects.create(workspace=cast.workspace, item=item, channel=bluesky)
    asked = []
    for many in (1, 3):
        found = list(Variant.objects.all()[:many])
        with CaptureQueriesContext(connection) as seen:
            made = queries.composed_many(
                variants=found, keys={one.pk: str(one.pk) for one in found}, now=cast.now
            )
        asked.append(len(seen))
        assert all("Олена" in one.text and "utm_source" in one.link for one in made.values())  # type: ignore[union-attr]
    assert asked[0] == asked[1]
