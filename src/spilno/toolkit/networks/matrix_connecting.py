"""Connecting to a Matrix homeserver, its tokens, and what it allows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx

from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    Account,
    CredentialField,
    Credentials,
    Kind,
    Limit,
    Network,
    NetworkError,
)
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN, CHECKED

FIELDS = (
    CredentialField(
        "homeserver",
        label={"uk": "Сервер", "en": "Homeserver", "ru": "Сервер"},
        help={
            "uk": "Адреса сервера, на якому живе акаунт.",
            "en": "Address of the server on which the account lives.",
            "ru": "Адрес сервера, на котором живёт аккаунт.",
        },
        kind="url",
        placeholder="https://matrix.org",
    ),
    CredentialField(
        "room",
        label={"uk": "Кімната", "en": "Room", "ru": "Комната"},
        help={
            "uk": "Адреса кімнати (#назва:сервер) або її внутрішній ідентифікатор (!…:сервер).",
            "en": "The room's address (#name:server) or its internal id (!…:server).",
            "ru": "Адрес комнаты (#имя:сервер) или её внутренний идентификатор (!…:сервер).",
        },
        placeholder="#community:matrix.org",
    ),
    CredentialField(
        "user",
        label={"uk": "Користувач", "en": "User", "ru": "Пользователь"},
        help={
            "uk": "Потрібен, лише якщо входите з паролем.",
            "en": "Needed only if you sign in with a password.",
            "ru": "Нужен, только если входите с паролем.",
        },
        required=False,
        placeholder="@name:matrix.org",
    ),
    CredentialField(
        "password",
        label={"uk": "Пароль", "en": "Password", "ru": "Пароль"},
        help={
            "uk": "Використаємо один раз, щоб отримати токен, і не зберігатимемо.",
            "en": "Used once to get an access token, and not kept.",
            "ru": "Используем один раз, чтобы получить токен, и не будем хранить.",
        },
        kind="password",
        secret=True,
        required=False,
    ),
    CredentialField(
        "access_token",
        label=ACCESS_TOKEN,
        help={
            "uk": "Замість користувача й пароля.",
            "en": "Instead of user and password.",
            "ru": "Вместо пользователя и пароля.",
        },
        kind="password",
        secret=True,
        required=False,
    ),
)


class Connecting(Network):
    """The part of the network's class that opens the door."""

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Sign in (if no token was given), join the room, and see that we may write there in the clear."""
        kept = {key: value for key, value in credentials.items() if key != "password"}
        kept["homeserver"] = address(credentials.get("homeserver", ""))
        if not kept.get("access_token"):
            kept |= self._signed_in(client, credentials)
        who = self._wire(client, kept).get("/_matrix/client/v3/account/whoami")
        kept["user_id"] = str(who["user_id"])
        wire = self._wire(client, kept)
        typed = credentials.get("room", "").strip()
        kept["room_id"] = str(wire.post(f"/_matrix/client/v3/join/{part(typed)}", json={})["room_id"])
        if self._state(wire, kept["room_id"], "m.room.encryption"):
            raise NetworkError(Kind.PERMANENT, "room_encrypted", params={"room": typed})
        name = self._state(wire, kept["room_id"], "m.room.name").get("name") or typed
        return Account(kept["room_id"], str(name), f"https://matrix.to/#/{part(typed)}", kept)

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """A new access token. Where tokens do not end there is none to make it from, and nobody asks."""
        if not credentials.get("refresh_token"):
            raise NetworkError(Kind.RECONNECT, "credentials_missing", params={"field": "access_token"})
        bare = {key: value for key, value in credentials.items() if key != "access_token"}
        try:
            answer = self._wire(client, bare).post(
                "/_matrix/client/v3/refresh", json={"refresh_token": credentials["refresh_token"]}
            )
        except NetworkError as error:
            if error.params.get("their_code") == "M_FORBIDDEN":  # used before, or taken back
                raise NetworkError(Kind.RECONNECT, "not_accepted", params=error.params, status=403) from None
            raise
        # A server that sends no new refresh token lets the old one serve again.
        return {**credentials, **_tokens(answer)}

    def _signed_in(self, client: httpx.Client, credentials: Credentials) -> dict[str, str]:
        """A session that does not end; where the server knows only such as do, one that can be made anew.

        Many servers end the tokens of those who say that they can refresh them within minutes, and the tokens of others
        never: asking for it where it is not needed would only give an answer more chances to get lost.
        """
        answer = self._login(client, credentials, {})
        if answer.get("expires_in_ms") is None:
            return _tokens(answer)
        lasting = self._login(client, credentials, {"refresh_token": True})
        self._wire(client, {**credentials, **_tokens(answer)}).post("/_matrix/client/v3/logout", json={})
        return _tokens(lasting)

    def _login(self, client: httpx.Client, credentials: Credentials, more: dict[str, Any]) -> Answer:
        if not credentials.get("user") or not credentials.get("password"):
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
        bare = {key: value for key, value in credentials.items() if key != "access_token"}
        try:
            return self._wire(client, bare).post(
                "/_matrix/client/v3/login",
                json={
                    "type": "m.login.password",
                    "identifier": {"type": "m.id.user", "user": credentials["user"].strip()},
                    "password": credentials["password"],
                    "initial_device_display_name": "Spilno",
                    **more,
                },
            )
        except NetworkError as error:
            if error.params.get("their_code") == "M_FORBIDDEN":  # here it says: wrong name or password
                raise NetworkError(Kind.RECONNECT, "not_accepted", params=error.params, status=403) from None
            raise

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """How large a file this server takes today."""
        path = "/_matrix/client/v1/media/config"
        answer = self._wire(client, credentials).get(path)
        most = answer.get("m.upload.size")
        if not isinstance(most, int) or isinstance(most, bool):  # the server does not say
            return ()
        day = answer.date.date() if answer.date else CHECKED
        source = credentials["homeserver"].rstrip("/") + path
        return tuple(
            Limit(f"{kind}_bytes", most, "bytes", day, source) for kind in ("image", "video", "document")
        )

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        token = credentials.get("access_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = address(credentials.get("homeserver", ""))
        return Wire(client, base, headers, secrets_of(self, credentials), explain)

    def _state(self, wire: Wire, room: str, kind: str) -> dict[str, Any]:
        try:
            found = wire.get(f"/_matrix/client/v3/rooms/{part(room)}/state/{kind}/").data
        except NetworkError as error:
            if error.status == 404:
                return {}
            raise
        return found if isinstance(found, dict) else {}


def _tokens(answer: Answer) -> dict[str, str]:
    """What to keep of a session, with the time at which its access token ends, if it does."""
    kept = {"access_token": str(answer["access_token"])}
    for key in ("refresh_token", "device_id"):
        if isinstance(value := answer.get(key), str) and value:
            kept[key] = value
    lasts = answer.get("expires_in_ms")
    if isinstance(lasts, int) and answer.date is not None:
        kept[ACCESS_UNTIL] = (answer.date + timedelta(milliseconds=lasts)).isoformat()
    return kept


def part(value: str) -> str:
    """One part of a path: ``!room:server`` and ``$event/with/slashes`` escaped whole."""
    return quote(value, safe="")


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"errcode": "M_FORBIDDEN", "error": …, "retry_after_ms": …}`` (client-server API, standard errors)."""
    if not isinstance(data, dict):
        return Refusal()
    code = str(data.get("errcode", ""))
    kind = None
    if code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"):
        kind = Kind.RECONNECT
    elif code == "M_LIMIT_EXCEEDED":
        kind = Kind.WAIT
    milliseconds = data.get("retry_after_ms")
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) else None
    return Refusal(code, str(data.get("error", "")), kind, seconds)
