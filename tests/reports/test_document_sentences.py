"""What the charts say, in three languages with their plurals; and never more than the numbers say."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from string import Formatter

import pytest

from spilno.reports.document import CurvePoint, Named, Part, TargetResult
from spilno.reports.formats import number, plural, short_day, span
from spilno.reports.sentences import columns, day_reached, headline, target_sentence
from spilno.reports.words import DAYS, SENTENCES, WORDS
from spilno.toolkit.metrics import get
from tests.reports.sample import case_report

D = Decimal
OVER = {"today": date(2021, 7, 2), "ends_on": date(2021, 6, 30)}


def target(metric: str, value, wanted, language: str, **more) -> TargetResult:
    definition = get(metric)
    value = None if value is None else D(str(value))
    wanted = None if wanted is None else D(str(wanted))
    return TargetResult(
        metric=metric,
        label=definition.label[language],
        unit=str(definition.unit),
        target=wanted,
        value=value,
        reached=None if None in (value, wanted) else value >= wanted,
        noun=dict(definition.noun.get(language, {})),
        **more,
    )


def say(metric: str, value, wanted, language: str, *, today=None, **more) -> str:
    when = {"today": today, "ends_on": OVER["ends_on"]} if today else OVER
    text = target_sentence(target(metric, value, wanted, language, **more), language=language, **when)
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "uk", "en", "ru"),
    [
        (1, "1 лід", "1 lead", "1 лид"),
        (2, "2 ліди", "2 leads", "2 лида"),
        (5, "5 лідів", "5 leads", "5 лидов"),
        (11, "11 лідів", "11 leads", "11 лидов"),
        (21, "21 лід", "21 leads", "21 лид"),
        (22, "22 ліди", "22 leads", "22 лида"),
        (112, "112 лідів", "112 leads", "112 лидов"),
        (0, "0 лідів", "0 leads", "0 лидов"),
    ],
)
def test_words_agree_with_their_number(value: int, uk: str, en: str, ru: str) -> None:
    for language, expected in (("uk", uk), ("en", en), ("ru", ru)):
        assert say("leads", value, None, language) == f"{expected}."


@pytest.mark.parametrize(
    ("value", "uk", "en", "ru"),
    [
        (
            44,
            "44 ліди — на 4 більше, ніж домовилися.",
            "44 leads, 4 more than agreed.",
            "44 лида — на 4 больше, чем договорились.",
        ),
        (
            40,
            "40 лідів — рівно стільки, скільки домовилися.",
            "40 leads, exactly as agreed.",
            "40 лидов — ровно столько, сколько договорились.",
        ),
        (
            31,
            "31 лід — на 9 менше, ніж домовилися.",
            "31 leads, 9 fewer than agreed.",
            "31 лид — на 9 меньше, чем договорились.",
        ),
    ],
)
def test_a_result_is_held_against_the_agreement(value: int, uk: str, en: str, ru: str) -> None:
    for language, expected in (("uk", uk), ("en", en), ("ru", ru)):
        assert say("leads", value, 40, language) == expected


def test_money_and_growth_have_their_own_words() -> None:
    assert say("donations", 39000, 35000, "uk", currency="UAH") == (
        "Донати: 39 000 ₴ — на 4 000 ₴ більше, ніж домовилися."
    )
    growth = {
        "subject": Named("group", "Спільнота"),
        "is_change": True,
        "baseline": D(400),
        "last": D(454),
    }
    assert say("members_growth", "0.135", "0.1", "uk", **growth) == (
        "Спільнота: приріст аудиторії +13,5 % (було 400, стало 454) — на 3,5 в. п. більше, ніж домовилися."
    )
    shrunk = growth | {"last": D(390)}
    assert say("members_growth", "-0.025", "0.1", "en", **shrunk) == (
        "Спільнота: audience growth −2.5% (from 400 to 390), 12.5 pp less than agreed."
    )


def test_while_it_runs_it_says_what_is_left() -> None:
    assert say("registrations", 23, 60, "uk", today=date(2021, 6, 21)) == (
        "23 реєстрації з 60: бракує ще 37, попереду 9 днів."
    )
    assert say("registrations", 23, 60, "uk", today=date(2021, 6, 28)).endswith("попереду 2 дні.")
    assert say("registrations", 23, 60, "en", today=date(2021, 6, 29)).endswith("37 to go, 1 day left.")
    assert say("registrations", 23, 60, "ru", today=date(2021, 6, 30)).endswith("сегодня последний день.")
    assert say("registrations", 23, 60, "uk") == "23 реєстрації — на 37 менше, ніж домовилися."


def test_the_unknown_is_called_unknown_with_its_reason() -> None:
    assert say("leads", None, 40, "uk", missing="not_reported") == (
        "Ліди: значення невідоме — цих даних ніхто не повідомив."
    )
    assert say("reach", None, 40, "en", missing="not_additive") == (
        "Reach: the value is unknown, because numbers of different posts do not add up."
    )


def points(*values) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(date(2021, 6, position), None if value is None else D(value))
        for position, value in enumerate(values, start=1)
    )


@pytest.mark.parametrize(
    ("curve", "day"),
    [
        ((10, 39, 40, 44), 3),
        ((10, 41, 39, 44), 4),  # it fell back in between
        ((10, 39, None, 44), 4),
        ((44, 44), None),  # it was there before anybody looked
        ((10, 39), None),
        ((), None),
    ],
)
def test_the_day_a_target_was_reached_is_the_one_from_which_it_stayed(curve, day) -> None:
    made = day_reached(target("leads", 44, 40, "uk", curve=points(*curve)))
    assert made == (date(2021, 6, day) if day else None)


def test_where_most_came_from_is_said_only_if_something_is_ahead() -> None:
    parts = (Part("instagram", D(25)), Part("facebook", D(19)))
    assert "Most are from instagram: 25 of 44." in say("leads", 44, 40, "en", parts=parts)
    tie = (Part("instagram", D(22)), Part("facebook", D(22)))
    assert "Most" not in say("leads", 44, 40, "en", parts=tie)
    assert "Most" not in say("leads", 44, 40, "en", parts=parts[:1])


def test_headlines() -> None:
    report = case_report("uk")
    assert report.headline == "Усі цілі досягнуто: 6 з 6"
    behind = replace(report.targets[0], reached=False)
    unknown = replace(report.targets[0], reached=None)
    some = replace(report, targets=(*report.targets[2:], behind, unknown))
    assert headline(some) == "Цілей досягнуто: 4 з 6, невідомо: 1"
    assert headline(replace(report, targets=(behind,))) == "Ціль не досягнуто"
    running = replace(report, targets=(behind,), period_to=report.today)
    assert headline(running) == "Цілей досягнуто: 0 з 1"  # nothing is decided before the last day
    assert headline(replace(report, targets=())) == ""


def test_a_silent_channel_is_named_so_that_a_dash_is_not_read_as_zero() -> None:
    assert case_report("uk").notes == (
        "PM community не повідомляє: охоплення, покази, відповіді, переходи. "
        "«—» означає «невідомо», а не нуль.",
    )


def test_columns_put_first_what_most_posts_report_and_keep_outcomes() -> None:
    posts = case_report().posts
    assert columns(posts) == ["reach", "impressions", "leads", "replies", "link_clicks"]
    assert columns(posts, most=2) == ["reach", "leads"]
    assert columns(()) == []


CAUSAL = re.compile(
    r"because of|thanks to|led to|brought|caused by|завдяки|через те|спричинив|призвел|благодаря|привел",
    re.IGNORECASE,
)


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
def test_no_sentence_claims_a_cause(language: str) -> None:
    for one in case_report(language).targets:
        assert not CAUSAL.search(one.sentence), one.sentence
    for pattern in SENTENCES[language].values():
        assert not CAUSAL.search(pattern), pattern


@pytest.mark.parametrize("table", [WORDS, SENTENCES], ids=["words", "sentences"])
def test_every_language_has_every_word_with_the_same_blanks(table) -> None:
    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert set(table) == {"uk", "en", "ru"}
    for key, english in table["en"].items():
        for language in ("uk", "ru"):
            assert blanks(table[language][key]) == blanks(english), (language, key)
    assert {language: set(words) for language, words in table.items()} == {
        language: set(table["en"]) for language in table
    }
    assert all(set(DAYS[one]) >= {plural(count, one) for count in range(120)} for one in table)


@pytest.mark.parametrize(
    ("value", "more", "uk", "en"),
    [
        (D("39000"), {"unit": "money", "currency": "UAH"}, "39 000 ₴", "₴39,000"),
        (D("1250.5"), {"unit": "money", "currency": "EUR"}, "1 250,50 €", "€1,250.50"),
        (D("10"), {"unit": "money", "currency": "USD"}, "10 $", "$10"),
        (D("0.135"), {"unit": "share", "signed": True}, "+13,5 %", "+13.5%"),
        (D("0.0032"), {"unit": "share"}, "0,32 %", "0.32%"),
        (D("-0.025"), {"unit": "share", "signed": True}, "−2,5 %", "−2.5%"),
        (D("0"), {"unit": "share", "signed": True}, "0 %", "0%"),
        (D("1234567"), {}, "1 234 567", "1,234,567"),
        (D("12.5"), {"unit": "minutes"}, "12 хв 30 с", "12 min 30 s"),
        (None, {}, "—", "—"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, more, uk: str, en: str) -> None:
    assert number(value, language="uk", **more).replace("\u00a0", " ") == uk
    assert number(value, language="en", **more).replace("\u00a0", " ") == en


def test_days_are_written_as_people_write_them() -> None:
    assert span(date(2021, 6, 1), date(2021, 6, 30), "uk") == "1–30 червня 2021"
    assert span(date(2021, 5, 3), date(2021, 6, 30), "ru") == "3 мая – 30 июня 2021"
    assert span(date(2020, 12, 20), date(2021, 1, 5), "en") == "20 December 2020 – 5 January 2021"
    assert span(date(2021, 6, 1), date(2021, 6, 1), "uk") == "1 червня 2021"
    assert short_day(date(2021, 6, 1), "uk").replace("\u00a0", " ") == "1 чер"
    assert short_day(date(2021, 9, 1), "en").replace("\u00a0", " ") == "1 Sep"
