"""An initiative's log in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spilno.briefs.models import Initiative
from spilno.interfaces.web.ui.numbers import shown_value
from spilno.interfaces.web.views.initiative_frame import language_of
from spilno.kernel.texts import pick
from spilno.plan.queries import title_of
from spilno.publishing.models import Delivery
from spilno.team.models import AuditEntry
from spilno.toolkit.metrics import get

SHOWN = 60
TOGETHER = timedelta(minutes=30)
"""Saving the same thing again and again within so much time is one line of the log."""


@dataclass(frozen=True)
class Event:
    """One line: what happened, when, by whom. ``count``: how many entries it stands for."""

    title: str
    at: datetime
    by: str
    note: str = ""
    tone: str = ""
    icon: str = "dot"
    url: str = ""
    count: int = 1


@dataclass(frozen=True)
class LogPage:
    events: tuple[Event, ...]
    before: str  # the entry from which older ones go on, "" at the end


FIELDS: dict[str, Promise] = {
    "title": gettext_lazy("title"),
    "kind": gettext_lazy("kind"),
    "starts_on": gettext_lazy("first day"),
    "ends_on": gettext_lazy("last day"),
    "public_from": gettext_lazy("public from"),
    "community": gettext_lazy("community"),
    "owner": gettext_lazy("who leads it"),
    "task": gettext_lazy("the question's answer"),
    "audience": gettext_lazy("audience"),
    "content_due": gettext_lazy("content deadline"),
    "budget": gettext_lazy("budget"),
    "report_formats": gettext_lazy("report formats"),
}

# action → words, icon, tone. ``%(title)s`` is a post's title, ``%(metric)s`` a metric's name.
WORDS: dict[str, tuple[Promise, str, str]] = {
    "initiative.created": (gettext_lazy("The initiative was made"), "initiative", "out"),
    "initiative.changed": (gettext_lazy("The initiative was changed"), "edit", ""),
    "initiative.archived": (gettext_lazy("The initiative went to the archive"), "archive", ""),
    "initiative.unarchived": (gettext_lazy("The initiative came back from the archive"), "undo", ""),
    "initiative.learned": (gettext_lazy("What was learned was written down"), "feedback", "in"),
    "brief.saved": (gettext_lazy("The brief was written"), "brief", ""),
    "brief.ready": (gettext_lazy("The brief is ready"), "check", "good"),
    "brief.reopened": (gettext_lazy("The brief was reopened"), "edit", ""),
    "target.added": (gettext_lazy("New target: %(metric)s, %(value)s"), "target", "out"),
    "target.changed": (gettext_lazy("Target changed: %(metric)s, %(value)s"), "target", ""),
    "target.removed": (gettext_lazy("Target removed: %(metric)s, %(value)s"), "delete", ""),
    "checkpoint.added": (gettext_lazy("New checkpoint “%(stage)s”: %(metric)s"), "contingency", "out"),
    "checkpoint.removed": (gettext_lazy("Checkpoint “%(stage)s” removed"), "delete", ""),
    "checkpoint.looked": (gettext_lazy("Checkpoint “%(stage)s” looked: %(metric)s %(seen)s"), "eye", "good"),
    "proposal.opened": (gettext_lazy("“%(stage)s”: %(metric)s %(seen)s, a proposal waits"), "behind", "late"),
    "proposal.accepted": (gettext_lazy("The proposal for “%(stage)s” was accepted"), "check", "out"),
    "proposal.dismissed": (gettext_lazy("The proposal for “%(stage)s” was dismissed"), "close", ""),
    "reminder.done": (gettext_lazy("Reminded people in %(channel)s"), "hand", "out"),
    "item.created": (gettext_lazy("New post “%(title)s”"), "post", "out"),
    "item.changed": (gettext_lazy("Post “%(title)s” changed"), "edit", ""),
    "item.duplicated": (gettext_lazy("Post “%(title)s” copied"), "copy", ""),
    "item.deleted": (gettext_lazy("Post “%(title)s” deleted"), "delete", ""),
    "item.restored": (gettext_lazy("Post “%(title)s” is back"), "undo", ""),
    "approval.asked": (gettext_lazy("Approval asked for “%(title)s”"), "bell", "out"),
    "approval.approve": (gettext_lazy("“%(title)s” approved"), "check", "good"),
    "approval.changes": (gettext_lazy("Changes wanted of “%(title)s”"), "edit", "late"),
    "delivery.scheduled": (gettext_lazy("Scheduled for %(channel)s: “%(title)s”"), "clock", "out"),
    "delivery.sent_now": (gettext_lazy("Sent to %(channel)s at once: “%(title)s”"), "send", "out"),
    "delivery.cancelled": (gettext_lazy("Called off in %(channel)s: “%(title)s”"), "close", ""),
    "delivery.retried": (gettext_lazy("Tried again in %(channel)s: “%(title)s”"), "refresh", ""),
    "delivery.taken_down": (gettext_lazy("Deleted in %(channel)s: “%(title)s”"), "close", ""),
    "delivery.confirmed_absent": (
        gettext_lazy("Looked in %(channel)s: “%(title)s” is not there"), "eye", "",
    ),
    "page.created": (gettext_lazy("A public page was made"), "globe", "out"),
    "page.changed": (gettext_lazy("The public page was changed"), "edit", ""),
    "page.opened": (gettext_lazy("The public page was opened"), "globe", "good"),
    "page.closed": (gettext_lazy("The public page was closed"), "lock", ""),
    "page.exported": (gettext_lazy("The answers of the public page were exported"), "download", ""),
    "message.handled": (gettext_lazy("A message was handled"), "check", "in"),
    "message.reopened": (gettext_lazy("A message was opened again"), "undo", "in"),
    "case.imported": (gettext_lazy("The case was taken in from its folder"), "upload", ""),
    "delivery.published": (gettext_lazy("Published in %(channel)s: “%(title)s”"), "check", "good"),
}  # fmt: skip


def log_page(initiative: Initiative, before: str = "") -> LogPage:
    """The latest entries, or those before the entry ``before`` (its id)."""
    rows = AuditEntry.objects.filter(
        workspace=initiative.workspace, initiative_id=initiative.pk
    ).select_related("person", "workspace")
    last = _entry(initiative, before)
    if last is not None:
        rows = rows.filter(at__lte=last.at).exclude(at=last.at, id__gte=last.pk)
    found = list(rows.order_by("-at", "-id")[: SHOWN + 1])
    more = str(found[SHOWN - 1].pk) if len(found) > SHOWN else ""
    found = found[:SHOWN]
    names = _names(found)
    return LogPage(_together((event_of(one, names) for one in found), found), more)


def event_of(entry: AuditEntry, names: dict[UUID, tuple[str, str]] | None = None) -> Event:
    """An entry in words. ``names``: delivery or item id → (post's title, channel), where the entry has none."""
    known = WORDS.get(entry.action)
    if known is None:
        return Event(title=entry.action, at=entry.at, by=_by(entry))
    words, icon, tone = known
    title, channel = (names or {}).get(entry.object_id, ("", "")) if entry.object_id else ("", "")
    detail = entry.detail
    values = {
        "title": detail.get("title") or title or "—",
        "channel": detail.get("channel") or channel or "—",
        "stage": detail.get("stage", ""),
        "metric": _metric(detail.get("metric", "")),
        "value": _value(entry, "value"),
        "seen": _value(entry, "seen"),
    }
    address = str(detail.get("url", ""))
    return Event(
        title=str(words) % values,
        at=entry.at,
        by=_by(entry),
        note=_note(entry),
        tone=tone,
        icon=icon,
        url=address if address.startswith(("https://", "http://")) else "",
    )


def _by(entry: AuditEntry) -> str:
    return entry.person.name if entry.person else _("Spilno")


def _metric(key: str) -> str:
    try:
        return pick(get(key).label, language_of())
    except KeyError:
        return key


def _value(entry: AuditEntry, name: str) -> str:
    text = entry.detail.get(name)
    if text is None:
        return _("is unknown") if name == "seen" else "—"
    try:
        unit = get(entry.detail.get("metric", "")).unit
        return shown_value(Decimal(text), unit, entry.workspace.currency)
    except (KeyError, InvalidOperation):
        return str(text)


def _note(entry: AuditEntry) -> str:
    makers: dict[str, Callable[[AuditEntry], str]] = {
        "initiative.changed": _fields,
        "brief.saved": _fields,
        "target.changed": lambda one: _("before: %(value)s") % {"value": _value(one, "was")},
        "checkpoint.looked": lambda one: _("agreed: %(value)s") % {"value": _value(one, "below")},
        "proposal.opened": lambda one: _("agreed: %(value)s") % {"value": _value(one, "below")},
        "proposal.accepted": _done,
    }
    maker = makers.get(entry.action)
    return maker(entry) if maker else ""


def _fields(entry: AuditEntry) -> str:
    return ", ".join(str(FIELDS.get(one, one)) for one in entry.detail.get("fields", []))


def _done(entry: AuditEntry) -> str:
    words = {
        "published": _("posts on their way: %(number)s"),
        "reminded": _("people reminded: %(number)s"),
        "failed": _("could not be done: %(number)s"),
    }
    return " · ".join(
        text % {"number": entry.detail[name]} for name, text in words.items() if entry.detail.get(name)
    )


def _together(events: Iterable[Event], entries: list[AuditEntry]) -> tuple[Event, ...]:
    """Saves of the same thing by the same person in a row become one line, with everything they changed."""
    merged: list[tuple[Event, AuditEntry]] = []
    for event, entry in zip(events, entries, strict=True):
        if merged and entry.action == "brief.saved":
            last_event, last = merged[-1]
            same = (last.action, last.person_id, last.object_id) == (
                entry.action, entry.person_id, entry.object_id,
            )  # fmt: skip
            if same and last_event.at - entry.at <= TOGETHER:
                parts = dict.fromkeys([*last_event.note.split(", "), *event.note.split(", ")])
                note = ", ".join(one for one in parts if one)
                merged[-1] = (replace(last_event, note=note, count=last_event.count + 1), last)
                continue
        merged.append((event, entry))
    return tuple(event for event, _entry in merged)


def _names(entries: list[AuditEntry]) -> dict[UUID, tuple[str, str]]:
    wanted = [one.object_id for one in entries if one.object_kind == "delivery" and one.object_id]
    if not wanted:
        return {}
    rows = Delivery.objects.filter(pk__in=wanted).values_list(
        "pk", "variant__item__title", "variant__item__text", "channel__name"
    )
    return {pk: (title_of(title, text, most=50), channel) for pk, title, text, channel in rows}


def _entry(initiative: Initiative, entry_id: str) -> AuditEntry | None:
    try:
        key = UUID(entry_id)
    except ValueError:
        return None
    return AuditEntry.objects.filter(
        pk=key, workspace=initiative.workspace, initiative_id=initiative.pk
    ).first()
