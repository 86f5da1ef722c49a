"""A results report of the reference case, filled from its tables without a database."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import spilno
from spilno.reports.document import (
    CurvePoint,
    Named,
    Part,
    PostResult,
    ResultsReport,
    TargetResult,
    target_result,
)
from spilno.reports.sentences import spoken
from spilno.toolkit.metrics import compute, curve, get
from spilno.toolkit.metrics.case import Case, read_case

FOLDER = Path(spilno.__file__).parent / "exchange" / "data" / "charity-book-sale"
LATER = datetime(2021, 7, 2, 9, 30, tzinfo=UTC)

MARKS = {
    "instagram": ("Ig", "oklch(0.6 0.2 5)", "Instagram"),
    "facebook_group": ("Fg", "oklch(0.56 0.16 262)", "Facebook"),
}
PLACEMENTS = {
    "story": {"uk": "сторіс", "en": "story", "ru": "сторис"},
    "post": {"uk": "допис", "en": "post", "ru": "пост"},
}
DEPARTMENT = {"uk": "Маркетинг", "en": "Marketing", "ru": "Маркетинг"}
ROLE = {"uk": "SMM-менеджер", "en": "SMM manager", "ru": "SMM-менеджер"}
KIND = {"uk": "Ініціатива", "en": "Initiative", "ru": "Инициатива"}
LEARNED = {
    "uk": "Сторіс із посиланням варто ставити першою, а не останньою.\n\nКаталог має бути відкритий до першого допису.",
    "en": "Put the story with the link first, not last.\n\nThe catalogue has to be open before the first post.",
    "ru": "Сторис со ссылкой стоит ставить первой, а не последней.",
}


def case_report(
    language: str = "uk",
    *,
    generated_at: datetime = LATER,
    images: Sequence[Path] = (),
) -> ResultsReport:
    """The report of the reference case, as the interface would fill it."""
    data = tomllib.loads((FOLDER / "case.toml").read_text(encoding="utf-8"))
    case = read_case(FOLDER)
    initiative, brief = data["initiative"], data["brief"]
    channels = {one["key"]: one for one in data["channels"]}
    return spoken(
        ResultsReport(
            workspace=data["workspace"]["name"],
            slug=initiative["slug"],
            title=initiative["title"][language],
            kind=Named("initiative", KIND[language]),
            community=data["community"]["name"][language],
            owner="Olena Bondar",
            department=DEPARTMENT[language],
            question=brief["task"][language],
            audience=brief["audience"][language],
            period_from=case.period.start,
            period_to=case.period.end,
            time_zone=case.period.zone,
            language=language,
            generated_at=generated_at,
            currency=case.currency,
            targets=tuple(
                _target(case, metric, key, wanted, channels, language) for metric, key, wanted in case.targets
            ),
            posts=tuple(
                _post(case, item, channels, language, images[index % len(images)] if images else None)
                for index, item in enumerate(data["plan"])
                if not item.get("reserve")
            ),
            learned=LEARNED[language],
        )
    )


def _target(
    case: Case, metric: str, channel: str, wanted: Decimal | None, channels: dict, language: str
) -> TargetResult:
    definition = get(metric)
    asked = (definition, case.facts, case.observations, case.period)
    value = compute(*asked, channel=channel, currency=case.currency)
    parts: dict[str, int] = {}
    if metric == "leads":
        for one in case.facts:
            if one.kind == "lead":
                label = f"{one.utm['source']}, {one.utm['medium']}"
                parts[label] = parts.get(label, 0) + 1
    return target_result(
        definition,
        value,
        language=language,
        target=wanted,
        subject=Named(channel, channels[channel]["name"]) if channel else None,
        currency=case.currency,
        department=DEPARTMENT[language],
        role=ROLE[language],
        curve=[
            CurvePoint(when, number)
            for when, number in curve(*asked, channel=channel, currency=case.currency)
        ],
        parts=[Part(label, Decimal(number)) for label, number in parts.items()],
        facts_url="",
    )


def _post(case: Case, item: dict, channels: dict, language: str, image: Path | None) -> PostResult:
    channel = channels[item["channel"]]
    letters, color, label = MARKS[channel["network"]]
    latest: dict[str, Decimal] = {}
    for one in sorted(case.observations, key=lambda row: row.observed_at):
        if one.subject == item["key"]:
            latest[one.metric] = one.value
    leads = sum(one.kind == "lead" and one.item == item["key"] for one in case.facts)
    if leads:
        latest["leads"] = Decimal(leads)
    text = item["text"].get(language, item["text"]["uk"])
    return PostResult(
        key=item["key"],
        title=text,
        text=text,
        channel=Named(channel["key"], channel["name"]),
        network=Named(channel["network"], label),
        network_mark=letters,
        network_color=color,
        placement=Named(item["placement"], PLACEMENTS[item["placement"]][language]),
        published_at=item["publish_at"],
        url="https://example.org/" + item["key"],
        by_hand=channel["network"] == "facebook_group" or bool(item.get("link")),
        image_path=image,
        metrics=latest,
    )
