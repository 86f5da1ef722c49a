"""What people type to connect an account of Bluesky, and what is read of it.

Counters and threads come from an AppView, without signing in: everything on this network is public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import httpx

from spilno.toolkit.networks import base
from spilno.toolkit.networks.base import CredentialField, Credentials, NetworkError, Said
from spilno.toolkit.networks.bluesky_session import SERVICE, explain
from spilno.toolkit.networks.http import Wire, address, moment

APPVIEW = "https://public.api.bsky.app"

FIELDS = (
    CredentialField(
        "handle",
        label={"uk": "Імʼя користувача", "en": "Handle", "ru": "Имя пользователя"},
        help={
            "uk": "Як у профілі, без @: name.bsky.social або власний домен.",
            "en": "As in the profile, without @: name.bsky.social or your own domain.",
            "ru": "Как в профиле, без @: name.bsky.social или собственный домен.",
        },
        kind="handle",
        placeholder="name.bsky.social",
    ),
    CredentialField(
        "app_password",
        label={"uk": "Пароль застосунку", "en": "App password", "ru": "Пароль приложения"},
        help={
            "uk": "Не пароль від акаунта: створіть окремий у Bluesky → Налаштування → Приватність і безпека → "
            "Паролі застосунків.",
            "en": "Not the account's password: make a separate one in Bluesky → Settings → Privacy and security → "
            "App passwords.",
            "ru": "Не пароль от аккаунта: создайте отдельный в Bluesky → Настройки → Приватность и безопасность → "
            "Пароли приложений.",
        },
        kind="password",
        secret=True,
        placeholder="xxxx-xxxx-xxxx-xxxx",
    ),
    CredentialField(
        "service",
        label={"uk": "Сервер (PDS)", "en": "Server (PDS)", "ru": "Сервер (PDS)"},
        help={
            "uk": "Змінюйте, лише якщо ваш акаунт живе на власному сервері.",
            "en": "Change it only if your account lives on a server of your own.",
            "ru": "Меняйте, только если ваш аккаунт живёт на собственном сервере.",
        },
        kind="url",
        required=False,
        default=SERVICE,
    ),
    CredentialField(
        "appview",
        label={
            "uk": "Сервер статистики (AppView)",
            "en": "Statistics server (AppView)",
            "ru": "Сервер статистики (AppView)",
        },
        help={
            "uk": "Звідки читаємо вподобання, відповіді та кількість підписників.",
            "en": "Where likes, replies and the number of followers are read from.",
            "ru": "Откуда читаем отметки «нравится», ответы и число подписчиков.",
        },
        kind="url",
        required=False,
        default=APPVIEW,
    ),
)


def page(handle: str, rkey: str) -> str:
    """Where people read a post."""
    return f"https://bsky.app/profile/{handle}/post/{rkey}"


class Reading:
    """Insights and conversations; a part of the network's class."""

    metrics: ClassVar[Mapping[str, str]]

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[base.Reading]:
        """Counters as the AppView has them; none while it has not indexed the post yet."""
        answer = self._appview(client, credentials).get(
            "/xrpc/app.bsky.feed.getPosts", params={"uris": external_id}
        )
        posts = answer.get("posts", [])
        return self._counters(posts[0], answer.date) if posts else []

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[base.Reading]:
        """Number of followers."""
        answer = self._appview(client, credentials).get(
            "/xrpc/app.bsky.actor.getProfile", params={"actor": self._did(credentials)}
        )
        return self._counters(answer.data, answer.date)

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Replies of others under the post down to the tenth level, and posts that quote it, oldest first."""
        params: dict[str, Any] = {"uri": external_id, "depth": 10, "parentHeight": 0}
        try:
            answer = self._appview(client, credentials).get(
                "/xrpc/app.bsky.feed.getPostThread", params=params
            )
        except NetworkError as error:
            if error.params.get("their_code") == "NotFound":  # not indexed yet
                return []
            raise
        said: list[Said] = []
        waiting = list(answer.get("thread", {}).get("replies") or [])
        while waiting:
            one = waiting.pop()
            waiting += one.get("replies") or []
            if (heard := self._said(one.get("post") or {}, self._did(credentials))) is not None:
                said.append(heard)
        said += self._quotes(client, credentials, external_id)
        return sorted(said, key=lambda one: one.said_at)

    def _quotes(self, client: httpx.Client, credentials: Credentials, uri: str) -> list[Said]:
        answer = self._appview(client, credentials).get(
            "/xrpc/app.bsky.feed.getQuotes", params={"uri": uri, "limit": 100}
        )
        heard = (self._said(one, self._did(credentials)) for one in answer.get("posts", []))
        return [replace(one, in_reply_to=uri) for one in heard if one is not None]

    def _said(self, view: dict[str, Any], own: str) -> Said | None:
        author, made = view.get("author") or {}, view.get("record") or {}
        at = moment(view.get("indexedAt")) or moment(made.get("createdAt"))
        if not view.get("uri") or at is None or author.get("did") == own:
            return None
        handle = str(author.get("handle", ""))
        return Said(
            external_id=view["uri"],
            author=handle,
            author_name=str(author.get("displayName") or handle),
            text=str(made.get("text", "")),
            said_at=at,
            in_reply_to=str(((made.get("reply") or {}).get("parent") or {}).get("uri", "")),
            url=page(handle, view["uri"].rpartition("/")[2]),
        )

    def _counters(self, view: dict[str, Any], at: datetime | None) -> list[base.Reading]:
        return [
            base.Reading(ours, Decimal(view[theirs]), at)
            for theirs, ours in self.metrics.items()
            if isinstance(view.get(theirs), int)
        ]

    def _did(self, credentials: Credentials) -> str:
        return credentials.get("did") or credentials["handle"].lstrip("@").strip()

    def _appview(self, client: httpx.Client, credentials: Credentials) -> Wire:
        base = address(credentials.get("appview", ""), default=APPVIEW)
        return Wire(client, base, explain=explain)
