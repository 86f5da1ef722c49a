"""Where a run publishes: real and practice networks, each behind a proxy, and how each is read afterwards."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from spilno.toolkit.practice import Practice, start
from tests.chaos.faults import AFTER, BEFORE, BY_SERVER, OTHER, Dice, Kill
from tests.chaos.proxy import Proxy

EVERY = (*BEFORE, *AFTER, *OTHER)


class Place(ABC):
    """One network with several accounts. ``network`` is the connector's key, ``placement`` what is used of it."""

    network: str
    placement = "post"
    pictures: float = 0.0  # share of posts that carry one
    most_posts = 10_000  # per account
    tells = True  # does it offer any way to find out what became of a request?
    proxy: Proxy

    @abstractmethod
    def credentials(self, number: int) -> dict[str, str]:
        """Make an account and say how to connect it (through the proxy)."""

    @abstractmethod
    def texts(self) -> Iterable[str]:
        """The text of every post that people can see on the network: asked there, not through the proxy."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""


class Bluesky(Place):
    network, pictures = "bluesky", 0.2

    def __init__(self, seed: str, kill: Kill) -> None:
        from tests.servers import bluesky

        self.server = bluesky.start()
        commit = re.compile(r"POST /xrpc/com\.atproto\.repo\.putRecord")
        self.proxy = Proxy(self.server.pds_url, Dice(EVERY, f"{seed} bluesky", commit), kill=kill)
        self._accounts: list[Any] = []

    def credentials(self, number: int) -> dict[str, str]:
        account = self.server.create_account(f"chaos{number:03d}")
        self._accounts.append(account)
        return {
            "handle": account.handle,
            "app_password": self.server.app_password(account),
            "service": self.proxy.url,
            "appview": self.server.appview_url,
        }

    def texts(self) -> Iterable[str]:
        for account in self._accounts:
            params = {"repo": account.did, "collection": "app.bsky.feed.post", "limit": "100"}
            while True:
                url = f"{self.server.pds_url}/xrpc/com.atproto.repo.listRecords"
                answer = httpx.get(url, params=params, timeout=30).raise_for_status().json()
                yield from (one["value"]["text"] for one in answer["records"])
                if not answer.get("cursor"):
                    break
                params["cursor"] = answer["cursor"]

    def stop(self) -> None:
        self.proxy.stop()
        self.server.stop()


class Matrix(Place):
    network, placement = "matrix", "message"

    def __init__(self, seed: str, kill: Kill) -> None:
        from tests.servers import synapse

        self.server = synapse.start()
        commit = re.compile(r"PUT /_matrix/client/v3/rooms/[^/]+/send/")
        self.proxy = Proxy(self.server.url, Dice(EVERY, f"{seed} matrix", commit), kill=kill)
        self._rooms: list[str] = []

    def credentials(self, number: int) -> dict[str, str]:
        room = self.server.create_room(f"Chaos {number}")
        self._rooms.append(room)
        return {
            "homeserver": self.proxy.url,
            "room": room,
            "access_token": self.server.brand.access_token,
        }

    def texts(self) -> Iterable[str]:
        for room in self._rooms:
            params: dict[str, str | int] = {"dir": "b", "limit": 500}
            while True:
                path = f"/_matrix/client/v3/rooms/{room}/messages"
                answer = self.server.call("GET", path, by=self.server.fan, **params)
                yield from (
                    one["content"]["body"] for one in answer["chunk"] if one["type"] == "m.room.message"
                )
                if not answer.get("end"):
                    break
                params["from"] = answer["end"]

    def stop(self) -> None:
        self.proxy.stop()
        self.server.stop()


@dataclass(frozen=True)
class Practised:
    """A network of the practice server: how it is connected, and which of its requests publishes."""

    network: str  # the connector's key
    account: str  # the practice server's
    commit: str
    typed: Callable[[Practice, str], dict[str, str]]  # credentials by server and account's name
    pictures: float = 0.2
    placement: str = "post"
    most_posts: int = 10_000
    tells: bool = True


# Where an hour or a day allows only so many requests, there are more accounts.
PRACTISED = (
    Practised(
        "facebook_page", "facebook", r"POST /graph/v[\d.]+/\d+(_\d+)?$",
        lambda server, name: {"access_token": f"practice-{name}", "graph_url": server.graph_url},
        most_posts=20,
    ),
    Practised(
        "instagram", "instagram", r"POST /graph/v[\d.]+/\d+/media_publish$",
        lambda server, name: {"access_token": f"practice-{name}", "graph_url": server.graph_url},
        pictures=1.0, most_posts=15,
    ),
    Practised(
        "linkedin", "linkedin", r"POST /linkedin-api/rest/posts$",
        lambda server, name: {
            "access_token": f"practice-{name}", "author": name, "api_url": server.linkedin_url,
        },
        most_posts=40,
    ),
    Practised(
        "telegram", "telegram", r"POST /bot-api/bot[^/]+/send[A-Z]\w+$",
        lambda server, name: {
            "bot_token": f"8100:practice-{name}", "chat": f"@{name}", "api_url": server.bot_api_url,
        },
        tells=False,
    ),
)  # fmt: skip


class OfPractice(Place):
    """Accounts on the practice server, which all of these share."""

    def __init__(
        self, practice: Practice, of: Practised, seed: str, kill: Kill, kinds: Sequence[str] = EVERY
    ) -> None:
        self.practice, self._of = practice, of
        self.network, self.placement, self.pictures = of.network, of.placement, of.pictures
        self.most_posts, self.tells = of.most_posts, of.tells
        dice = Dice((*kinds, *BY_SERVER), f"{seed} {of.account}", re.compile(of.commit))
        self.proxy = Proxy(practice.url, dice, kill=kill, script=practice.faults.add)

    def credentials(self, number: int) -> dict[str, str]:
        name = f"chaos{self._of.account}{number:03d}"
        self.practice.state.add_account(network=self._of.account, name=name)
        typed = self._of.typed(self.practice, name)
        return {key: value.replace(self.practice.url, self.proxy.url) for key, value in typed.items()}

    def texts(self) -> Iterable[str]:
        with self.practice.state.reading() as data:
            for post in data["posts"].values():
                mine = data["accounts"][post["account"]]["network"] == self._of.account
                if mine and post["published_at"]:
                    yield post["text"]

    def stop(self) -> None:
        self.proxy.stop()
        self.practice.stop()


def practice(seed: str) -> Practice:
    """A practice server in this process that keeps everything in memory."""
    return start(seed=seed)
