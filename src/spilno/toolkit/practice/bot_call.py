"""A request to the Bot API, read and refused as Telegram does it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from spilno.toolkit.practice.state import State

MOST_FILE = 50_000_000


class BotError(Exception):
    """A refusal as the Bot API gives it."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters

    @property
    def status(self) -> int:
        """The HTTP status, which repeats the code."""
        return int(self.body["error_code"])


def bad(description: str) -> BotError:
    """400."""
    return BotError(400, f"Bad Request: {description}")


def too_many(seconds: int) -> BotError:
    """429."""
    return BotError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


@dataclass(frozen=True)
class Call:
    """One request: the bot's token, its channels, the parameters and uploaded files."""

    token: str
    channels: list[dict[str, Any]]
    params: Mapping[str, Any]
    files: Mapping[str, UploadFile]
    state: State
    confirmed: dict[
        str, int
    ]  # by token: the first update that was not read yet; forgotten when the server stops

    def text(self, name: str) -> str:
        """A parameter as text, empty if missing."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int) -> int:
        """A parameter as a number."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise bad(f"{name} must be an integer") from None

    def json(self, name: str) -> Any:
        """A parameter that is JSON, given as such or as text; ``None`` if missing."""
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None


async def read(request: Request, state: State, confirmed: dict[str, int], opened: AsyncExitStack) -> Call:
    """What was asked, and of which bot."""
    token = request.path_params["token"]
    if not re.fullmatch(r"\d+:[\w-]+", token):
        raise BotError(404, "Not Found")
    with state.reading() as data:
        channels = [
            one for one in data["accounts"].values()
            if one["network"] == "telegram" and one["token"] == token and not one["revoked"]
        ]  # fmt: skip
    if not channels:
        raise BotError(401, "Unauthorized")
    params: dict[str, Any] = dict(request.query_params)
    files: dict[str, UploadFile] = {}
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        body = await request.body()
        try:
            given = json.loads(body) if body.strip() else {}
        except ValueError:
            raise bad("can't parse JSON object") from None
        params |= given if isinstance(given, dict) else {}
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await opened.enter_async_context(request.form())
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                params[name] = value
            elif (value.size or 0) > MOST_FILE:
                raise BotError(413, "Request Entity Too Large")
            else:  # a large one lies on the disk, and stays there
                files[name] = value
    return Call(token, channels, params, files, state, confirmed)
