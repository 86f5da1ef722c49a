"""Faults by script: what a network does when it does not do what it should.

A fault waits for the next request that matches and then happens, before the request was acted upon or after: the
difference that a client cannot see and must never guess.
"""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import threading
from asyncio import BaseTransport, Transport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

KINDS = (
    "timeout_before",  # never answers, did nothing
    "timeout_after",  # never answers, did it
    "reset_before",
    "reset_after",
    "error_500_before",
    "error_500_after",
    "error_400_after",  # refuses with an unknown code, and did it
    "html_after",  # a proxy's page instead of JSON, and did it
    "rate_limited",
    "reset_during",  # breaks off in the middle of the request's body; what came before it has arrived
)

_connections: dict[tuple[str, int], BaseTransport] = {}
"""Open connections by the client's address: only the transport can break one off without an answer."""


class AbortableProtocol(H11Protocol):
    """uvicorn's protocol, remembering its transport so that a fault can reset the connection."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Remember the transport."""
        super().connection_made(transport)
        if self.client:
            _connections[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self.client:
            _connections.pop(self.client, None)
        super().connection_lost(exc)


@dataclass
class Fault:
    """``match`` is a regular expression searched in ``"METHOD /path"``."""

    kind: str
    match: str = ""
    times: int = 1
    seconds: int = 60  # for "rate_limited": Retry-After
    bytes: int = 0  # for "reset_during": how many of the body arrive; shorter bodies do not meet it

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}: one of {', '.join(KINDS)}")
        re.compile(self.match)


@dataclass
class Faults:
    """The script: faults that still wait, and what has happened."""

    waiting: list[Fault] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, match: str = "", *, times: int = 1, seconds: int = 60, bytes: int = 0) -> None:
        """Let it happen to the next ``times`` matching requests.

        :raises ValueError: for an unknown kind or an expression that is none.
        """
        with self._lock:
            try:
                self.waiting.append(Fault(kind, match, times, seconds, bytes))
            except re.error as error:
                raise ValueError(f"match: {error}") from None

    def clear(self) -> None:
        """Nothing more happens."""
        with self._lock:
            self.waiting.clear()

    def take(self, line: str, length: float = math.inf) -> Fault | None:
        """The fault that this request meets, if any.

        :param length: bytes of the request's body.
        """
        with self._lock:
            for fault in self.waiting:
                if fault.kind == "reset_during" and length <= fault.bytes:
                    continue
                if re.search(fault.match, line):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                    self.happened.append(f"{fault.kind} {line}")
                    return fault
        return None


class FaultsMiddleware:
    """Lets the scripted faults happen to requests of the networks' protocols."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or let its fault happen."""
        error = _protocol(scope["path"]) if scope["type"] == "http" else None
        fault = self.faults.take(f"{scope['method']} {scope['path']}", _length(scope)) if error else None
        if fault is None or error is None:
            await self.app(scope, receive, send)
            return
        if fault.kind.endswith("_after"):
            await self.app(scope, receive, _nowhere)
        match fault.kind:
            case "timeout_before" | "timeout_after":
                await _until_gone(receive)
            case "reset_before" | "reset_after":
                _reset(scope)
                await _until_gone(receive)
            case "reset_during":
                await self.app(scope, _cut(receive, fault.bytes), _nowhere)
                _reset(scope)
                await _until_gone(receive)
            case "error_500_before" | "error_500_after":
                await error(send, 500, fault)
            case "error_400_after":
                await error(send, 400, fault)
            case "html_after":
                await _answer(
                    send, 502, b"<html><body>Bad Gateway</body></html>", [(b"content-type", b"text/html")]
                )
            case "rate_limited":
                await error(send, 429, fault)


def _length(scope: Scope) -> float:
    """Bytes of the body as its header says; a body in chunks may be of any length."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return math.inf
    return float(int(headers.get(b"content-length", b"0")))


async def _nowhere(message: Message) -> None:
    """The answer of a request whose answer never arrives."""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut(receive: Receive, most: int) -> Receive:
    """The request as far as its first ``most`` bytes of body; then the client seems to have gone."""
    left = most

    async def cut() -> Message:
        nonlocal left
        if left <= 0:
            return {"type": "http.disconnect"}
        message = await receive()
        body = message.get("body", b"")
        if message["type"] == "http.request" and len(body) >= left:
            message = {"type": "http.request", "body": body[:left], "more_body": True}
        left -= len(body)
        return message

    return cut


def _reset(scope: Scope) -> None:
    transport = _connections.get(tuple(scope["client"] or ()))  # type: ignore[arg-type]
    if not isinstance(transport, Transport):
        return
    if (sock := transport.get_extra_info("socket")) is not None:
        # Closing at once with unsent data thrown away is what makes the peer see a reset and not an end.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _graph_error(send: Send, status: int, fault: Fault) -> None:
    """Graph answers a limit with 400 and a header that tells minutes."""
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    error: dict[str, Any] = {"message": "An unknown error occurred", "code": 1}
    if status == 400:
        error = {"message": "Fatal", "code": 99999, "error_subcode": 7}
    elif status == 429:
        usage = {"1": [{"type": "pages", "estimated_time_to_regain_access": -(-fault.seconds // 60)}]}
        headers.append((b"x-business-use-case-usage", json.dumps(usage).encode()))
        status, error = 400, {"message": "(#32) Page request limit reached", "code": 32}
    body = {"error": {"type": "OAuthException", "fbtrace_id": "practice", **error}}
    await _answer(send, status, json.dumps(body).encode(), headers)


async def _bot_error(send: Send, status: int, fault: Fault) -> None:
    words = {
        400: "Bad Request: SOMETHING ODD",
        429: f"Too Many Requests: retry after {fault.seconds}",
        500: "Internal Server Error",
    }
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": words[status]}
    if status == 429:
        body["parameters"] = {"retry_after": fault.seconds}
    await _answer(send, status, json.dumps(body).encode(), [(b"content-type", b"application/json")])


async def _google_error(send: Send, status: int, fault: Fault) -> None:
    """Google answers a limit with 403; an odd refusal has a reason that nobody documented."""
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    reason, message = {
        400: ("somethingOdd", "Something odd"),
        429: ("rateLimitExceeded", "Rate Limit Exceeded"),
        500: ("backendError", "Backend Error"),
    }[status]
    if status == 429:
        status = 403
        headers.append((b"retry-after", str(fault.seconds).encode()))
    one = {"message": message, "domain": "global", "reason": reason}
    body = {"error": {"code": status, "message": message, "errors": [one]}}
    await _answer(send, status, json.dumps(body).encode(), headers)


async def _rest_error(send: Send, status: int, fault: Fault) -> None:
    """LinkedIn's form."""
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    body: dict[str, Any] = {
        "status": status,
        "code": "INTERNAL_SERVER_ERROR",
        "message": "Internal Server Error",
    }
    if status == 400:
        body |= {"code": "SOMETHING_ODD", "message": "Something odd"}
    elif status == 429:
        message = "Resource level throttle APPLICATION limit for calls to this resource is reached."
        body |= {"code": "TOO_MANY_REQUESTS", "message": message, "serviceErrorCode": 101}
        headers.append((b"retry-after", str(fault.seconds).encode()))
    await _answer(send, status, json.dumps(body).encode(), headers)


Refuse: TypeAlias = Callable[[Send, int, Fault], Awaitable[None]]

PROTOCOLS: dict[str, Refuse] = {
    "/graph/": _graph_error,
    "/bot-api/": _bot_error,
    "/linkedin-api/": _rest_error,
    "/google/": _google_error,
}
"""Where the protocols begin, and how each words an error. Only requests of protocols meet faults."""


def _protocol(path: str) -> Refuse | None:
    return next((refuse for prefix, refuse in PROTOCOLS.items() if path.startswith(prefix)), None)


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
