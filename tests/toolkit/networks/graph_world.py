"""The practice server as Facebook and Instagram: fixtures and shapes of posts that both need."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from spilno.toolkit.networks.base import MediaFile, Outgoing
from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.graph_answer import forget_calls
from spilno.toolkit.practice.graph_login import APP_ID, APP_SECRET

from .contract import World
from .films import film

LINK = "https://example.org/ярмарок"
APP = {"client_id": APP_ID, "client_secret": APP_SECRET}


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


CLOCK = Moving()


@pytest.fixture(name="clock")
def clock_() -> Iterator[Moving]:
    CLOCK.ahead = timedelta()
    yield CLOCK
    CLOCK.ahead = timedelta()


@pytest.fixture(scope="module", name="running")
def running_() -> Iterator[Practice]:
    """One server for all: starting and stopping one takes longer than a test."""
    with start(seed="contract", clock=CLOCK) as server:
        yield server


@pytest.fixture(name="practice")
def practice_(running: Practice, clock: Moving) -> Practice:
    """The server with two new accounts and nothing else."""
    data = running.state.data
    for kept in ("accounts", "containers", "photos", "videos", "comments", "logins", "posts", "pictures"):
        data[kept].clear()
    for setting in ("calls_an_hour", "publishing_polls"):
        data.pop(setting, None)
    forget_calls(running.state)
    data |= {"next": 1, "processing_polls": 0}
    running.faults.clear()
    running.state.add_account(network="instagram", name="books", title="Книги", followers=2400)
    running.state.add_account(network="facebook", name="books", title="Книги для всіх", followers=1900)
    return running


def public(practice: Practice, one: MediaFile) -> MediaFile:
    """The file, to be had from a public address."""
    if one.kind == "image":
        kept = practice.state.add_picture(one.path.read_bytes())
    else:
        copy = practice.state.folder / f"copy-{uuid.uuid4().hex}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(one.path)
        kept = practice.state.keep_file(copy, one.mime, one.width or 0, one.height or 0)
    return replace(one, url=f"{practice.url}/pictures/{kept['id']}")


def world_of(practice: Practice, network: str) -> World:
    account = practice.state.account_named(network, "books")
    assert account is not None
    typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
    return World(
        typed=typed,
        wrong={**typed, "access_token": "practice-somebody-else"},
        count=lambda: len(practice.state.posts_of(account)),
        picture=lambda one: public(practice, one),
        # What a node tells as its own: the sum of an edge stands under names that are no metric.
        counters=("summary", "count"),
    )


def picture(folder: Path, *, width: int = 1080, height: int = 1080, shade: int = 90) -> MediaFile:
    """A JPEG of one colour."""
    path = folder / f"{width}x{height}-{shade}.jpg"
    Image.new("RGB", (width, height), (200, shade, 40)).save(path, "JPEG")
    return MediaFile(path, "image/jpeg", path.stat().st_size, width, height, alt="Стос паперових книжок")


def shapes(folder: Path, image: MediaFile, network: str, practice: Practice) -> list[Outgoing]:
    """One post for each placement and shape that the API takes."""

    def text() -> str:
        return f"Приходьте на книжковий ярмарок! 📚 #книги {uuid.uuid4().hex}"

    def made(placement: str, *media: MediaFile, said: bool = True, link: str = LINK) -> Outgoing:
        return Outgoing(
            str(uuid.uuid4()), placement, text() if said else "", media, link if said else "", "uk"
        )

    upright = film(folder / "upright.mp4", width=1080, height=1920, seconds=12)
    square = film(folder / "square.mp4", width=1080, height=1080, seconds=8)
    if network == "instagram":
        there = public(practice, upright)
        return [
            made("post", image),
            made("carousel", image, square),  # the film is sent, as it has no address
            made("reel", there),
            made("reel", upright),
            made("story", image, said=False),
            made("story", there, said=False),
        ]
    return [
        made("post"),
        made("post", image),
        made("post", image, picture(folder, shade=10), picture(folder, shade=20)),
        made("video", square),
        made("reel", upright),
        made("story", image, said=False),
        made("story", upright, said=False),
    ]


@contextmanager
def growth() -> Iterator[Callable[[], int]]:
    """How far this process's memory grew at most inside the block, in bytes; to be asked after it."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest that it ever was
    before, found = _highest(), [0]
    yield lambda: found[0]
    found[0] = _highest() - before


def _highest() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
