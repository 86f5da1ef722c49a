"""Answering a Graph request: what it brings, whose token it is, how much of the limits it uses."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spilno.toolkit.practice.graph import Call, GraphError, missing
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.uploads import spool_part

MOST_JSON = 2 * 1024 * 1024
AN_HOUR = 3600
CALLS_AN_HOUR = 1_000_000
"""Calls that an account may make unless the setting ``calls_an_hour`` says fewer."""

Handler = Callable[[Call], dict[str, Any]]
Open = Callable[[str, Mapping[str, Any], State], "dict[str, Any] | None"]


async def answered(
    request: Request, state: State, handlers: Mapping[str, Handler], without_account: Open
) -> Response:
    """Answer one Graph request: find the account behind the token, then let its network's handler act.

    :param without_account: answers what an app asks for itself (tokens), given the path; ``None`` for all else.
    """
    with ExitStack() as spooled:
        usage: dict[str, str] = {}
        try:
            params, files, token = await _read(request, state, spooled)
            path = request.path_params["path"].strip("/")
            if (answer := without_account(path, {**params, "access_token": token}, state)) is not None:
                return JSONResponse(answer)
            call = _call(request, state, params, files, token)
            usage = _used(call)
            # In a thread: a handler may fetch a picture, also from a server that waits for this very answer.
            answer = await run_in_threadpool(handlers[call.account["network"]], call)
            return JSONResponse(answer, headers=usage)
        except GraphError as error:
            response = error.response()
            response.headers.update(usage)
            return response


async def _read(
    request: Request, state: State, spooled: ExitStack
) -> tuple[dict[str, Any], dict[str, Path], str]:
    """Parameters, files and the token of a request."""
    params: dict[str, Any] = dict(request.query_params)
    files: dict[str, Path] = {}
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        if int(request.headers.get("content-length", 0)) > MOST_JSON:
            raise GraphError("Request body is too large", 100, status=413)
        body = await request.body()
        try:
            given = json.loads(body) if body.strip() else {}
        except ValueError:
            raise GraphError("Invalid JSON in the request's body", 100) from None
        if isinstance(given, dict):
            params |= given
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_part_size=MOST_JSON) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    path = state.folder / f"part-{uuid.uuid4().hex}"
                    spooled.callback(path.unlink, missing_ok=True)
                    await spool_part(value, path)
                    files[name] = path
                else:
                    params[name] = value
    token = str(params.pop("access_token", ""))
    header = request.headers.get("authorization", "")
    if match := re.match(r"(?i)(?:bearer|oauth)\s+(.+)", header):
        token = match.group(1)
    return params, files, token


def _call(request: Request, state: State, params: dict[str, Any], files: dict[str, Path], token: str) -> Call:
    parts = tuple(part for part in request.path_params["path"].split("/") if part)
    if not parts:
        raise GraphError("Unsupported get request.", 100)
    account = account_of(state, token, parts[0])
    base = f"{request.url.scheme}://{request.url.netloc}"
    version = request.path_params["version"]
    return Call(request.method, parts, account, params, files, base, state, version, token)


def account_of(state: State, token: str, node: str) -> dict[str, Any]:
    """The account that a token opens and that has this node.

    :raises GraphError: for a token that opens nothing (any more), and for nodes of others.
    """
    if not token:
        raise GraphError("An access token is required to request this resource.", 104, status=400)
    login = login_of(state, token)
    accounts = state.accounts_of_token(token) if login is None else accounts_of_login(state, login)
    if not accounts:
        raise GraphError(
            "Error validating access token: The session has been invalidated.", 190, status=401, subcode=460
        )
    if login is not None and node in ("me", login["user"]):
        return {"id": login["user"], "network": "user", "login": login}
    # The same token may open a page and the Instagram account that is connected with it.
    for account in accounts:
        if node in (account["id"], f"1{account['id']}") or _owns(state, account, node):
            if account.get("gone"):
                raise missing(node)
            return account
    if node == "me":
        account = sorted(accounts, key=lambda one: one["network"])[0]
        if account.get("gone"):
            raise missing(node)
        return account
    raise missing(node)


def login_of(state: State, token: str) -> dict[str, Any] | None:
    """The login behind a person's token; ``None`` for a page's token.

    :raises GraphError: if it has ended.
    """
    with state.reading() as data:
        login: dict[str, Any] | None = data["logins"].get(token)
    if login is None:
        return None
    if datetime.fromisoformat(login["until"]) <= state.clock():
        raise GraphError("Error validating access token: Session has expired.", 190, status=401, subcode=463)
    return login


def accounts_of_login(state: State, login: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Accounts that the person allowed the app."""
    with state.reading() as data:
        found = [data["accounts"].get(one) for one in login["accounts"]]
    return [one for one in found if one is not None and not one["revoked"]]


def _owns(state: State, account: dict[str, Any], node: str) -> bool:
    with state.reading() as data:
        mine = any(
            data[kind].get(node, {}).get("account") == account["id"]
            for kind in ("posts", "containers", "photos", "videos")
        )
        return mine or post_of_comment(data, account, node) is not None


def post_of_comment(data: Mapping[str, Any], account: Mapping[str, Any], node: str) -> dict[str, Any] | None:
    """The account's post under which a comment stands: kept ones say it, made up ones have it in their number."""
    kept = data["comments"].get(node)
    numbers = (kept["post"],) if kept else (f"{account['id']}_{node.partition('_')[0]}", node[:-4])
    for number in numbers:
        post: dict[str, Any] | None = data["posts"].get(number)
        if post is not None and post["account"] == account["id"] and node != number:
            return post
    return None


_calls: WeakKeyDictionary[State, dict[str, deque[float]]] = WeakKeyDictionary()


def forget_calls(state: State) -> None:
    """Begin the hour anew."""
    _calls.pop(state, None)


def _used(call: Call) -> dict[str, str]:
    """Count the call; the headers that say how much of the limits is used, in hundredths.

    :raises GraphError: code 32 beyond the limit.
    """
    most = int(call.state.data.get("calls_an_hour", CALLS_AN_HOUR))
    now = time.monotonic()
    counted = _calls.setdefault(call.state, {}).setdefault(call.account["id"], deque())
    while counted and counted[0] <= now - AN_HOUR:
        counted.popleft()
    over = len(counted) >= most
    if not over and most < CALLS_AN_HOUR:
        counted.append(now)
    percent = 100 if over else 100 * len(counted) // most
    usage = {"call_count": percent, "total_time": percent // 2, "total_cputime": percent // 2}
    minutes = int(max(1, (AN_HOUR - (now - counted[0])) // 60)) if over and counted else 0
    entry = {"type": call.account["network"], **usage, "estimated_time_to_regain_access": minutes}
    headers = {
        "X-App-Usage": json.dumps(usage),
        "X-Page-Usage": json.dumps(usage),
        "X-Business-Use-Case-Usage": json.dumps({call.account["id"]: [entry]}),
    }
    if over:
        raise LimitReached(headers)
    return headers


class LimitReached(GraphError):
    """Too many calls; the headers tell when it is over."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("(#32) Page request limit reached", 32)
        self.headers = dict(headers)

    def response(self) -> JSONResponse:
        """The answer, with the headers."""
        answer = super().response()
        answer.headers.update(self.headers)
        return answer
