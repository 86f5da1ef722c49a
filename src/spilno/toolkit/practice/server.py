"""The server: Graph protocol, Bot API, pages that show what was posted, and (if asked for) control endpoints."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from spilno.toolkit.practice import (
    bot_api,
    control,
    graph_routes,
    linkedin,
    pages,
    youtube_routes,
)
from spilno.toolkit.practice.faults import AbortableProtocol, Faults, FaultsMiddleware
from spilno.toolkit.practice.state import Clock, State, wall_clock
from spilno.toolkit.practice.youtube import PREFIX as GOOGLE

VERSION = "v23.0"


def application(state: State, faults: Faults, *, with_control: bool = False) -> Starlette:
    """The ASGI application."""

    routes = [
        *graph_routes.routes(state),
        *bot_api.routes(state),
        *linkedin.routes(state),
        *youtube_routes.routes(state),
        *(control.routes(state, faults) if with_control else []),
        *pages.routes(state, graph=f"/graph/{VERSION}", bots=bot_api.PREFIX),
    ]
    return Starlette(routes=routes, middleware=[Middleware(FaultsMiddleware, faults=faults)])


def configuration(app: Starlette, **more: object) -> uvicorn.Config:
    """How uvicorn serves it: quietly, one process, no waiting for a client that a fault keeps hanging."""
    return uvicorn.Config(
        app,
        http=AbortableProtocol,
        loop="asyncio",  # the other loop's connections cannot be reset
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        **more,  # type: ignore[arg-type]
    )


@dataclass
class Practice:
    """A running practice network inside this process; a context manager that stops it."""

    state: State
    faults: Faults
    url: str
    _server: uvicorn.Server
    _thread: threading.Thread
    _socket: socket.socket = field(repr=False)

    @property
    def graph_url(self) -> str:
        """What a connector is told instead of ``https://graph.facebook.com/v23.0``."""
        return f"{self.url}/graph/{VERSION}"

    @property
    def bot_api_url(self) -> str:
        """What a connector is told instead of ``https://api.telegram.org``."""
        return f"{self.url}{bot_api.PREFIX}"

    @property
    def google_url(self) -> str:
        """What a connector is told instead of ``https://youtube.googleapis.com``."""
        return f"{self.url}{GOOGLE}"

    @property
    def linkedin_url(self) -> str:
        """What a connector is told instead of ``https://api.linkedin.com``."""
        return f"{self.url}{linkedin.PREFIX}"

    def stop(self) -> None:
        """Stop serving; may be called twice."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
        self.state.close()

    def __enter__(self) -> Practice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    *,
    state: Path | None = None,
    seed: str = "spilno",
    port: int = 0,
    clock: Clock = wall_clock,
    with_control: bool = True,
) -> Practice:
    """Serve in a thread of this process, on loopback, and return when it answers.

    :param state: the JSON file; ``None`` keeps everything in memory.
    :param port: 0 takes a free one.
    :param clock: where the practice network takes its time from.
    """
    remembered = State(state, seed=seed, clock=clock)
    faults = Faults()
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(configuration(application(remembered, faults, with_control=with_control)))
    # The socket listens already: requests wait in its queue until the thread gets to them.
    thread = threading.Thread(target=partial(server.run, sockets=[listening]), name="practice", daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    return Practice(remembered, faults, url, server, thread, listening)


def run(
    *, state: State, port: int, with_control: bool = False, host: str = "127.0.0.1"
) -> None:  # pragma: no cover - the process of its own
    """Serve until SIGINT or SIGTERM."""
    app = application(state, Faults(), with_control=with_control)
    uvicorn.Server(configuration(app, host=host, port=port)).run()
