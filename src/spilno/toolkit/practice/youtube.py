"""YouTube's Data API v3 and Analytics API v2: who asks, for what, what it costs, and how an error reads.

Everything is below :data:`PREFIX`: data, analytics, consent and tokens have a server each at Google, and one here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spilno.toolkit.practice.state import State

PREFIX = "/google"
PACIFIC = ZoneInfo("America/Los_Angeles")
SCOPE = "https://www.googleapis.com/auth/"
ALL_SCOPES = tuple(
    SCOPE + name
    for name in ("youtube.upload", "youtube.readonly", "youtube.force-ssl", "yt-analytics.readonly")
)
UPLOADS_A_DAY = 100
UNITS_A_DAY = 10_000
CHANGE = 50
"""Units that a change costs; reading costs one (developers.google.com/youtube/v3/determine_quota_cost)."""
MOST_JSON = 1 << 20
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    410: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    500: "INTERNAL",
}


class GoogleError(Exception):
    """A refusal as Google's APIs give it (developers.google.com/youtube/v3/docs/errors)."""

    def __init__(
        self, code: int, reason: str, message: str, *, domain: str = "youtube", location: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        one = {"message": message, "domain": domain, "reason": reason}
        if location:
            one |= {"location": location, "locationType": "parameter"}
        self.body = {
            "error": {"code": code, "message": message, "errors": [one], "status": STATUSES.get(code, "")}
        }

    def response(self) -> JSONResponse:
        """The answer."""
        headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'}
        return JSONResponse(self.body, self.code, headers if self.code == 401 else None)


def bad(reason: str, message: str, location: str = "") -> GoogleError:
    """400."""
    return GoogleError(400, reason, message, location=location)


def missing(reason: str, message: str, location: str = "id") -> GoogleError:
    """404."""
    return GoogleError(404, reason, message, location=location)


def forbidden(reason: str, message: str, domain: str = "youtube") -> GoogleError:
    """403."""
    return GoogleError(403, reason, message, domain=domain)


@dataclass
class Call:
    """One request: who asks with which token, the parameters, the body if it is JSON."""

    request: Request
    state: State
    account: dict[str, Any]
    scopes: frozenset[str]
    project: str
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> Mapping[str, str]:
        """Parameters of the address."""
        return self.request.query_params

    @property
    def base(self) -> str:
        """This server's address."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def needs(self, *scopes: str) -> None:
        """Refuse unless the token opens one of these."""
        if not self.scopes & {SCOPE + one for one in scopes}:
            raise forbidden(
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
                domain="global",
            )

    def needs_channel(self) -> None:
        """Refuse an account that has no channel."""
        if self.account.get("no_channel"):
            raise GoogleError(401, "youtubeSignupRequired", "Unauthorized")

    def parts(self, *known: str) -> set[str]:
        """What ``part`` asks for.

        :raises GoogleError: if it is missing or asks for something that is not there.
        """
        asked = {one for text in self.request.query_params.getlist("part") for one in text.split(",") if one}
        if not asked:
            raise bad("missingRequiredParameter", "No filter selected. Expected: part", "part")
        if unknown := asked - set(known):
            raise bad("unknownPart", f"'{sorted(unknown)[0]}'", "part")
        return asked

    def page(self, items: list[dict[str, Any]], *, default: int, most: int) -> dict[str, Any]:
        """One page of a list, with the token of the next."""
        try:
            size = min(max(int(self.params.get("maxResults", default)), 1), most)
        except ValueError:
            raise bad("invalidValue", "Invalid value for maxResults", "maxResults") from None
        token = self.params.get("pageToken", "")
        if token and not re.fullmatch(r"P\d{1,6}", token):
            raise bad("invalidPageToken", "The request specifies an invalid page token.", "pageToken")
        start = int(token[1:] or 0) if token else 0
        answer: dict[str, Any] = {
            "pageInfo": {"totalResults": len(items), "resultsPerPage": size},
            "items": items[start : start + size],
        }
        if start + size < len(items):
            answer["nextPageToken"] = f"P{start + size}"
        return answer

    def spend(self, units: int = 1, *, upload: bool = False) -> None:
        """Count against the project's day in California.

        :raises GoogleError: ``quotaExceeded``.
        """
        day = self.state.clock().astimezone(PACIFIC).date().isoformat()
        kind = "uploads" if upload else "units"
        with self.state.reading() as data:  # kept in memory until something else is written down
            most = data.get(f"youtube_{kind}_a_day", UPLOADS_A_DAY if upload else UNITS_A_DAY)
            spent = google(data).setdefault("spent", {})
            for old in [one for one in spent if not one.startswith(day)]:
                del spent[old]
            key = f"{day} {kind} {self.project}"
            if spent.get(key, 0) + units > most:
                raise forbidden(
                    "quotaExceeded",
                    'The request cannot be completed because you have exceeded your <a href="/youtube/v3/'
                    'getting-started#quota">quota</a>.',
                    domain="youtube.quota",
                )
            spent[key] = spent.get(key, 0) + units


def google(data: dict[str, Any]) -> dict[str, Any]:
    """What the practice network remembers of Google: tokens, codes, uploads, comments, what was spent."""
    kept: dict[str, Any] = data.setdefault("google", {})
    return kept


def etag(value: Any) -> str:
    """A short mark of a resource's content."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:27]


def tagged(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource with its mark."""
    return {"kind": resource["kind"], "etag": etag(resource), **resource}


def when(text: str) -> str:
    """A time as Google writes it: ``2026-06-01T09:30:00Z``."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def handle_of(account: Mapping[str, Any]) -> str:
    """A channel's ``customUrl``."""
    return f"@{account['name']}"


def uploads_of(account: Mapping[str, Any]) -> str:
    """Id of the playlist of a channel's uploads."""
    return f"UU{account['id'][2:]}"


Act = Callable[[Call], dict[str, Any] | None]


async def read(request: Request, state: State, *, with_body: bool = True) -> Call:
    """Find out who asks, and read a body of JSON.

    :raises GoogleError: 401 for a token that opens nothing.
    """
    header = request.headers.get("authorization", "")
    match = re.match(r"(?i)bearer\s+(\S+)", header)
    token = match[1] if match else request.query_params.get("access_token", "")
    account, scopes, project = _behind(state, token)
    body: dict[str, Any] = {}
    if with_body and request.method in ("POST", "PUT"):
        content = b""
        async for piece in request.stream():
            content += piece
            if len(content) > MOST_JSON:
                raise GoogleError(413, "requestTooLarge", "Request entity too large", domain="global")
        try:
            given = json.loads(content) if content.strip() else {}
        except ValueError:
            raise GoogleError(400, "parseError", "Parse Error", domain="global") from None
        if not isinstance(given, dict):
            raise GoogleError(400, "parseError", "Parse Error", domain="global")
        body = given
    return Call(request, state, account, scopes, project, body)


def _behind(state: State, token: str) -> tuple[dict[str, Any], frozenset[str], str]:
    """The account behind a token, what it may, and the project that it was given to."""
    with state.reading() as data:
        given = google(data).get("tokens", {}).get(token)
        if given is not None and given["kind"] == "access":
            account = data["accounts"].get(given["account"])
            alive = state.clock() < datetime.fromisoformat(given["until"])
            if account is not None and alive and not account["revoked"]:
                return account, frozenset(given["scope"].split()), given["client"]
        for account in state.accounts_of_token(token):
            if account["network"] == "youtube":
                return account, frozenset(ALL_SCOPES), "practice"
    raise GoogleError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential.",
        domain="global",
    )


def answered(made: dict[str, Any] | None) -> Response:
    """A resource or list as the answer; ``None`` is 204."""
    return Response(status_code=204) if made is None else JSONResponse(made)
