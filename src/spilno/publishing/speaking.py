"""Calling a network's method and making of whatever happens one answer or one :class:`Trouble`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.toolkit.networks.base import Credentials, Kind, Network, NetworkError, Prepared
from spilno.toolkit.networks.http import redacted, secrets_of

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_PAUSE = timedelta(minutes=5)
USUAL_WAIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Trouble:
    """What went wrong, in the words of the attempt's record. ``error`` is what channel health is judged by."""

    kind: Kind
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    retry_at: datetime | None = None
    so_far: Prepared | None = None
    error: NetworkError | None = None

    @property
    def outcome(self) -> str:
        return str(self.kind)

    def wait(self, now: datetime, tries: int) -> timedelta:
        """How long to wait before the next try: as long as the network says, else longer with every try."""
        if self.kind is Kind.WAIT:
            seconds = self.params.get("seconds")
            if isinstance(seconds, int | float):
                return timedelta(seconds=max(0.0, float(seconds)))
            if self.retry_at is not None:
                return max(timedelta(0), self.retry_at - now)
            return USUAL_WAIT
        if self.kind is Kind.RECONNECT:
            return USUAL_WAIT
        return min(LONGEST_PAUSE, timedelta(seconds=5 * 2 ** min(tries, 10)))


def speak(
    channel: Channel, call: Callable[[httpx.Client, Credentials], T], *, visible: bool = False
) -> T | Trouble:
    """Make the call with the channel's credentials. Never inside a transaction.

    :param visible: the call may have made a post visible before it failed: then what nobody foresaw is uncertain.
    """
    try:
        credentials = access.credentials_of(channel)
        with access.client() as client:
            return call(client, credentials)
    except NetworkError as error:
        return Trouble(error.kind, f"network_{error.code}", error.params, error.retry_at, error.so_far, error)
    except UserError as error:  # an address inside a private network, a lost key: nothing was sent
        return Trouble(Kind.PERMANENT, error.code, error.params)
    except Exception as error:
        # The text of an error from below may hold what was sent, a token with it: only its place is told.
        last = traceback.extract_tb(error.__traceback__)[-1]
        log.error("%s at %s:%s while speaking to channel %s", type(error).__name__, last.filename, last.lineno,
                  channel.pk)  # fmt: skip
        kind = Kind.UNCERTAIN if visible else Kind.PERMANENT
        return Trouble(kind, "unexpected", {"error": type(error).__name__})


def cleaned(network: Network, channel: Channel, answer: Mapping[str, Any]) -> dict[str, Any]:
    """A network's answer for the record: no secrets, no long texts, however deep."""
    try:
        secrets = secrets_of(network, access.credentials_of(channel))
    except UserError:
        secrets = ()

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return redacted(str(value), secrets)

    return clean(answer)  # type: ignore[no-any-return]
