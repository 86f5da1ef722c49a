"""Handing a letter over to a mail server, and knowing at every step whether it may have been taken.

Until the server has been sent the letter itself (after its reply 354 to DATA) nothing can have happened: whatever goes
wrong is safe to repeat. What the server *replies* after the letter is certain too: with 4xx and 5xx it has not taken
it (RFC 5321, 4.2.5 and 4.5.4.2). Only a silence in between is uncertain.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import httpx

from spilno.toolkit.networks.base import Kind, NetworkError
from spilno.toolkit.networks.http import redacted

TIMEOUT = 20.0
"""Seconds for connecting, and for every answer."""

PATIENCE = 120.0
"""Seconds for a conversation as a whole, whatever it is spent on: a drip of bytes is no answer."""

PER_RECIPIENT = 0.5
"""Seconds more for each recipient."""

SLOWEST = 100_000
"""Bytes a second: a letter gets as much more time as it takes at this speed."""

DIGESTING = 60.0
"""Seconds that a server may think about a letter it has got. Leaving earlier makes doubt of what is only slow."""

MOST_REPLY = 64 * 1024
"""Bytes of one reply; the standard allows 512 in a line."""

GOODBYE = 2.0
"""Seconds for the answer to QUIT, which changes nothing any more."""

IMPLICIT_TLS = 465
SUBMISSION = 587

_NOT_TAKEN = (421, 452)
_TOO_LARGE = 552
_SIGN_IN = (530, 534, 535, 538)


@runtime_checkable
class OpensSockets(Protocol):
    """A client that opens connections for other protocols than HTTP, under the same guard as its requests."""

    def open_socket(self, host: str, port: int, timeout: float) -> socket.socket: ...


def open_socket(client: httpx.Client, host: str, port: int, timeout: float) -> socket.socket:
    """A connection through the client. One without a guard of its own opens it without, as it does its requests."""
    if isinstance(client, OpensSockets):
        return client.open_socket(host, port, timeout)
    return socket.create_connection((host, port), timeout)


@dataclass(frozen=True)
class Server:
    """A mail server and how to sign in. ``name``: what we call ourselves in EHLO."""

    host: str
    port: int
    name: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Taken:
    """How many recipients the server took the letter for, and how many it refused."""

    accepted: int
    refused: int
    codes: Mapping[str, int] = field(default_factory=dict)
    """How many were refused with which code (``"550 5.1.1"``: no such mailbox, RFC 3463)."""


class _Lines:
    """What a server says, line by line, within bounds: smtplib reads from it as from the socket's own file."""

    def __init__(self, opened: socket.socket, end: float) -> None:
        self._socket = opened
        self._end = end
        self._got = b""
        self._reply = 0
        self.wait = TIMEOUT

    def new_reply(self) -> None:
        self._reply = 0

    def readline(self, limit: int = -1) -> bytes:
        while b"\n" not in self._got and not 0 <= limit <= len(self._got):
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the conversation as a whole took too long")
            self._socket.settimeout(min(self.wait, left))
            part = self._socket.recv(8192)
            if not part:
                break
            self._got += part
        end = self._got.find(b"\n") + 1 or len(self._got)
        line = self._got[: min(end, limit) if limit >= 0 else end]
        self._got = self._got[len(line) :]
        self._reply += len(line)
        if self._reply > MOST_REPLY or len(line) >= limit > 0:
            raise smtplib.SMTPServerDisconnected("a reply without an end")
        return line

    def close(self) -> None:
        """Nothing: the socket is not ours."""


class _Connection(smtplib.SMTP):
    """smtplib's, with a socket opened by somebody else and replies that end in time."""

    def __init__(self, client: httpx.Client, server: Server, context: ssl.SSLContext, end: float) -> None:
        self._opener = client
        self._tls = context if server.port == IMPLICIT_TLS else None
        self._end = end
        super().__init__(server.host, server.port, server.name, TIMEOUT)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            assert self.sock is not None
            self.file = _Lines(self.sock, self._end)  # type: ignore[assignment]
        assert isinstance(self.file, _Lines)
        self.file.new_reply()
        return super().getreply()

    def wait(self, seconds: float) -> None:
        """How long the next replies may be waited for."""
        if isinstance(self.file, _Lines):
            self.file.wait = seconds

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # type: ignore[override]
        opened = open_socket(self._opener, host, port, timeout)
        return self._tls.wrap_socket(opened, server_hostname=host) if self._tls else opened


class _Refused(Exception):
    def __init__(self, error: NetworkError) -> None:
        super().__init__(str(error))
        self.error = error


class Handover:
    """One conversation with a server. :meth:`check` stops before a letter is spoken of, :meth:`send` hands it over."""

    def __init__(self, client: httpx.Client, server: Server) -> None:
        self._client = client
        self._server = server
        self._on_its_way = False
        self._smtp: _Connection | None = None
        self._patience = PATIENCE

    def check(self, sender: str) -> None:
        """Does the server let us in, and this sender write?

        :raises NetworkError: if not.
        """
        self._told(lambda: self._introduce(sender, 0))

    def send(self, sender: str, recipients: Sequence[str], letter: bytes) -> Taken:
        """Hand one letter over, for all recipients at once.

        An address that is refused does not keep the others from their letter. If the server takes fewer recipients
        than there are, nothing is sent.

        :param letter: lines end in CRLF.
        :raises NetworkError: uncertain only if the letter itself was on its way.
        """
        self._patience = PATIENCE + PER_RECIPIENT * len(recipients) + len(letter) / SLOWEST
        return self._told(lambda: self._hand_over(sender, recipients, letter))

    # ------------------------------------------------------------------------------------------ the conversation

    def _introduce(self, sender: str, size: int) -> _Connection:
        context = ssl.create_default_context()
        # Known before it says hello: what goes wrong from here on is a connection that broke off.
        end = time.monotonic() + self._patience
        smtp = self._smtp = _Connection(self._client, self._server, context, end)
        smtp.ehlo_or_helo_if_needed()
        if self._server.port != IMPLICIT_TLS and smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
        elif self._server.password and self._server.port != IMPLICIT_TLS:
            raise _Refused(NetworkError(Kind.PERMANENT, "no_encryption", params={"host": self._server.host}))
        if self._server.password:
            smtp.login(self._server.user, self._server.password)
        options = [f"SIZE={size}"] if size and smtp.has_extn("size") else []
        self._expect(*smtp.mail(sender, options))
        return smtp

    def _hand_over(self, sender: str, recipients: Sequence[str], letter: bytes) -> Taken:
        smtp = self._introduce(sender, len(letter))
        accepted, refused = self._address(smtp, recipients)
        code, text = smtp.docmd("DATA")
        if code != 354:
            self._expect(code if code >= 400 else -1, text)
        self._on_its_way = True
        assert smtp.sock is not None
        smtp.sock.settimeout(TIMEOUT + len(letter) / SLOWEST)  # for all of it
        smtp.wait(DIGESTING)
        smtp.send(re.sub(rb"(?m)^\.", b"..", letter) + b".\r\n")
        self._expect(*smtp.getreply())
        self._on_its_way = False
        return Taken(accepted, len(recipients) - accepted, refused)

    def _address(self, smtp: smtplib.SMTP, recipients: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many were taken, and how many refused with which code."""
        accepted, refused = 0, []
        for one in recipients:
            code, text = smtp.rcpt(one)
            if 200 <= code < 300:
                accepted += 1
            elif code == 452 and accepted:
                raise _Refused(
                    NetworkError(Kind.PERMANENT, "too_many_recipients", params={"limit": accepted})
                )
            elif code in _NOT_TAKEN or code < 0:
                self._expect(code, text)
            else:
                refused.append((code, text))
        if not accepted:
            code, text = refused[0]
            if any(one < 500 for one, _ in refused):
                self._expect(421, text)
            params = {"message": self._words(text), "host": self._server.host}
            raise _Refused(NetworkError(Kind.PERMANENT, "recipients_refused", params=params, status=code))
        return accepted, dict(Counter(_numbers(code, text) for code, text in refused))

    # ------------------------------------------------------------------------------------------ what went wrong

    def _told(self, act: Any) -> Any:
        """Do it; anything that goes wrong becomes a :class:`NetworkError`.

        It is raised outside the ``except`` block: exceptions of smtplib hold what was said, and must not hang on ours.
        """
        problem: NetworkError
        try:
            return act()
        except _Refused as refused:
            problem = refused.error
        except smtplib.SMTPAuthenticationError as error:
            problem = self._refusal(error.smtp_code, error.smtp_error)
            if problem.kind is Kind.PERMANENT:
                problem = self._not_accepted(error.smtp_error)
        except (
            smtplib.SMTPNotSupportedError,
            UnicodeError,
        ):  # no way to sign in, or not with such a password
            problem = self._not_accepted(b"")
        except smtplib.SMTPResponseException as error:
            problem = self._refusal(error.smtp_code, error.smtp_error)
        except ssl.SSLCertVerificationError:
            problem = NetworkError(Kind.PERMANENT, "certificate_refused", params={"host": self._server.host})
        except (OSError, smtplib.SMTPException) as error:
            late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
            problem = self._silence("timeout" if late else "connection_lost" if self._smtp else "unreachable")
        finally:
            self._leave()
        raise problem

    def _leave(self) -> None:
        # Whatever was agreed stands: a goodbye that fails changes nothing.
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._smtp.sock is not None:
                    self._smtp.sock.settimeout(GOODBYE)
                    self._smtp.quit()
            self._smtp.close()

    def _silence(self, code: str) -> NetworkError:
        kind = Kind.UNCERTAIN if self._on_its_way else Kind.UNREACHABLE
        return NetworkError(kind, code, params={"host": self._server.host})

    def _expect(self, code: int, text: bytes) -> None:
        if not 200 <= code < 300:
            raise _Refused(self._refusal(code, text))

    def _refusal(self, code: int, text: bytes | str) -> NetworkError:
        params: dict[str, Any] = {
            "host": self._server.host,
            "message": self._words(text),
            "their_code": _numbers(code, text),
        }
        if 400 <= code < 500:
            return NetworkError(Kind.WAIT, "rate_limited", params=params, status=code)
        if code in _SIGN_IN:
            return self._not_accepted(text)
        if 500 <= code < 600:
            return NetworkError(
                Kind.PERMANENT,
                "media_too_large" if code == _TOO_LARGE else "refused",
                params=params,
                status=code,
            )
        # Not a reply at all: something else listens there.
        return NetworkError(
            Kind.UNCERTAIN if self._on_its_way else Kind.UNREACHABLE,
            "not_json",
            params={"host": self._server.host},
        )

    def _not_accepted(self, text: bytes | str) -> NetworkError:
        params = {"host": self._server.host, "message": self._words(text)}
        return NetworkError(Kind.RECONNECT, "not_accepted", params=params)

    def _words(self, text: bytes | str) -> str:
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        secrets = tuple(one for one in (self._server.password,) if len(one) >= 4)
        return redacted(said, secrets)


def _numbers(code: int, text: bytes | str) -> str:
    """The reply's code with the enhanced one behind it, if there is one: ``"550 5.1.1"`` (RFC 2034)."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    more = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)", said)
    return f"{code} {more[0]}" if more else str(code)
