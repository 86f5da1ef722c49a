"""Requests and answers held against an API's own description: Google's discovery documents.

They come in the wheel of ``google-api-python-client`` (an independent client), so nothing has to be fetched. An
unknown path, parameter or field fails, and so does a value of the wrong type; fewer fields than the real thing are
fine.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache
import httpx

WHOLE = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@cache
def document(name: str) -> dict[str, Any]:
    """A discovery document of the wheel, e.g. ``"youtube.v3"``."""
    folder = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    return dict(json.loads((folder / f"{name}.json").read_text("utf-8")))


@dataclass(frozen=True)
class Method:
    """One described method of an API."""

    api: dict[str, Any]
    described: dict[str, Any]
    upload: bool  # asked at an address for uploads

    @property
    def id(self) -> str:
        return str(self.described["id"])

    def of_request(self, query: httpx.QueryParams, body: bytes) -> list[str]:
        """What is wrong with a request; empty if nothing is."""
        known = self.api["parameters"] | self.described.get("parameters", {})
        found = [f"{self.id}: no parameter {name}" for name in query if name not in known]
        for name, one in self.described.get("parameters", {}).items():
            if one.get("required") and name not in query:
                found.append(f"{self.id}: parameter {name} is missing")
        for name, value in query.multi_items():
            if name in known:
                found += _parameter(known[name], value, f"{self.id}?{name}")
        if "request" in self.described:
            content = json.loads(body) if body.strip() else {}
            found += self.of_value(content, self.described["request"], self.id)
        elif body and not self.upload:
            found.append(f"{self.id}: takes no body")
        return found

    def of_answer(self, status: int, body: bytes) -> list[str]:
        """What is wrong with an answer; empty if nothing is."""
        if status >= 400:
            return _error(json.loads(body), status, self.id)
        if "response" not in self.described or status == 204:
            return [f"{self.id}: answers nothing"] if body else []
        return self.of_value(json.loads(body), self.described["response"], self.id)

    def of_value(self, value: Any, schema: dict[str, Any], where: str) -> list[str]:
        """What is wrong with a value of a schema."""
        if "$ref" in schema:
            schema = self.api["schemas"][schema["$ref"]]
        match schema.get("type"):
            case "object":
                if not isinstance(value, dict):
                    return [f"{where}: {value!r} is no object"]
                fields, more = schema.get("properties", {}), schema.get("additionalProperties")
                found = []
                for name, one in value.items():
                    if name in fields or more:
                        found += self.of_value(one, fields.get(name, more), f"{where}.{name}")
                    else:
                        found.append(f"{where}: has no field {name}")
                return found
            case "array":
                if not isinstance(value, list):
                    return [f"{where}: {value!r} is no list"]
                return [
                    each
                    for number, one in enumerate(value)
                    for each in self.of_value(one, schema["items"], f"{where}[{number}]")
                ]
            case "any":
                return []
        return _scalar(schema, value, where)


def _parameter(schema: dict[str, Any], text: str, where: str) -> list[str]:
    value: Any = text
    if schema["type"] == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    elif schema["type"] in ("integer", "number") and re.fullmatch(r"-?\d+", text):
        value = int(text)
        if not int(schema.get("minimum", value)) <= value <= int(schema.get("maximum", value)):
            return [f"{where}: {value} is out of range"]
    return _scalar(schema, value, where)


def _scalar(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    kind, form = schema["type"], schema.get("format", "")
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
    }[kind]
    if fits and form in WHOLE:
        low, high = WHOLE[form]
        fits = bool(re.fullmatch(r"-?\d+", str(value))) and low <= int(value) <= high
    if fits and form == "date-time":
        fits = bool(MOMENT.fullmatch(value))
    if fits and "enum" in schema:
        fits = value in schema["enum"]
    return [] if fits else [f"{where}: {value!r} is no {form or kind}"]


def _error(body: Any, status: int, where: str) -> list[str]:
    """Errors are in no discovery document; developers.google.com/youtube/v3/docs/core_errors shows their form."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return [f"{where}: an error without `error`"]
    found = [] if error.get("code") == status else [f"{where}: code {error.get('code')} is not {status}"]
    found += [
        f"{where}: error has no field {one}" for one in set(error) - {"code", "message", "errors", "status"}
    ]
    if not isinstance(error.get("message"), str):
        found.append(f"{where}: error without a message")
    for one in error.get("errors", []):
        if not {"message", "domain", "reason"} <= set(one):
            found.append(f"{where}: an entry of errors lacks message, domain or reason")
        found += [
            f"{where}: errors has no field {key}"
            for key in set(one) - {"message", "domain", "reason", "location", "locationType"}
        ]
    return found


def find(names: tuple[str, ...], verb: str, path: str) -> Method | None:
    """The described method at a path below the API's root; ``None`` if no document has one."""
    for name in names:
        api = document(name)
        for described in _methods(api):
            uploads = [
                one["path"].lstrip("/")
                for one in described.get("mediaUpload", {}).get("protocols", {}).values()
            ]
            asked = path.lstrip("/")
            if described["httpMethod"] == verb and asked == described.get("flatPath", described["path"]):
                return Method(api, described, upload=False)
            # The pieces of an upload are PUT to the address that its POST answered.
            if asked in uploads and verb in (described["httpMethod"], "PUT"):
                return Method(api, described, upload=True)
    return None


def _methods(resource: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(resource.get("methods", {}).values())
    for one in resource.get("resources", {}).values():
        found += _methods(one)
    return found


@dataclass
class Held(httpx.BaseTransport):
    """Passes requests on and holds them and their answers against the descriptions."""

    names: tuple[str, ...]
    root: str  # path below which the API is
    elsewhere: tuple[str, ...] = ()  # paths that no description covers (tokens)
    problems: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    inner: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path.removeprefix(self.root)
        if path in self.elsewhere:
            return self.inner.handle_request(request)
        method = find(self.names, request.method, path)
        if method is None:
            self.problems.append(f"{request.method} {path} is not described")
            return self.inner.handle_request(request)
        self.methods.append(method.id)
        piece = method.upload and request.method == "PUT"
        query = httpx.QueryParams([p for p in request.url.params.multi_items() if p[0] != "upload_id"])
        if not piece:
            simple = method.upload and query.get("uploadType") == "media"
            self.problems += method.of_request(query, b"" if simple else request.read())
        response = self.inner.handle_request(request)
        response.read()
        begun = method.upload and query.get("uploadType") == "resumable" and not piece
        if response.status_code != 308 and not (begun and response.status_code == 200):
            self.problems += method.of_answer(response.status_code, response.content)
        return response

    def close(self) -> None:
        self.inner.close()
