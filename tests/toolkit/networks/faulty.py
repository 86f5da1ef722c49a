"""Transports between a connector and a real server: they lose answers, spoil them, and write down what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

Wanted = Callable[[httpx.Request], bool]
READS = ("GET", "HEAD")


def changes(harmless: Iterable[str] = ()) -> Wanted:
    """Requests that change something, but for paths that contain one of ``harmless`` (signing in)."""
    paths = tuple(harmless)
    return lambda request: request.method not in READS and not any(path in request.url.path for path in paths)


@dataclass
class Faulty(httpx.BaseTransport):
    """Passes requests on to the real server; ``fault`` happens to the wanted ones."""

    wanted: Wanted = lambda request: False
    before: Callable[[httpx.Request], httpx.Response | None] | None = None
    after: Callable[[httpx.Request, httpx.Response], httpx.Response] | None = None
    asked: list[httpx.Request] = field(default_factory=list)
    _real: httpx.HTTPTransport = field(default_factory=lambda: httpx.HTTPTransport(verify=False))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        wanted = self.wanted(request)
        if wanted and self.before is not None and (made := self.before(request)) is not None:
            return made
        response = self._real.handle_request(request)
        if wanted and self.after is not None:
            response.read()
            response.close()
            return self.after(request, response)
        return response

    def close(self) -> None:
        self._real.close()


def lost_before(request: httpx.Request) -> httpx.Response:
    """The request never arrives, and the client cannot know."""
    raise httpx.ReadTimeout("lost", request=request)


def lost_after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """The server acted; its answer never arrives."""
    raise httpx.ReadTimeout("lost", request=request)


def reset_after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """The server acted; the connection breaks before the answer."""
    raise httpx.ReadError("reset", request=request)


def refused(request: httpx.Request) -> httpx.Response:
    """Nobody listens."""
    raise httpx.ConnectError("refused", request=request)


def status_after(status: int, content: bytes = b"<html>Bad gateway</html>") -> Callable[..., httpx.Response]:
    """The server acted; something in between answers for it."""

    def spoil(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        return httpx.Response(status, content=content, headers={"Content-Type": "text/html"}, request=request)

    return spoil


def answering(status: int, body: Any, headers: dict[str, str] | None = None) -> Callable[..., httpx.Response]:
    """The server itself answers so, and does nothing."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=body, headers=headers, request=request)

    return answer


def without(names: Iterable[str]) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    """The server's answer without its counters: keys of these names, and list entries named so, are gone."""
    gone = set(names)

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in gone}
        if isinstance(value, list):
            return [strip(one) for one in value if not (isinstance(one, dict) and one.get("name") in gone)]
        return value

    def spoil(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = json.dumps(strip(json.loads(response.content))).encode()
        return httpx.Response(response.status_code, content=body, request=request)

    return spoil
