"""Telling people by mail that a post did not leave, or that nobody knows whether it did.

*Today* shows the same; the letter is for those who are not looking. A sweep finds what nobody was told of: losing or
repeating it is harmless, because an attempt of its own notes each telling.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from spilno.plan import queries as plan
from spilno.publishing import reminders
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import DeliveryState
from spilno.team.mail import letter
from spilno.team.models import Person, Workspace

log = logging.getLogger(__name__)

S = DeliveryState

TELL = (S.NEEDS_PERSON, S.FAILED, S.MISSED)
"""States that somebody is told of."""

STALE = timedelta(days=1)
"""What nobody could be told of for so long is left to *Today*."""

MOST_TRIES = 3
MOST = 100


def tell(*, now: datetime, clock: Callable[[], datetime]) -> int:
    """Write to those who answer for posts that need them, one letter to each with all of their posts.

    :param clock: gives the time when a letter has left.
    :return: letters sent.
    """
    waiting = _untold(now)
    by_person: dict[Person, list[Delivery]] = defaultdict(list)
    for one in waiting:
        for person in reminders.whom(one):
            by_person[person].append(one)
    names: dict[Delivery, list[str]] = {one: [] for one in waiting}
    failed: set[Delivery] = set()
    sent = 0
    for person, deliveries in by_person.items():
        try:
            _letter(person, deliveries).send()
        except Exception as error:  # smtplib, sockets: whatever it was, Today has it
            log.error("%s while telling of %s deliveries", type(error).__name__, len(deliveries))
            failed.update(deliveries)
            continue
        sent += 1
        for one in deliveries:
            names[one].append(person.name)
    for one, people in names.items():
        _note(one, people, began=now, ended=clock(), failed=one in failed)
    return sent


def _untold(now: datetime) -> list[Delivery]:
    told = Attempt.objects.filter(
        delivery=OuterRef("pk"), step=Step.TELL, outcome="ok", started_at__gte=OuterRef("updated_at")
    )
    tries = Count(
        "attempts", filter=Q(attempts__step=Step.TELL, attempts__started_at__gte=F("updated_at"))
    )  # fmt: skip
    found = (
        Delivery.objects.filter(state__in=TELL, updated_at__gte=now - STALE, variant__item__deleted_at=None)
        .filter(~Exists(told))
        .annotate(tries=tries)
        .filter(tries__lt=MOST_TRIES)
        .select_related("workspace", "channel__owner__user", "variant__item__owner__user")
    )
    return list(found.order_by("due_at")[:MOST])


def _note(delivery: Delivery, people: list[str], *, began: datetime, ended: datetime, failed: bool) -> None:
    outcome, code = ("failed", "mail_failed") if failed else ("ok", "" if people else "nobody_to_remind")
    last = delivery.attempts.aggregate(last=Max("number"))["last"] or 0
    # Another worker may be noting the same: the number is there once.
    try:
        with transaction.atomic():
            Attempt.objects.create(
                delivery=delivery, number=last + 1, step=Step.TELL, started_at=max(began, delivery.updated_at),
                finished_at=ended, outcome=outcome, code=code, answer={"to": people},
            )  # fmt: skip
    except IntegrityError:
        log.info("Delivery %s was told of twice", delivery.pk)


def _letter(person: Person, deliveries: list[Delivery]) -> EmailMessage:
    assert person.user is not None
    workspace: Workspace = deliveries[0].workspace
    zone = ZoneInfo(workspace.time_zone)
    with translation.override(person.user.language):
        lines: list[str] = []
        for state, words in (
            (S.NEEDS_PERSON, _("Please look whether it is there. We could not find out, and send nothing twice:")),
            (S.FAILED, _("It did not leave. Mend it, then send it again:")),
            (S.MISSED, _("It missed its time; nothing was sent. Decide whether it still makes sense:")),
        ):  # fmt: skip
            of_state = [one for one in deliveries if one.state == state]
            if of_state:
                lines += [words, ""]
            for one in of_state:
                due = one.due_at.astimezone(zone)
                title = plan.title_of(one.variant.item.title, plan.text_of(one.variant)) or one.channel.name
                lines += [f"• {title} — {one.channel.name}, {due:%d.%m.%Y %H:%M}", f"  {_address(one)}", ""]
        first = deliveries[0]
        subject = ngettext(
            "“%(channel)s”: a post needs you", "%(count)s posts need you", len(deliveries)
        ) % {"channel": first.channel.name, "count": len(deliveries)}  # fmt: skip
        return letter(workspace=workspace, subject=subject, body="\n".join(lines), to=person.user.email)


def _address(delivery: Delivery) -> str:
    return settings.SPILNO_PUBLIC_URL + reverse("plan-delivery", args=[delivery.workspace.slug, delivery.pk])
