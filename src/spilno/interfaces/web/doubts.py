"""Asking about an hour that does not exist or comes twice, with both things it could mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from spilno.kernel.errors import UserError
from spilno.kernel.wall_clock import SIDES, DoubtfulTime


@dataclass(frozen=True)
class Choice:
    """One answer: what to send back as ``side``, and what it means in words."""

    side: str
    label: str


def choices(error: UserError | None) -> tuple[Choice, ...]:
    """Both answers to a doubt, the earlier one first; nothing for any other error."""
    if not isinstance(error, DoubtfulTime):
        return ()
    before, after = (one.astimezone(ZoneInfo(error.zone)) for one in error.moments)
    if error.code == "time_does_not_exist":
        labels = (
            _("%(time)s, before the clocks go forward") % {"time": f"{before:%H:%M}"},
            _("%(time)s, after the clocks went forward") % {"time": f"{after:%H:%M}"},
        )
    else:
        labels = (
            _("the first %(time)s (%(offset)s)") % {"time": f"{before:%H:%M}", "offset": _offset(before)},
            _("the second %(time)s (%(offset)s)") % {"time": f"{after:%H:%M}", "offset": _offset(after)},
        )
    return tuple(Choice(side, label) for side, label in zip(SIDES, labels, strict=True))


def _offset(moment: datetime) -> str:
    """``UTC+3``, ``UTC+5:30``."""
    minutes = int((moment.utcoffset() or moment - moment).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
