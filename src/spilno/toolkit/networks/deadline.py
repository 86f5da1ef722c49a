"""One request has one end.

Time-outs of HTTP clients are per reading: a server that sends a byte every few seconds is never late, and holds a
worker for hours. Here a request as a whole gets so many seconds, whatever it spends them on. :class:`Bounded` wraps the
network backend of a client, so that also the heads of an answer and the sending of a body end in time.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_END: ContextVar[float | None] = ContextVar("spilno_request_end", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is spoken over bounded connections inside has to be done by then. An earlier end stays."""
    end, outer = time.monotonic() + seconds, _END.get()
    token = _END.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _END.reset(token)


def over() -> bool:
    """Is the time over?"""
    end = _END.get()
    return end is not None and time.monotonic() >= end


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    """The time-out for one step: its own, or what is left of the whole.

    :raises Exception: of the kind ``late`` if nothing is.
    """
    end = _END.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise late("the request as a whole took too long")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Bounded(httpcore.NetworkBackend):
    """A network backend whose connections heed :func:`within`."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))


def bounded(transport: httpx.HTTPTransport, backend: httpcore.NetworkBackend) -> httpx.HTTPTransport:
    """The transport, speaking over ``backend`` within the bounds. httpx has no public way to set one."""
    transport._pool._network_backend = Bounded(backend)
    return transport
