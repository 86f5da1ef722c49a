"""Facebook Login: how a page or an Instagram account is connected without anybody copying a token.

Dialog → code → the person's token → one that lasts 60 days → the pages they manage, each with a token of its own.
A page's token that comes from a lasting one does not end by itself; the right to read data ends 90 days after the
person allowed it, and then they have to allow it again.

Meta's login has PKCE only for OpenID Connect (it gives an id token and no access to pages), so here the app's secret
and ``state`` protect the exchange.

Sources: developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow,
…/facebook-login/guides/access-tokens/get-long-lived, …/graph-api/reference/debug_token.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

import httpx

from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Account,
    CredentialField,
    Credentials,
    Kind,
    LocalText,
    Network,
    NetworkError,
)
from spilno.toolkit.networks.http import Answer, Wire, address

APP_FIELDS = (
    CredentialField(
        "client_id",
        label={"uk": "Номер застосунку", "en": "App ID", "ru": "Номер приложения"},
        help={
            "uk": "«App ID» угорі сторінки застосунку в Meta for Developers.",
            "en": "“App ID” at the top of the app's page in Meta for Developers.",
            "ru": "«App ID» вверху страницы приложения в Meta for Developers.",
        },
    ),
    CredentialField(
        "client_secret",
        label={"uk": "Секрет застосунку", "en": "App secret", "ru": "Секрет приложения"},
        help={
            "uk": "«App settings → Basic → App secret».",
            "en": "“App settings → Basic → App secret”.",
            "ru": "«App settings → Basic → App secret».",
        },
        kind="password",
        secret=True,
    ),
)
APP_DOCS = "https://developers.facebook.com/apps/"
APP_STEPS: tuple[LocalText, ...] = (
    {
        "uk": "Увійдіть на developers.facebook.com і створіть застосунок типу «Business».",
        "en": "Sign in at developers.facebook.com and create an app of the type “Business”.",
        "ru": "Войдите на developers.facebook.com и создайте приложение типа «Business».",
    },
    {
        "uk": "Додайте до нього «Facebook Login for Business» і впишіть адресу повернення з цієї сторінки в «Valid "
        "OAuth Redirect URIs».",
        "en": "Add “Facebook Login for Business” to it and put this page's return address under “Valid OAuth Redirect "
        "URIs”.",
        "ru": "Добавьте в него «Facebook Login for Business» и впишите адрес возврата с этой страницы в «Valid OAuth "
        "Redirect URIs».",
    },
    {
        "uk": "У «App settings → Basic» вкажіть адресу політики приватності та скопіюйте звідти номер і секрет "
        "застосунку в поля нижче.",
        "en": "Under “App settings → Basic” give the address of a privacy policy, and copy the app's ID and secret "
        "from there into the fields below.",
        "ru": "В «App settings → Basic» укажите адрес политики приватности и скопируйте оттуда номер и секрет "
        "приложения в поля ниже.",
    },
    {
        "uk": "У «App Review» попросіть розширений доступ до перелічених дозволів. Поки його немає, підʼєднатися "
        "можуть лише ті, хто має роль у застосунку.",
        "en": "Under “App Review” ask for advanced access to the permissions listed. Until it is given, only people "
        "with a role in the app can connect.",
        "ru": "В «App Review» запросите расширенный доступ к перечисленным разрешениям. Пока его нет, подключиться "
        "могут только те, у кого есть роль в приложении.",
    },
    {
        "uk": "Перемкніть застосунок у режим «Live».",
        "en": "Switch the app to “Live”.",
        "ru": "Переключите приложение в режим «Live».",
    },
)

_PAGE = "id,name,link,access_token,instagram_business_account{id,username,name}"
_WRONG_SECRET = {1, 101}


class FacebookLogin:
    """What a network that is connected through Facebook Login has in common; beside :class:`Network`."""

    app_scopes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def _accounts(self, page: dict[str, Any], credentials: dict[str, str]) -> Iterator[Account]:
        """Accounts of this network that a page opens; ``credentials`` hold the page's token."""

    @abstractmethod
    def _page_of(self, way: Wire, credentials: Credentials) -> str:
        """The page whose token these credentials hold."""

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Where the person allows our app their pages. Asks nothing of the network."""
        base = address(credentials.get("graph_url", ""), default=graph.GRAPH)
        query = {
            "client_id": _needed(credentials, "client_id"),
            "redirect_uri": redirect_uri,
            "state": state,
            "response_type": "code",
            "scope": ",".join(self.app_scopes),
        }
        _needed(credentials, "client_secret")
        return f"{graph.dialog(base)}?{urlencode(query)}", dict(credentials)

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for a lasting token, and see which pages it opens.

        :raises NetworkError: ``code_refused``, ``app_refused``, ``no_account_behind_token`` (none was allowed).
        """
        way = self._apart(client, credentials)
        first = _exchange(way, credentials, {"code": code, "redirect_uri": redirect_uri})
        user_token, until = self._lasting(way, credentials, str(first["access_token"]))
        kept = {key: value for key, value in credentials.items() if key not in _APP_KEYS}
        kept |= {"user_token": user_token, "user_until": until}
        found: list[Account] = []
        mine = graph.wire(self._network, client, {**kept, "access_token": user_token})
        for page in graph.listed(mine, "/me/accounts", {"fields": _PAGE, "limit": 100}):
            if token := page.get("access_token"):
                found += self._accounts(page, {**kept, "access_token": str(token)})
        if not found:
            raise NetworkError(Kind.PERMANENT, "no_account_behind_token")
        return tuple(
            replace(one, credentials={**one.credentials, **self._ends(client, credentials, one.credentials)})
            for one in found
        )

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """The person's token made anew, and with it the page's.

        :raises NetworkError: ``credentials_missing`` for a token that somebody typed: only they can make another.
        """
        old = _needed(credentials, "user_token")
        user_token, until = self._lasting(self._apart(client, credentials), credentials, old)
        kept = {**credentials, "user_token": user_token, "user_until": until}
        mine = graph.wire(self._network, client, {**kept, "access_token": user_token})
        page = self._page_of(graph.wire(self._network, client, credentials), credentials)
        token = mine.get(f"/{page}", params={"fields": "id,access_token"})["access_token"]
        kept |= {"access_token": str(token), "page_id": page}
        return {**kept, **self._ends(client, credentials, kept)}

    # ------------------------------------------------------------------------------------------ helpers

    @property
    def _network(self) -> Network:
        return cast(Network, self)

    def _apart(self, client: httpx.Client, credentials: Credentials) -> Wire:
        """A way to the Graph API for the app itself, with what must not be shown of an error."""
        base = address(credentials.get("graph_url", ""), default=graph.GRAPH)
        shown_never = (_needed(credentials, "client_secret"), *filter(None, [credentials.get("user_token")]))
        return Wire(client, base, {}, shown_never, graph.explain)

    def _lasting(self, way: Wire, credentials: Credentials, token: str) -> tuple[str, str]:
        """A token of 60 days for any of the person's, and when it ends (``""``: not told)."""
        asked = {"grant_type": "fb_exchange_token", "fb_exchange_token": token}
        answer = _exchange(replace(way, secrets=(*way.secrets, token)), credentials, asked)
        seconds = graph.number(answer.get("expires_in", ""))
        until = "" if seconds is None or answer.date is None else _after(answer.date, seconds)
        return str(answer["access_token"]), until

    def _ends(self, client: httpx.Client, app: Credentials, kept: Credentials) -> dict[str, str]:
        """When the page's token ends, and when the person has to allow access again."""
        told = token_info(self._network, client, app, str(kept["access_token"]), kept)
        ends = {}
        if until := _instant(told.get("expires_at")):
            ends[ACCESS_UNTIL] = until
        if until := _instant(told.get("data_access_expires_at")):
            ends[REFRESH_UNTIL] = until
        return ends


_APP_KEYS = {one.key for one in APP_FIELDS}


def token_info(
    network: Network, client: httpx.Client, app: Credentials, token: str, credentials: Credentials
) -> dict[str, Any]:
    """What Graph tells of a token; empty if it does not tell it to us (that is not what anybody waits for).

    The app asks if it is known, else the token asks about itself.
    """
    asks = f"{app['client_id']}|{app['client_secret']}" if all(app.get(key) for key in _APP_KEYS) else token
    way = graph.wire(network, client, {**credentials, "access_token": asks})
    try:
        data = way.get("/debug_token", params={"input_token": token}).get("data", {})
    except NetworkError:
        return {}
    return data if isinstance(data, dict) else {}


def typed_ends(
    network: Network, client: httpx.Client, credentials: Credentials, token: str
) -> dict[str, str]:
    """When a token that somebody typed ends: we cannot make it anew, so both ends are the same."""
    until = _instant(token_info(network, client, credentials, token, credentials).get("expires_at"))
    return {ACCESS_UNTIL: until, REFRESH_UNTIL: until} if until else {}


def _exchange(way: Wire, credentials: Credentials, asked: dict[str, str]) -> Answer:
    """Ask for a token: as a form, so that no address holds a secret.

    :raises NetworkError: ``app_refused`` where Graph calls a wrong secret "an unknown error".
    """
    form = {"client_id": _needed(credentials, "client_id"), **asked}
    form["client_secret"] = _needed(credentials, "client_secret")
    problem: NetworkError | None = None
    try:
        return way.post("/oauth/access_token", data=form)
    except NetworkError as error:
        problem = error
    if problem.status is not None and problem.status < 500 and graph.their_code(problem) in _WRONG_SECRET:
        problem = NetworkError(Kind.PERMANENT, "app_refused", params=problem.params, status=problem.status)
    raise problem


def _needed(credentials: Credentials, key: str) -> str:
    if not (value := credentials.get(key, "").strip()):
        raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": key})
    return value


def _after(date: datetime, seconds: int) -> str:
    return (date + timedelta(seconds=seconds)).isoformat()


def _instant(value: Any) -> str:
    """Seconds since 1970 as ISO 8601; ``""`` for nought, which means never."""
    seconds = graph.number(value)
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds and 0 < seconds < 1e11 else ""
