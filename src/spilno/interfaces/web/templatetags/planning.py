"""Small things that the plan's templates need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.translation import get_language

from spilno.interfaces.web import deadline_words, plan_marks
from spilno.plan.deadlines import Deadline

register = template.Library()


@register.filter
def at(values: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping has under a key; nothing if it has not."""
    return values.get(key, "")


@register.filter
def look(state: str) -> str:
    """The calendar's look of a state."""
    return plan_marks.LOOKS.get(state, ("", ""))[0]


@register.filter
def wall(moment: datetime) -> str:
    """A moment as the workspace's wall clock, as browsers' pickers take it."""
    return f"{moment.astimezone(timezone.get_current_timezone()):%Y-%m-%dT%H:%M}"


@register.filter
def clock_in(moment: datetime, zone: str) -> str:
    """The time of day somewhere else."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


@register.filter
def due_title(one: Deadline) -> str:
    """A content deadline in one line."""
    return deadline_words.said(one, get_language() or "uk")


@register.filter
def due_lacks(one: Deadline) -> str:
    """What is still missing for it."""
    return deadline_words.lacks(one)
