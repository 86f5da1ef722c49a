"""What browsers send, as what it means. Texts from outside are never trusted to have a form."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.utils.dateparse import parse_date

from spilno.kernel.errors import UserError


def uuid_of(text: str) -> UUID | None:
    """The id in a text, ``None`` if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def read_day(text: str, name: str) -> date | None:
    """A day as the browser's picker sends it; ``None`` if nothing was chosen.

    :param name: the form's field, for the error.
    :raises UserError: ``date_wrong``.
    """
    if not text.strip():
        return None
    try:
        day = parse_date(text.strip())
    except ValueError:
        day = None
    if day is None:
        raise UserError("date_wrong", field=name, typed=text[:40])
    return day
