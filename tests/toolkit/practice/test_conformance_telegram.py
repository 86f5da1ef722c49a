"""The Telegram connector and its practice network against a published description of the Bot API.

Collected only by ``make conformance SPECS=folder`` (see ``test_conformance.py``). Every request must name a described
method with described fields of the right type, all required ones among them; every answer must be of the type that the
method returns, down to the last field.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
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

from .test_conformance import Recorder

SPECS = Path(os.environ.get("SPILNO_SPECS", ""))
PLAIN: dict[str, type | tuple[type, ...]] = {
    "Integer": int, "String": str, "Boolean": bool, "True": bool, "Float": (int, float),
}  # fmt: skip

NEWER = {"ChatMemberAdministrator": {"can_send_welcome_messages": "Boolean"}}
"""Fields that came after this description (Bot API 10.1), and that newer clients insist on."""


@cache
def described() -> dict[str, Any]:
    return dict(json.loads((SPECS / "telegram" / "api.json").read_text("utf-8")))


def problems(value: Any, kinds: list[str], where: str) -> list[str]:
    """What is wrong with a value that must be of one of the kinds; empty if it is."""
    found: list[str] = []
    for kind in kinds:
        found = _of_one(value, kind, where)
        if not found:
            return []
    return found


def _of_one(value: Any, kind: str, where: str) -> list[str]:
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [each for n, one in enumerate(value) for each in problems(one, [kind[9:]], f"{where}[{n}]")]
    if kind in PLAIN:
        fits = isinstance(value, PLAIN[kind]) and (isinstance(value, bool) == (kind in ("Boolean", "True")))
        return [] if fits else [f"{where}: {value!r} is no {kind}"]
    if kind == "InputFile":
        return [] if value is FILE else [f"{where}: no file"]
    described_kind = described()["types"][kind]
    if subtypes := described_kind.get("subtypes"):
        return problems(value, subtypes, where)
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no {kind}"]
    fields = {one["name"]: one for one in described_kind.get("fields", [])}
    fields |= {name: {"required": True, "types": [one]} for name, one in NEWER.get(kind, {}).items()}
    found = [f"{where}: {kind} has no field {one}" for one in value if one not in fields]
    found += [
        f"{where}: {name} is missing" for name, one in fields.items() if one["required"] and name not in value
    ]
    for name, one in value.items():
        if name in fields:
            found += problems(one, fields[name]["types"], f"{where}.{name}")
    return found


FILE = object()
"""Stands for an uploaded file."""


def parameters(request: httpx.Request, body: bytes) -> dict[str, Any]:
    """What was asked, each value as JSON where the form carries text."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return dict(json.loads(body))
    if kind.startswith("multipart/form-data"):
        boundary = kind.partition("boundary=")[2].encode()
        found: dict[str, Any] = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]+)"', head)
            assert name
            found[name[1].decode()] = FILE if b"filename=" in head else content.removesuffix(b"\r\n").decode()
        return found
    return dict(parse_qsl(body.decode() or request.url.query.decode()))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("files")
    Image.new("RGB", (1080, 1080)).save(folder / "a.jpg", "JPEG")
    (folder / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100)
    image = MediaFile(folder / "a.jpg", "image/jpeg", 100, 1080, 1080)
    video = MediaFile(folder / "a.mp4", "video/mp4", 100, 640, 360)
    network: Any = get("telegram")
    recorder = Recorder()
    with start(seed="conformance") as practice, httpx.Client(transport=recorder, timeout=10) as client:
        practice.state.add_account(network="telegram", name="books", title="Книги")
        typed = {"bot_token": "8100:practice-books", "chat": "@books", "api_url": practice.bot_api_url}
        with_account = {
            "client": client, "credentials": network.connect(client=client, credentials=typed).credentials,
        }  # fmt: skip
        for media in ((), (image,), (video,), (image, video)):
            post = Outgoing("k", "post", "Ярмарок 📚", media, "https://example.org", sensitive=True)
            published = network.commit(**with_account, post=post, prepared=Prepared())
            network.post_readings(**with_account, external_id=published.external_id)
        said = network.reply(**with_account, in_reply_to=published.external_id, text="О шостій", key="k-2")
        network.delete(**with_account, external_id=published.external_id)
        network.delete(**with_account, external_id=said.external_id)
        network.account_readings(**with_account)
        client.get(f"{practice.bot_api_url}/bot8100:practice-books/getUpdates")
        yield recorder.seen


def test_everything_that_is_used_was_spoken(spoken: Any) -> None:
    assert {request.url.path.rpartition("/")[2] for request, _, _ in spoken} == {
        "getMe", "getChat", "getChatMember", "getChatMemberCount", "getUpdates", "sendMessage", "sendPhoto",
        "sendVideo", "sendMediaGroup", "deleteMessage", "deleteMessages",
    }  # fmt: skip


def test_requests_are_described(spoken: Any) -> None:
    for request, body, _ in spoken:
        method = request.url.path.rpartition("/")[2]
        fields = {one["name"]: one for one in described()["methods"][method].get("fields", [])}
        given = parameters(request, body)
        for name, value in given.items():
            if value is FILE and name not in fields:  # attached to an entry of the album
                assert f"attach://{name}" in given["media"]
                continue
            assert name in fields, f"{method} has no parameter {name}"
            kinds = fields[name]["types"]
            if isinstance(value, str) and "String" not in kinds:
                value = json.loads(value)
            assert not problems(value, kinds, f"{method}.{name}")
        required = {name for name, one in fields.items() if one["required"]}
        assert required <= set(given), f"{method}: {required - set(given)}"


def test_answers_are_described(spoken: Any) -> None:
    for request, _, answer in spoken:
        method = request.url.path.rpartition("/")[2]
        assert set(answer) == {"ok", "result"}
        kinds = described()["methods"][method]["returns"]
        kinds = ["ChatFullInfo"] if method == "getChat" else kinds
        assert not problems(answer["result"], kinds, method)


def test_the_check_itself_finds_what_is_wrong() -> None:
    user = {"id": 1, "is_bot": True, "first_name": "Bot"}
    assert problems(user, ["User"], "x") == []
    assert problems({**user, "id": "1"}, ["User"], "x") == ["x.id: '1' is no Integer"]
    assert problems({**user, "odd": 1}, ["User"], "x") == ["x: User has no field odd"]
    assert problems({"id": 1}, ["User"], "x") == ["x: is_bot is missing", "x: first_name is missing"]
    assert problems(True, ["Integer"], "x") == ["x: True is no Integer"]
