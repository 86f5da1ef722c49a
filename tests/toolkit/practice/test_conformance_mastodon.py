"""The Mastodon connector, and the stand-in it is tested on, against the OpenAPI made from Mastodon's documentation.

Collected only by ``make conformance SPECS=folder`` (see ``conftest.py`` beside this file). Every request must be
described, with described fields of the right type; every answer may have fewer fields than the real thing, but no
unknown one and none of a wrong type. Where the stand-in (mastodon-mock, not Mastodon) differs, :data:`STAND_IN` says
how.
"""

from __future__ import annotations

import json
import os
import re
import uuid
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

from .test_conformance import Recorder

pytestmark = pytest.mark.servers

SPECS = Path(os.environ.get("SPILNO_SPECS", ""))
FILE = object()
"""Stands for an uploaded file."""

STAND_IN = {
    "Status.quote_approval_policy: not described",
    "MediaAttachment.text_url: not described",
    "Account.attribution_domains: not described",
    "CredentialAccount.attribution_domains: not described",
}
"""What mastodon-mock answers unlike Mastodon's documentation. No more and no fewer."""

EITHER = {"/api/v1/apps.redirect_uris: str is no array"}
"""The documentation takes text or a list (since 4.3); text is what older servers understand as well."""


@cache
def described() -> dict[str, Any]:
    return dict(json.loads((SPECS / "mastodon" / "openapi-schema.json").read_text("utf-8")))


def resolved(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The schema behind a reference, and its name."""
    name = ""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = described()["components"]["schemas"][name]
    return schema, name


KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    """All described properties, those of combined schemas too."""
    schema, _ = resolved(schema)
    found = dict(schema.get("properties", {}))
    for one in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= fields(one)
    return found


def problems(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """What is wrong with a value; empty if it is as described (or less)."""
    schema, name = resolved(schema)
    where = name or where
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices and not schema.get("properties"):
        found = [problems(value, one, where) for one in choices]
        return [] if [] in found else min(found, key=len)
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds] if kinds else []
    if kinds and not any(_is(value, one) for one in kinds):
        return [f"{where}: {type(value).__name__} is no {'/'.join(kinds)}"]
    if value is not None and schema.get("enum") and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of its values"]
    if value is not None and schema.get("format") == "date-time" and not _is_time(value):
        return [f"{where}: {value!r} is no time"]
    if isinstance(value, list) and "items" in schema:
        return [each for one in value for each in problems(one, schema["items"], where)]
    known = fields(schema)
    if not isinstance(value, dict) or not known:
        return []
    wrong = [] if schema.get("additionalProperties") else [
        f"{where}.{one}: not described" for one in value if one not in known
    ]  # fmt: skip
    for key, one in value.items():
        if key in known:
            wrong += problems(one, known[key], f"{where}.{key}")
    return wrong


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _is_time(value: str) -> bool:
    try:
        return bool(datetime.fromisoformat(value.replace("Z", "+00:00")))
    except ValueError:
        return False


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The described path and operation of a request."""
    if method.lower() in described()["paths"].get(path, {}):
        return path, described()["paths"][path][method.lower()]
    for template, operations in described()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            return template, operations[method.lower()]
    raise AssertionError(f"{method} {path} is not described")


def body_of(request: httpx.Request, content: bytes) -> tuple[str, dict[str, Any]]:
    """Media type and fields of a request's body."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        return kind, json.loads(content)
    if kind == "multipart/form-data":
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        found: dict[str, Any] = {}
        for part in content.split(b"--" + boundary)[1:-1]:
            head, _, rest = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]+)"', head)
            assert name
            found[name[1].decode()] = FILE if b"filename=" in head else rest.removesuffix(b"\r\n").decode()
        return kind, found
    return kind, dict(parse_qsl(content.decode()))


@pytest.fixture(scope="module")
def spoken(mastodon: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A whole conversation with everything the connector asks."""
    folder = tmp_path_factory.mktemp("files")
    Image.new("RGB", (1080, 1080)).save(folder / "a.jpg", "JPEG")
    (folder / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100)
    image = MediaFile(folder / "a.jpg", "image/jpeg", 100, 1080, 1080, alt="Книги")
    video = MediaFile(folder / "a.mp4", "video/mp4", 100, 640, 360)
    network: Any = get("mastodon")
    recorder, fan = Recorder(), mastodon.client(mastodon.fan)
    with httpx.Client(transport=recorder, timeout=20) as client:
        typed = {"instance": mastodon.url, "access_token": mastodon.brand.access_token}
        account = network.connect(client=client, credentials=typed)
        speak = {"client": client, "credentials": account.credentials}
        network.authorization(
            client=client,
            credentials={"instance": mastodon.url},
            redirect_uri="http://127.0.0.1/back",
            state="s",
        )
        network.live_limits(**speak, placement="post")
        for media, more in (((), {}), ((image,) * 2, {"language": "uk"}), ((video,), {"sensitive": True})):
            text = f"Ярмарок @fan {uuid.uuid4().hex}"
            post = Outgoing(str(uuid.uuid4()), "post", text, media, "https://example.org", **more)
            prepared = network.prepare(**speak, post=post, so_far=Prepared())
            published = network.commit(**speak, post=post, prepared=prepared)
            earlier = datetime.now(UTC) - timedelta(minutes=1)
            network.find(**speak, post=post, prepared=prepared, not_before=earlier)
            asked = fan.status_post("@brand О котрій?", in_reply_to_id=published.external_id)
            fan.status_favourite(published.external_id)
            network.reply(**speak, in_reply_to=str(asked.id), text="О шостій", key=str(uuid.uuid4()))
            network.post_readings(**speak, external_id=published.external_id)
            assert network.replies(**speak, external_id=published.external_id)
        network.account_readings(**speak)
        network.delete(**speak, external_id=published.external_id)
        yield recorder.seen


def test_everything_that_is_used_was_spoken(spoken: Any) -> None:
    assert {f"{one.method} {operation(one.method, one.url.path)[0]}" for one, _, _ in spoken} == {
        "GET /api/v1/accounts/verify_credentials", "POST /api/v1/apps", "GET /api/v2/instance", "POST /api/v2/media",
        "POST /api/v1/statuses", "GET /api/v1/statuses/{id}", "DELETE /api/v1/statuses/{id}",
        "GET /api/v1/statuses/{id}/context", "GET /api/v1/statuses/{id}/source", "GET /api/v1/accounts/{id}",
        "GET /api/v1/accounts/{id}/statuses",
    }  # fmt: skip


def test_requests_are_described(spoken: Any) -> None:
    for request, content, _ in spoken:
        path, described_one = operation(request.method, request.url.path)
        known = {one["name"]: one for one in described_one.get("parameters", [])}
        headers = {name.lower() for name, one in known.items() if one["in"] == "header"}
        assert "idempotency-key" not in request.headers or "idempotency-key" in headers
        for name in request.url.params:
            assert known.get(name, {}).get("in") == "query", f"{path} has no parameter {name}"
        kind, given = body_of(request, content)
        if not given:
            continue
        forms = described_one["requestBody"]["content"]
        # Mastodon's servers read the same fields from a form and from JSON; the description names one of them.
        schema = (forms.get(kind) or next(iter(forms.values())))["schema"]
        plain = {name: value for name, value in given.items() if value is not FILE}
        assert set(given) <= set(fields(schema)), f"{path}: {set(given) - set(fields(schema))}"
        assert set(problems(plain, schema, path)) <= EITHER


def test_answers_are_described(spoken: Any) -> None:
    found: set[str] = set()
    for request, _, answer in spoken:
        path, described_one = operation(request.method, request.url.path)
        schema = described_one["responses"]["200"]["content"]["application/json"]["schema"]
        found |= set(problems(answer, schema, path))
    assert found == STAND_IN


def test_the_check_itself_finds_what_is_wrong() -> None:
    error = {"$ref": "#/components/schemas/Error"}
    assert problems({"error": "no"}, error) == []
    assert problems({"error": 5, "odd": 1}, error) == [
        "Error.odd: not described",
        "Error.error: int is no string",
    ]
    media = {"$ref": "#/components/schemas/MediaAttachment"}
    assert problems({"id": "1", "type": "film"}, media) != []
    with pytest.raises(AssertionError):
        operation("GET", "/api/v1/nothing/at/all")
