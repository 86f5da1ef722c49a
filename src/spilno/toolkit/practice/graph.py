"""The Graph protocol: who asks, for what, and how an error reads. Nodes and edges are in the files beside it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from spilno.toolkit.practice.state import State


class GraphError(Exception):
    """An error as Graph answers it.

    Codes: developers.facebook.com/docs/graph-api/guides/error-handling and, for publishing,
    …/docs/instagram-platform/instagram-graph-api/reference/error-codes.
    """

    def __init__(
        self,
        message: str,
        code: int,
        *,
        status: int = 400,
        subcode: int = 0,
        user: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.data = data
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
        if self.data:
            error["error_data"] = dict(self.data)
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


def not_allowed(permission: str) -> GraphError:
    """The app was not given this permission, or the person took it back."""
    return GraphError(f"(#200) Requires {permission} permission to manage the object", 200, status=403)


@dataclass(frozen=True)
class Call:
    """One request: method, path below the version, who asks, parameters of address and body together.

    ``files`` lie on the disk until the request is answered.
    """

    method: str
    parts: tuple[str, ...]
    account: dict[str, Any]
    params: Mapping[str, Any]
    files: Mapping[str, Path]
    base: str
    state: State
    version: str = "v23.0"
    token: str = field(default="", repr=False)

    def need(self, permission: str) -> None:
        """Refuse unless the app has the permission.

        :raises GraphError: code 200.
        """
        if permission in self.account.get("lacks", ()):
            raise not_allowed(permission)

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

    @staticmethod
    def inner(value: Any) -> Any:
        """An entry of such a list, which may be JSON in a text once more."""
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

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


def insights(
    call: Call, values: Mapping[str, int | None], *, asked: str = "", edge: str = "insights"
) -> dict[str, Any]:
    """An ``/insights`` answer with the asked metrics; one whose value is ``None`` is left out.

    :param asked: names, with commas, in place of those in the request.
    :raises GraphError: for an unknown metric, or if none was asked for.
    """
    period, given = "lifetime", asked or call.text("metric")
    wanted = call.json("metric", []) if given.startswith("[") else given.split(",")
    asked_for = [str(name) for name in wanted if name]
    if not asked_for:
        raise GraphError(
            "(#100) No metric was specified to be fetched. Please specify one or more metrics to be fetched "
            "and try again.",
            100,
        )
    for name in asked_for:
        if name not in values:
            raise GraphError(f"(#100) The value must be a valid insights metric: {name}", 100)
    data = [
        {
            "name": name,
            "period": period,
            "values": [{"value": values[name]}],
            "title": name.replace("_", " ").capitalize(),
            "id": f"{call.parts[0]}/{edge}/{name}/{period}",
        }
        for name in asked_for
        if values[name] is not None
    ]
    return {"data": data}


def page_of(data: list[dict[str, Any]], call: Call, default: int = 25) -> dict[str, Any]:
    """A list answer, cut to ``limit``, with a cursor to what follows."""
    limit = max(1, min(call.number("limit", default), 100))
    start = call.number("after", 0)
    shown = data[start : start + limit]
    answer: dict[str, Any] = {"data": shown}
    if shown:
        answer["paging"] = {"cursors": {"before": str(start), "after": str(start + len(shown))}}
        if start + len(shown) < len(data):
            path = "/".join(call.parts)
            answer["paging"]["next"] = f"{call.base}/graph/{call.version}/{path}?after={start + len(shown)}"
    return answer
