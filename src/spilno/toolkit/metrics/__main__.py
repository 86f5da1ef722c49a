"""The toolkit's metrics from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path

from .case import CaseError, Figure, figures, read_case
from .model import Unit
from .reference import as_markdown


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all went well, 2 with one line on standard error if not."""
    parser = argparse.ArgumentParser(prog="python -m spilno.toolkit.metrics", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="a case folder (case.toml and its tables)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--docs", action="store_true", help="print the catalogue as Markdown")
    options = parser.parse_args(arguments)
    if options.docs:
        print(as_markdown(), end="")
        return 0
    if options.folder is None:
        parser.error("name a case folder, or --docs")
    try:
        case = read_case(options.folder)
        made = figures(case)
    except (CaseError, KeyError, ValueError) as error:
        print(error.args[0] if error.args else error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([_as_json(one) for one in made], ensure_ascii=False, indent=2))
        return 0
    for one in made:
        name = one.value.metric + (f" ({one.value.subject})" if one.value.subject else "")
        mark = {True: "reached", False: "behind", None: ""}[one.reached]
        wanted = f"target {_words(one.target, one)}" if one.target is not None else ""
        print(f"{name:<36}{_words(one.value.value, one):>14}   {wanted:<22}{mark}".rstrip())
    return 0


def _words(number: Decimal | None, one: Figure) -> str:
    if number is None:
        return f"— ({one.value.missing})"
    if one.value.unit is Unit.SHARE:
        return f"{(number * 100).normalize():f} %"
    return f"{number:f} {one.value.currency}".strip()


def _as_json(one: Figure) -> dict[str, object]:
    value = one.value
    return {
        "metric": value.metric,
        "version": value.version,
        "subject": value.subject or None,
        "unit": value.unit,
        "currency": value.currency or None,
        "value": _number(value.value),
        "target": _number(one.target),
        "reached": one.reached,
        "missing": value.missing or None,
        "inputs": {name: _number(number) for name, number in value.inputs.items()},
        "from": value.period_from.isoformat(),
        "to": value.period_to.isoformat(),
        "time_zone": value.time_zone,
    }


def _number(number: Decimal | None) -> int | float | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


if __name__ == "__main__":
    sys.exit(main())
