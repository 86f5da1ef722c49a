"""Counters that grow plausibly: pure functions of (seed, post, age).

Nothing is stored and nothing is random at the time of asking: a restart, another machine or a second look at the same
moment give the same numbers, and a later moment never gives smaller ones.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta

HOUR = 3600.0
STORY_LIVES = timedelta(hours=24)

_NAMES = (
    ("olena.koval", "Олена Коваль"),
    ("taras_m", "Тарас Мельник"),
    ("iryna.books", "Ірина Бондар"),
    ("andrii.pm", "Андрій Шевчук"),
    ("sofiia_k", "Софія Кравченко"),
    ("max.dnipro", "Максим Ткач"),
    ("natalia.v", "Наталія Вовк"),
    ("yurii_lviv", "Юрій Гнатюк"),
)
_REMARKS = (
    "Дякую, дуже корисно!",
    "А як долучитися?",
    "Чудова ініціатива 💛💙",
    "Коли буде наступна зустріч?",
    "Вже поділилася з колегами.",
    "Підкажіть, будь ласка, чи можна онлайн?",
    "Нарешті! Давно чекали.",
    "Скільки ще лишилося місць?",
    "Чи буде запис? Цього вечора працюю.",
    "А можна прийти вдвох за однією реєстрацією?",
    "Минулого разу було дуже корисно, чекаю.",
    "О котрій завершення? Їду з-за міста.",
    "Чи підійде, якщо я лише починаю?",
    "Приведу всю команду 😊",
    "Підкажіть, де поруч лишити велосипед?",
    "Нарешті хтось каже про це вголос.",
)


def uniform(seed: str, *names: object) -> float:
    """A number in [0, 1) that follows from the seed and the names alone."""
    text = "\x1f".join([seed, *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / (1 << 56)


def between(low: float, high: float, seed: str, *names: object) -> float:
    """A number in [low, high) that follows from the seed and the names alone."""
    return low + (high - low) * uniform(seed, *names)


@dataclass(frozen=True)
class Growth:
    """How one post is received: what each counter tends to, and how fast (hours until two thirds of it)."""

    totals: dict[str, float]
    hours: float

    def at(self, age: timedelta) -> dict[str, int]:
        """Counters at an age; 0 before publication."""
        share = 1 - math.exp(-max(0.0, age.total_seconds()) / (self.hours * HOUR))
        return {name: math.floor(total * share) for name, total in self.totals.items()}

    def age_of(self, name: str, number: int) -> timedelta | None:
        """Age at which the counter reaches ``number``; ``None`` if it never does."""
        total = self.totals[name]
        if number >= total:
            return None
        return timedelta(seconds=-math.log(1 - number / total) * self.hours * HOUR)


def of_post(*, seed: str, post: str, kind: str, followers: int) -> Growth:
    """Growth of a post or story of an account that had so many followers when it was published.

    Shares of followers reached, and of the reached who react, lie in the ranges that trade reports give for accounts
    of some hundreds to some tens of thousands of followers; no single number claims to be more than plausible.
    """

    def share(low: float, high: float, name: str) -> float:
        return between(low, high, seed, post, name)

    story = kind == "story"
    reach = max(8.0, followers * (share(0.06, 0.14, "reach") if story else share(0.18, 0.55, "reach")))
    totals = {
        "reach": reach,
        "views": reach * share(1.05, 1.35, "views"),
        "shares": reach * share(0.006, 0.03, "shares"),
    }
    if story:
        totals |= {
            "replies": reach * share(0.004, 0.02, "replies"),
            "follows": reach * share(0.0, 0.006, "follows"),
            "profile_visits": reach * share(0.01, 0.04, "visits"),
        }
        return Growth(totals, share(2.5, 5.0, "hours"))
    totals |= {
        "likes": reach * share(0.03, 0.09, "likes"),
        "comments": reach * share(0.003, 0.015, "comments"),
        "saved": reach * share(0.004, 0.02, "saved"),
        "clicks": reach * share(0.008, 0.04, "clicks"),
    }
    return Growth(totals, share(5.0, 14.0, "hours"))


def story_age(age: timedelta) -> timedelta:
    """A story is seen for 24 hours; then its counters stand still."""
    return min(age, STORY_LIVES)


def followers(*, seed: str, account: str, base: int, age: timedelta) -> int:
    """Followers of an account that had ``base`` of them at age 0; never fewer than before."""
    a_day = base * between(0.001, 0.004, seed, account, "followers")
    return base + math.floor(max(0.0, age.total_seconds()) / 86400 * a_day)


@dataclass(frozen=True)
class Remark:
    """A comment under a post: its number, who, what, and at which age of the post."""

    number: int
    username: str
    name: str
    text: str
    age: timedelta


def remarks(*, seed: str, post: str, growth: Growth, age: timedelta) -> list[Remark]:
    """The comments that the counter ``comments`` counts at this age, oldest first."""
    found = []
    for number in range(growth.at(age).get("comments", 0)):
        username, name = _NAMES[int(uniform(seed, post, "who", number) * len(_NAMES))]
        text = _REMARKS[int(uniform(seed, post, "what", number) * len(_REMARKS))]
        at = growth.age_of("comments", number + 1)
        found.append(Remark(number, username, name, text, at if at is not None else age))
    return found
