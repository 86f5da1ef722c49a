"""The Graph protocol: who asks, for what, and how an error reads. Nodes and edges are in the two files beside it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spilno.toolkit.practice.state import State

MOST_UPLOAD = 10 * 1024 * 1024


class GraphError(Exception):
    """An error as Graph answers it.

    Codes: developers.facebook.com/docs/graph-api/guides/error-handling and, for publishing,
    …/docs/instagram-platform/instagram-graph-api/reference/error-codes.
    """

    def __init__(
        self, message: str, code: int, *, status: int = 400, subcode: int = 0, user: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.subcode = subcode
        self.user = user

    def response(self) -> JSONResponse:
        """The answer."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": uuid.uuid4().hex[:24],
        }
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.user:
            error |= {"error_user_msg": self.user, "is_transient": False}
        headers = (
            {"WWW-Authenticate": 'OAuth "Facebook Platform" "invalid_token"'} if self.code == 190 else None
        )
        return JSONResponse({"error": error}, self.status, headers)


def missing(what: str) -> GraphError:
    """There is no such object, or this token may not see it: Graph does not tell which."""
    return GraphError(
        f"Unsupported request. Object with ID '{what}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation",
        100,
        subcode=33,
    )


@dataclass(frozen=True)
class Call:
    """One request: method, path below the version, who asks, parameters of address and body together."""

    method: str
    parts: tuple[str, ...]
    account: dict[str, Any]
    params: Mapping[str, Any]
    files: Mapping[str, bytes]
    base: str
    state: State

    def text(self, name: str) -> str:
        """A parameter as text, empty if missing."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str, default: bool) -> bool:
        """A parameter as a truth value; Graph takes true, "true" and 1."""
        value = self.params.get(name)
        return default if value is None else str(value).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        """A parameter as a number."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise GraphError(f"Param {name} must be an integer", 100) from None

    def json(self, name: str, default: Any) -> Any:
        """A parameter that is JSON, given as such or as text."""
        value = self.params.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise GraphError(f"Param {name} must be valid JSON", 100) from None

    def fields(self) -> dict[str, str]:
        """Names in ``fields``, each with what stands in its braces: ``a,b{c,d},e.limit(0)`` → a, b → "c,d", e."""
        return split_fields(self.text("fields"))


def split_fields(text: str) -> dict[str, str]:
    """See :meth:`Call.fields`."""
    found: dict[str, str] = {}
    depth, item = 0, ""
    for letter in text + ",":
        if letter == "," and depth == 0:
            if item.strip():
                name, _, rest = item.strip().partition("{")
                name, _, modifiers = name.partition(".")
                found[name] = rest.removesuffix("}") or modifiers
            item = ""
            continue
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(letter, 0)
        item += letter
    return found


def chosen(call: Call, node: Mapping[str, Any], default: tuple[str, ...] = ()) -> dict[str, Any]:
    """The asked fields of a node; ``id`` always. Values that are ``None`` are left out, as Graph leaves them out.

    :raises GraphError: for a field that the node does not have.
    """
    asked = call.fields() or dict.fromkeys(default, "")
    for name in asked:
        if name not in node:
            raise GraphError(f"(#100) Tried accessing nonexisting field ({name})", 100)
    return {name: node[name] for name in node if (name in asked or name == "id") and node[name] is not None}


def when(text: str) -> str:
    """A time as Graph writes it: ``2026-06-01T09:30:00+0000``."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def insights(call: Call, values: Mapping[str, int | None], period: str = "lifetime") -> dict[str, Any]:
    """An ``/insights`` answer with the asked metrics; one whose value is ``None`` is left out.

    :raises GraphError: for an unknown metric, or if none was asked for.
    """
    asked = [name for name in call.text("metric").split(",") if name]
    if not asked:
        raise GraphError(
            "(#100) No metric was specified to be fetched. Please specify one or more metrics to be fetched "
            "and try again.",
            100,
        )
    for name in asked:
        if name not in values:
            raise GraphError(f"(#100) The value must be a valid insights metric: {name}", 100)
    data = [
        {
            "name": name,
            "period": period,
            "values": [{"value": values[name]}],
            "title": name.replace("_", " ").capitalize(),
            "id": f"{call.parts[0]}/insights/{name}/{period}",
        }
        for name in asked
        if values[name] is not None
    ]
    return {"data": data}


def page_of(data: list[dict[str, Any]], call: Call, default: int = 25) -> dict[str, Any]:
    """A list answer, cut to ``limit``."""
    return {"data": data[: call.number("limit", default)]}


Handler = Callable[[Call], dict[str, Any]]


async def answered(request: Request, state: State, handlers: Mapping[str, Handler]) -> Response:
    """Answer one Graph request: find the account behind the token, then let its network's handler act."""
    try:
        call = await _read(request, state)
        # In a thread: a handler may fetch a picture, also from a server that waits for this very answer.
        return JSONResponse(await run_in_threadpool(handlers[call.account["network"]], call))
    except GraphError as error:
        return error.response()


async def _read(request: Request, state: State) -> Call:
    params: dict[str, Any] = dict(request.query_params)
    files: dict[str, bytes] = {}
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        body = await request.body()
        try:
            given = json.loads(body) if body.strip() else {}
        except ValueError:
            raise GraphError("Invalid JSON in the request's body", 100) from None
        if isinstance(given, dict):
            params |= given
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_part_size=MOST_UPLOAD) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                else:
                    params[name] = value
    token = str(params.pop("access_token", ""))
    header = request.headers.get("authorization", "")
    if match := re.match(r"(?i)(?:bearer|oauth)\s+(.+)", header):
        token = match.group(1)
    parts = tuple(part for part in request.path_params["path"].split("/") if part)
    if not parts:
        raise GraphError("Unsupported get request.", 100)
    account = _account(state, token, parts)
    base = f"{request.url.scheme}://{request.url.netloc}"
    return Call(request.method, parts, account, params, files, base, state)


def _account(state: State, token: str, parts: tuple[str, ...]) -> dict[str, Any]:
    if not token:
        raise GraphError("An access token is required to request this resource.", 104, status=400)
    accounts = state.accounts_of_token(token)
    if not accounts:
        raise GraphError(
            "Error validating access token: The session has been invalidated.", 190, status=401, subcode=460
        )
    # The same token may open a page and the Instagram account that is connected with it.
    for account in accounts:
        if parts[0] in (account["id"], f"1{account['id']}") or _owns(state, account, parts[0]):
            return account
    if parts[0] == "me":
        return sorted(accounts, key=lambda one: one["network"])[0]
    raise missing(parts[0])


def _owns(state: State, account: dict[str, Any], node: str) -> bool:
    with state.reading() as data:
        return any(
            data[kind].get(node, {}).get("account") == account["id"]
            for kind in ("posts", "containers", "photos")
        )
