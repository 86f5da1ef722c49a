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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import httpx

from spilno.toolkit.networks.base import Kind, NetworkError
from spilno.toolkit.networks.http import redacted

TIMEOUT = 20.0
"""Seconds for connecting, and for every answer."""

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


class _Connection(smtplib.SMTP):
    """smtplib's, with a socket opened by somebody else."""

    def __init__(self, client: httpx.Client, server: Server, context: ssl.SSLContext) -> None:
        self._opener = client
        self._tls = context if server.port == IMPLICIT_TLS else None
        super().__init__(server.host, server.port, server.name, TIMEOUT)

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
        self._smtp: smtplib.SMTP | None = None

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
        return self._told(lambda: self._hand_over(sender, recipients, letter))

    # ------------------------------------------------------------------------------------------ the conversation

    def _introduce(self, sender: str, size: int) -> smtplib.SMTP:
        context = ssl.create_default_context()
        smtp = self._smtp = _Connection(self._client, self._server, context)
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
        accepted = self._address(smtp, recipients)
        code, text = smtp.docmd("DATA")
        if code != 354:
            self._expect(code if code >= 400 else -1, text)
        self._on_its_way = True
        smtp.send(re.sub(rb"(?m)^\.", b"..", letter) + b".\r\n")
        self._expect(*smtp.getreply())
        self._on_its_way = False
        return Taken(accepted, len(recipients) - accepted)

    def _address(self, smtp: smtplib.SMTP, recipients: Sequence[str]) -> int:
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
        return accepted

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
            "their_code": str(code),
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
