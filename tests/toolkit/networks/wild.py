"""A server that answers as badly as servers do: raw bytes over a real connection, one script for every request."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Script = Callable[["Line"], None]


@dataclass
class Line:
    """One connection after its request was read. ``over`` is set when the test is."""

    socket: socket.socket
    over: threading.Event
    sent: int = 0

    def send(self, content: bytes) -> None:
        """Send it all, and count what was taken."""
        self.socket.sendall(content)
        self.sent += len(content)

    def drip(self, content: bytes, every: float = 0.02) -> None:
        """One byte after the other, again and again, until nobody listens or the test is over."""
        while not self.over.is_set():
            for one in content:
                self.send(bytes([one]))
                if self.over.wait(every):
                    return


@dataclass
class Wild:
    """The running server. ``asked``: heads of requests, with their bodies; ``lines``: their connections."""

    url: str
    script: Script
    asked: list[bytes] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@contextlib.contextmanager
def running(script: Script, *, speaks_first: bool = False) -> Iterator[Wild]:
    """A server on loopback for the duration of the block; ``speaks_first``: it does not wait for a request."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        wild = Wild(f"http://127.0.0.1:{listening.getsockname()[1]}", script)
        thread = threading.Thread(target=_listen, args=(listening, wild, over, speaks_first))
        thread.start()
        try:
            yield wild
        finally:
            over.set()
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _listen(listening: socket.socket, wild: Wild, over: threading.Event, speaks_first: bool) -> None:
    while True:
        try:
            taken, _ = listening.accept()
        except OSError:
            return
        taken.settimeout(10)
        with (
            taken,
            contextlib.suppress(OSError),
        ):  # whoever asked has gone: that is what the test wants to see
            wild.asked.append(b"" if speaks_first else _request(taken))
            line = Line(taken, over)
            wild.lines.append(line)
            wild.script(line)


def _request(taken: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        if not (part := taken.recv(65536)):
            return got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < (int(length[1]) if length else 0) and (part := taken.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Script:
    """A whole answer that says how long it is, and a closed connection."""
    named = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return lambda line: line.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)
