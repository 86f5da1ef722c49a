"""The library's pages and the views that hand files out."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from spilno.plan import media as files
from spilno.plan.models import Media
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import picture, store  # noqa: F401 - a fixture
from tests.plan.test_items import make_item

ClientOf = Callable[[Person], Client]
Store = Callable[..., Media]


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> object:
    with time_machine.travel(cast.now, tick=False):
        yield


def address(name: str, *args: object) -> str:
    return reverse(name, args=["delivery-house", *args])


def body(response: HttpResponse) -> bytes:
    return b"".join(response) if response.streaming else response.content


def test_an_empty_library(cast: Cast, client_of: ClientOf) -> None:
    assert b'class="empty"' in client_of(cast.owner).get(address("library")).content
    assert b"library-upload" not in client_of(cast.analyst).get(address("library")).content
    assert client_of(cast.outsider).get(address("library")).status_code == 404


def test_uploading_several_with_a_bad_one(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.colleague)
    sent = [
        SimpleUploadedFile("Стос книг.jpg", picture()),
        SimpleUploadedFile("virus.jpg", b"MZ"),
        SimpleUploadedFile("red.png", picture("PNG", color="red")),
    ]
    page = client.post(address("library"), {"files": sent}, follow=True).content.decode()
    assert {one.name for one in Media.objects.all()} == {"Стос книг.jpg", "red.png"}
    assert "virus.jpg" in page
    assert client.post(address("library"), follow=True).status_code == 200
    assert client_of(cast.analyst).post(address("library"), {"files": sent}).status_code == 403


def test_usage_is_shown_and_protects(cast: Cast, client_of: ClientOf, store: Store) -> None:  # noqa: F811
    client = client_of(cast.owner)
    used, free = store(name="used.jpg"), store(picture(color="red"), name="free.jpg")
    item = make_item(cast, "Ярмарок", media=[used])
    page = client.get(address("library-picture", used.pk)).content.decode()
    assert address("plan-item", item.pk) in page
    assert address("library-delete", used.pk) not in page
    assert (
        address("library-delete", free.pk) in client.get(address("library-picture", free.pk)).content.decode()
    )
    client.post(address("library-delete", used.pk))
    client.post(address("library-delete", free.pk))
    assert list(Media.objects.all()) == [used]
    assert client_of(cast.analyst).post(address("library-delete", used.pk)).status_code == 403


def test_describing(cast: Cast, client_of: ClientOf, store: Store) -> None:  # noqa: F811
    client, media = client_of(cast.owner), store()
    assert (
        f'href="{address("library-picture", media.pk)}"'
        in client.get(address("library"), {"only": "undescribed"}).content.decode()
    )
    assert client.post(address("library-picture", media.pk), {"alt": "Two readers"}).status_code == 302
    media.refresh_from_db()
    assert media.alt == "Two readers"
    assert str(media.pk) not in client.get(address("library"), {"only": "undescribed"}).content.decode()
    long = client.post(address("library-picture", media.pk), {"alt": "a" * 1600})
    assert long.status_code == 422
    assert "a" * 1600 in long.content.decode(), "what was typed stays"
    panel = client.get(
        address("library-picture", media.pk), headers={"HX-Request": "true", "HX-Target": "panel"}
    )
    assert panel.content.decode().lstrip().startswith('<div class="dialog-head">')


def test_files_for_the_workspace_only(cast: Cast, client_of: ClientOf, store: Store) -> None:  # noqa: F811
    content = picture("PNG", (1000, 500))
    media = store(content, name="Книги й «лапки».png")
    foreign = store(content, workspace=cast.other_workspace, by=cast.outsider)
    client = client_of(cast.analyst)
    response = client.get(address("library-file", media.pk))
    assert body(response) == content
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Cache-Control"].startswith("private")
    assert "sandbox" in response.headers["Content-Security-Policy"]
    small = Image.open(io.BytesIO(body(client.get(address("library-small", media.pk)))))
    assert (small.format, small.size) == ("WEBP", (480, 240))
    for name in ("library-file", "library-small", "library-picture"):
        assert client.get(address(name, foreign.pk)).status_code == 404, name
        assert client_of(cast.outsider).get(address(name, media.pk)).status_code == 404, name
        assert Client().get(address(name, media.pk)).status_code == 302, name


def test_a_file_that_is_gone(cast: Cast, client_of: ClientOf, store: Store) -> None:  # noqa: F811
    media = store()
    files.path_of(media).unlink()
    for name in ("library-file", "library-small"):
        assert client_of(cast.owner).get(address(name, media.pk)).status_code == 404, name


def test_networks_fetch_by_a_signed_address(cast: Cast, store: Store) -> None:  # noqa: F811
    content = picture()
    media = store(content)
    where = urlsplit(files.public_url(media, cast.now)).path
    anybody = Client()
    response = anybody.get(where)
    assert body(response) == content
    assert response.headers["Content-Type"] == "image/jpeg"
    assert anybody.head(where).status_code == 200
    assert anybody.get(where.replace(".jpg", ".exe")).status_code == 404
    assert anybody.get(where[:-6] + "x.jpg").status_code == 404
    assert response.headers["X-Robots-Tag"] == "noindex"
    with time_machine.travel(cast.now + timedelta(hours=25), tick=False):
        assert anybody.get(where).status_code == 404


def test_a_large_library_is_cheap(
    cast: Cast,
    client_of: ClientOf,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    Media.objects.bulk_create(
        Media(
            workspace=cast.workspace, file=f"media/{number}.jpg", name=f"{number}.jpg", sha256=f"{number:064}",
            mime="image/jpeg", bytes=1, created_at=cast.now,
        )
        for number in range(150)
    )  # fmt: skip
    client = client_of(cast.owner)
    with django_assert_max_num_queries(10):
        page = client.get(address("library"))
    assert page.content.count(b'class="library-card"') == 60
    assert client.get(address("library"), {"page": "3"}).content.count(b'class="library-card"') == 30
