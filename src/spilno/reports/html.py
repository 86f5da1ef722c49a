"""The results report as one HTML file: no scripts, nothing loaded from anywhere, made for reading and printing.

It shows what the PDF shows, from the same texts (:func:`spilno.reports.pdf.as_data`), with the curves as SVG and
the pictures inside.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from spilno.reports.document import ResultsReport
from spilno.reports.pdf import as_data


def render_html(report: ResultsReport) -> str:
    """The report as an HTML page that stands alone. Takes a report that ``sentences.spoken`` has gone over."""
    with tempfile.TemporaryDirectory(prefix="spilno-report-") as name:
        room = Path(name)
        data = as_data(report, room)
        for one in data["charts"]:
            one["svg"] = _svg(room / one["file"]) if one["file"] else ""
        for one in data["posts"]:
            one["picture"] = _inline(room / one["image"]) if one["image"] else ""
        data["tiles"] = [_tile(one) for one in data["tiles"]]
    return render_to_string("reports/report.html", {"report": data})


def _tile(one: dict[str, Any]) -> dict[str, Any]:
    """Widths in per cent, as CSS writes them."""
    fill, mark = one["fill"], one["mark"]
    return one | {
        "percent": None if fill is None else f"{fill * 100:.1f}",
        "mark_percent": None if mark is None else f"{mark * 100:.1f}",
    }


def _svg(path: Path) -> SafeString:
    # Drawn by the chart renderer, which escapes the texts in it.
    return mark_safe(path.read_text(encoding="utf-8"))  # noqa: S308


def _inline(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
