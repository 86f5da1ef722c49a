"""Words and dated limits that several networks share."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from spilno.toolkit.networks.base import Counts, CredentialField, Limit, LocalText, Per, RatePolicy

CHECKED = date(2026, 11, 22)
"""The day on which the limits declared in this package were last compared with their sources."""

OURS = "docs/networks/index.md"
"""Source of limits that no page of the network states: seen in use, or set by us. The file says which and why."""


def limit(key: str, value: int | Decimal | str | None, unit: str, source: str) -> Limit:
    """A limit as checked on :data:`CHECKED`."""
    return Limit(key, value, unit, CHECKED, source)


def rate(
    key: str,
    allowed: int,
    seconds: int,
    source: str,
    *,
    counts: Counts = Counts.REQUEST,
    per: Per = Per.CHANNEL,
    placements: tuple[str, ...] = (),
) -> RatePolicy:
    """A limit on how often, as checked on :data:`CHECKED`."""
    return RatePolicy(key, allowed, seconds, counts, per, CHECKED, source, placements)


POST: LocalText = {"uk": "Допис", "en": "Post", "ru": "Публикация"}
STORY: LocalText = {"uk": "Сторіс", "en": "Story", "ru": "Сторис"}
VIDEO: LocalText = {"uk": "Відео", "en": "Video", "ru": "Видео"}
REEL: LocalText = {"uk": "Reels", "en": "Reel", "ru": "Reels"}
CAROUSEL: LocalText = {"uk": "Карусель", "en": "Carousel", "ru": "Карусель"}
MESSAGE: LocalText = {"uk": "Повідомлення", "en": "Message", "ru": "Сообщение"}

ACCESS_TOKEN: LocalText = {"uk": "Токен доступу", "en": "Access token", "ru": "Токен доступа"}

GROUP_ADDRESS = CredentialField(
    "address",
    label={"uk": "Адреса", "en": "Address", "ru": "Адрес"},
    help={
        "uk": "Посилання, за яким відкривається сторінка: його побачить той, хто публікує.",
        "en": "The link that opens the page: whoever posts will see it.",
        "ru": "Ссылка, по которой открывается страница: её увидит тот, кто публикует.",
    },
    kind="url",
    required=False,
    placeholder="https://",
)
