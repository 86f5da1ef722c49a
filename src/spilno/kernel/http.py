"""Outgoing requests. Hosts given by people are checked when the connection is made, so that a name that
resolves to another address later (DNS rebinding) or a redirect cannot reach into the private network."""

from __future__ import annotations

import functools
import ipaddress
import logging
import socket
import ssl
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from spilno.kernel.errors import UserError
from spilno.toolkit.networks.cards import ASIDE
from spilno.toolkit.networks.deadline import bounded

for _name in (
    "httpx",
    "httpcore",
):  # they log whole addresses, and there are networks whose addresses hold a token
    logging.getLogger(_name).setLevel(logging.WARNING)

USER_AGENT = "Spilno/0.1"

MOST_HEARD = 50


@dataclass
class Heard:
    """What went over the wire while somebody listened: how many requests, and the last answers' headers."""

    requests: int = 0
    headers: deque[httpx.Headers] = field(default_factory=lambda: deque(maxlen=MOST_HEARD))


_listening: ContextVar[Heard | None] = ContextVar("listening", default=None)


@contextmanager
def listening() -> Iterator[Heard]:
    """Count the requests of all guarded clients in this thread, also of one that several threads share."""
    heard = Heard()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def _note_request(request: httpx.Request | None = None) -> None:
    if (heard := _listening.get()) is not None and not _aside(request):
        heard.requests += 1


def _aside(request: httpx.Request | None) -> bool:
    """Does it go to somebody else than the network? What they say of their limits is nothing to us."""
    return request is not None and bool(request.extensions.get(ASIDE))


def _note_answer(response: httpx.Response) -> None:
    if (heard := _listening.get()) is not None and not _aside(response.request):
        heard.headers.append(response.headers)


class PrivateHost(UserError):
    """The address belongs to a private network and is not on the allow-list."""

    def __init__(self, host: str) -> None:
        super().__init__("private_host", host=host)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


def _forbidden(address: str) -> bool:
    """May nobody be led there? Anything that is not an address of the open internet, however it is written."""
    ip = ipaddress.ip_address(address)
    if not ip.is_global or ip.is_multicast:
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local:
            return True
        # Ways to write an IPv4 address as an IPv6 one; gateways turn them back.
        inside = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64 or ip in _IPV4_COMPATIBLE:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return inside is not None and not inside.is_global
    return False


def _checked(host: str, port: int, allowed: Collection[str]) -> str:
    """The address to connect to: the one that was checked, not whatever the name resolves to next.

    :raises PrivateHost: if the name leads into a private network and is not allowed to.
    :raises OSError: if there is no such name.
    """
    if {host, f"{host}:{port}"} & frozenset(allowed):
        return host
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a name that cannot be one
        raise OSError(str(error)) from None
    addresses = [str(one[4][0]) for one in found]
    if any(_forbidden(one) for one in addresses):
        raise PrivateHost(host)
    return addresses[0]


class _GuardedBackend(httpcore.SyncBackend):
    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            target = _checked(host, port, self._allowed)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return super().connect_tcp(target, port, timeout, local_address, socket_options)


class GuardedClient(httpx.Client):
    """An HTTP client that also opens plain connections, guarded alike, for protocols that are not HTTP.

    The toolkit asks its client for one (``toolkit.networks.smtp.OpensSockets``), so the guard comes with the client.
    """

    allowed_private: frozenset[str] = frozenset()

    def open_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection to a host that people typed.

        :param timeout: seconds, for connecting and for every reading and writing after it.
        :raises PrivateHost: as for requests.
        :raises OSError: if it cannot be made.
        """
        _note_request()
        return socket.create_connection((_checked(host, port, self.allowed_private), port), timeout)


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """Reading the list of authorities takes longer than most requests: once in a process is enough."""
    return httpx.create_ssl_context(trust_env=False)


KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=1.0)
"""A connection is used again only within a second: servers that close idle ones wait longer than that, and a request
that meets a closing connection leaves us in doubt."""


class _Kept(httpx.BaseTransport):
    """Connections that outlive the client which used them. Clients come and go: each with its own cookies."""

    def __init__(self, inner: httpx.HTTPTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._inner.handle_request(request)

    def close(self) -> None:
        pass


@functools.lru_cache(maxsize=4)
def _kept(allowed_private: frozenset[str]) -> _Kept:
    inner = httpx.HTTPTransport(retries=0, verify=_trusted_roots(), limits=KEPT)
    return _Kept(bounded(inner, _GuardedBackend(allowed_private)))


def outgoing_client(
    *, allowed_private: Collection[str] = (), timeout: float = 20.0, kept: bool = False
) -> GuardedClient:
    """A client for requests to hosts that people typed.

    :param allowed_private: hosts (``host`` or ``host:port``) that may be private, e.g. practice networks.
    :param timeout: seconds for each phase of a request.
    :param kept: share connections with the other clients of this process, from any thread. They share nothing else:
        no cookies, no headers, no credentials.
    """
    transport: httpx.BaseTransport
    if kept:
        transport = _kept(frozenset(allowed_private))
    else:
        transport = bounded(
            httpx.HTTPTransport(retries=0, verify=_trusted_roots()), _GuardedBackend(allowed_private)
        )
    client = GuardedClient(
        transport=transport,
        timeout=httpx.Timeout(timeout, connect=10.0),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
        event_hooks={"request": [_note_request], "response": [_note_answer]},
    )
    client.allowed_private = frozenset(allowed_private)
    return client
