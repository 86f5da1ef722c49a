"""What the columns of a plan's table are called, and what their words mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time

DATE, TIME, CHANNEL, TEXT, TITLE, LINK = "date", "time", "channel", "text", "title", "link"
PLACEMENT, STATE, INITIATIVE, TAGS, PICTURES, POST = (
    "placement", "state", "initiative", "tags", "pictures", "post",
)  # fmt: skip

COLUMNS = (
    DATE, TIME, CHANNEL, TEXT, TITLE, LINK, PICTURES, PLACEMENT, STATE, INITIATIVE, TAGS, POST,
)  # fmt: skip
"""In the order in which they are written."""

# What people and other tools call them; the first of each is what we write in that language.
HEADINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "uk": {
        DATE: ("Дата", "День", "Дата публікації"), TIME: ("Час", "Година"), CHANNEL: ("Канал", "Канали", "Куди"),
        TEXT: ("Текст", "Допис", "Пост"), TITLE: ("Робоча назва", "Назва", "Заголовок"), LINK: ("Посилання", "Лінк"),
        PICTURES: ("Зображення", "Картинки", "Медіа"), PLACEMENT: ("Розміщення", "Формат"), STATE: ("Стан", "Статус"),
        INITIATIVE: ("Ініціатива",), TAGS: ("Теги", "Мітки"), POST: ("Номер допису", "Ключ"),
    },
    "en": {
        DATE: ("Date", "Day", "Publish date"), TIME: ("Time", "Hour"),
        CHANNEL: ("Channel", "Channels", "Where", "Profile"),
        TEXT: ("Text", "Post text", "Content", "Message", "Caption"), TITLE: ("Working title", "Title"),
        LINK: ("Link", "URL"), PICTURES: ("Pictures", "Images", "Media", "Image"),
        PLACEMENT: ("Placement", "Format", "Type"),
        STATE: ("State", "Status"), INITIATIVE: ("Initiative", "Campaign", "Brief"), TAGS: ("Tags", "Labels"),
        POST: ("Post number", "Key", "Post"),
    },
    "ru": {
        DATE: ("Дата", "День", "Дата публикации"), TIME: ("Время", "Час"), CHANNEL: ("Канал", "Каналы", "Куда"),
        TEXT: ("Текст", "Публикация"), TITLE: ("Рабочее название", "Название", "Заголовок"), LINK: ("Ссылка",),
        PICTURES: ("Изображения", "Картинки", "Медиа"),
        PLACEMENT: ("Размещение", "Формат"), STATE: ("Состояние", "Статус"),
        INITIATIVE: ("Инициатива",), TAGS: ("Теги", "Метки"), POST: ("Номер публикации", "Ключ"),
    },
}  # fmt: skip

DRAFT, SCHEDULED, RESERVE = "draft", "scheduled", "reserve"
STATES: Mapping[str, Mapping[str, str]] = {
    "uk": {DRAFT: "чернетка", SCHEDULED: "заплановано", RESERVE: "резерв"},
    "en": {DRAFT: "draft", SCHEDULED: "scheduled", RESERVE: "reserve"},
    "ru": {DRAFT: "черновик", SCHEDULED: "запланировано", RESERVE: "резерв"},
}

# The answer to an hour that comes twice or not at all, written behind the time: "03:30 later".
SIDES: Mapping[str, tuple[str, ...]] = {
    "earlier": ("earlier", "раніше", "раньше"),
    "later": ("later", "пізніше", "позже"),
}


def heading(column: str, language: str) -> str:
    """What we write above a column."""
    return HEADINGS.get(language, HEADINGS["en"])[column][0]


def known_column(text: str) -> str:
    """Which column a heading means; "" for one that we do not know."""
    wanted = text.strip().casefold().rstrip(":*")
    if wanted in COLUMNS:
        return wanted
    for names in HEADINGS.values():
        for column, spellings in names.items():
            if wanted in (one.casefold() for one in spellings):
                return column
    return ""


def read_state(text: str) -> str | None:
    """The state that a word means; a draft for nothing, ``None`` for a word that means none."""
    wanted = text.strip().casefold()
    if not wanted:
        return DRAFT
    for words in STATES.values():
        for state, word in words.items():
            if wanted == word:
                return state
    return None


_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})$")
_DOTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})$")
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})$")
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.]\d{2})?\s*(am|pm|a\.m\.|p\.m\.)?$", re.IGNORECASE)


def split_moment(text: str) -> tuple[str, str]:
    """A day and the time behind it, if there is one: ``"22.11.2026 18:00"``."""
    day, _space, rest = text.strip().replace("T", " ", 1).partition(" ")
    return day.rstrip(","), rest.strip()


def day_comes_first(dates: Iterable[str]) -> bool | None:
    """In dates with slashes: is the first number the day? ``None`` if the table does not tell."""
    first_is_day: set[bool] = set()
    for text in dates:
        found = _SLASHES.match(split_moment(text)[0])
        if found:
            one, other = int(found[1]), int(found[2])
            if one > 12 >= other:
                first_is_day.add(True)
            elif other > 12 >= one:
                first_is_day.add(False)
    return first_is_day.pop() if len(first_is_day) == 1 else None


def read_day(text: str, *, day_first: bool | None) -> date:
    """:raises ValueError: ``"doubtful"`` for 03/04/2026 when nothing says which is the day, else for no date."""
    if found := _ISO.match(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTS.match(text):
        return date(_year(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHES.match(text):
        one, other = int(found[1]), int(found[2])
        if one == other:
            day_first = True
        if day_first is None:
            raise ValueError("doubtful")
        day, month = (one, other) if day_first else (other, one)
        return date(_year(found[3]), month, day)
    raise ValueError(text)


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def read_clock(text: str) -> tuple[time, str]:
    """A time of day, and which side of a change of clocks it is on ("" if it does not say).

    :raises ValueError: for no time.
    """
    side = ""
    words = text.strip().split()
    for key, spellings in SIDES.items():
        if words and words[-1].casefold() in spellings:
            side, words = key, words[:-1]
    found = _TIME.match(" ".join(words))
    if not found or (found[2] is None and found[3] is None):
        raise ValueError(text)
    hour, half = int(found[1]), (found[3] or "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, int(found[2] or 0)), side
