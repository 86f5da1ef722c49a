"""What every network's file declares and how it is spoken to.

A network is one class in one file of this package. It consists of *declared data* (placements with their dated
limits, credential fields, rate policy, metric mapping, its way of publishing once) and of small *capabilities*
(protocols below). Other rooms ask ``can(network, Publishes)``, never which network it is.

Nothing here knows Django, a database, settings or the clock: methods take credentials and an HTTP client and give
frozen dataclasses back. They never sleep and never retry; whether to repeat a request is the caller's decision,
made from the error's :class:`Kind`.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

import httpx

log = logging.getLogger(__name__)

LocalText: TypeAlias = Mapping[str, str]
"""A text by language: ``{"uk": …, "en": …, "ru": …}``."""

Credentials: TypeAlias = Mapping[str, str]
"""Values of the network's credential fields, and what connecting added (tokens, ids). JSON-able, kept encrypted."""


ACCESS_UNTIL = "access_until"
"""Credential key: when the access token ends, ISO 8601 in UTC."""

REFRESH_UNTIL = "refresh_until"
"""Credential key: when it can no longer be made anew and the person has to connect again, ISO 8601 in UTC."""


# ------------------------------------------------------------------------------------------------ errors


class Kind(StrEnum):
    """What the caller may do after an error."""

    PERMANENT = "permanent"  # repeating cannot help; a person must change something
    WAIT = "wait"  # rate limit or announced outage: nothing was created; repeat after `retry_at`
    RECONNECT = "reconnect"  # the credentials are no longer accepted
    UNREACHABLE = "unreachable"  # failed before the request was sent: safe to repeat
    UNCERTAIN = "uncertain"  # sent, but no trustworthy answer: it may or may not have happened


class NetworkError(Exception):
    """A request to a network that did not succeed.

    :param kind: what the caller may do.
    :param code: stable key of the message shown to people, e.g. ``"text_too_long"``, ``"timeout"``.
    :param params: values for the message; never secrets.
    :param retry_at: aware UTC time before which repeating is pointless (only with ``Kind.WAIT``).
    :param status: HTTP status, if there was an answer.
    :param so_far: what preparation had achieved before the error, to be stored and handed to the next ``prepare``
        (a network that is still working on a picture raises ``Kind.WAIT`` with it). An error of ``commit`` that
        carries an *empty* one says that the preparation is void and has to be made anew.

    ``params["seconds"]``, if there, is how long to wait, counted from now: networks are asked for an instant and
    often tell only a duration, and nothing here has a clock. Then ``retry_at`` may be ``None``.
    """

    def __init__(
        self,
        kind: Kind,
        code: str,
        *,
        params: Mapping[str, Any] | None = None,
        retry_at: datetime | None = None,
        status: int | None = None,
        so_far: Prepared | None = None,
    ) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
        self.params: dict[str, Any] = dict(params or {})
        self.retry_at = retry_at
        self.status = status
        self.so_far = so_far


# ------------------------------------------------------------------------------------------------ declared data


class Once(StrEnum):
    """How publishing in a placement is made to happen once (DESIGN.md, "Publishing once")."""

    KEY = "key"  # the network deduplicates by a key that we choose: sending again is harmless
    PREPARE = "prepare"  # harmless, repeatable preparation, then one idempotent switch
    LOOKUP = "lookup"  # we can find afterwards whether it is there
    NONE = "none"  # once in flight and not confirmed, only a person can tell
    HAND = "hand"  # a person posts; we remind, and they confirm


class Counting(StrEnum):
    """In what a network counts the length of a text."""

    GRAPHEMES = "graphemes"
    CODE_POINTS = "code_points"
    UTF16 = "utf16"
    BYTES = "bytes"  # UTF-8
    MASTODON = "mastodon"  # graphemes; URL = 23; remote handle without its domain
    TWITTER = "twitter"  # weighted, twitter-text configuration v3


@dataclass(frozen=True)
class Limit:
    """One dated limit. ``value`` in ``unit``; ``None`` means the network states none."""

    key: str  # e.g. "text", "bytes", "images", "image_bytes", "ratio_min", "hashtags", "video_seconds"
    value: int | Decimal | str | None
    unit: str  # "graphemes", "bytes", "count", "px", "s", "ratio", "mime" …
    checked_on: date
    source: str  # where it is written down: a URL, or a file of our own documentation


@dataclass(frozen=True)
class Placement:
    """A place where content can appear: post, story, reel, carousel, message …"""

    key: str
    label: LocalText
    counting: Counting
    limits: tuple[Limit, ...]
    once: Once
    media_required: bool = False
    text_allowed: bool = True
    media_allowed: tuple[str, ...] = ()  # kinds: "image", "video"
    link_by_hand: bool = False  # a post *with a link* cannot go through the API: it becomes a reminder
    link_plain: bool = False  # a link is shown as plain text that nobody can click
    alt_text: bool = True  # pictures carry a description

    def limit(self, key: str) -> int | Decimal | str | None:
        """Value of a limit, ``None`` if the placement has none of that key."""
        return next((one.value for one in self.limits if one.key == key), None)


@dataclass(frozen=True)
class CredentialField:
    """One field of the connect form, from which the form is generated."""

    key: str
    label: LocalText
    help: LocalText = field(default_factory=dict)
    kind: str = (
        "text"  # "text" | "url" | "password" | "handle" | "lines" (several lines: never shown beside others)
    )
    secret: bool = False
    required: bool = True
    default: str = ""
    placeholder: str = ""


class Counts(StrEnum):
    """What uses a limit up."""

    REQUEST = "request"  # every call of the API
    POST = "post"  # every post that is published
    UPLOAD = "upload"  # every file that is handed over


class Per(StrEnum):
    """Whose limit it is."""

    CHANNEL = "channel"  # the connected account
    APP = "app"  # everything that this installation's registered app does, whichever account
    SERVER = "server"  # everything that goes to the same host


@dataclass(frozen=True)
class RatePolicy:
    """One limit of the network on how often: at most ``allowed`` uses in any ``seconds``.

    ``key`` names it beside its siblings, and is what a :class:`Quota` of the same limit is called.
    """

    key: str  # "requests", "posts", "uploads", "reels", "messages" …
    allowed: int
    seconds: int
    counts: Counts
    per: Per
    checked_on: date
    source: str
    placements: tuple[str, ...] = ()  # only these count; none named: all


@dataclass(frozen=True)
class Quota:
    """How much of a limit is left, as the network itself tells in a header or at an endpoint.

    ``seconds``: until it is whole again, counted from the answer; ``None`` if not told. ``left`` may be 0: then
    nothing of that kind is to be tried before.
    """

    key: str  # of the RatePolicy it speaks of, or a name of its own
    left: int
    limit: int | None = None
    seconds: float | None = None
    per: Per = Per.CHANNEL
    counts: Counts = Counts.REQUEST


# ------------------------------------------------------------------------------------------------ what goes out


@dataclass(frozen=True)
class MediaFile:
    """A file to publish. ``path`` is local; ``url`` is a public address for networks that fetch by themselves."""

    path: Path
    mime: str
    bytes: int
    width: int | None = None
    height: int | None = None
    alt: str = ""
    url: str = ""
    seconds: Decimal | None = None
    fps: Decimal | None = None  # of a video: pictures a second
    pages: int | None = None  # of a document

    @property
    def kind(self) -> str:
        """``"image"``, ``"video"`` or ``"file"``."""
        head = self.mime.partition("/")[0]
        return head if head in ("image", "video") else "file"


@dataclass(frozen=True)
class Outgoing:
    """One post, ready to leave. ``key`` is the delivery's own key, stable over all attempts (at most 64 of
    [a-z0-9-])."""

    key: str
    placement: str
    text: str = ""
    media: tuple[MediaFile, ...] = ()
    link: str = ""
    language: str = ""  # BCP 47, for networks that take it
    sensitive: bool = False  # media hidden until a reader asks for it, on networks that can


@dataclass(frozen=True)
class Prepared:
    """What harmless preparation left on the network's side (JSON-able), handed to ``commit``."""

    data: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Published:
    """The network says that it is there. ``url`` may be empty if the network has no public address for it."""

    external_id: str
    url: str = ""
    published_at: datetime | None = None  # the network's own time, if it tells
    answer: Mapping[str, Any] = field(default_factory=dict)  # redacted, for the attempt's record


class Verdict(StrEnum):
    FOUND = "found"
    ABSENT = "absent"  # certainly not there: may be sent again
    CANNOT_TELL = "cannot_tell"  # a person must look


@dataclass(frozen=True)
class Sighting:
    """Answer to "is it there?". ``published`` is set if and only if the verdict is FOUND."""

    verdict: Verdict
    published: Published | None = None
    look_at: str = ""  # where a person should look (URL or words), if it cannot be told


# ------------------------------------------------------------------------------------------------ what comes back


@dataclass(frozen=True)
class Account:
    """Who we are connected as. ``credentials`` are to be stored: what was typed plus what connecting added."""

    external_id: str
    name: str
    url: str = ""
    credentials: Credentials = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One counter as the network reports it now. Missing counters are simply not listed: missing is not zero."""

    metric: str  # our key: "likes", "reposts", "replies", "quotes", "reach", "impressions", "followers", "members" …
    value: Decimal
    observed_at: datetime | None = None  # network's own time; None = time of asking


@dataclass(frozen=True)
class Said:
    """Something somebody else said to us: a reply, comment or message."""

    external_id: str
    author: str  # handle or id as the network shows it
    author_name: str
    text: str
    said_at: datetime
    in_reply_to: str = ""
    url: str = ""


# ------------------------------------------------------------------------------------------------ capabilities


@runtime_checkable
class Connects(Protocol):
    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Check what was typed and return the account with everything that is needed from now on."""


@runtime_checkable
class ConnectsByOAuth(Protocol):
    """Connecting by sending the person to the network and back."""

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Address to send the person to, and credentials to keep meanwhile (app registration, PKCE verifier)."""

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for tokens. Several accounts: the person says which one the channel shall be."""


@runtime_checkable
class Refreshes(Protocol):
    """Tokens that end are made anew without the person, as long as the network allows it.

    Credentials say when under :data:`ACCESS_UNTIL` and :data:`REFRESH_UNTIL` (ISO 8601, UTC; missing: never).
    """

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """All credentials with fresh tokens in them. Never fewer keys, never an empty token."""


@runtime_checkable
class Publishes(Protocol):
    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Harmless, repeatable work before the due time (upload media, make containers). May be called again."""

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """The one request that makes the post visible. Exactly one state-changing request."""


@runtime_checkable
class Finds(Protocol):
    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Is the post of this key already there? Read-only. ``not_before``: start of the first attempt."""


@runtime_checkable
class ReadsInsights(Protocol):
    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]: ...

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]: ...


@runtime_checkable
class ReadsConversations(Protocol):
    def replies(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Said]: ...


@runtime_checkable
class Replies(Protocol):
    reply_once: ClassVar[Once]
    """How answering is made to happen once."""

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer what somebody said (or a post of ours), where they said it. One changing request.

        :param in_reply_to: ``external_id`` of a :class:`Said` or a :class:`Published`.
        :param key: ours, stable over all attempts.
        """


@runtime_checkable
class Deletes(Protocol):
    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Take a post of ours away. What is gone already is no error."""


@runtime_checkable
class ReadsQuotas(Protocol):
    def live_quotas(self, *, client: httpx.Client, credentials: Credentials) -> tuple[Quota, ...]:
        """What is left of the limits, asked at an endpoint that the network has for it. Read-only."""


@runtime_checkable
class ReadsLimits(Protocol):
    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """Limits as the server itself states them today; they replace declared ones of the same key."""


_SPEAKING = (
    "connect", "authorization", "finish", "refresh", "prepare", "commit", "find", "post_readings",
    "account_readings", "replies", "reply", "delete", "live_quotas", "live_limits",
)  # fmt: skip
"""Methods of the capabilities: what speaks to a network."""


def _understanding(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, with an answer of another shape than documented told as what it is.

    Connectors read answers as their networks describe them. One that has a list where an object belongs makes them
    stumble anywhere; then nobody knows what happened, and that is what the caller has to hear.
    """

    @functools.wraps(method)
    def understanding(*given: Any, **named: Any) -> Any:
        try:
            return method(*given, **named)
        except FileNotFoundError:  # a file that was to be sent: HTTP clients have errors of their own
            problem = NetworkError(Kind.PERMANENT, "media_unreadable")
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:
                raise  # called wrongly
            # The error's text may hold what was answered: only its place is told.
            last = traceback.extract_tb(error.__traceback__)[-1]
            log.warning("%s at %s:%s: an answer of another shape, or a mistake of ours",
                        type(error).__name__, last.filename, last.lineno)  # fmt: skip
            problem = NetworkError(Kind.UNCERTAIN, "unexpected_answer")
        raise problem

    return understanding


class Network:
    """Base class: the declared data. Everything a person sees about a network is derived from here."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in _SPEAKING:
            method = getattr(cls, name, None)
            if callable(method) and not hasattr(method, "__wrapped__"):
                setattr(cls, name, _understanding(method))

    key: ClassVar[str]
    label: ClassVar[LocalText]
    short: ClassVar[str]  # two letters for the network's small mark
    color: ClassVar[str]  # oklch(), for the mark
    placements: ClassVar[tuple[Placement, ...]]
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()
    # What an administrator types once, for all channels of a network that wants its apps registered (client id and
    # secret), and the steps of getting it, a sentence each. Methods find the values among the credentials.
    app_fields: ClassVar[tuple[CredentialField, ...]] = ()
    app_steps: ClassVar[tuple[LocalText, ...]] = ()
    app_docs: ClassVar[str] = ""  # where apps are registered
    app_scopes: ClassVar[tuple[str, ...]] = ()  # the permissions that the app has to be given there
    rates: ClassVar[tuple[RatePolicy, ...]] = ()
    metrics: ClassVar[Mapping[str, str]] = {}  # network's own name → our key
    audience_metric: ClassVar[str] = ""  # "followers" or "members": what grows here
    docs: ClassVar[str] = ""  # the network's own documentation, where a person can read on
    by_hand: ClassVar[bool] = False  # no API: a reminder channel
    practice: ClassVar[bool] = False  # a practice server speaks this network's protocol
    public_media: ClassVar[bool] = False  # the network fetches media from a public URL
    look_here: ClassVar[LocalText] = {}  # where a person looks when it cannot be told whether a post is there

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """The text as it will really be sent: a link that has no place of its own is appended.

        Checking and publishing both use it, so that a text which passed the check is the text that leaves.
        """
        return with_link(text, link)

    def quotas(self, headers: httpx.Headers) -> tuple[Quota, ...]:
        """What an answer's headers tell about limits; nothing by default."""
        return ()

    def server_of(self, credentials: Credentials) -> str:
        """Host that these credentials speak to: who shares a server's limits and outages; ``""``: all the same."""
        for one in self.credential_fields:
            value = credentials.get(one.key, "") or one.default
            if value and (one.kind == "url" or one.key == "server"):
                return urlsplit(value if "://" in value else f"//{value}").netloc.rpartition("@")[2].lower()
        return ""

    def app_of(self, credentials: Credentials) -> str:
        """What tells registered apps (or bots) apart: who shares an app's limits; ``""``: all the same."""
        keys = [one.key for one in self.app_fields[:1]] or ["client_id"]
        return credentials.get(keys[0], "")

    def placement(self, key: str) -> Placement:
        """The placement of that key; ``KeyError`` if the network has none."""
        for one in self.placements:
            if one.key == key:
                return one
        raise KeyError(key)


def with_link(text: str, link: str) -> str:
    """The text with the link on a line of its own, unless it already says it."""
    if not link or link in text:
        return text
    return f"{text}\n\n{link}" if text else link


def can(network: Network, capability: type) -> bool:
    """Does the network have the capability? The only question other rooms ask."""
    return isinstance(network, capability)
