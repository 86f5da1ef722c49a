"""How far a file's conversion is, wherever somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from spilno.plan import renditions, services
from spilno.plan.models import Media, Rendition, Variant
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture, store  # noqa: F401 - a fixture
from tests.plan.test_items import make_item
from tests.toolkit.media.films import document, film

ClientOf = Callable[[Person], Client]
Store = Callable[..., Media]
S = Rendition.State


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> Iterator[None]:
    with time_machine.travel(cast.now, tick=False):
        yield


@pytest.fixture
def coming(cast: Cast, store: Store) -> Variant:  # noqa: F811
    """A post for tomorrow whose poster has another shape than its network takes."""
    poster = store(picture("PNG", (300, 900)), name="Афіша.png", alt="Books")
    return services.put_variant(
        item=make_item(cast, "Ярмарок", media=[poster]), channel=make_channel(cast, "instagram"), by=cast.owner,
        now=cast.now, publish_at=cast.now + timedelta(days=1),
    )  # fmt: skip


def address(name: str, *args: object) -> str:
    return reverse(name, args=["delivery-house", *args])


def english(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    return client


def test_in_the_composer(cast: Cast, client_of: ClientOf, coming: Variant) -> None:
    client = english(client_of(cast.owner))
    where = address("plan-item", coming.item_id)
    waiting = client.get(where).content.decode()
    assert "It will be converted: JPEG, 720 × 900 px, filled up at its edges, nothing is cut off." in waiting
    assert "being prepared" in waiting
    assert 'hx-trigger="load delay:3s"' in waiting, "and it looks again by itself"
    renditions.work(kind="image", clock=lambda: cast.now)
    ready = client.get(where).content.decode()
    assert "being prepared" not in ready
    assert 'hx-trigger="load delay:3s"' not in ready
    Rendition.objects.update(state=S.FAILED, error_code="image_cannot_be_made_smaller")
    failed = client.get(where).content.decode()
    assert "It cannot be made small enough for this network." in failed


def test_in_the_library(cast: Cast, client_of: ClientOf, coming: Variant) -> None:
    client = english(client_of(cast.owner))
    media = Media.objects.get()
    where = address("library-picture", media.pk)
    assert "being prepared" in client.get(where).content.decode()
    renditions.work(kind="image", clock=lambda: cast.now)
    row = Rendition.objects.get()
    assert address("library-made", media.pk, row.pk) in client.get(where).content.decode()
    assert address("library-again", media.pk) not in client.get(where).content.decode()
    Rendition.objects.update(state=S.FAILED, error_code="media_too_heavy")
    failed = client.get(where).content.decode()
    assert "The file takes too long or too much memory to work on." in failed
    again = address("library-again", media.pk)
    assert again in failed
    assert client_of(cast.analyst).post(again).status_code == 403
    assert client.post(again).status_code == 302
    assert Rendition.objects.get().state == S.PENDING


def test_on_today_in_time_for_somebody_to_act(cast: Cast, client_of: ClientOf, coming: Variant) -> None:
    client = english(client_of(cast.owner))
    assert "Replace the file" not in client.get(address("today")).content.decode()
    Rendition.objects.update(state=S.FAILED, error_code="image_cannot_be_made_smaller")
    page = client.get(address("today")).content.decode()
    assert "Replace the file" in page
    assert "Афіша.png" in page
    assert address("plan-item", coming.item_id) in page
    Variant.objects.update(publish_at=cast.now - timedelta(days=1))
    assert "Replace the file" not in client.get(address("today")).content.decode()


def test_scheduling_what_cannot_be_converted_is_refused(
    cast: Cast,
    client_of: ClientOf,
    store: Store,  # noqa: F811
    tmp_path: Path,
) -> None:
    clip = store(film(tmp_path / "a.mp4", seconds=2).read_bytes(), name="a.mp4")
    channel = make_channel(cast, "bluesky")
    # Whatever the network takes today: shorter than this film.
    channel.limit_overrides = {
        "post": [
            {
                "key": "video_seconds",
                "value": "1",
                "unit": "s",
                "checked_on": "2026-11-20",
                "source": "a test",
            },
            {"key": "videos", "value": "1", "unit": "count", "checked_on": "2026-11-20", "source": "a test"},
        ]
    }
    channel.save()
    form: dict[str, Any] = {
        "text": "x", "to": f"{channel.pk}:post", "at": "2026-11-22T18:00", "media": str(clip.pk), "do": "schedule",
        "version": "0",
    }  # fmt: skip
    answer = english(client_of(cast.owner)).post(address("plan-new"), form)
    assert answer.status_code == 422
    assert (
        "lasts 2 s, at most 1 s" in answer.content.decode() or "not accepted here" in answer.content.decode()
    )


def test_videos_and_documents_are_shown_as_what_they_are(
    cast: Cast,
    client_of: ClientOf,
    store: Store,  # noqa: F811
    tmp_path: Path,
) -> None:
    clip = store(film(tmp_path / "a.mp4", seconds=2, audio="").read_bytes(), name="Ролик.mp4")
    paper = store(document(tmp_path / "a.pdf", 12).read_bytes(), name="Каталог.pdf")
    client = english(client_of(cast.owner))
    library = client.get(address("library")).content.decode()
    assert "0:02" in library
    assert "PDF · 12" in library
    video = client.get(address("library-picture", clip.pk)).content.decode()
    assert "<video controls" in video
    assert "without sound" in video
    assert "What is in the video?" in video
    pages = client.get(address("library-picture", paper.pk)).content.decode()
    assert "12 pages" in pages
    assert "What is the document about?" in pages
    item = make_item(cast, "x", media=[clip, paper])
    composer = client.get(address("plan-item", item.pk)).content.decode()
    assert "What is in the video?" in composer
    for one in (clip, paper):
        small = client.get(address("library-small", one.pk))
        assert small.headers["Content-Type"] == "image/webp"


def test_without_scripts_a_form_takes_all_kinds(cast: Cast, client_of: ClientOf, tmp_path: Path) -> None:
    client = english(client_of(cast.colleague))
    film(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 900)
    with (tmp_path / "a.mp4").open("rb") as good, (tmp_path / "b.mp4").open("rb") as bad:
        page = client.post(address("library"), {"files": [good, bad]}, follow=True).content.decode()
    assert "1 file is in the library" in page
    assert "b.mp4: The file is damaged or not complete." in page
    assert Media.objects.get().kind == "video"
    with (tmp_path / "a.mp4").open("rb") as good:
        form = client.post(address("plan-new"), {"text": "x", "do": "save", "version": "0", "files": good})
    assert form.status_code == 302
