"""Talking to a network over HTTP: one request, one answer or one :class:`NetworkError` that says what to do.

What went wrong decides what may be done about it, so the line between "not sent" and "sent, but no answer" is drawn
here, once, for all networks:

* no connection was made: ``UNREACHABLE``, safe to repeat;
* anything after that without a trustworthy answer (time-out, reset, 5xx, a page instead of JSON): ``UNCERTAIN``.
  For a read or a harmless preparation the caller may simply repeat; a publishing request must be looked up first.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from spilno.toolkit.networks import deadline
from spilno.toolkit.networks.base import Credentials, Kind, Network, NetworkError
from spilno.toolkit.networks.http_limits import LONGEST_WAIT as LONGEST_WAIT
from spilno.toolkit.networks.http_limits import http_date as http_date
from spilno.toolkit.networks.http_limits import moment as moment
from spilno.toolkit.networks.http_limits import quota_of as quota_of
from spilno.toolkit.networks.http_limits import reset_at as reset_at
from spilno.toolkit.networks.http_limits import wait_of

MOST_BYTES = 2 * 1024 * 1024
"""No answer that we need is longer; whatever is longer is not from the network."""

MOST_SECONDS = 40.0
"""For a request as a whole, from connecting to the last byte of the answer: a drip of bytes is no answer."""

SLOWEST = 100_000
"""Bytes a second: a body that is sent gets as much more time as it takes at this speed."""

LARGE = 1_000_000
DIGESTING = 90.0
"""Bytes from which on a body is a file that the network may chew on, and how many seconds it may be silent then."""

MOST_MESSAGE = 200
"""Characters of a network's own error message that are kept."""

_SECRET_KEY = re.compile(r"token|secret|password|jwt|verifier", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?i)((?:access_token|refresh_token|client_secret|password|authorization|bearer)"
    r"[\"']?\s*[=: ]\s*[\"']?)[^\s\"'&,]+"
)


@dataclass(frozen=True)
class Answer:
    """A successful answer: parsed JSON, and when the server says it answered (``Date`` header)."""

    status: int
    data: Any
    headers: httpx.Headers
    date: datetime | None

    def get(self, key: str, default: Any = None) -> Any:
        """A field of the answer, which must be a JSON object."""
        if not isinstance(self.data, dict):
            raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", status=self.status)
        value = self.data.get(key)
        return default if value is None else value

    def __getitem__(self, key: str) -> Any:
        """A field that must be there: an answer without it is not the one we asked for."""
        if (value := self.get(key)) is None:
            raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": key}, status=self.status)
        return value


@dataclass(frozen=True)
class Refusal:
    """An error answer in the network's own words, as its ``explain`` function understood it."""

    code: str = ""
    message: str = ""
    kind: Kind | None = None  # None: decided by the HTTP status
    seconds: float | None = None
    ours: str = ""  # our own code for it, if the network says more than the HTTP status


Explain = Callable[[int, Any, httpx.Headers], Refusal]


def secrets_of(network: Network, credentials: Credentials) -> tuple[str, ...]:
    """Values that must never be shown: the secret fields, and whatever connecting added that is named like one."""
    flagged = {one.key for one in network.credential_fields if one.secret}
    return tuple(
        value
        for key, value in credentials.items()
        if isinstance(value, str) and len(value) >= 4 and (key in flagged or _SECRET_KEY.search(key))
    )


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """The text without the secrets, on one line, at most :data:`MOST_MESSAGE` characters."""
    for one in sorted(secrets, key=len, reverse=True):
        text = text.replace(one, "…")
    text = " ".join(_SECRET_TEXT.sub(r"\1…", text).split())
    return text if len(text) <= MOST_MESSAGE else text[: MOST_MESSAGE - 1] + "…"


def nothing_to_explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """The ``explain`` of a network whose errors have no form of their own."""
    return Refusal()


@dataclass(frozen=True)
class Wire:
    """A way to one server: where it is, what to send along, what to hide, and how its errors read."""

    client: httpx.Client
    # Not in the representation: a traceback with local variables must not show a token, which one network wants as
    # part of the address.
    base: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    explain: Explain = nothing_to_explain

    def get(self, path: str, **kwargs: Any) -> Answer:
        """GET; see :meth:`call`."""
        return self.call("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Answer:
        """POST; see :meth:`call`."""
        return self.call("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Answer:
        """PUT; see :meth:`call`."""
        return self.call("PUT", path, **kwargs)

    def call(self, method: str, path: str, *, also: Collection[int] = (), **kwargs: Any) -> Answer:
        """Send one request and return its answer.

        :param path: appended to ``base``, or a whole address.
        :param also: statuses beside 2xx that are answers here (308 says how far an upload has come).
        :param kwargs: as for ``httpx.Client.build_request`` (``params``, ``json``, ``data``, ``files``, ``content``).
        :raises NetworkError: for every other status, and for an answer that is not JSON.
        """
        headers = {
            "Accept": "application/json",
            # What we can unpack without letting an answer unpack itself to any size.
            "Accept-Encoding": "gzip",
            **self.headers,
            **kwargs.pop("headers", {}),
        }
        url = path if path.startswith(("http://", "https://")) else self.base.rstrip("/") + path
        # The exception is raised outside the `except` block: httpx's own one holds the request, and with it the
        # token in its headers, and must not hang on ours as its context.
        problem: NetworkError | None = None
        response: httpx.Response | None = None
        body = b""
        try:
            request = self.client.build_request(method, url, headers=headers, **kwargs)
            with deadline.within(_patience(request)):
                response = self.client.send(request, stream=True, follow_redirects=False)
                try:
                    body = _read(response)
                finally:
                    response.close()
        except _Unread as unread:
            status = None if response is None else response.status_code
            problem = NetworkError(Kind.UNCERTAIN, unread.code, params={"host": self.host}, status=status)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
            problem = NetworkError(Kind.PERMANENT, "bad_address", params={"host": self.host})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            problem = NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": self.host})
        except httpx.TimeoutException:
            problem = NetworkError(Kind.UNCERTAIN, "timeout", params={"host": self.host})
        except httpx.HTTPError:
            problem = NetworkError(Kind.UNCERTAIN, "connection_lost", params={"host": self.host})
        except OSError:  # httpx has its own for what happens on the way: this one is of a file being sent
            problem = NetworkError(Kind.PERMANENT, "media_unreadable")
        if problem is not None:
            raise problem
        assert response is not None
        return self._judged(response, body, also)

    def upload(
        self, path: str, *, file: Path, mime: str, method: str = "POST", start: int = 0, **kwargs: Any
    ) -> Answer:
        """Send a file as the body, read piece by piece: however long it is, little of it is in memory.

        :param start: number of the file's first byte that is sent.
        :raises NetworkError: as :meth:`call`; ``media_unreadable`` if the file is gone.
        """
        try:
            opened = file.open("rb")
        except OSError:
            raise NetworkError(Kind.PERMANENT, "media_unreadable") from None
        with opened:
            opened.seek(start)
            rest = os.fstat(opened.fileno()).st_size - start
            headers = {"Content-Type": mime, "Content-Length": str(rest), **kwargs.pop("headers", {})}
            return self.call(method, path, content=opened, headers=headers, **kwargs)

    @property
    def host(self) -> str:
        """The server's name, for messages; never the whole address, which may carry a token."""
        return re.sub(r"^[a-z]+://", "", self.base, flags=re.IGNORECASE).split("/")[0].rpartition("@")[2]

    def _judged(self, response: httpx.Response, body: bytes, also: Collection[int]) -> Answer:
        status = response.status_code
        date = http_date(response.headers.get("Date"))
        data, is_json = _parsed(body)
        if 200 <= status < 300 or status in also:
            if not is_json:
                raise NetworkError(Kind.UNCERTAIN, "not_json", params={"host": self.host}, status=status)
            return Answer(status, data, response.headers, date)
        refusal = self._explained(status, data, response.headers) if is_json else Refusal()
        params: dict[str, Any] = {"host": self.host}
        if refusal.message:
            params["message"] = redacted(refusal.message, self.secrets)
        if refusal.code:
            params["their_code"] = redacted(refusal.code, self.secrets)
        kind, code = _kind_of(status)
        if refusal.kind is not None and refusal.kind is not kind:
            kind, code = refusal.kind, _CODES[refusal.kind]
        code = refusal.ours or code
        retry_at = None
        if kind is Kind.WAIT or status == 503:
            seconds, retry_at = wait_of(response.headers, date, refusal.seconds)
            if seconds is not None:
                params["seconds"] = seconds
        if kind is not Kind.WAIT:
            retry_at = None
        if 300 <= status < 400:
            params["to"] = redacted(_where(response), self.secrets)  # a path may carry a token
        raise NetworkError(kind, code, params=params, retry_at=retry_at, status=status)

    def _explained(self, status: int, data: Any, headers: httpx.Headers) -> Refusal:
        """The network's own words; none if they have not the form that its documentation says."""
        try:
            return self.explain(status, data, headers)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
            return Refusal()


def doubted(error: NetworkError) -> NetworkError:
    """An error of a publishing request, made uncertain unless the network itself says that it refused.

    A page instead of an answer may come from anything between us and the network, before it acted or after. What the
    network says in its own form (``Refusal.message`` or ``code``) is believed. Raise the result ``from None``.
    """
    said = "message" in error.params or "their_code" in error.params
    if error.kind is not Kind.PERMANENT or error.status in (None, 413) or said:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)


def before_sending(error: NetworkError) -> NetworkError:
    """An error of a harmless request that comes before the publishing one: nothing has happened yet.

    So even a time-out is safe to repeat. Raise the result ``from None``.
    """
    if error.kind is not Kind.UNCERTAIN:
        return error
    return NetworkError(Kind.UNREACHABLE, error.code, params=error.params, status=error.status)


_CODES = {
    Kind.PERMANENT: "refused",
    Kind.WAIT: "rate_limited",
    Kind.RECONNECT: "not_accepted",
    Kind.UNREACHABLE: "unreachable",
    Kind.UNCERTAIN: "server_error",
}


def _kind_of(status: int) -> tuple[Kind, str]:
    if status == 401:
        return Kind.RECONNECT, "not_accepted"
    if status == 429:
        return Kind.WAIT, "rate_limited"
    if status == 408:
        return Kind.UNCERTAIN, "timeout"
    if status == 403:
        return Kind.PERMANENT, "forbidden"
    if status in (404, 410):
        return Kind.PERMANENT, "not_found"
    if status == 413:
        return Kind.PERMANENT, "media_too_large"
    if 300 <= status < 400:
        return Kind.PERMANENT, "redirected"
    if 400 <= status < 500:
        return Kind.PERMANENT, "refused"
    return Kind.UNCERTAIN, "server_error"


class _Unread(Exception):
    """The answer's body is not one that we read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _patience(request: httpx.Request) -> float:
    """Seconds for the request as a whole. A network gets more time to answer to a file than to a question."""
    size = int(request.headers.get("Content-Length", 0))
    if size < LARGE:
        return MOST_SECONDS
    timeouts = request.extensions.get("timeout") or {}
    if timeouts.get("read") is not None:
        request.extensions["timeout"] = {**timeouts, "read": max(timeouts["read"], DIGESTING)}
    return DIGESTING + size / SLOWEST


def _read(response: httpx.Response) -> bytes:
    """The body, unpacked, at most :data:`MOST_BYTES` of it packed and unpacked.

    :raises _Unread: if it is longer, packed in a way that we did not ask for, or the time is over.
    """
    if response.is_stream_consumed:  # it never was a stream (a transport of a test)
        if len(response.content) > MOST_BYTES:
            raise _Unread("answer_too_large")
        return response.content
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise _Unread("not_json")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in packed else None
    parts: list[bytes] = []
    taken = size = 0
    for part in response.iter_raw():
        taken += len(part)
        if unpack is not None:
            try:
                part = unpack.decompress(part, MOST_BYTES + 1 - size)
            except zlib.error:
                raise _Unread("not_json") from None
        size += len(part)
        if max(size, taken) > MOST_BYTES:
            raise _Unread("answer_too_large")
        if deadline.over():
            raise _Unread("timeout")
        parts.append(part)
    if unpack is not None and taken and not unpack.eof:
        raise _Unread("connection_lost")
    return b"".join(parts)


def _parsed(body: bytes) -> tuple[Any, bool]:
    if not body.strip():
        return {}, True  # e.g. 200 with an empty body after a deletion
    try:
        data = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None, False
    # Half a character or a NUL can be written in JSON, but not in a database.
    odd = rb"\\u(?:[dD][89a-fA-F]|0000)"
    return (_writable(data) if re.search(odd, body) else data), True


def _no_number(name: str) -> float:
    raise ValueError(name)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    if isinstance(value, list):
        return [_writable(one) for one in value]
    if isinstance(value, dict):
        return {_writable(key): _writable(one) for key, one in value.items()}
    return value


def _where(response: httpx.Response) -> str:
    """Where a redirection points, without its query (which may carry a token)."""
    return response.headers.get("Location", "").partition("?")[0][:MOST_MESSAGE]


def address(value: str, *, default: str = "") -> str:
    """What a person typed as a server's address, made one: a scheme added, the path's end cleaned.

    :raises NetworkError: ``bad_address`` if nothing like a host is in it.
    """
    text = (value or default).strip()
    if text and "://" not in text:
        local = re.match(r"^(localhost|127\.|\[::1\])", text)
        text = f"{'http' if local else 'https'}://{text}"
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.host):
        raise NetworkError(Kind.PERMANENT, "bad_address", params={"host": text.rpartition("@")[2][:80]})
    return text.rstrip("/")


_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
