"""Calling a network's method and making of whatever happens one answer or one :class:`Trouble`."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, TypeVar

import httpx

from spilno.channels import access, tokens, traffic
from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.http import Heard, listening
from spilno.plan import queries as plan
from spilno.toolkit.networks.base import (
    Credentials,
    Kind,
    Network,
    NetworkError,
    Outgoing,
    Prepared,
    Published,
    Publishes,
    Quota,
    Sighting,
)
from spilno.toolkit.networks.http import redacted, secrets_of

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_PAUSE = timedelta(minutes=5)
USUAL_WAIT = timedelta(minutes=1)

FETCHED_IN = 5
"""Seconds after which files that could not be fetched are asked for again."""


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


@dataclass(frozen=True)
class Spoken(Generic[T]):
    """What came of a call: its result without secrets, or what went wrong; and what was heard on the way."""

    value: T | Trouble
    requests: int = 0
    quotas: tuple[Quota, ...] = ()


def speak(
    channel: Channel, call: Callable[[httpx.Client, Credentials], T], *, visible: bool = False
) -> T | Trouble:
    """:func:`converse`, if only the result matters."""
    return converse(channel, call, visible=visible, kept=False).value


def converse(
    channel: Channel,
    call: Callable[[httpx.Client, Credentials], T],
    *,
    credentials: Credentials | None = None,
    post: Outgoing | None = None,
    visible: bool = False,
    kept: bool = True,
) -> Spoken[T]:
    """Make the call with the channel's credentials. Never inside a transaction.

    :param credentials: if they were read already and do not end soon; else they are read now, and tokens that end
        within minutes are made anew before.
    :param post: whose files are needed for it: they are fetched to this machine before.
    :param visible: the call may have made a post visible before it failed: then what nobody foresaw is uncertain.
    :param kept: over connections that others of this process used before; not where a connection that its server is
        just closing would leave a doubt which nobody can clear up.
    """
    if post is not None and (trouble := _unfetched(post)):
        return Spoken(trouble)
    with listening() as heard:
        value = _tried(channel, call, credentials, visible=visible, kept=kept)
    return Spoken(value, heard.requests, _quotas(channel, heard))


def _quotas(channel: Channel, heard: Heard) -> tuple[Quota, ...]:
    """What answers said about limits. An answer that cannot be understood says nothing."""
    try:
        return traffic.quotas_of(access.network_of(channel), heard)
    except Exception as error:
        log.warning("%s while reading limits of channel %s", type(error).__name__, channel.pk)
        return ()


def _unfetched(post: Outgoing) -> Trouble | None:
    """What stands in the way of having a post's files here. Nothing was sent."""
    try:
        plan.fetch(post)
    except UserError as error:
        if error.code == "media_not_ready":
            return Trouble(Kind.WAIT, error.code, {**error.params, "seconds": FETCHED_IN})
        return Trouble(Kind.PERMANENT, error.code, error.params)
    return None


def _tried(
    channel: Channel,
    call: Callable[[httpx.Client, Credentials], T],
    credentials: Credentials | None,
    *,
    visible: bool,
    kept: bool,
) -> T | Trouble:
    try:
        if credentials is None:
            credentials = tokens.fresh_credentials(channel=channel, now=clock.now())
        with access.client(kept=kept) as client:
            return _without_secrets(call(client, credentials), access.network_of(channel), credentials)
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


def _without_secrets(result: T, network: Network, credentials: Credentials) -> T:
    """The same, its answer fit for the record."""
    if isinstance(result, Published):
        return replace(result, answer=_cleaned(network, credentials, result.answer))
    if isinstance(result, Sighting) and result.published is not None:
        return replace(result, published=_without_secrets(result.published, network, credentials))
    return result


def _cleaned(network: Network, credentials: Credentials, answer: Mapping[str, Any]) -> dict[str, Any]:
    """A network's answer for the record: no secrets, no long texts, however deep."""
    secrets = secrets_of(network, credentials)

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return redacted(str(value), secrets)

    return clean(answer)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------ without speaking


class _Mute(httpx.Client):
    """A client that says nothing: whoever wants to send a request gets an exception that no network's file catches."""

    def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        raise _WouldSpeak

    def open_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raise _WouldSpeak


class _NoCredentials(Mapping[str, str]):
    """Who looks for credentials wants to send something."""

    def __getitem__(self, key: str) -> str:
        raise _WouldSpeak

    def __iter__(self) -> Iterator[str]:
        raise _WouldSpeak

    def __len__(self) -> int:
        raise _WouldSpeak


class _WouldSpeak(BaseException):
    pass


@cache
def _mute() -> _Mute:
    return _Mute(trust_env=False, verify=False)


def prepared_silently(network: Publishes, post: Outgoing, so_far: Prepared) -> Prepared | None:
    """What preparation makes of a post if it needs neither a request nor credentials nor a file for it, else ``None``.

    Most posts are a text on a network that wants nothing beforehand: they need no step of their own for that.
    """
    if post.media:
        return None
    try:
        return network.prepare(client=_mute(), credentials=_NoCredentials(), post=post, so_far=so_far)
    except (_WouldSpeak, Exception):
        return None
