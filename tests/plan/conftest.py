"""Channels and pictures for the planning room."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from spilno.channels.models import Channel
from spilno.plan.models import Media
from spilno.plan.services import store_media
from tests.conftest import Cast


def make_channel(
    cast: Cast, network: str, key: str = "", *, other: bool = False, **values: object
) -> Channel:
    workspace = cast.other_workspace if other else cast.workspace
    return Channel.objects.create(
        workspace=workspace,
        key=key or network.replace("_", "-"),
        network=network,
        name=f"Our {network}",
        created_at=cast.now,
        **values,  # type: ignore[arg-type]
    )


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (640, 480), color: str = "teal", **save: object
) -> bytes:
    """A picture with some detail, as a file of that kind."""
    image = Image.new("RGB", size, color)
    image.paste("orange", (0, 0, size[0] // 2, size[1] // 3))
    into = io.BytesIO()
    image.save(into, kind, **save)
    return into.getvalue()


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def matrix(cast: Cast) -> Channel:
    return make_channel(cast, "matrix")


@pytest.fixture
def instagram(cast: Cast) -> Channel:
    return make_channel(cast, "instagram")


@pytest.fixture
def group(cast: Cast) -> Channel:
    return make_channel(cast, "facebook_group", by_hand=True)


@pytest.fixture
def store(cast: Cast) -> Callable[..., Media]:
    def put(content: bytes | None = None, **values: object) -> Media:
        values = {"name": "photo.jpg", "workspace": cast.workspace, "by": cast.owner} | values
        return store_media(now=cast.now, content=io.BytesIO(content or picture()), **values)  # type: ignore[arg-type]

    return put
