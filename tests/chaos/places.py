"""Where a run publishes: real and practice networks, each behind a proxy, and how each is read afterwards."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from spilno.toolkit.practice import Practice, start
from tests.chaos.faults import AFTER, BEFORE, IN_GRAPH, OTHER, Dice, Kill
from tests.chaos.proxy import Proxy

EVERY = (*BEFORE, *AFTER, *OTHER)


class Place(ABC):
    """One network with several accounts. ``network`` is the connector's key, ``placement`` what is used of it."""

    network: str
    placement = "post"
    pictures: float = 0.0  # share of posts that carry one
    most_posts = 10_000  # per account
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


class Graph(Place):
    """A Facebook page or an Instagram account on the practice server, which both share."""

    def __init__(
        self, practice: Practice, account: str, seed: str, kill: Kill, kinds: Sequence[str] = EVERY
    ) -> None:
        self.practice, self._account = practice, account
        self.network = "facebook_page" if account == "facebook" else account
        self.pictures = 1.0 if account == "instagram" else 0.2
        self.most_posts = 90 if account == "instagram" else 10_000  # Instagram: 100 in 24 hours
        switch = r"POST /graph/v[\d.]+/" + (
            r"\d+/media_publish$" if account == "instagram" else r"\d+(_\d+)?$"
        )
        dice = Dice((*kinds, *IN_GRAPH), f"{seed} {account}", re.compile(switch))
        self.proxy = Proxy(practice.url, dice, kill=kill, script=practice.faults.add)

    def credentials(self, number: int) -> dict[str, str]:
        name = f"chaos-{self._account}-{number:03d}"
        self.practice.state.add_account(network=self._account, name=name)
        graph_url = self.practice.graph_url.replace(self.practice.url, self.proxy.url)
        return {"access_token": f"practice-{name}", "graph_url": graph_url}

    def texts(self) -> Iterable[str]:
        with self.practice.state.reading() as data:
            for post in data["posts"].values():
                mine = data["accounts"][post["account"]]["network"] == self._account
                if mine and post["published_at"]:
                    yield post["text"]

    def stop(self) -> None:
        self.proxy.stop()
        self.practice.stop()


def practice(seed: str) -> Practice:
    """A practice server in this process that keeps everything in memory."""
    return start(seed=seed)
