"""Whose doing it was: a metric's facts by the post they are attributed to, and by the tag of the link they came by.

Parts of distinct people do not add up to the whole: somebody may have come by two posts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from spilno.facts.models import Observation, SubjectKind
from spilno.facts.queries import observations
from spilno.kernel.models import Row
from spilno.measurement.counting import Split, count
from spilno.measurement.questions import Question
from spilno.toolkit.metrics import Definition, Formula, Source, Subject

_ADDED = (Formula.COUNT, Formula.SUM, Formula.DISTINCT)


def attributable(definition: Definition) -> bool:
    """Is it counted from facts that can belong to a post?"""
    return (
        definition.formula in _ADDED
        and definition.accepts(Subject.ITEM)
        and all(one.source is Source.FACTS for one in definition.inputs.values())
    )


def by_post(questions: Sequence[Question]) -> list[dict[UUID, Decimal]]:
    """For each question: plan item → its part. One query. Posts that nothing is attributed to are not there:
    that nobody said which post it was does not make it zero."""
    return [
        {item: number for item, number in parts.items() if isinstance(item, UUID)}
        for parts in _parts(questions, Split.ITEM)
    ]


def by_place(questions: Sequence[Question]) -> list[dict[tuple[UUID, UUID], Decimal]]:
    """For each question: (plan item, channel) → its part, where facts know both. One query."""
    return [
        {
            (UUID(item), UUID(channel)): number
            for place, number in parts.items()
            if place is not None
            for item, _, channel in [str(place).partition("/")]
        }
        for parts in _parts(questions, Split.PLACE)
    ]


def by_tag(questions: Sequence[Question]) -> list[dict[tuple[str, str], Decimal]]:
    """For each question: (source, medium) of the link's tag → its part; untagged facts are left out. One query."""
    found = []
    for parts in _parts(questions, Split.TAG):
        tags = {}
        for tag, number in parts.items():
            source, _, medium = str(tag).rpartition("/")
            if source or medium:
                tags[source, medium] = number
        found.append(tags)
    return found


def _parts(questions: Sequence[Question], split: Split) -> list[dict[UUID | str | None, Decimal]]:
    chosen = [one for one in questions if attributable(one.definition)]
    counted = count(chosen, split)
    answers: dict[int, dict[UUID | str | None, Decimal]] = {}
    for number, question in enumerate(chosen):
        groups = counted[number, question.definition.input.name]
        currencies = {one for group in groups.values() for one in group.currencies} | {question.currency}
        mixed = len(currencies - {""}) > 1  # the whole has no value then, and a part of it no meaning
        answers[id(question)] = {} if mixed else {key: group.number for key, group in groups.items()}
    return [answers.get(id(one), {}) for one in questions]


def last_readings(workspace: Row, variants: Iterable[UUID]) -> dict[UUID, dict[str, Decimal]]:
    """The last known counters of posts: variant → counter → value. One query; what nobody reported is not there."""
    rows: QuerySet[Observation] = (
        observations(workspace)
        .filter(subject_kind=SubjectKind.ITEM, subject_id__in=list(variants))
        .order_by("subject_id", "metric", "-observed_at", "-value")
        .distinct("subject_id", "metric")
    )
    found: dict[UUID, dict[str, Decimal]] = {}
    for subject, metric, value in rows.values_list("subject_id", "metric", "value"):
        found.setdefault(subject, {})[metric] = value
    return found
