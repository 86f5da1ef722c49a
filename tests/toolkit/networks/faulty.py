"""Transports between a connector and a real server: they lose answers, spoil them, and write down what was asked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from spilno.toolkit.networks.deadline import bounded

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
    _real: httpx.HTTPTransport = field(
        default_factory=lambda: bounded(httpx.HTTPTransport(verify=False), httpcore.SyncBackend())
    )

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


class Recording(Faulty):
    """Passes everything on and keeps the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        content = response.read()
        response.close()
        headers = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        }
        self.answers.append(httpx.Response(response.status_code, content=content, headers=headers))
        return httpx.Response(response.status_code, content=content, headers=headers, request=request)


@dataclass
class Replay(httpx.BaseTransport):
    """Gives the answers one after the other, and the last one for whatever is asked beyond."""

    answers: list[httpx.Response]
    asked: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kept = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return httpx.Response(kept.status_code, content=kept.content, headers=kept.headers, request=request)


def nth(number: int) -> Wanted:
    """The request of that number, counted from 0."""
    seen = iter(range(1_000_000))
    return lambda request: next(seen) == number


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


# ------------------------------------------------------------------------------------------------ answers that are none


class _Stream(httpx.SyncByteStream):
    """A body that is made while it is read."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self._parts()


def _saying(status: int, content: bytes, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=named, stream=_Stream(lambda: iter([content])), request=request)

    return answer


def _endless(request: httpx.Request) -> httpx.Response:
    parts = (b" " * 65_536 for _ in range(800))  # 50 MB
    return httpx.Response(200, stream=_Stream(lambda: parts), request=request)


def _broken(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


PAGE = b"<!doctype html><title>Login</title>"
BOMB = gzip.compress(b" " * 50_000_000)

BAD: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "page": _saying(200, PAGE, Content_Type="text/html"),
    "page-400": _saying(400, PAGE, Content_Type="text/html"),
    "page-403": _saying(403, PAGE, Content_Type="text/html"),
    "page-404": _saying(404, PAGE, Content_Type="text/html"),
    "page-500": _saying(500, PAGE, Content_Type="text/html"),
    "page-503": _saying(503, PAGE, Content_Type="text/html"),
    "inside": _saying(302, b"", Location="http://169.254.169.254/latest/meta-data/"),
    "list": _saying(200, b"[]"),
    "object": _saying(200, b"{}"),
    "null": _saying(200, b"null"),
    "word": _saying(200, b'"fine"'),
    "number": _saying(200, b"5"),
    "cut-off": _saying(200, b'{"id": "7", "uri'),
    "not-utf-8": _saying(200, b'{"id": "\xff\xfe"}'),
    "deep": _saying(200, b"[" * 100_000),
    "huge": _endless,
    "bomb": _saying(200, BOMB, Content_Encoding="gzip"),
    "brotli": _saying(200, b"\x8b\x00\x80{}\x03", Content_Encoding="br"),
    "wrong-length": _broken,
    "late": lost_before,
}
"""Answers (or none) that are not the network's: what stands between, what is broken, what means harm."""
