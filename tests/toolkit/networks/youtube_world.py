"""A practice YouTube with one channel, connected through its consent page, for the tests of YouTube."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Account, Kind, MediaFile, NetworkError, Outgoing, Prepared
from spilno.toolkit.practice import Practice, start

from . import faulty, films
from .contract import Bench, World

BACK = "https://spilno.example.org/networks/back/"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
APP = {"client_id": "spilno.apps.googleusercontent.com", "client_secret": "GOCSPX-practice"}


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


CLOCK = Moving()


class YouTubeBench(Bench):
    """Prepares as the engine does: again and again with what was achieved so far."""

    def prepare(self, post: Outgoing, so_far: Prepared | None = None) -> Prepared:
        kept = so_far or Prepared()
        while True:
            try:
                return super().prepare(post, kept)
            except NetworkError as error:
                if error.kind is not Kind.WAIT or not error.so_far or not error.so_far.data:
                    raise
                kept = error.so_far

    def once(self, post: Outgoing, so_far: Prepared | None = None) -> Prepared:
        """One round of preparation."""
        return super().prepare(post, so_far)


@dataclass
class Consent:
    """What the consent page gave back."""

    url: str
    kept: dict[str, str]
    back: dict[str, str]


def typed(practice: Practice) -> dict[str, str]:
    return {"api_url": practice.google_url, **APP}


def consent(credentials: dict[str, str], **choice: Any) -> Consent:
    """Go to the consent page and choose there as a person would."""
    with httpx.Client(timeout=20) as client:
        url, kept = get("youtube").authorization(  # type: ignore[attr-defined]
            client=client, credentials=credentials, redirect_uri=BACK, state="xyz"
        )
        answer = client.get(url, params={**dict(httpx.URL(url).params), **(choice or {"choose": "books"})})
    assert answer.status_code == 302, answer.text
    where = answer.headers["Location"]
    assert where.startswith(BACK)
    return Consent(url, dict(kept), {key: one[0] for key, one in parse_qs(urlsplit(where).query).items()})


def connect(credentials: dict[str, str], client: httpx.Client, **choice: Any) -> Account:
    said = consent(credentials, **choice)
    (account,) = get("youtube").finish(  # type: ignore[attr-defined]
        client=client, credentials=said.kept, code=said.back["code"], redirect_uri=BACK
    )
    return account  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    """One server for all tests of a module: starting and stopping one takes longer than a test."""
    with start(seed="youtube", clock=CLOCK) as server:
        yield server


@pytest.fixture
def practice(running: Practice) -> Iterator[Practice]:
    """The server with one new channel and nothing else."""
    CLOCK.ahead = timedelta()
    data = running.state.data
    for kept in ("accounts", "posts", "pictures"):
        data[kept].clear()
    for name in [one for one in data if one.startswith("youtube_")]:
        del data[name]
    data |= {"next": 1, "processing_polls": 0, "google": {}}
    running.faults.clear()
    running.state.add_account(network="youtube", name="books", title="Книги", followers=4321)
    yield running
    CLOCK.ahead = timedelta()


@pytest.fixture
def world(practice: Practice) -> World:
    account = practice.state.account_named("youtube", "books")
    assert account is not None
    return World(
        typed=typed(practice),
        wrong={**typed(practice), "client_secret": "GOCSPX-somebody-else"},
        count=lambda: len(practice.state.posts_of(account)),
        counters=("rows",),
    )


@pytest.fixture
def bench(world: World) -> YouTubeBench:
    with httpx.Client(transport=faulty.Faulty(), timeout=20) as client:
        return YouTubeBench(get("youtube"), world, connect(dict(world.typed), client))


@pytest.fixture
def video(tmp_path: Path) -> MediaFile:
    return films.film(tmp_path / "ярмарок.mp4", width=1280, height=720, seconds=12, size=30_000)


@pytest.fixture
def upright(tmp_path: Path) -> MediaFile:
    return films.film(tmp_path / "short.mp4", width=1080, height=1920, seconds=30, size=20_000)


@pytest.fixture
def picture(tmp_path: Path) -> MediaFile:
    path = tmp_path / "обкладинка.jpg"
    Image.new("RGB", (1280, 720), (200, 90, 40)).save(path, "JPEG")
    return MediaFile(path, "image/jpeg", path.stat().st_size, 1280, 720)


def post_of(video: MediaFile, *more: MediaFile, text: str = "", placement: str = "video") -> Outgoing:
    words = text or f"Книжковий ярмарок 📚 {uuid.uuid4().hex[:8]}\n\nПриходьте! #книги #Київ"
    return Outgoing(str(uuid.uuid4()), placement, words, (video, *more), "https://example.org/ярмарок", "uk")


def videos_of(practice: Practice) -> list[dict[str, Any]]:
    """All videos of the channel, private ones too."""
    return list(practice.state.data["posts"].values())
