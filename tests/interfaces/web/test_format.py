"""The filters that write values: language and zone are the active ones."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone, translation

from spilno.kernel.money import Money

S = "\N{NO-BREAK SPACE}"
AT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def write(expression: str, language: str = "uk", **context: object) -> str:
    """What a template writes for an expression, on a Sunday in November in Kyiv."""
    with (
        time_machine.travel(AT, tick=False),
        translation.override(language),
        timezone.override(ZoneInfo("Europe/Kyiv")),
    ):
        return Template("{% load format %}" + expression).render(Context(context))


@pytest.mark.parametrize(
    ("expression", "value", "uk", "en"),
    [
        ("{{ v|number }}", 39000, f"39{S}000", "39,000"),
        ("{{ v|number:0 }}", 2.6, "3", "3"),
        ("{{ v|signed }}", -4, "−4", "−4"),
        ("{{ v|share }}", 0.135, f"13,5{S}%", "13.5%"),
        ("{{ v|change }}", 0.135, f"+13,5{S}%", "+13.5%"),
        ("{{ v|money:'UAH' }}", Decimal(39000), f"39{S}000{S}₴", "₴39,000"),
        ("{{ v|money }}", Money(Decimal(5), "EUR"), f"5{S}€", "€5"),
        ("{{ v|duration }}", timedelta(hours=3, minutes=40), f"3{S}год 40{S}хв", f"3{S}h 40{S}min"),
        ("{{ v|when }}", AT, "22 листопада, 18:00", "22 November, 18:00"),
        ("{{ v|when_short }}", AT, "22 лист., 18:00", "22 Nov, 18:00"),
        ("{{ v|clock }}", AT, "18:00", "18:00"),
        ("{{ v|day:'weekday' }}", date(2026, 11, 22), "неділя, 22 листопада", "Sunday, 22 November"),
        ("{{ v|day }}", datetime(2026, 11, 22, 22, 30, tzinfo=UTC), "23 листопада", "23 November"),
        ("{{ v|ago }}", AT - timedelta(hours=3), "3 години тому", "3 hours ago"),
        ("{{ v|iso }}", AT, "2026-11-22T16:00:00+00:00", "2026-11-22T16:00:00+00:00"),
        ("{{ v|pick }}", {"uk": "допис", "en": "post"}, "допис", "post"),
        ("{% measure v 'share' %}", 0.135, f"13,5{S}%", "13.5%"),
    ],
)
def test_filters(expression: str, value: object, uk: str, en: str) -> None:
    assert write(expression, "uk", v=value) == uk
    assert write(expression, "en", v=value) == en


@pytest.mark.parametrize(
    "name",
    ["number", "signed", "share", "change", "money", "duration", "when", "when_short", "clock", "day", "ago"],
)
def test_missing_is_a_dash(name: str) -> None:
    assert write(f"{{{{ v|{name} }}}}", v=None) == "—"
    assert write(f"{{{{ nowhere|{name} }}}}") == "—"


def test_missing_measure_is_a_dash() -> None:
    assert write("{% measure nowhere 'money' 'UAH' %}") == "—"


def test_until() -> None:
    context = {"a": date(2021, 6, 1), "b": date(2021, 6, 30)}
    assert write("{{ a|until:b }}", "uk", **context) == "1–30 червня 2021"


def test_pick_falls_back_to_what_there_is() -> None:
    assert write("{{ v|pick }}", "ru", v={"en": "post"}) == "post"
    assert write("{{ v|pick:'en' }}", "ru", v={"uk": "допис", "en": "post"}) == "post"


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        write("{{ v|when }}", v=datetime(2026, 11, 22, 16, 0))
