"""The results report as PDF: an A4 document that one hands to one's director.

Typst draws it from ``typst/report.typ``, without system libraries and without the network. The report's texts go
in as data (a JSON file beside the template), never as typst source, so nothing that somebody typed can be read as
markup. All numbers are written out here; the template only lays out.
"""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

from . import fonts
from .charts import curve_svg
from .document import PostResult, ResultsReport, TargetResult
from .formats import NBSP, UNKNOWN, day, moment, number, span
from .palette import as_hex, colors
from .sentences import columns
from .words import WORDS, word

log = logging.getLogger(__name__)

TEMPLATE = Path(__file__).parent / "typst" / "report.typ"
THUMBNAIL = 420  # px of the longer side; printed 13 mm wide
LONGEST_WORD = 34  # letters that surely fit into a column; longer words may be broken anywhere

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_LONG = re.compile(rf"\S{{{LONGEST_WORD},}}")


def render_pdf(report: ResultsReport) -> bytes:
    """The report as a PDF file. Takes a report that :func:`spilno.reports.sentences.spoken` has gone over."""
    return cast(bytes, _render(report, "pdf"))


def render_pages(report: ResultsReport, *, ppi: float = 96) -> list[bytes]:
    """The same pages as PNG pictures, for previews and for looking at them in tests."""
    made = _render(report, "png", ppi=ppi)
    return made if isinstance(made, list) else [made]


def _render(report: ResultsReport, form: Literal["pdf", "png"], *, ppi: float = 96) -> bytes | list[bytes]:
    import typst  # heavy: only where it is used

    folder = fonts.ensure()
    with tempfile.TemporaryDirectory(prefix="spilno-report-") as name:
        room = Path(name)
        shutil.copyfile(TEMPLATE, room / "report.typ")
        data = as_data(report, room)
        (room / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        compiler = typst.Compiler(
            input=str(room / "report.typ"),
            root=str(room),
            font_paths=[str(folder)] if folder else [],
            # Ours are enough for what people usually write; for other scripts the system may have a font.
            ignore_system_fonts=folder is not None and _all_covered(data),
        )
        made = compiler.compile(format=form, ppi=ppi, timestamp=int(report.generated_at.timestamp()))
    if made is None:
        raise RuntimeError("typst gave no document")
    return made


def as_data(report: ResultsReport, room: Path) -> dict[str, Any]:
    """What the template shows, as texts; charts and pictures are written into ``room`` and named."""
    language = report.language
    shown = columns(report.posts)
    charts = [one for one in report.targets if one.sentence]
    curved = sum(1 for one in charts if sum(point.value is not None for point in one.curve) > 1)
    wide = curved <= 2
    return {
        "language": language,
        "fonts": [
            fonts.FAMILY,
            fonts.EMOJI_FAMILY,
            "Noto Sans",
            "DejaVu Sans",
            "Liberation Sans",
            "Libertinus Serif",
        ],
        "colors": colors("light"),
        "words": {key: WORDS[language][key] for key in _PLAIN_WORDS},
        "quotes": {"uk": ["«", "»"], "en": ["“", "”"], "ru": ["«", "»"]}[language],
        "workspace": clean(report.workspace),
        "title": clean(report.title),
        "above": _joined(report.kind.label, report.community),
        "period": span(report.period_from, report.period_to, language),
        "as_of": "" if report.is_over else word("as_of", language, day=day(report.today, language)),
        "owner": _joined(report.owner, report.department),
        "headline": clean(report.headline),
        "headline_tone": {True: "good", False: "late", None: "muted"}[
            report.all_reached if report.is_over or report.all_reached else None
        ],
        "question": clean(report.question).strip('«»“”" '),
        "audience": clean(report.audience),
        "tiles": [_tile(one, report) for one in report.targets],
        "wide": wide,
        "charts": [_chart(one, report, room, index, wide=wide) for index, one in enumerate(charts)],
        "has_marks": bool(report.posts) and curved > 0,
        "columns": [clean(report.metric_labels.get(key, key)) for key in shown],
        "posts": [
            _post(one, report, shown, room, index) for index, one in enumerate(_in_order(report.posts))
        ],
        "notes": [clean(one) for one in report.notes],
        "has_unknown": any(post.metrics.get(key) is None for post in report.posts for key in shown),
        "answers": [
            [clean(one.title), _value(one, one.value, language), clean(one.role), clean(one.department)]
            for one in report.targets
        ],
        "learned": [clean(one) for one in report.learned.splitlines() if one.strip()],
        "versions": ", ".join(
            dict.fromkeys(f"{clean(one.label)}{NBSP}{one.definition_version}" for one in report.targets)
        ),
        "made": word(
            "made",
            language,
            moment=f"{day(report.today, language)}, {moment(report.generated_at, report.time_zone, language)[-5:]}",
            zone=report.time_zone,
        ),
    }


_PLAIN_WORDS = (
    "report",
    "question",
    "audience",
    "targets",
    "curves",
    "marks",
    "no_curve",
    "posts",
    "post",
    "published",
    "no_posts",
    "no_targets",
    "unknown_note",
    "answers",
    "metric",
    "value",
    "role",
    "department",
    "learned",
    "change",
    "versions",
    "owner",
    "page",
)


def _tile(one: TargetResult, report: ResultsReport) -> dict[str, Any]:
    language = report.language
    under = []
    if one.is_change and one.baseline is not None and one.last is not None:
        level = [number(each, unit=one.level_unit, language=language) for each in (one.baseline, one.last)]
        under.append(f"{level[0]}{NBSP}→{NBSP}{level[1]}")
    elif one.baseline is not None:
        level_was = number(one.baseline, unit=one.level_unit, currency=one.currency, language=language)
        under.append(word("baseline", language, value=level_was).replace(" ", NBSP))
    if one.target is not None:
        under.append(word("target", language, value=_value(one, one.target, language)).replace(" ", NBSP))
    state = "reached" if one.reached else "unknown" if one.value is None else ""
    if one.reached is False:
        state = "behind" if (one.due_on or report.period_to) < report.today else "under_way"
    return {
        "label": clean(one.title),
        "value": _value(one, one.value, language),
        "under": " · ".join(under),
        "state": state,
        "word": word(state, language) if state else "",
        **_gauge(one.value, one.target),
    }


def _gauge(value: Decimal | None, target: Decimal | None) -> dict[str, float | None]:
    """How full the bar is and where the target stands on it, 0…1; ``None`` where there is nothing to draw."""
    if target is None or target <= 0:
        return {"fill": None, "mark": None}
    whole = max(value or Decimal(0), target)
    fill = None if value is None else float(max(value, Decimal(0)) / whole)
    return {"fill": fill, "mark": float(target / whole)}


def _chart(one: TargetResult, report: ResultsReport, room: Path, index: int, *, wide: bool) -> dict[str, Any]:
    svg = curve_svg(one, report, width=640 if wide else 316, height=190 if wide else 118)
    if svg:
        (room / f"chart-{index}.svg").write_text(svg, encoding="utf-8")
    return {
        "sentence": clean(one.sentence),
        "label": clean(one.title),
        "file": f"chart-{index}.svg" if svg else "",
    }


def _post(
    one: PostResult, report: ResultsReport, shown: Sequence[str], room: Path, index: int
) -> dict[str, Any]:
    language = report.language
    thumbnail = thumbnail_of(one.image_path) if one.image_path else None
    if thumbnail:
        (room / f"post-{index}.jpg").write_bytes(thumbnail)
    return {
        "title": clean(shortened(one.title or one.text, 90)),
        "where": _joined(one.network.label, one.placement.label),
        "channel": clean(one.channel.label),
        "by_hand": word("by_hand", language) if one.by_hand else "",
        "mark": clean(one.network_mark)[:3],
        "color": as_hex(one.network_color, colors("light")["brand"]),
        "url": one.url if one.url.startswith(("https://", "http://")) else "",
        "published": moment(one.published_at, report.time_zone, language),
        "numbers": [number(one.metrics.get(key), language=language) for key in shown],
        "image": f"post-{index}.jpg" if thumbnail else "",
        "alt": clean(one.image_alt),
    }


def _in_order(posts: Sequence[PostResult]) -> list[PostResult]:
    return sorted(posts, key=lambda one: (one.published_at, one.key))


def thumbnail_of(path: Path) -> bytes | None:
    """A small JPEG of a picture; ``None`` if it cannot be read. A report is not lost for want of a picture."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((THUMBNAIL, THUMBNAIL))
            flat = Image.new("RGB", upright.size, "white")
            flat.paste(upright, mask=upright.convert("RGBA").getchannel("A"))
            memory = io.BytesIO()
            flat.save(memory, "JPEG", quality=86)
            return memory.getvalue()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        log.warning("Left a picture out of a report: %s", error)
        return None


def clean(text: str) -> str:
    """Text that typst can take: no control characters or half characters; endless words may be broken."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = _CONTROL.sub("", text)
    return _LONG.sub(lambda found: _breakable(found[0]), text)


def _breakable(text: str) -> str:
    size = LONGEST_WORD // 2
    return "\u200b".join(text[start : start + size] for start in range(0, len(text), size))


def shortened(text: str, most: int) -> str:
    """At most ``most`` letters of one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    head = line[:most].rsplit(" ", 1)[0]
    return f"{head.rstrip(' ,.;:—-')}…"


def _joined(*parts: str) -> str:
    return clean(" · ".join(part for part in parts if part))


def _value(one: TargetResult, value: Decimal | None, language: str) -> str:
    if value is None:
        return UNKNOWN
    return number(value, unit=one.unit, currency=one.currency, language=language, signed=one.is_change)


def _all_covered(data: object) -> bool:
    covered = fonts.covered()
    return bool(covered) and all(ord(letter) in covered or letter.isspace() for letter in _letters(data))


def _letters(data: object) -> set[str]:
    if isinstance(data, str):
        return set(data) - {"\u200b", "\u200d", "\ufe0f"}
    if isinstance(data, dict):
        return set().union(*map(_letters, data.values()))
    return set().union(*map(_letters, data)) if isinstance(data, list) else set()
