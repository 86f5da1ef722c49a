"""An SMTP server that accepts everything, delivers nothing, and keeps what it got."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from .process import free_ports, until


@dataclass(frozen=True)
class Received:
    """One message: the envelope's sender and recipients, and the parsed message."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain text part, or the HTML if there is no other; empty without either."""
        body = self.message.get_body(preferencelist=("plain", "html"))
        return str(body.get_content()) if body is not None else ""


@dataclass
class Mail:
    """The running server: SMTP on `host`:`port`, no encryption, no sign-in."""

    host: str
    port: int
    received: list[Received] = field(default_factory=list)
    _controller: Controller | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def as_json(self) -> dict[str, Any]:
        """What a person or another program needs to use it."""
        return {"server": "mail", "host": self.host, "port": self.port}

    # The name and the signature are aiosmtpd's.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one message."""
        content = envelope.original_content or b""
        message = cast(EmailMessage, BytesParser(policy=modern).parsebytes(content))
        with self._lock:
            self.received.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        return "250 Kept"

    def to(self, address: str) -> list[Received]:
        """The messages for this recipient, oldest first."""
        with self._lock:
            return [m for m in self.received if address in m.recipients]

    def wait_for(
        self, address: str, *, where: Callable[[Received], bool] = lambda _: True, timeout: float = 15.0
    ) -> Received:
        """The first message for `address` that `where` accepts; TimeoutError after `timeout` seconds."""
        return until(
            lambda: next((m for m in self.to(address) if where(m)), None),
            what=f"a message to {address}",
            timeout=timeout,
        )

    def clear(self) -> None:
        """Forget what was received."""
        with self._lock:
            self.received.clear()

    def stop(self) -> None:
        """End the server."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


def start() -> Mail:
    """Start the server on a free port of 127.0.0.1, in a thread of this process."""
    (port,) = free_ports(1)
    mail = Mail(host="127.0.0.1", port=port)
    controller = Controller(mail, hostname=mail.host, port=port, enable_SMTPUTF8=True)
    controller.start()
    mail._controller = controller
    return mail
