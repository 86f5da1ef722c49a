"""What the charts say, in words: "44 leads, 4 more than agreed."

Every sentence is made from the report's own numbers. They speak of change and of when, never of cause: that a
number rose after a post does not show that the post raised it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from spilno.toolkit.metrics import Definition, all_counters, all_definitions, counter

from .document import Part, PostResult, ResultsReport, TargetResult
from .formats import day, number, plural, step
from .words import DAYS, phrase

MORE_COLUMNS_THAN_FIT = 5


def spoken(report: ResultsReport) -> ResultsReport:
    """The report with its sentences, headline, heads of columns and notes on what is unknown."""
    posts = report.posts
    labels = {key: metric_label(key, report.language) for key in all_columns(posts)} | dict(
        report.metric_labels
    )
    report = replace(report, metric_labels=labels)
    return replace(
        report,
        targets=tuple(
            replace(
                one,
                sentence=target_sentence(
                    one, language=report.language, today=report.today, ends_on=one.due_on or report.period_to
                ),
            )
            for one in report.targets
        ),
        headline=headline(report),
        notes=(*report.notes, *silent_notes(report)),
    )


def target_sentence(one: TargetResult, *, language: str, today: date, ends_on: date) -> str:
    """What became of a target; while it is running, how much is left to do. ``today`` in the report's zone."""
    if one.value is None:
        why = phrase(one.missing or "not_reported", language)
        return phrase("unknown", language, label=one.title, why=why)
    said = [_against_target(one, one.value, language, today, ends_on)]
    if one.reached and (reached_on := day_reached(one)):
        said.append(phrase("reached_on", language, day=day(reached_on, language, year=False)))
    if most := largest_part(one):
        value = _number(one, most.value, language)
        said.append(
            phrase("mostly", language, label=most.label, value=value, total=_number(one, one.value, language))
        )
    return " ".join(said)


def _against_target(one: TargetResult, value: Decimal, language: str, today: date, ends_on: date) -> str:
    head = _head(one, value, language)
    if one.target is None:
        return phrase("plain", language, head=head)
    away = value - one.target
    if away == 0:
        return phrase("exactly", language, head=head)
    amount = step(abs(away), unit=one.unit, currency=one.currency, language=language)
    if one.reached is False and one.better == "up" and today <= ends_on:
        left = (ends_on - today).days
        count = phrase("left", language, count=left, days=DAYS[language][plural(left, language)])
        return phrase(
            "to_go",
            language,
            head=head,
            target=_number(one, one.target, language),
            step=amount,
            left=count if left else phrase("left_none", language),
        )
    comparison = "more" if away > 0 else "fewer" if one.unit == "count" else "less"
    return phrase(comparison, language, head=head, step=amount)


def _head(one: TargetResult, value: Decimal, language: str) -> str:
    """The value with its word: "44 ліди", "Донати: 39 000 ₴", "PM: приріст аудиторії +13,5 % (було …)"."""
    shown = _number(one, value, language)
    if one.noun and not one.subject:
        return f"{shown} {one.noun.get(plural(value, language), one.noun['other'])}"
    if one.is_change and one.baseline is not None and one.last is not None:
        shown = phrase(
            "was_became",
            language,
            value=shown,
            baseline=number(one.baseline, unit=one.level_unit, language=language),
            last=number(one.last, unit=one.level_unit, language=language),
        )
    if one.subject:
        return phrase("about", language, subject=one.subject.label, label=_lower(one.label), value=shown)
    return phrase("named", language, label=one.label, value=shown)


def _number(one: TargetResult, value: Decimal, language: str) -> str:
    return number(value, unit=one.unit, currency=one.currency, language=language, signed=one.is_change)


def day_reached(one: TargetResult) -> date | None:
    """The first day from which the curve meets the target to its end; ``None`` if that cannot be said.

    If the curve already starts there, nobody saw the day.
    """
    if one.target is None or one.better == "none":
        return None
    known = [point for point in one.curve if point.value is not None]
    first: date | None = None
    for position, point in enumerate(known):
        value = point.value or Decimal(0)
        met = value >= one.target if one.better == "up" else value <= one.target
        if not met:
            first = None
        elif first is None and position:
            first = point.day
        elif first is None:
            return None
    return first


def largest_part(one: TargetResult) -> Part | None:
    """The part that more came from than from any other, if there are several and one is ahead."""
    ranked = sorted(one.parts, key=lambda part: part.value, reverse=True)
    if len(ranked) < 2 or ranked[0].value == ranked[1].value or ranked[0].value <= 0:
        return None
    return ranked[0]


def headline(report: ResultsReport) -> str:
    """How many of the targets are reached; empty without targets."""
    verdicts = [one.reached for one in report.targets]
    language = report.language
    reached, unknown = verdicts.count(True), verdicts.count(None)
    if not verdicts or unknown == len(verdicts):
        return ""
    if len(verdicts) == 1 and (reached or report.is_over):
        return phrase("one_reached" if reached else "one_behind", language)
    key = "all_reached" if reached == len(verdicts) else "some_reached"
    text = phrase(key, language, reached=reached, all=len(verdicts))
    return text + (phrase("some_unknown", language, unknown=unknown) if unknown else "")


# ------------------------------------------------------------------------------------------- the posts' numbers


def metric_label(key: str, language: str) -> str:
    """The head of a column of post numbers: a counter's name, a KPI's name, else the key."""
    known = counter(key) or _definitions().get(key)
    return known.label[language] if known else key


def _definitions() -> Mapping[str, Definition]:
    return {one.key: one for one in all_definitions()}


def all_columns(posts: tuple[PostResult, ...]) -> list[str]:
    """Keys of numbers that at least one post has, outcomes (KPIs) first, then as the catalogue lists them."""
    known = {key for post in posts for key, value in post.metrics.items() if value is not None}
    return sorted(known, key=lambda key: (_rank(key), key))


def _rank(key: str) -> tuple[int, int]:
    counters = [one.key for one in all_counters()]
    kpis = list(_definitions())
    if key in ("reach", "impressions", "views"):
        return (0, counters.index(key))
    if key in kpis and key not in counters:
        return (1, kpis.index(key))
    return (2, counters.index(key)) if key in counters else (3, 0)


def columns(posts: tuple[PostResult, ...], most: int = MORE_COLUMNS_THAN_FIT) -> list[str]:
    """The columns that a table of posts shows: at most ``most``, those that most posts report."""
    keys = all_columns(posts)
    how_many = {key: sum(post.metrics.get(key) is not None for post in posts) for key in keys}
    kept = sorted(keys, key=lambda key: (_rank(key)[0] != 1, -how_many[key], keys.index(key)))[:most]
    return [key for key in keys if key in kept]


def silent_notes(report: ResultsReport) -> tuple[str, ...]:
    """Which channel reports nothing of a column that others fill: so "—" is not read as zero."""
    shown = [key for key in columns(report.posts) if counter(key)]
    notes = []
    for channel in dict.fromkeys(post.channel for post in report.posts):
        mine = [post for post in report.posts if post.channel == channel]
        silent = [key for key in shown if all(post.metrics.get(key) is None for post in mine)]
        if silent:
            metrics = ", ".join(_lower(report.metric_labels.get(key, key)) for key in silent)
            notes.append(phrase("silent", report.language, channel=channel.label, metrics=metrics))
    return tuple(notes)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
