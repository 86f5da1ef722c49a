"""Signing in to a server of the AT protocol, and what it then says about itself.

Sources: atproto.com/specs/xrpc, lexicons ``com.atproto.server.createSession``, ``getSession``, ``refreshSession``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from spilno.toolkit.networks.base import ACCESS_UNTIL, Credentials, Kind, NetworkError
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address

SERVICE = "https://bsky.social"
_RECONNECT = (
    "ExpiredToken", "InvalidToken", "AuthenticationRequired", "AuthMissing", "AccountTakedown", "AccountDeactivated",
    "AccountSuspended", "AuthFactorTokenRequired",
)  # fmt: skip


@dataclass(frozen=True)
class Session:
    """Signed in: requests that carry the token, whose they are, and the server's time."""

    wire: Wire
    did: str
    handle: str
    date: datetime | None
    home: str
    """Where the account's repository really lives: behind an entrance like bsky.social stands another server."""


def pds(client: httpx.Client, credentials: Credentials, secrets: tuple[str, ...], token: str = "") -> Wire:
    """Requests to the account's server, signed if there is a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = address(credentials.get("service", ""), default=SERVICE)
    return Wire(client, base, headers, (*secrets, token) if token else secrets, explain)


def sign_in(client: httpx.Client, credentials: Credentials, secrets: tuple[str, ...]) -> Answer:
    """A new session from the app password."""
    body = {
        "identifier": credentials["handle"].strip().lstrip("@"),
        "password": credentials["app_password"].strip(),
    }
    return pds(client, credentials, secrets).post("/xrpc/com.atproto.server.createSession", json=body)


def opened(client: httpx.Client, credentials: Credentials, secrets: tuple[str, ...]) -> Session:
    """The kept session if it still counts, else a new one.

    Signing in is allowed 300 times a day, asking about a session as often as anything.
    """
    token = credentials.get("access_jwt", "")
    if token:
        try:
            answer = pds(client, credentials, secrets, token).get("/xrpc/com.atproto.server.getSession")
        except NetworkError as error:
            # Of a token whose account is gone the server says only that the question was wrong.
            if error.kind not in (Kind.RECONNECT, Kind.PERMANENT):
                raise
        else:
            return _session(client, credentials, secrets, answer, token)
    answer = sign_in(client, credentials, secrets)
    return _session(client, credentials, secrets, answer, str(answer["accessJwt"]))


def _session(
    client: httpx.Client, credentials: Credentials, secrets: tuple[str, ...], answer: Answer, token: str
) -> Session:
    if answer.get("active", True) is False:  # taken down, suspended, deactivated: nothing of it is shown
        params = {"message": str(answer.get("status", ""))}
        raise NetworkError(Kind.RECONNECT, "account_blocked", params=params)
    wire = pds(client, credentials, secrets, token)
    home = _home(answer.get("didDoc", {})) or wire.base
    return Session(wire, str(answer["did"]), str(answer["handle"]), answer.date, home)


def _home(document: Any) -> str:
    services = document.get("service") if isinstance(document, dict) else None
    for one in services if isinstance(services, list) else ():
        if isinstance(one, dict) and str(one.get("id", "")).endswith("#atproto_pds"):
            return str(one.get("serviceEndpoint", "")).rstrip("/")
    return ""


def tokens(answer: Answer) -> dict[str, str]:
    """What to keep of a session, with the time at which its access token ends."""
    kept = {"access_jwt": str(answer["accessJwt"]), "refresh_jwt": str(answer["refreshJwt"])}
    until = _ends(kept["access_jwt"])
    return kept | ({ACCESS_UNTIL: until.isoformat()} if until else {})


def refreshed(client: httpx.Client, credentials: Credentials, secrets: tuple[str, ...]) -> Answer:
    """A new session from the kept refresh token, or from the app password once that has ended too.

    :raises NetworkError: ``Kind.RECONNECT`` if the app password was taken back.
    """
    if token := credentials.get("refresh_jwt", ""):
        try:
            return pds(client, credentials, secrets, token).post("/xrpc/com.atproto.server.refreshSession")
        except NetworkError as error:
            if error.kind is not Kind.RECONNECT:
                raise
    return sign_in(client, credentials, secrets)


def _ends(token: str) -> datetime | None:
    """``exp`` of a JWT, which nobody but its maker needs to verify; ``None`` if it is none."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        seconds = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"]
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": "InvalidRequest", "message": …}`` (atproto.com/specs/xrpc)."""
    if not isinstance(data, dict):
        return Refusal()
    code, message = str(data.get("error", "")), str(data.get("message", ""))
    kind, ours = None, ""
    if code in _RECONNECT:
        kind = Kind.RECONNECT
    if code in ("AccountTakedown", "AccountDeactivated", "AccountSuspended"):
        ours = "account_blocked"
    elif code == "BlobTooLarge":
        ours = "media_too_large"
    elif code == "InvalidMimeType":
        ours = "media_refused"
    return Refusal(code, message, kind, None, ours)
