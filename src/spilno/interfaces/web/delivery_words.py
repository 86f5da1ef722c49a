"""A delivery in words: what happens next, why it stands, what was tried."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from spilno.interfaces.web.messages import text_of
from spilno.kernel.errors import UserError
from spilno.publishing.queries import DeliveryPage, Event
from spilno.publishing.states import DeliveryState
from spilno.toolkit.language import formats

S = DeliveryState

SPOKEN = ("prepare", "commit", "find", "delete")
"""Steps in which a network was spoken to."""


@dataclass(frozen=True)
class Words:
    """How moments are written for this reader."""

    language: str
    zone: str
    now: datetime

    def when(self, moment: datetime | None) -> str:
        """``22 листопада, 18:00`` in the workspace's zone."""
        return formats.when(moment, self.language, zone=ZoneInfo(self.zone), now=self.now)

    def to_the_second(self, moment: datetime | None) -> str:
        """``18:00:05``, for what happens within a minute."""
        return f"{moment.astimezone(ZoneInfo(self.zone)):%H:%M:%S}" if moment else ""


def next_words(page: DeliveryPage, words: Words) -> str:
    """What happens next, in one or two sentences."""
    delivery = page.delivery
    due, following = words.when(delivery.due_at), words.to_the_second(delivery.next_try_at)
    match delivery.state:
        case S.QUEUED if page.by_hand:
            who = page.channel.owner.name if page.channel.owner else _("the workspace's owner")
            return _("At its time, %(time)s, we remind %(who)s with text and pictures.") % {
                "time": due,
                "who": who,
            }
        case S.QUEUED:
            return _("It leaves by itself: %(time)s. Shortly before, it is prepared.") % {"time": due}
        case S.PREPARING:
            return _("Text and pictures are being handed over. Nobody sees them yet.")
        case S.PREPARED:
            return _("Everything is ready. It leaves by itself: %(time)s.") % {"time": due}
        case S.COMMITTING:
            return _("It is leaving this very moment.")
        case S.UNCERTAIN:
            return _(
                "The network gave no clear answer. We ask it again at %(time)s and send nothing before we know."
            ) % {"time": following}
        case S.NEEDS_PERSON:
            return _(
                "We cannot find out whether the post is there. Please look, and tell us: we send nothing blindly."
            )
        case S.WAITING:
            return _("We try again at %(time)s. If it gets too late, you are asked first.") % {
                "time": following
            }
        case S.REMINDED:
            return _("It is your turn: copy, post, and confirm with the link.")
        case S.PUBLISHED if delivery.removed_at is not None:
            return _("It was out and has been deleted on the network: %(time)s. Its numbers stay.") % {
                "time": words.when(delivery.removed_at)
            }
        case S.PUBLISHED if delivery.confirmed_by is not None:
            return _("It is out; %(who)s confirmed it.") % {"who": delivery.confirmed_by.name}
        case S.PUBLISHED:
            return _("It is out. We count from now on what it brings.")
        case S.FAILED:
            return _("Nothing was published. Mend it, then send it again.")
        case S.HELD:
            return _("It does not leave until somebody decides.")
        case S.MISSED:
            return _(
                "Nothing was published: it would have been too late. You decide whether it still makes sense."
            )
    return _("It was called off. It can be scheduled again.")


def problem_words(page: DeliveryPage) -> str:
    """Why it stands, in words; ``""`` if nothing is wrong."""
    delivery = page.delivery
    if page.problem is not None:
        return page.problem.text
    if not delivery.error_code or delivery.error_code in ("cannot_tell", "does_not_fit"):
        return ""
    return text_of(UserError(delivery.error_code, **delivery.error_params))


@dataclass(frozen=True)
class Line:
    """An event as the ``timeline`` tag draws it."""

    title: str
    at: datetime
    note: str
    tone: str
    icon: str
    by: str
    took: str = ""
    record: tuple[tuple[str, str], ...] = ()


def lines(page: DeliveryPage, words: Words) -> list[Line]:
    """The history, the latest first."""
    found = [_line(one, words) for one in page.events]
    return list(reversed(found))


def _line(event: Event, words: Words) -> Line:
    title, tone, icon = _title(event, words)
    params = dict((event.detail or {}).get("params", {}))
    note = text_of(UserError(event.code, **params)) if event.code and event.code != "cannot_tell" else ""
    if event.outcome in ("ok", "found", "absent", "posted"):
        note = ""
    by = event.by if event.step in ("decision", "confirm", "delete") else ""
    return Line(title, event.at, note, tone, icon, by, _took(event), _record(event))


def _took(event: Event) -> str:
    if event.step not in SPOKEN or event.ended_at is None:
        return ""
    seconds = Decimal(str((event.ended_at - event.at).total_seconds()))
    return _("%(seconds)s s") % {"seconds": formats.number(seconds, get_language() or "uk")}


def _record(event: Event) -> tuple[tuple[str, str], ...]:
    """What is kept of a request and its answer, for those who want to know exactly."""
    if event.step not in SPOKEN:
        return ()
    rows = [(_("Worker"), event.worker), (_("Content"), event.fingerprint[:16])]
    told = {key: value for key, value in (event.detail or {}).items() if key not in ("params", "by")}
    if told:
        rows.append((_("The network's answer"), json.dumps(told, ensure_ascii=False, indent=1)))
    return tuple((label, value) for label, value in rows if value)


def _title(event: Event, words: Words) -> tuple[str, str, str]:
    detail: Any = event.detail or {}
    match event.step, event.outcome:
        case "decision", "delivery.scheduled":
            due = datetime.fromisoformat(detail["due_at"]) if detail.get("due_at") else None
            return _("Scheduled for %(time)s") % {"time": words.when(due)}, "", "clock"
        case "decision", "delivery.sent_now":
            return _("Sent off at once"), "", "send"
        case "decision", "delivery.cancelled":
            return _("Called off"), "", "close"
        case "decision", "delivery.retried":
            return _("To be sent again"), "", "refresh"
        case "delete", "ok":
            return _("Deleted on the network"), "", "delete"
        case "delete", "":
            return _("Being deleted"), "", "waiting"
        case "delete", _:
            return _("Deleting did not work"), "late", "warning"
        case "prepare", "ok":
            return _("Prepared"), "", "check"
        case "prepare", "":
            return _("Being prepared"), "", "waiting"
        case "prepare", _:
            return _("Preparing did not work"), "late", "warning"
        case "commit", "ok":
            return _("Sent; the network confirmed it"), "good", "check"
        case "commit", "":
            return _("Being sent"), "", "send"
        case "commit", "uncertain":
            return _("Sent, without a clear answer"), "ask", "uncertain"
        case "commit", "interrupted":
            return _("Sent; then the program was stopped"), "ask", "uncertain"
        case "commit", _:
            return _("Not accepted"), "late", "failed"
        case "find", "found":
            return _("Looked it up: it is there"), "good", "check"
        case "find", "absent":
            return _("Looked it up: it is not there"), "", "search"
        case "find", "":
            return _("Being looked up"), "", "search"
        case "find", _:
            return _("Looked it up: the network could not tell"), "ask", "uncertain"
        case "remind", "ok":
            return _("Reminder sent: %(who)s") % {"who": event.by or "—"}, "", "bell"
        case "remind", "":
            return _("Reminder is being sent"), "", "bell"
        case "remind", _:
            return _("The reminder could not be mailed"), "late", "warning"
        case "tell", "ok":
            return _("Told by mail: %(who)s") % {"who": event.by or "—"}, "", "bell"
        case "tell", _:
            return _("The mail about it could not be sent"), "late", "warning"
        case "confirm", "posted":
            return _("Confirmed: it is out"), "good", "check"
        case "confirm", "absent":
            return _("Looked: it is not there"), "", "search"
    return event.step, "", "dot"
