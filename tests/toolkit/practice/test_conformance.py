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
from spilno.toolkit.practice import start
from spilno.toolkit.practice.graph import split_fields

SPECS = Path(os.environ.get("SPILNO_SPECS", ""))
LATER = timedelta(days=2)

NODES = {"instagram": ("IGUser", "IGMedia"), "facebook_page": ("Page", "PagePost")}
"""The account's and the post's object in the description."""
EDGES = {"comments": {"IGMedia": "IGComment", "PagePost": "Comment"}, "insights": "InsightsResult"}
UNLISTED = {
    # Edges that a node shows with `summary(…)`, and fields that Meta documents but leaves out of this description.
    "PagePost": {"reactions", "comments"},
    "Page": {"instagram_business_account"},
}
TYPES: dict[str, Any] = {
    "string": str,
    "bool": bool,
    "int": int,
    "unsigned int": int,
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


@pytest.fixture(scope="module", params=["instagram", "facebook_page"])
def spoken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A whole conversation: connect, publish, find, read everything; as (network, account id, exchanges)."""
    ahead = timedelta()
    path = tmp_path_factory.mktemp("pictures") / "a.jpg"
    Image.new("RGB", (1080, 1080)).save(path, "JPEG")
    network: Any = get(request.param)
    recorder = Recorder()
    with (
        start(seed="conformance", clock=lambda: datetime.now(UTC) + ahead) as practice,
        httpx.Client(transport=recorder, timeout=10) as client,
    ):
        practice.state.add_account(network="instagram", name="books", followers=9000)
        practice.state.add_account(network="facebook", name="books", followers=9000)
        url = f"{practice.url}/pictures/{practice.state.add_picture(path.read_bytes())['id']}"
        image = MediaFile(path, "image/jpeg", path.stat().st_size, 1080, 1080, "Книги", url)
        typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
        account = network.connect(client=client, credentials=typed)
        with_account = {"client": client, "credentials": account.credentials}
        posts = [Outgoing("k1", "post", "Раз", (image,), "https://example.org")]
        posts.append(
            Outgoing("k2", "story", "", (image,))
            if network.key == "instagram"
            else Outgoing("k2", "post", "Два")
        )
        for post in posts:
            prepared = network.prepare(**with_account, post=post, so_far=Prepared())
            published = network.commit(**with_account, post=post, prepared=prepared)
            network.find(**with_account, post=post, prepared=prepared, not_before=datetime.now(UTC))
            ahead = timedelta(hours=20) if post.placement == "story" else LATER
            network.post_readings(**with_account, external_id=published.external_id)
            assert (
                network.replies(**with_account, external_id=published.external_id)
                or post.placement == "story"
            )
            ahead = timedelta()
        network.account_readings(**with_account)
        yield network.key, account.external_id, recorder.seen


def test_what_the_connector_asks_is_described(spoken: Any) -> None:
    network, account, seen = spoken
    user, post = NODES[network]
    for request, body, _ in seen:
        node, _, edge = request.url.path.partition("/graph/v23.0/")[2].partition("/")
        owner = user if node == account else post
        if node == "me":
            owner = "Page"
        elif node.startswith("178") and network == "instagram" and node != account:
            owner = "ShadowIGMediaBuilder"
        known = params_of(owner, request.method, edge)
        assert known is not None or (edge == "" and request.method == "GET"), (
            f"{request.method} {owner}/{edge}"
        )
        given = set(dict(request.url.params)) | set(_body(request, body))
        # Every edge takes the first two; `source` is the uploaded file.
        common = {"fields", "limit", "source"}
        assert given - common <= (known or set()), f"{request.method} {owner}/{edge}: {given - common}"
        if edge == "insights" and network == "instagram":
            metrics = _enumerated("mediainsights_metric_enum_param")
            assert set(request.url.params["metric"].split(",")) <= metrics
        for field in split_fields(request.url.params.get("fields", "")):
            target = {"media": post, "stories": post}.get(edge, owner if not edge else None)
            if edge == "comments":
                target = EDGES["comments"][post]  # type: ignore[index]
                if field == "replies":  # an edge of the comment
                    continue
            if target:
                assert field in fields_of(target), f"{target} has no field {field}"


def test_what_the_practice_network_answers_is_described(spoken: Any) -> None:
    network, account, seen = spoken
    user, post = NODES[network]
    looked_at = 0
    for request, _, answer in seen:
        node, _, edge = request.url.path.partition("/graph/v23.0/")[2].partition("/")
        if request.method != "GET":
            assert set(answer) <= {"id", "success", "post_id"}
            continue
        if edge in ("", "media", "stories"):
            kind = user if node == account else post
            kind = {"media": post, "stories": post}.get(edge, kind)
            if node == "me":
                kind = "Page"
            elif node.startswith("178") and node != account and network == "instagram":
                kind = "ShadowIGMediaBuilder"
            rows = answer["data"] if edge else [answer]
        elif edge in EDGES:
            kind = EDGES[edge] if edge == "insights" else EDGES[edge][post]  # type: ignore[assignment,index]
            rows = answer["data"]
        else:
            continue
        for row in rows:
            check_node(kind, row)
            looked_at += 1
    assert looked_at > 10


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
