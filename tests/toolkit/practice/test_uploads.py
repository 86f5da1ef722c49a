"""Large bodies: taken piece by piece, with a length or chunked, and as far as they came."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.faults import Faults, FaultsMiddleware
from spilno.toolkit.practice.server import configuration
from spilno.toolkit.practice.uploads import TooLarge, digest, spool, spool_part

PIECE = bytes(range(256)) * 256


class Served:
    """A server that spools whatever is sent to it, and remembers what became of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "spooled" / "body"
        self.outcomes: list[Any] = []
        self.finished = threading.Event()
        self.faults = Faults()
        routes = [
            Route("/graph/raw", self.raw, methods=["PUT"]),
            Route("/graph/form", self.form, methods=["POST"]),
        ]
        app = Starlette(routes=routes, middleware=[Middleware(FaultsMiddleware, faults=self.faults)])
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.server = uvicorn.Server(configuration(app))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.thread.start()

    async def raw(self, request: Request) -> Response:
        most = request.headers.get("x-most")
        try:
            arrived = await spool(
                request,
                self.file,
                offset=int(request.headers.get("x-offset", 0)),
                most=int(most) if most else None,
            )
        except TooLarge:
            self.outcomes.append("too large")
            return JSONResponse({}, 413)
        self.outcomes.append(arrived)
        self.finished.set()
        return JSONResponse({"bytes": arrived.bytes})

    async def form(self, request: Request) -> Response:
        async with request.form() as form:
            arrived = await spool_part(form["source"], self.file)  # type: ignore[arg-type]
        return JSONResponse({"bytes": arrived.bytes})

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.address[1]}{path}"

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(timeout=10)
        self.listening.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    running.stop()


def test_a_body_with_a_length_and_a_chunked_one(served: Served) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield PIECE

    chunked = httpx.put(served.url("/graph/raw"), content=pieces())
    assert chunked.json() == {"bytes": 40 * len(PIECE)}
    expected = hashlib.sha256(PIECE * 40).hexdigest()
    assert digest(served.file) == expected
    whole = httpx.put(served.url("/graph/raw"), content=PIECE * 40)
    assert whole.json() == {"bytes": 40 * len(PIECE)}
    assert digest(served.file) == expected


def test_going_on_from_an_offset_cuts_off_what_stood_behind_it(served: Served) -> None:
    httpx.put(served.url("/graph/raw"), content=b"0123456789")
    httpx.put(served.url("/graph/raw"), content=b"abc", headers={"X-Offset": "4"})
    assert served.file.read_bytes() == b"0123abc"


def test_more_than_was_to_be_taken(served: Served) -> None:
    answer = httpx.put(served.url("/graph/raw"), content=PIECE * 4, headers={"X-Most": "1000"})
    assert answer.status_code == 413
    assert served.file.read_bytes() == PIECE[:1000]


def test_a_waiting_client_is_told_to_go_on(served: Served) -> None:
    with socket.create_connection(served.address) as raw:
        raw.settimeout(10)
        raw.sendall(
            b"PUT /graph/raw HTTP/1.1\r\nHost: practice\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"hello")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert served.file.read_bytes() == b"hello"


def test_a_client_that_goes_away_leaves_what_arrived(served: Served) -> None:
    with socket.create_connection(served.address) as raw:
        raw.sendall(b"PUT /graph/raw HTTP/1.1\r\nHost: practice\r\nContent-Length: 5000\r\n\r\nhello")
    assert served.finished.wait(10)
    assert (served.outcomes[0].bytes, served.outcomes[0].whole) == (5, False)
    assert served.file.read_bytes() == b"hello"


def test_a_scripted_break_in_the_middle(served: Served) -> None:
    served.faults.add("reset_during", "PUT", bytes=100_000)
    with pytest.raises(httpx.TransportError):
        httpx.put(served.url("/graph/raw"), content=PIECE * 40)
    assert (served.outcomes[0].bytes, served.outcomes[0].whole) == (100_000, False)
    assert httpx.put(served.url("/graph/raw"), content=PIECE).status_code == 200  # the fault happened once


def test_a_file_of_a_form(served: Served) -> None:
    answer = httpx.post(served.url("/graph/form"), files={"source": ("a.mp4", PIECE * 40, "video/mp4")})
    assert answer.json() == {"bytes": 40 * len(PIECE)}
    assert served.file.read_bytes() == PIECE * 40
