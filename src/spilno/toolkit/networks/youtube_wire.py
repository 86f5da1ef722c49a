"""YouTube's addresses, and how Google words an error.

Errors: developers.google.com/youtube/v3/docs/errors, …/youtube/v3/docs/videos/insert#errors and RFC 6749 for tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from spilno.toolkit.networks.base import Credentials, Kind, Network, NetworkError
from spilno.toolkit.networks.http import Refusal, Wire, address, http_date, secrets_of

API = "https://youtube.googleapis.com"
PRACTICE_PATH = "/google"
"""A server that stands in for Google speaks everything below this path, and shows its channels on own pages."""

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Daily quotas begin anew at midnight there."""

SLOW_DOWN = 60.0
"""Seconds to wait when Google says "too fast" and not until when: those limits are counted per minute."""
UNKNOWN_HOUR = 3600.0
"""Seconds to wait for a new day if an answer does not say what time it is."""

_SPENT = {"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"}
_TOO_FAST = {"rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED"}
_NO_CHANNEL = {"youtubeSignupRequired", "channelNotFound", "authenticatedUserNotChannel"}
_BLOCKED = {
    "authenticatedUserAccountClosed", "authenticatedUserAccountSuspended", "channelClosed", "channelSuspended",
}  # fmt: skip
_NOT_ALLOWED = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
_NOT_ENABLED = {"accessNotConfigured", "SERVICE_DISABLED"}
_APP = {"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "deleted_client", "disabled_client"}
_CERTAIN = {
    "forbidden", "videoNotFound", "invalidTitle", "invalidDescription", "invalidTags", "invalidVideoMetadata",
    "invalidCategoryId", "invalidRequestMetadata", "invalidDefaultLanguage",
}  # fmt: skip
"""Refusals that say what was wrong with the request. One that we do not know is not proof that nothing was done."""


@dataclass(frozen=True)
class Places:
    """Where Google's parts are: the Data API, Analytics, the consent page, the tokens."""

    data: str
    analytics: str
    consent: str
    tokens: str


def places(credentials: Credentials) -> Places:
    """Google's own addresses, or all of them below the one address of a practice network."""
    base = address(credentials.get("api_url", ""), default=API)
    if base == API:
        return Places(
            API,
            "https://youtubeanalytics.googleapis.com",
            "https://accounts.google.com/o/oauth2/v2/auth",
            "https://oauth2.googleapis.com/token",
        )
    return Places(base, base, f"{base}/o/oauth2/v2/auth", f"{base}/token")


def wire(network: Network, client: httpx.Client, credentials: Credentials, *, base: str = "") -> Wire:
    """The way to the Data API (or to ``base``) with the channel's access token."""
    token = credentials.get("access_token", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Wire(client, base or places(credentials).data, headers, secrets_of(network, credentials), explain)


def shown_at(credentials: Credentials, video: str, *, short: bool = False) -> str:
    """Where people see a video."""
    base = places(credentials).data
    if base == API:
        return f"https://www.youtube.com/{'shorts/' if short else 'watch?v='}{video}"
    return f"{base.removesuffix(PRACTICE_PATH)}/youtube/{credentials.get('handle', '').lstrip('@')}/{video}"


def channel_at(credentials: Credentials) -> str:
    """Where people see the channel."""
    base, handle = places(credentials).data, credentials.get("handle", "")
    if base == API:
        return f"https://www.youtube.com/{handle or 'channel/' + credentials.get('channel_id', '')}"
    return f"{base.removesuffix(PRACTICE_PATH)}/youtube/{handle.lstrip('@')}"


_VAGUE = {"refused", "forbidden", "not_found", "redirected", "media_too_large"}
"""Our words for a refusal that rest on the HTTP status alone."""


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """What Google's error means for us."""
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):  # the token's endpoint words it as RFC 6749 does
        ours = "app_refused" if error in _APP else ""
        kind = Kind.PERMANENT if ours else Kind.RECONNECT if error == "invalid_grant" else None
        return Refusal(error, str(data.get("error_description") or error), kind, ours=ours)
    if not isinstance(error, dict):
        return Refusal()
    reason = _reason(error)
    kind = None
    ours, seconds = "", None
    if reason in _SPENT:
        kind, ours = Kind.WAIT, "quota_spent"
        seconds = until_midnight(http_date(headers.get("Date")))
    elif reason == "uploadLimitExceeded":
        kind, ours = Kind.WAIT, "upload_limit"
        seconds = until_midnight(http_date(headers.get("Date")))
    elif reason in _TOO_FAST:
        kind = Kind.WAIT
        seconds = None if headers.get("Retry-After") else SLOW_DOWN
    elif reason in _NO_CHANNEL:
        kind, ours = Kind.PERMANENT, "no_channel"
    elif reason in _BLOCKED:
        kind, ours = Kind.PERMANENT, "account_blocked"
    elif reason in _NOT_ALLOWED:
        kind, ours = Kind.RECONNECT, "rights_missing"
    elif reason in _NOT_ENABLED:
        kind, ours = Kind.PERMANENT, "api_not_enabled"
    elif reason == "commentsDisabled":
        kind, ours = Kind.PERMANENT, "comments_closed"
    elif status == 400:
        kind = Kind.PERMANENT
    return Refusal(reason, _plain(str(error.get("message", ""))), kind, seconds, ours)


def _reason(error: dict[str, Any]) -> str:
    """The most telling word: of the old form's list, else of the new form's details, else the status."""
    for key in ("errors", "details"):
        for one in error.get(key) or []:
            if isinstance(one, dict) and one.get("reason"):
                return str(one["reason"])
    return str(error.get("status", ""))


def _plain(message: str) -> str:
    """Google writes messages in HTML."""
    return re.sub(r"<[^>]*>", "", message)


def until_midnight(now: datetime | None) -> float:
    """Seconds until the next midnight in California, where quotas begin anew.

    :param now: aware; ``None`` if the answer did not tell.
    """
    if now is None:
        return UNKNOWN_HOUR
    tomorrow = now.astimezone(PACIFIC).date() + timedelta(days=1)
    # Built from the date, not by adding 24 hours: twice a year a day there has 23 or 25.
    midnight = datetime.combine(tomorrow, time(), PACIFIC)
    return (midnight - now).total_seconds()


def trusted(error: NetworkError) -> NetworkError:
    """An error of a changing request, doubted where it must be: see ``_CERTAIN``. A page is nobody's word."""
    if error.kind is not Kind.PERMANENT or error.status is None:
        return error
    if error.params.get("their_code") in _CERTAIN or error.code not in _VAGUE:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)


def says_gone(error: NetworkError) -> bool:
    """Does YouTube itself say that there is no such thing? A page that something on the way answered does not."""
    return error.code == "not_found" and "their_code" in error.params
