"""docs/kpis.md, written from the definitions, so that it cannot say anything else."""

from __future__ import annotations

from .catalogue import all_counters, all_definitions
from .model import Aggregate, Definition, Formula, Input, Source

_HEAD = """# KPIs

<!-- Made by `python -m spilno.toolkit.metrics --docs` from src/spilno/toolkit/metrics/definitions.toml.
     Do not edit here; a test compares. -->

Every number that Spilno shows is one of these. The rules for all of them:

- **Missing is not zero.** What nobody reported has no value and is shown as "—"; only an explicit 0 is 0.
  What Spilno itself records (leads, registrations, donations) is 0 when nothing was recorded.
- **A ratio is taken after aggregation**: the ratio of sums, never the mean of ratios. A denominator of 0
  gives no value.
- **Not everything adds up.** "Adds up over" says over what parts a sum means the whole.
- **Money** in two currencies has no sum and so no value.
- **Change is not effect.** Growth says what changed, not why.
- A value keeps the version of the definition that it was computed with.

How to add one: [how-to-add-a-kpi.md](how-to-add-a-kpi.md).
"""

_ROLES = {"smm_manager": "SMM manager", "community_manager": "Community manager"}
_DEPARTMENTS = {
    "marketing": "marketing",
    "sales": "sales",
    "support": "customer support",
    "product": "product management",
}


def as_markdown() -> str:
    """The whole catalogue as one Markdown page."""
    parts = [_HEAD]
    definitions = all_definitions()
    for role, title in _ROLES.items():
        mine = [one for one in definitions if one.role == role]
        if not mine:
            continue
        parts.append(f"\n## {title}\n")
        parts.extend(_section(one) for one in mine)
    parts.append("\n## Counters that networks report\n")
    parts.append(
        "| key | English | українською | по-русски | of a | adds up over |\n|---|---|---|---|---|---|\n"
    )
    for counter in all_counters():
        label = counter.label
        parts.append(
            f"| `{counter.key}` | {label['en']} | {label['uk']} | {label['ru']} "
            f"| {_SUBJECT[counter.subject]} | {_over(counter.additive_over)} |\n"
        )
    return "".join(parts)


_SUBJECT = {"channel": "channel", "item": "post"}


def _section(one: Definition) -> str:
    label = one.label
    asked = ", ".join(_SUBJECT[subject] for subject in one.subjects) or "the whole initiative only"
    if one.subject_required:
        asked += " (required)"
    lines = [
        f"\n### `{one.key}` · {label['en']}\n",
        f"\n{label['uk']} · {label['ru']}. {one.description['en']}\n",
        f"\n- Formula: {formula_words(one)}\n",
        f"- Unit: {one.unit}; better: {one.better}; adds up over: {_over(one.additive_over)}\n",
        f"- Can be asked about: {asked}\n",
        f"- Answers for it: {_DEPARTMENTS.get(one.department, one.department)}; AMEC stage: "
        f"{one.stage.replace('_', '-')}; definition version {one.version}\n",
    ]
    return "".join(lines)


def formula_words(one: Definition) -> str:
    """The formula in plain English."""
    words = {name: _input_words(made) for name, made in one.inputs.items()}
    if one.formula is Formula.RATIO:
        scale = f" × {one.scale}" if one.scale != 1 else ""
        pair = ", over posts that report both" if one.pair else ""
        return f"({words['numerator']}) / ({words['denominator']}){scale}{pair}"
    if one.formula is Formula.CUMULATIVE:
        return f"{words['last']} / {words['baseline']} − 1"
    if one.formula is Formula.DERIVED:
        sign = "−" if one.operation == "difference" else "against"
        return f"{words['current']} {sign} {words['previous']}"
    if one.formula is Formula.SURVIVAL:
        return f"Kaplan–Meier {one.statistic} of {words[one.input.name]}"
    return words[one.input.name]


def _input_words(one: Input) -> str:
    if one.source is Source.METRIC:
        return f"`{one.metric}`" + (" of the previous equal period" if one.previous else "")
    if one.source is Source.OBSERVATIONS:
        names = " + " if one.aggregate is Aggregate.SUM else " or "
        counters = names.join(f"`{metric}`" for metric in one.metrics)
        when = (
            "the last reading before the start" if one.aggregate is Aggregate.BASELINE else "the last reading"
        )
        return f"{when} of {counters}"
    kinds = " or ".join(f"`{kind}`" for kind in one.kinds)
    where = "".join(f" with {column} {' or '.join(values)}" for column, values in one.where.items())
    unless = f", unless followed by {' or '.join(f'`{kind}`' for kind in one.unless)}" if one.unless else ""
    facts = f"facts of kind {kinds}{where}{unless}"
    if one.aggregate is Aggregate.SUM:
        return f"sum of the amounts of {facts}"
    if one.aggregate is Aggregate.DISTINCT:
        return f"different {' (else '.join(one.field)}{')' * (len(one.field) - 1)} in {facts}"
    if one.aggregate is Aggregate.DURATION:
        return f"time from {facts} to {' or '.join(one.until)}"
    return f"number of {facts}"


def _over(parts: frozenset[str]) -> str:
    names = {"time": "time", "channel": "channels", "item": "posts"}
    return ", ".join(name for key, name in names.items() if key in parts) or "nothing"
