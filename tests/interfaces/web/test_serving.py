"""Files in parts, as browsers and networks fetch videos."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from spilno.interfaces.web import serving
from spilno.interfaces.web.serving import part_of
from spilno.plan import media as files
from spilno.plan import renditions, services, stored
from spilno.plan.models import Media, Rendition
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture, store  # noqa: F401 - a fixture
from tests.plan.test_items import make_item
from tests.toolkit.media.films import document, film

ClientOf = Callable[[Person], Client]
Store = Callable[..., Media]


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-500", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=5-5", (5, 6)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("pages=1-2", None),
        ("", None),
    ],
)
def test_what_a_range_means(said: str, part: tuple[int, int] | None) -> None:
    assert part_of(said, 100) == part


@pytest.mark.parametrize("said", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_beyond_the_end(said: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        part_of(said, 100)


@pytest.fixture
def clip(store: Store, tmp_path: Path) -> tuple[Media, bytes]:  # noqa: F811
    content = film(tmp_path / "a.mp4", seconds=3, noise=True).read_bytes()
    return store(content, name="Ролик.mp4"), content


def body(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


def test_a_video_in_parts_for_networks_and_colleagues(
    cast: Cast, client_of: ClientOf, clip: tuple[Media, bytes]
) -> None:
    media, content = clip
    public = urlsplit(files.public_url(media, cast.now)).path
    inside = reverse("library-file", args=["delivery-house", media.pk])
    with time_machine.travel(cast.now, tick=False):
        for client, where in ((Client(), public), (client_of(cast.analyst), inside)):
            whole = client.get(where)
            assert (whole.status_code, body(whole)) == (200, content)
            assert whole.headers["Content-Type"] == "video/mp4"
            assert whole.headers["Content-Length"] == str(len(content))
            assert whole.headers["Accept-Ranges"] == "bytes"
            assert whole.headers["X-Robots-Tag"] == "noindex"
            assert "media-src 'self'" in whole.headers["Content-Security-Policy"]
            head = client.head(where)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["Content-Length"] == str(len(content))
            part = client.get(where, headers={"Range": "bytes=100-299"})
            assert (part.status_code, body(part)) == (206, content[100:300])
            assert part.headers["Content-Range"] == f"bytes 100-299/{len(content)}"
            assert part.headers["Content-Length"] == "200"
            tail = client.get(where, headers={"Range": "bytes=-50"})
            assert body(tail) == content[-50:]
            beyond = client.get(where, headers={"Range": f"bytes={len(content)}-"})
            assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
            mark = whole.headers["ETag"]
            same = client.get(where, headers={"Range": "bytes=0-9", "If-Range": mark})
            assert same.status_code == 206
            other = client.get(where, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
            assert (other.status_code, len(body(other))) == (200, len(content))
            assert client.get(where, headers={"If-None-Match": mark}).status_code == 304


def test_over_or_changed_addresses_say_nothing(cast: Cast, clip: tuple[Media, bytes]) -> None:
    media, _content = clip
    where = urlsplit(files.public_url(media, cast.now)).path
    answers = set()
    with time_machine.travel(cast.now + timedelta(hours=24, minutes=10), tick=False):
        assert Client().get(where).status_code == 200, "another machine's clock may be wrong by minutes"
    with time_machine.travel(cast.now + timedelta(hours=25), tick=False):
        for one in (where, where.replace("/files/", "/files/x"), "/files/nothing.mp4"):
            response = Client().get(one)
            assert response.status_code == 404
            answers.add(response.content)
    assert len(answers) == 1, "who asks learns nothing from the difference"


def test_renditions_have_public_addresses(cast: Cast, store: Store, client_of: ClientOf) -> None:  # noqa: F811
    drawing = store(picture("PNG", (300, 900)), name="Афіша.png")
    item = make_item(cast, "x", media=[drawing])
    services.put_variant(
        item=item, channel=make_channel(cast, "instagram"), by=cast.owner, now=cast.now,
        publish_at=cast.now + timedelta(days=1),
    )  # fmt: skip
    renditions.work(kind="image", clock=lambda: cast.now)
    made = Rendition.objects.get()
    content = stored.local(made.file).read_bytes()
    where = urlsplit(files.public_url(drawing, cast.now, made)).path
    assert where.endswith(".jpg")
    with time_machine.travel(cast.now, tick=False):
        response = Client().get(where)
        assert (response.headers["Content-Type"], body(response)) == ("image/jpeg", content)
        client = client_of(cast.analyst)
        inside = reverse("library-made", args=["delivery-house", drawing.pk, made.pk])
        saved = client.get(inside)
        assert body(saved) == content
        assert "%D0%90%D1%84%D1%96%D1%88%D0%B0.jpg" in saved.headers["Content-Disposition"]
        Rendition.objects.update(state="failed")
        assert Client().get(where).status_code == 404
        assert client.get(inside).status_code == 404
    foreign = client_of(cast.outsider).get(inside)
    assert foreign.status_code == 404


def test_a_storage_that_does_not_answer_is_asked_again(
    cast: Cast, clip: tuple[Media, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise stored.StorageTrouble("away")

    monkeypatch.setattr(serving.stored, "pieces", away)
    with time_machine.travel(cast.now, tick=False):
        response = Client().get(urlsplit(files.public_url(clip[0], cast.now)).path)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")


def test_a_document_opens_in_the_browsers_reader(
    cast: Cast,
    store: Store,  # noqa: F811
    client_of: ClientOf,
    tmp_path: Path,
) -> None:
    paper = store(document(tmp_path / "a.pdf").read_bytes(), name="Каталог.pdf")
    response = client_of(cast.analyst).get(reverse("library-file", args=["delivery-house", paper.pk]))
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"].startswith("inline")
    assert "sandbox" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_pieces_are_read_as_they_are_wanted(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "big").write_bytes(os.urandom(stored.PIECE * 3))
    pieces = stored.pieces("big", stored.PIECE // 2)
    assert len(next(pieces)) == stored.PIECE
    assert sum(len(one) for one in pieces) == stored.PIECE * 3 - stored.PIECE // 2 - stored.PIECE
