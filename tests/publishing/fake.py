"""A network inside the test process, which does what its script says, and keeps what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from spilno.toolkit.networks.base import (
    Account,
    Counting,
    CredentialField,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Placement,
    Prepared,
    Published,
    Sighting,
    Verdict,
)

Hook = Callable[[str], None]


@dataclass
class Side:
    """The network's own memory, and what shall go wrong next.

    ``script``: faults for the coming commits, in order: ``"lost_before"``, ``"lost_after"`` (the answer never
    arrives; the post is not, is there), an exception to raise instead of acting, or ``None``.
    ``hook`` is called around every effect with the point's name. ``silent``: preparing needs no request.
    """

    posts: list[tuple[str, str]] = field(default_factory=list)  # (key, text): what people see
    containers: dict[str, str | None] = field(default_factory=dict)  # container → key once it is published
    prepares: int = 0
    commits: int = 0
    script: list[Any] = field(default_factory=list)
    prepare_script: list[Any] = field(default_factory=list)
    find_script: list[Any] = field(default_factory=list)
    hook: Hook = lambda point: None
    prepared_expires_at: datetime | None = None
    silent: bool = False

    def seen(self, key: str) -> int:
        return sum(1 for one, _ in self.posts if one == key)


class Speaking(Network):
    """How every fake publishes."""

    label = {"uk": "Проба", "en": "Fake", "ru": "Проба"}
    short = "Fk"
    color = "oklch(0.5 0.1 100)"
    once: Once
    credential_fields = (
        CredentialField("name", label={"en": "Name", "uk": "Ім'я", "ru": "Имя"}),
        CredentialField("password", label={"en": "Password", "uk": "Пароль", "ru": "Пароль"}, secret=True),
    )

    def __init__(self, once: Once, side: Side) -> None:
        self.key = f"fake_{once}"  # type: ignore[misc]
        self.once = once
        self.side = side
        self.placements = (  # type: ignore[misc]
            Placement("post", label={"en": "Post"}, counting=Counting.GRAPHEMES, limits=(), once=once,
                      media_allowed=("image",)),
            Placement("story", label={"en": "Story"}, counting=Counting.GRAPHEMES, limits=(), once=once,
                      media_allowed=("image",), link_by_hand=True),
        )  # fmt: skip

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        side = self.side
        if side.silent:
            return so_far
        assert credentials["password"]  # a request would need them
        side.hook("prepare: before")
        side.prepares += 1
        if side.prepare_script and (fault := side.prepare_script.pop(0)) is not None:
            raise fault
        data = dict(so_far.data)
        if self.once is Once.PREPARE and "container" not in data:
            data["container"] = f"c{len(side.containers) + 1}"
            side.containers[data["container"]] = None
        side.hook("prepare: after")
        return Prepared(data, side.prepared_expires_at)

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        side = self.side
        side.hook("commit: before")
        side.commits += 1
        fault = side.script.pop(0) if side.script else None
        if isinstance(fault, BaseException):
            raise fault
        if fault == "lost_before":
            raise NetworkError(Kind.UNCERTAIN, "timeout", params={"host": "fake"})
        self._act(post, prepared)
        if fault == "lost_after":
            raise NetworkError(Kind.UNCERTAIN, "server_error", params={"host": "fake"}, status=500)
        side.hook("commit: after")
        return self._published(post.key, {"answer": "ok", "echo": credentials["password"]})

    def _act(self, post: Outgoing, prepared: Prepared) -> None:
        side = self.side
        if self.once is Once.KEY and side.seen(post.key):
            return
        if self.once is Once.PREPARE:
            if side.containers[prepared.data["container"]] is not None:
                return
            side.containers[prepared.data["container"]] = post.key
        side.posts.append((post.key, post.text))

    def _published(self, key: str, answer: dict[str, Any] | None = None) -> Published:
        return Published(f"x-{key}", f"https://fake.example/{key}", None, answer or {})


class FakeNetwork(Speaking):
    """Connected with a name and a password."""

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        if credentials["password"] == "wrong":
            raise NetworkError(Kind.RECONNECT, "not_accepted", params={"host": "fake"}, status=401)
        return Account(f"id-{credentials['name']}", f"@{credentials['name']}", "https://fake.example/me",
                       {**credentials, "token": "added-by-connecting"})  # fmt: skip


class FindingNetwork(FakeNetwork):
    """The same, and it can be asked."""

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        self.side.hook("find")
        told = self.side.find_script.pop(0) if self.side.find_script else None
        if isinstance(told, BaseException):
            raise told
        if told is Verdict.CANNOT_TELL:
            return Sighting(Verdict.CANNOT_TELL, look_at="https://fake.example/me")
        if self.side.seen(post.key):
            return Sighting(Verdict.FOUND, self._published(post.key))
        return Sighting(Verdict.ABSENT)


class Killed(BaseException):
    """The worker's process is gone. Nothing may catch it."""


@dataclass
class Clock:
    """A clock that the test winds."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        self.at += timedelta(**parts)
        return self.at
