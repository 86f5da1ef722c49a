"""A proxy on loopback that stands before a real server and lets faults happen to the requests that pass it.

One request per connection: the fault is decided when the request has arrived whole, before it is handed on or when
the real server's answer is there. That is the difference which a client cannot see and must never guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.faults import AFTER, BY_SERVER, Dice, Kill

MOST_HEAD = 64 * 1024
Script = Callable[[str, str], None]


class Proxy:
    """In front of ``upstream`` (``http://host:port``); ``url`` is what clients are told.

    :param script: told of the faults that the server behind does itself: kind, and a pattern of the one request.
    """

    def __init__(self, upstream: str, dice: Dice, *, kill: Kill, script: Script | None = None) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.dice, self._kill, self._script = dice, kill, script
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name=f"proxy {dice.seed}", daemon=True)
        self._thread.start()
        self._ready.wait(10)
        # The same name as the server's own: some look at it.
        self.url = f"http://{parts.hostname}:{self._port}"

    def stop(self) -> None:
        """Serve no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._port = 0
        self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _open(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, limit=MOST_HEAD, backlog=256
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self, seconds: float) -> None:
        """Nobody listens for a while: connections are refused."""
        self._server.close()
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError):
            await self._open()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # the loop itself holds it only weakly
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._one(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        body = await reader.readexactly(int(length.group(1))) if length else b""
        method, path, _ = head.decode("latin-1").split(" ", 2)
        line = f"{method} {path.partition('?')[0]}"
        fault = self.dice.throw(line)
        if fault in BY_SERVER and self._script is not None:
            self._script(fault, f"^{re.escape(line)}$")
        elif fault == "refused":
            self._keep(self._refuse(self.dice.seconds(0.2, 1.5)))
        elif fault == "slow":
            await asyncio.sleep(self.dice.seconds(0.3, 4))
        elif fault == "rate_limited":
            writer.write(_too_many(self.dice.seconds(1, 5)))
            return
        elif fault and fault not in AFTER:
            await self._fail(fault, reader, writer, b"")
            return
        answer = await self._ask(head, body)
        if fault in AFTER:
            await self._fail(fault, reader, writer, answer)
            return
        writer.write(answer)
        await writer.drain()

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            kept = re.sub(rb"(?im)^(connection|keep-alive):[^\r\n]*\r\n", b"", head)
            writer.write(kept[:-2] + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()

    async def _fail(
        self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes
    ) -> None:
        match fault.rpartition("_")[0]:
            case "timeout":
                await reader.read(-1)  # until the client gives up
            case "error_500":
                writer.write(_answer("500 Internal Server Error", {"error": "InternalServerError"}))
            case "cut":
                writer.write(answer[: max(20, len(answer) * 2 // 3)])
            case "kill":
                if self._kill(writer.get_extra_info("peername")[1]):
                    await asyncio.sleep(0.05)
                _reset(writer)
            case "reset":
                _reset(writer)

    def _keep(self, job: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closing with what is unsent thrown away is what makes the peer see a reset and not an end.
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _answer(status: str, content: object, headers: str = "") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def _too_many(seconds: float) -> bytes:
    """429 as all of our networks understand it: by status and ``Retry-After``, with the words of each."""
    whole = -(-int(seconds * 1000) // 1000)
    content = {
        "errcode": "M_LIMIT_EXCEEDED",
        "error": "RateLimitExceeded",
        "message": "Rate limit exceeded",
        "retry_after_ms": whole * 1000,
    }
    return _answer("429 Too Many Requests", content, f"Retry-After: {whole}\r\n")
