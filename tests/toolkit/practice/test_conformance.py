"""The Graph connectors and the practice network against Meta's own description of its API.

Run by ``make conformance SPECS=folder``; the folder holds published API descriptions and is no part of the project,
so without it these tests are not collected (see ``conftest.py`` beside this file).

An unknown field or parameter, or a value of the wrong type, fails; fewer fields than the real thing are fine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import MediaFile, Outgoing, Prepared
from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.graph import split_fields
from spilno.toolkit.practice.graph_answer import post_of_comment
from spilno.toolkit.practice.graph_login import APP_ID, APP_SECRET
from tests.toolkit.networks.films import film

SPECS = Path(os.environ.get("SPILNO_SPECS", ""))
LATER = timedelta(days=2)
SENT = {"fields", "limit", "after", "source"}
"""What every edge takes; ``source`` is an uploaded file."""

EDGES = {
    "Page": {"stories": "Stories"},
    "PagePost": {"comments": "Comment", "insights": "InsightsResult"},
    "AdVideo": {"comments": "Comment", "video_insights": "InsightsResult"},
    "Comment": {"comments": "Comment"},
    "IGUser": {"media": "IGMedia", "stories": "IGMedia"},
    "IGMedia": {"comments": "IGComment", "insights": "InsightsResult"},
    "IGComment": {"replies": "IGComment"},
    "User": {"accounts": "Page"},
}
"""What the entries of an edge are."""
NOT_THERE = {"Stories"}
"""Objects that the folder has no description of; Meta's client knows their fields (``test_graph_sdk.py``)."""
UNLISTED = {
    # Edges that a node shows with `summary(…)` or in braces, and fields that Meta documents but leaves out of this
    # description.
    "PagePost": {"reactions", "comments"},
    "AdVideo": {"likes", "comments"},
    "IGComment": {"replies"},
    "Page": {"instagram_business_account"},
}
ANSWERS = {
    "id", "success", "post_id", "video_id", "upload_url", "uri", "upload_session_id", "start_offset", "end_offset",
}  # fmt: skip
"""Fields of answers to changes, which the description does not have; from the guides of the edges."""
TYPES: dict[str, Any] = {
    "string": str,
    "bool": bool,
    "int": int,
    "unsigned int": int,
    "float": float,
    "datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000"),
}


@cache
def described(name: str) -> dict[str, Any]:
    """One object of the description."""
    return dict(json.loads((SPECS / "facebook" / f"{name}.json").read_text("utf-8")))


def fields_of(name: str) -> dict[str, str]:
    found = {one["name"]: one["type"] for one in described(name)["fields"]}
    return found | dict.fromkeys(UNLISTED.get(name, ()), "Object")


def params_of(name: str, method: str, endpoint: str) -> set[str] | None:
    """Parameters of an edge (or of the node itself for ``""``); ``None`` if the description has no such edge."""
    for one in described(name)["apis"]:
        if one["method"] == method and one.get("endpoint", "").strip("/") == endpoint:
            return {param["name"] for param in one["params"]}
    return None


def check_node(name: str, node: dict[str, Any]) -> None:
    known = fields_of(name)
    for field, value in node.items():
        assert field in known, f"{name} has no field {field}"
        wanted = TYPES.get(known[field])
        if isinstance(wanted, re.Pattern):
            assert wanted.fullmatch(value), f"{name}.{field}: {value!r}"
        elif wanted is not None:
            assert type(value) is wanted, f"{name}.{field}: {value!r} is no {known[field]}"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; what object was asked, at which edge."""

    request: httpx.Request
    body: bytes
    answer: Any
    owner: str
    edge: str


class Recorder(httpx.BaseTransport):
    """Passes everything on and keeps both sides of it."""

    def __init__(self) -> None:
        self.real = httpx.HTTPTransport(verify=False)
        self.seen: list[tuple[httpx.Request, bytes, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        response = self.real.handle_request(request)
        content = response.read()
        response.close()
        self.seen.append((request, body, json.loads(content)))
        return httpx.Response(
            response.status_code, content=content, headers=response.headers, request=request
        )


class GraphRecorder(Recorder):
    """… and what was asked, which a node's number does not say once it is deleted."""

    def __init__(self, practice: Practice) -> None:
        super().__init__()
        self.practice = practice
        self.exchanges: list[Exchange] = []
        self.apart: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        where = self._where(request)
        response = super().handle_request(request)
        if response.status_code != 200:
            # Of an id Instagram's connector does not know whether it is a comment's: a post has no such field.
            asked = (request.method, request.url.params.get("fields"))
            assert asked == ("GET", "id,parent_id"), response.content
        elif where is None:
            self.apart.append(f"{request.method} {request.url.path}")
        else:
            self.exchanges.append(Exchange(*self.seen[-1], *where))
        return response

    def _where(self, request: httpx.Request) -> tuple[str, str] | None:
        """The object and the edge; ``None`` for what is no node: logging in, and the host for uploads."""
        path = request.url.path.partition("/graph/")[2]
        if path.startswith("rupload/") or path.endswith(("/oauth/access_token", "/debug_token")):
            return None
        node, _, edge = path.partition("/")[2].partition("/")
        data = self.practice.state.data
        if node == "me":
            return ("User" if edge == "accounts" else "Page"), edge
        for account in data["accounts"].values():
            gram = account["network"] == "instagram"
            if node == account["id"]:
                return ("IGUser" if gram else "Page"), edge
            if data["posts"].get(node, {}).get("account") == account["id"]:
                return ("IGMedia" if gram else "PagePost"), edge
            if post_of_comment(data, account, node) is not None:
                return ("IGComment" if gram else "Comment"), edge
        for kind, name in (
            ("videos", "AdVideo"),
            ("photos", "Photo"),
            ("containers", "ShadowIGMediaBuilder"),
        ):
            if node in data[kind]:
                return name, edge
        raise AssertionError(f"what is {node}?")


def posts_of(network: str, image: MediaFile, practice: Practice, folder: Path) -> list[Outgoing]:
    """A post for each placement and shape."""
    upright = film(folder / "upright.mp4", seconds=12)
    copy = practice.state.folder / "copy"
    copy.write_bytes(upright.path.read_bytes())
    there = replace(
        upright,
        url=f"{practice.url}/pictures/{practice.state.keep_file(copy, 'video/mp4', 1080, 1920)['id']}",
    )
    square = film(folder / "square.mp4", width=1080, height=1080, seconds=8, size=5_000_000)
    if network == "instagram":
        return [
            Outgoing("k1", "post", "Раз", (image,), "https://example.org"),
            Outgoing("k2", "carousel", "Два", (image, square)),
            Outgoing("k3", "reel", "Три", (there,)),
            Outgoing("k4", "reel", "Чотири", (upright,)),
            Outgoing("k5", "story", "", (image,)),
            Outgoing("k6", "story", "", (there,)),
        ]
    return [
        Outgoing("k1", "post", "Раз", (image,), "https://example.org"),
        Outgoing("k2", "post", "Два", link="https://example.org"),
        Outgoing("k3", "video", "Три", (square,)),
        Outgoing("k4", "reel", "Чотири", (upright,)),
        Outgoing("k5", "story", "", (image,)),
        Outgoing("k6", "story", "", (upright,)),
    ]


def logged_in(network: Any, client: httpx.Client, practice: Practice) -> Any:
    """The account, connected through the login, and with its tokens made anew."""
    app = {"client_id": APP_ID, "client_secret": APP_SECRET, "graph_url": practice.graph_url}
    back = "https://spilno.example/back/"
    asked = {"credentials": app, "redirect_uri": back, "state": "s"}
    url, kept = network.authorization(client=client, **asked)
    boxes = [("account", one) for one in practice.state.data["accounts"]]
    form = [*httpx.URL(url).params.multi_items(), *boxes, ("answer", "allow")]
    body: dict[str, Any] = {}
    for name, value in form:
        body.setdefault(name, []).append(value)
    location = httpx.URL(httpx.post(url, data=body).headers["location"])
    (account,) = network.finish(
        client=client, credentials=kept, code=location.params["code"], redirect_uri=back
    )
    fresh = network.refresh(client=client, credentials={**account.credentials, **app})
    return replace(account, credentials=fresh)


@pytest.fixture(scope="module", params=["instagram", "facebook_page"])
def spoken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphRecorder]:
    """A whole conversation: log in, publish everything, find, read, answer, delete."""
    ahead = timedelta()
    folder = tmp_path_factory.mktemp("media")
    Image.new("RGB", (1080, 1080)).save(folder / "a.jpg", "JPEG")
    network: Any = get(request.param)
    with (
        start(seed="conformance", clock=lambda: datetime.now(UTC) + ahead) as practice,
        httpx.Client(transport=(recorder := GraphRecorder(practice)), timeout=10) as client,
    ):
        practice.state.add_account(network="instagram", name="books", followers=9000)
        practice.state.add_account(network="facebook", name="books", followers=9000)
        kept = practice.state.add_picture((folder / "a.jpg").read_bytes())
        image = MediaFile(
            folder / "a.jpg", "image/jpeg", (folder / "a.jpg").stat().st_size, 1080, 1080, "Книги",
            f"{practice.url}/pictures/{kept['id']}",
        )  # fmt: skip
        account = logged_in(network, client, practice)
        typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
        assert network.connect(client=client, credentials=typed).external_id == account.external_id
        speak = {"client": client, "credentials": account.credentials}
        for post in posts_of(network.key, image, practice, folder):
            prepared = network.prepare(**speak, post=post, so_far=Prepared())
            published = network.commit(**speak, post=post, prepared=prepared)
            network.find(**speak, post=post, prepared=prepared, not_before=datetime.now(UTC))
            ahead = timedelta(hours=20) if post.placement == "story" else LATER
            assert network.post_readings(**speak, external_id=published.external_id)
            said = network.replies(**speak, external_id=published.external_id)
            assert bool(said) == (post.placement != "story")
            if said:
                answer = network.reply(**speak, in_reply_to=said[0].external_id, text="Так", key="k")
                network.reply(**speak, in_reply_to=answer.external_id, text="І ще", key="k")
                network.reply(**speak, in_reply_to=published.external_id, text="Дякуємо", key="k")
                assert network.replies(**speak, external_id=published.external_id)
            ahead = timedelta()
            if post.placement != "story" or network.key == "instagram":
                network.delete(**speak, external_id=published.external_id)
        network.account_readings(**speak)
        if network.key == "instagram":
            network.live_limits(**speak, placement="post")
            network.live_quotas(**speak)
        yield recorder


def test_what_the_connector_asks_is_described(spoken: GraphRecorder) -> None:
    for one in spoken.exchanges:
        known = params_of(one.owner, one.request.method, one.edge)
        what = f"{one.request.method} {one.owner}/{one.edge}"
        assert known is not None or (one.edge == "" and one.request.method == "GET"), what
        given = set(dict(one.request.url.params)) | set(_body(one.request, one.body))
        assert given - SENT <= (known or set()), f"{what}: {given - SENT}"
        if one.edge == "insights" and one.owner == "IGMedia":
            metrics = _enumerated("mediainsights_metric_enum_param")
            assert set(one.request.url.params["metric"].split(",")) <= metrics
        if one.edge == "insights" and "story" in one.request.url.params["metric"]:
            asked = one.request.url.params["metric"].upper().split(",")
            assert set(asked) <= _enumerated("storiesinsights_metric_enum_param")
        target = EDGES.get(one.owner, {}).get(one.edge) if one.edge else one.owner
        if target is None or target in NOT_THERE:
            continue
        for field in split_fields(one.request.url.params.get("fields", "")):
            assert field in fields_of(target), f"{target} has no field {field}"


def test_what_the_practice_network_answers_is_described(spoken: GraphRecorder) -> None:
    looked_at: set[str] = set()
    for one in spoken.exchanges:
        if one.request.method != "GET":
            assert set(one.answer) <= ANSWERS, one.answer
            continue
        target = EDGES.get(one.owner, {}).get(one.edge) if one.edge else one.owner
        if target is None or target in NOT_THERE:
            continue
        for row in one.answer["data"] if one.edge else [one.answer]:
            check_node(target, row)
            looked_at.add(target)
    gram = {"IGUser", "IGMedia", "IGComment", "ShadowIGMediaBuilder"}
    page = {"Page", "PagePost", "AdVideo", "Comment"}
    assert looked_at >= (gram if "IGUser" in looked_at else page) | {"InsightsResult"}


def test_every_way_of_publishing_was_spoken(spoken: GraphRecorder) -> None:
    changes = {f"{one.owner}/{one.edge}" for one in spoken.exchanges if one.request.method == "POST"}
    if any(one.startswith("IG") for one in changes):
        assert changes == {"IGUser/media", "IGUser/media_publish", "IGComment/replies", "IGMedia/comments"}
    else:
        assert changes == {
            "Page/photos", "Page/feed", "PagePost/", "Page/videos", "AdVideo/", "Page/video_reels",
            "Page/photo_stories", "Page/video_stories", "Comment/comments", "PagePost/comments",
            "AdVideo/comments",
        }  # fmt: skip
    assert {one.partition("/graph/")[2].partition("/")[0] for one in spoken.apart} == {"rupload", "v23.0"}


def _body(request: httpx.Request, body: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return dict(json.loads(body))
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    return {name.decode(): "" for name in re.findall(rb'(?<!file)name="([^"]+)"', body)}


def _enumerated(name: str) -> set[str]:
    enums = json.loads((SPECS / "facebook" / "enum_types.json").read_text("utf-8"))
    return set(next(one["values"] for one in enums if one["name"] == name))
