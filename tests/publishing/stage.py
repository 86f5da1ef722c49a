"""A fake network of every kind, and a delivery on its way to it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.plan import services as plan
from spilno.plan.models import Item, Media
from spilno.publishing import engine, services
from spilno.publishing.models import Delivery
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Once
from tests.conftest import Cast
from tests.publishing.fake import Clock, FakeNetwork, FindingNetwork, Side

PASSWORD = "hunter2-is-a-secret"


@dataclass
class Stage:
    """Everything a publishing test needs."""

    cast: Cast
    side: Side
    clock: Clock
    channels: dict[str, Channel] = field(default_factory=dict)

    def channel(self, once: Once, *, finds: bool = True, name: str = "", side: Side | None = None) -> Channel:
        """A channel on a fake network that publishes once in this way; ``side``: a network of its own."""
        network = (FindingNetwork if finds else FakeNetwork)(once, side or self.side)
        network.key += ("_finds" if finds else "") + ("_other" if side else "")  # type: ignore[misc]
        registry._found()[network.key] = network
        return channels.connect(
            workspace=self.cast.workspace,
            by=self.cast.owner,
            now=self.clock.at,
            network=network.key,
            name=name or network.key,
            purpose="brand",
            owner=self.cast.owner,
            credentials={"name": name or "brand", "password": PASSWORD},
        )

    def item(self, text: str = "Hello", **values: Any) -> Item:
        return plan.create_item(
            workspace=self.cast.workspace, by=self.cast.owner, now=self.clock.at, text=text, **values
        )

    def delivery(
        self, channel: Channel, *, due: datetime | None = None, text: str = "Hello", placement: str = "post",
        item: Item | None = None, **values: Any,
    ) -> Delivery:  # fmt: skip
        """A scheduled delivery; due in ten minutes unless said otherwise."""
        variant = plan.put_variant(
            item=item or self.item(text, **values),
            channel=channel,
            by=self.cast.owner,
            now=self.clock.at,
            placement=placement,
        )
        return services.schedule(
            variant=variant, due_at=due or self.clock.at + timedelta(minutes=10), by=self.cast.owner,
            now=self.clock.at,
        )  # fmt: skip

    def work(self, worker: str = "w1", *, together: int = 1) -> int:
        """One pass of a worker at the clock's time; ``together``: so many answers are noted in one transaction."""
        return engine.run_due(now=self.clock.at, worker=worker, clock=self.clock, together=together)

    def play(self, *, worker: str = "w1", until: timedelta = timedelta(hours=3), together: int = 1) -> None:
        """Let time pass, from one due moment to the next, until nothing is left to do (or ``until`` is over)."""
        end = self.clock.at + until
        for _ in range(200):
            following = engine.next_due()
            if following is None or following > end:
                return
            self.clock.at = max(self.clock.at, following)
            if not self.work(worker, together=together):
                self.clock.forward(seconds=1)
        raise AssertionError("the deliveries turn in a circle")


@pytest.fixture
def stage(cast: Cast) -> Iterator[Stage]:
    before = set(registry._found())
    yield Stage(cast, Side(), Clock(cast.now))
    for key in set(registry._found()) - before:
        del registry._found()[key]


@pytest.fixture
def store(cast: Cast) -> Callable[[], Media]:
    def put() -> Media:
        into = io.BytesIO()
        Image.new("RGB", (640, 640), "teal").save(into, "JPEG")
        into.seek(0)
        return plan.store_media(
            workspace=cast.workspace,
            by=cast.owner,
            now=cast.now,
            name="photo.jpg",
            content=into,
            alt="A photo",
        )

    return put
