"""Connecting to a Mastodon server: with a token, or by being sent there and back; and what the server itself allows."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx

from spilno.toolkit.networks.base import (
    Account,
    CredentialField,
    Credentials,
    Kind,
    Limit,
    Network,
    NetworkError,
)
from spilno.toolkit.networks.http import Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN, CHECKED

SCOPES = "read:accounts read:statuses write:statuses write:media"
STILL_WORKING = 3
"""Seconds after which to ask again whether the server has finished with a file."""

FIELDS = (
    CredentialField(
        "instance",
        label={"uk": "Сервер", "en": "Server", "ru": "Сервер"},
        help={
            "uk": "Адреса сервера, на якому ваш акаунт.",
            "en": "Address of the server on which your account is.",
            "ru": "Адрес сервера, на котором ваш аккаунт.",
        },
        kind="url",
        placeholder="https://mastodon.social",
    ),
    CredentialField(
        "access_token",
        label=ACCESS_TOKEN,
        help={
            "uk": "Необовʼязково: без нього ви підтвердите доступ на своєму сервері.",
            "en": "Optional: without it you allow access on your server.",
            "ru": "Необязательно: без него вы подтвердите доступ на своём сервере.",
        },
        kind="password",
        secret=True,
        required=False,
    ),
)


class Connecting(Network):
    """The part of the network's class that opens the door."""

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See whose token it is."""
        if not credentials.get("access_token"):
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
        kept = {**credentials, "instance": address(credentials.get("instance", ""))}
        me = self._wire(client, kept).get("/api/v1/accounts/verify_credentials")
        kept["account_id"] = str(me["id"])
        name = str(me.get("acct") or me.get("username", ""))
        host = httpx.URL(kept["instance"]).host
        return Account(kept["account_id"], f"@{name}@{host}", str(me.get("url", "")), kept)

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Register an application on the server, and say where the person allows it access."""
        instance = address(credentials.get("instance", ""))
        made = self._wire(client, {"instance": instance}).post(
            "/api/v1/apps",
            data={
                "client_name": "Spilno",
                "redirect_uris": redirect_uri,
                "scopes": SCOPES,
            },
        )
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        kept = {
            "instance": instance,
            "client_id": str(made["client_id"]),
            "client_secret": str(made["client_secret"]),
            "code_verifier": verifier,
        }
        query = {
            "response_type": "code",
            "client_id": kept["client_id"],
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{instance}/oauth/authorize?{urlencode(query)}", kept

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for a token (servers before 4.3 ignore the verifier)."""
        answer = self._wire(client, credentials).post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": credentials["client_id"],
                "client_secret": credentials["client_secret"],
                "redirect_uri": redirect_uri,
                "scope": SCOPES,
                "code_verifier": credentials["code_verifier"],
            },
        )
        kept = {key: value for key, value in credentials.items() if key != "code_verifier"}
        token = str(answer["access_token"])
        return (self.connect(client=client, credentials={**kept, "access_token": token}),)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """What this server allows today: every server may set its own."""
        wire = self._wire(client, credentials)
        path = "/api/v2/instance"
        try:
            answer = wire.get(path)
        except NetworkError as error:
            if error.status != 404:
                raise
            path = "/api/v1/instance"
            answer = wire.get(path)
        stated = answer.get("configuration", {})
        statuses, media = stated.get("statuses") or {}, stated.get("media_attachments") or {}
        found = {
            "text": (statuses.get("max_characters") or answer.get("max_toot_chars"), "characters"),
            "images": (statuses.get("max_media_attachments"), "count"),
            "image_bytes": (media.get("image_size_limit"), "bytes"),
            "video_bytes": (media.get("video_size_limit"), "bytes"),
            "video_fps": (media.get("video_frame_rate_limit"), "fps"),
        }
        day = answer.date.date() if answer.date else CHECKED
        source = credentials["instance"].rstrip("/") + path
        limits = [
            Limit(key, value, unit, day, source)
            for key, (value, unit) in found.items()
            if isinstance(value, int)
        ]
        types = [str(one) for one in media.get("supported_mime_types") or []]
        for kind in ("image", "video"):
            if of_kind := [one for one in types if one.startswith(f"{kind}/")]:
                limits.append(Limit(f"{kind}_mime", " ".join(of_kind), "mime", day, source))
        return tuple(limits)

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        token = credentials.get("access_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = address(credentials.get("instance", ""))
        return Wire(client, base, headers, secrets_of(self, credentials), explain)


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": …, "error_description": …}`` (docs.joinmastodon.org/entities/Error)."""
    if not isinstance(data, dict):
        return Refusal()
    error, more = str(data.get("error") or ""), str(data.get("error_description") or "")
    if status == 422 and "not finished processing" in error:
        return Refusal(message=error, kind=Kind.WAIT, seconds=STILL_WORKING, ours="media_processing")
    if status == 403 and "login is currently disabled" in error.lower():  # suspended, frozen
        return Refusal(message=error, kind=Kind.RECONNECT, ours="account_blocked")
    kind = Kind.RECONNECT if error in ("invalid_grant", "invalid_token", "invalid_client") else None
    return Refusal(code=error if more else "", message=more or error, kind=kind)
