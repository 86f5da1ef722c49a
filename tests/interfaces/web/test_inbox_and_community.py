"""Inbox and Community as pages: filters, taking care of a message, and who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from spilno.community import collect
from spilno.community.models import Message
from spilno.team.models import Person
from tests.community.conftest import Scene, said, scene_of
from tests.conftest import NOW, Cast

Browser = Callable[[Person], Client]


@pytest.fixture
def scene(cast: Cast) -> Scene:
    scene = scene_of(cast.workspace)
    collect.take_in(
        delivery=scene.delivery, said=[said(1, "Чи буде запис?"), said(2, "<script>x</script>")], now=NOW
    )
    return scene


def url(name: str, cast: Cast, *more: object) -> str:
    return reverse(name, args=[cast.workspace.slug, *more])


def test_empty_pages_say_what_to_do(cast: Cast, client_of: Browser) -> None:
    browser = client_of(cast.owner)
    for name in ("inbox", "community"):
        page = browser.get(url(name, cast))
        assert page.status_code == 200
        assert 'class="empty' in page.content.decode()


def test_who_said_what_where_under_which_post(scene: Scene, cast: Cast, client_of: Browser) -> None:
    page = client_of(cast.owner).get(url("inbox", cast)).content.decode()
    for words in ("Чи буде запис?", "Ірина 1", "Our channel", "Приходьте", "https://example.org/1"):
        assert words in page
    assert "<script>x</script>" not in page
    assert "&lt;script&gt;" in page


def test_taking_care_by_htmx_and_without(scene: Scene, cast: Cast, client_of: Browser) -> None:
    browser, first = client_of(cast.owner), Message.objects.get(external_id="words-1")
    answer = browser.post(url("inbox-handle", cast, first.pk), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert url("inbox-reopen", cast, first.pk) in answer.content.decode()
    assert "Чи буде запис?" not in browser.get(url("inbox", cast)).content.decode()
    assert "Чи буде запис?" in browser.get(url("inbox", cast) + "?state=handled").content.decode()
    back = browser.post(url("inbox-reopen", cast, first.pk), {"next": url("inbox", cast)})
    assert back["Location"] == url("inbox", cast)
    assert Message.objects.get(pk=first.pk).handled_at is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_coming_back_never_leads_away(scene: Scene, cast: Cast, client_of: Browser, target: str) -> None:
    first = Message.objects.get(external_id="words-1")
    answer = client_of(cast.owner).post(url("inbox-handle", cast, first.pk), {"next": target})
    assert answer["Location"] == url("inbox", cast)


def test_filters_by_channel(scene: Scene, cast: Cast, client_of: Browser) -> None:
    other = scene_of(cast.workspace, key="second")
    collect.take_in(delivery=other.delivery, said=[said(9, "Інше місце")], now=NOW)
    page = client_of(cast.owner).get(url("inbox", cast) + f"?channel={other.channel.key}").content.decode()
    assert "Інше місце" in page
    assert "Чи буде запис?" not in page


def test_who_may(scene: Scene, cast: Cast, client_of: Browser) -> None:
    first = Message.objects.get(external_id="words-1")
    assert client_of(cast.analyst).get(url("inbox", cast)).status_code == 200
    assert client_of(cast.analyst).post(url("inbox-handle", cast, first.pk)).status_code == 403
    outsider = client_of(cast.outsider)
    assert outsider.get(url("inbox", cast)).status_code == 404
    theirs = reverse("inbox-handle", args=[cast.other_workspace.slug, first.pk])
    assert outsider.post(theirs).status_code == 404
    assert Message.objects.get(pk=first.pk).handled_at is None


def test_a_community_shows_its_people_by_name_only_to_those_who_may(
    scene: Scene, cast: Cast, client_of: Browser
) -> None:
    one = url("community-one", cast, "pm")
    assert "Ірина 1" in client_of(cast.owner).get(one).content.decode()
    page = client_of(cast.analyst).get(one)
    assert page.status_code == 200
    table = page.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    assert table
    assert "Ірина 1" not in table
    assert client_of(cast.owner).get(url("community-one", cast, "unknown")).status_code == 404
