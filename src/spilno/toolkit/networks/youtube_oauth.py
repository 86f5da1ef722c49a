"""Google's consent: authorization code with PKCE, tokens, and who was let in.

Source: developers.google.com/identity/protocols/oauth2/web-server.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Account,
    Credentials,
    Kind,
    Network,
    NetworkError,
)
from spilno.toolkit.networks.http import Answer, Wire, secrets_of
from spilno.toolkit.networks.youtube_wire import channel_at, explain, places, wire

_SCOPE = "https://www.googleapis.com/auth/"
SCOPES = tuple(
    _SCOPE + name
    for name in ("youtube.upload", "youtube.readonly", "youtube.force-ssl", "yt-analytics.readonly")
)
NEEDED = SCOPES[:3]
"""Without these nothing works; without Analytics only some counters are missing."""


def authorization(credentials: Credentials, redirect_uri: str, state: str) -> tuple[str, dict[str, str]]:
    """Where the person says yes, and what is kept meanwhile."""
    _need(credentials, "client_id", "client_secret")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": credentials["client_id"],
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "access_type": "offline",  # a refresh token comes along …
        "prompt": "consent",  # … also for somebody who said yes before
    }
    return f"{places(credentials).consent}?{urlencode(query)}", {**credentials, "code_verifier": verifier}


def finish(
    network: Network, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
) -> tuple[Account, ...]:
    """Trade the code for tokens and see whose channel it is."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": credentials.get("code_verifier", ""),
    }
    try:
        answer = _token(network, client, credentials, form)
    except NetworkError as error:
        if error.kind is not Kind.RECONNECT:
            raise
        raise NetworkError(Kind.PERMANENT, "code_refused", params=error.params, status=error.status) from None
    # Boxes on the consent page can be left unticked.
    allowed = set(str(answer.get("scope", " ".join(NEEDED))).split())
    if not set(NEEDED) <= allowed:
        raise NetworkError(Kind.RECONNECT, "rights_missing")
    kept = {key: value for key, value in credentials.items() if key != "code_verifier"}
    kept |= _tokens(answer) | {"refresh_token": str(answer["refresh_token"])}
    return accounts(network, client, kept)


def refresh(network: Network, client: httpx.Client, credentials: Credentials) -> dict[str, str]:
    """All credentials with a fresh access token; the refresh token usually stays what it was."""
    _need(credentials, "refresh_token")
    form = {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]}
    return {**credentials, **_tokens(_token(network, client, credentials, form))}


def accounts(network: Network, client: httpx.Client, credentials: dict[str, str]) -> tuple[Account, ...]:
    """The channels behind the token: a person chooses one on the consent page, so it is one.

    :raises NetworkError: ``no_channel``.
    """
    answer = wire(network, client, credentials).get(
        "/youtube/v3/channels", params={"part": "snippet,contentDetails", "mine": "true"}
    )
    found = []
    for one in answer.get("items", []):
        snippet, number = one.get("snippet") or {}, str(one["id"])
        related = (one.get("contentDetails") or {}).get("relatedPlaylists") or {}
        kept = {
            **credentials,
            "channel_id": number,
            "handle": str(snippet.get("customUrl") or ""),
            "uploads": str(related.get("uploads") or f"UU{number[2:]}"),
        }
        found.append(Account(number, str(snippet.get("title", "")), channel_at(kept), kept))
    if not found:
        raise NetworkError(Kind.PERMANENT, "no_channel")
    return tuple(found)


def _token(network: Network, client: httpx.Client, credentials: Credentials, form: dict[str, str]) -> Answer:
    """The endpoint of tokens, which wants the app's id and secret with everything."""
    _need(credentials, "client_id", "client_secret")
    app = {name: credentials[name] for name in ("client_id", "client_secret")}
    hidden = (*secrets_of(network, credentials), *secrets_of(network, form), form.get("code", ""))
    at = places(credentials).tokens
    return Wire(client, at, {}, tuple(one for one in hidden if one), explain).post(at, data={**form, **app})


def _tokens(answer: Answer) -> dict[str, str]:
    found = {"access_token": str(answer["access_token"])}
    if new := answer.get("refresh_token"):
        found["refresh_token"] = str(new)
    # How long they live is counted from the answer's own time: there is no clock here.
    for name, key in (("expires_in", ACCESS_UNTIL), ("refresh_token_expires_in", REFRESH_UNTIL)):
        seconds: Any = answer.get(name)
        if answer.date is not None and isinstance(seconds, int) and 0 < seconds < 10**9:
            found[key] = (answer.date + timedelta(seconds=seconds)).isoformat()
    return found


def _need(credentials: Credentials, *names: str) -> None:
    for name in names:
        if not credentials.get(name):
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": name})
