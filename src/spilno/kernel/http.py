"""Outgoing requests. Hosts given by people are checked when the connection is made, so that a name that
resolves to another address later (DNS rebinding) or a redirect cannot reach into the private network."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Collection, Iterable
from typing import Any

import httpcore
import httpx

from spilno.kernel.errors import UserError

for _name in ("httpx", "httpcore"):  # they log whole addresses, and there are networks whose addresses hold a token
    logging.getLogger(_name).setLevel(logging.WARNING)

USER_AGENT = "Spilno/0.1"


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
        target = host
        if not ({host, f"{host}:{port}"} & self._allowed):
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise httpcore.ConnectError(str(error)) from error
            addresses = [str(one[4][0]) for one in found]
            if any(_forbidden(one) for one in addresses):
                raise PrivateHost(host)
            # Connect to the address that was checked, not to whatever the name resolves to next.
            target = addresses[0]
        return super().connect_tcp(target, port, timeout, local_address, socket_options)


def outgoing_client(*, allowed_private: Collection[str] = (), timeout: float = 20.0) -> httpx.Client:
    """A client for requests to hosts that people typed.

    :param allowed_private: hosts (``host`` or ``host:port``) that may be private, e.g. practice networks.
    :param timeout: seconds for each phase of a request.
    """
    transport = httpx.HTTPTransport(retries=0)
    transport._pool._network_backend = _GuardedBackend(allowed_private)  # httpx has no public way to set it
    return httpx.Client(
        transport=transport,
        timeout=httpx.Timeout(timeout, connect=10.0),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )
