"""Letters about approvals: to those who are asked, and to whoever wrote it once there is a word.

Asks and decisions are the truth; a sweep finds those that nobody was told of. Losing or repeating it is harmless but
for a letter that comes twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.plan.approvals import queries, services
from spilno.plan.approvals.models import ApprovalAsk, ApprovalDecision, GuestReviewer, Verdict
from spilno.plan.approvals.rules import State
from spilno.plan.models import Item
from spilno.plan.queries import title_of
from spilno.team.mail import letter
from spilno.team.models import Person

log = logging.getLogger(__name__)

MOST = 50
STALE = timedelta(days=1)
"""What could not be told for so long is left to the pages."""


def tell(*, now: datetime) -> int:
    """Send what is to be told. Returns how many letters left."""
    return _tell_asked(now) + _tell_authors(now)


def _tell_asked(now: datetime) -> int:
    sent = 0
    asks = ApprovalAsk.objects.filter(told_at=None, at__gte=now - STALE).select_related(
        "workspace", "item__workspace", "by"
    )
    for one in asks.order_by("at")[:MOST]:
        # Taken before it is told: a letter that gets lost is on the page, one that comes ten times is a nuisance.
        if ApprovalAsk.objects.filter(pk=one.pk, told_at=None).update(told_at=now):
            sent += sum(send(mail) for mail in _asking(one, now))
    return sent


def _asking(one: ApprovalAsk, now: datetime) -> list[EmailMessage]:
    item, found = one.item, queries.of_item(one.item)
    if item.deleted_at is not None:
        return []
    missing = {
        part for each in found if each.standing.state is State.WAITING for part in each.standing.missing
    }
    letters = []
    people: dict[Person, None] = {}
    for part in sorted(missing):
        people |= dict.fromkeys(queries.people_of(part, one.workspace))
        kind, _colon, key = part.partition(":")
        if kind == "guest":
            guest = GuestReviewer.objects.filter(workspace=one.workspace, pk=key, is_active=True).first()
            if guest is not None:
                letters.append(_to_guest(one, guest, now))
    wrote = queries.contributors(item)
    for person in people:
        if person.user is not None and (person.pk not in wrote or _own_allowed(found)):
            letters.append(_to_person(one, person))
    return letters


def _own_allowed(found: Sequence[queries.Waiting]) -> bool:
    rules = queries.flows({one.variant.workspace_id for one in found})
    return any((flow := rules.of(one.variant)) is not None and flow.own_allowed for one in found)


def _to_person(one: ApprovalAsk, person: Person) -> EmailMessage:
    assert person.user is not None
    address = reverse("plan-approval", args=[one.workspace.slug, one.item_id])
    with translation.override(person.user.language):
        return letter(
            workspace=one.workspace,
            subject=_("To approve: %(title)s") % {"title": title_of_item(one.item)},
            body=_body(one, settings.SPILNO_PUBLIC_URL + address),
            to=person.user.email,
        )


def _to_guest(one: ApprovalAsk, guest: GuestReviewer, now: datetime) -> EmailMessage:
    _link, token = services.open_link(
        workspace=one.workspace, guest=guest, items=[one.item], by=None, now=now
    )
    with translation.override(guest.language):
        return letter(
            workspace=one.workspace,
            subject=_("%(workspace)s asks you to approve a post") % {"workspace": one.workspace.name},
            body=_body(one, settings.SPILNO_PUBLIC_URL + reverse("review", args=[token])),
            to=guest.email,
        )


def _body(one: ApprovalAsk, address: str) -> str:
    lines = [
        _("This post asks for your word before it goes out: %(title)s") % {"title": title_of_item(one.item)}
    ]
    if one.note:
        who = one.by.name if one.by else one.workspace.name
        lines += ["", f"{who}: {one.note}"]
    lines += ["", _("See it as it will look, and approve it or say what to change:"), address]
    return "\n".join(lines)


def _tell_authors(now: datetime) -> int:
    sent = 0
    fresh = ApprovalDecision.objects.filter(told_at=None, at__gte=now - STALE).select_related(
        "workspace", "variant__item__owner__user", "variant__item__workspace", "variant__channel"
    )
    groups: dict[tuple[object, ...], list[ApprovalDecision]] = {}
    for one in fresh.order_by("at")[:MOST]:
        groups.setdefault((one.variant.item_id, one.at, one.name), []).append(one)
    for group in groups.values():
        told = ApprovalDecision.objects.filter(pk__in=[one.pk for one in group], told_at=None)
        if told.update(told_at=now):
            mail = _to_author(group)
            sent += send(mail) if mail else 0
    return sent


def _to_author(group: Sequence[ApprovalDecision]) -> EmailMessage | None:
    """Changes are told at once; approvals once nothing is missing any more."""
    one = group[0]
    item = one.variant.item
    owner = item.owner
    if owner is None or owner.user is None or not owner.is_active or owner.pk == one.person_id:
        return None
    wanted = one.verdict == Verdict.CHANGES
    if not wanted and not all(each.standing.may_leave for each in queries.of_item(item)):
        return None
    address = settings.SPILNO_PUBLIC_URL + reverse("plan-approval", args=[one.workspace.slug, item.pk])
    with translation.override(owner.user.language):
        values = {"name": one.name, "title": title_of_item(item)}
        subject = _("Changes wanted: %(title)s") if wanted else _("Approved: %(title)s")
        words = _("%(name)s wants changes.") if wanted else _("%(name)s approved it: it may go out.")
        lines = [words % values]
        if one.comment:
            lines += ["", one.comment]
        return letter(
            workspace=one.workspace, subject=subject % values, body="\n".join([*lines, "", address]),
            to=owner.user.email,
        )  # fmt: skip


def title_of_item(item: Item) -> str:
    """What letters call the post."""
    return title_of(item.title, item.text, most=80) or _("Post without words")


def send(mail: EmailMessage) -> int:
    """Send a letter; 1 if it left. One that does not is logged: the pages have what it would have said."""
    try:
        mail.send()
    except Exception as error:  # smtplib, sockets: whatever it was, the pages have it
        log.error("%s while mailing about an approval", type(error).__name__)
        return 0
    return 1
