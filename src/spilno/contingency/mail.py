"""Telling people by mail what an accepted proposal asks of them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.contingency.models import Reminder
from spilno.kernel.texts import pick
from spilno.team.mail import letter

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)  # a claim older than this belongs to a worker that died or failed
GIVE_UP = timedelta(days=2)  # Today shows the reminder anyway


def send_due(*, now: datetime) -> int:
    """Mail every reminder that was not mailed yet. Returns how many went out.

    A claim by conditional update keeps two workers from sending the same mail; a worker that dies between
    sending and noting it may cause a second mail, which is harmless.
    """
    waiting = Reminder.objects.filter(
        Q(mail_claimed_at=None) | Q(mail_claimed_at__lt=now - AGAIN),
        mailed_at=None,
        done_at=None,
        created_at__gt=now - GIVE_UP,
        person__is_active=True,
        person__user__is_active=True,
    )
    sent = 0
    for reminder in waiting.select_related(
        "workspace", "channel", "person__user", "proposal__checkpoint__initiative"
    ):
        mine = Reminder.objects.filter(
            pk=reminder.pk, mail_claimed_at=reminder.mail_claimed_at, mailed_at=None
        )
        if not mine.update(mail_claimed_at=now):
            continue
        try:
            _send(reminder)
        except OSError:  # smtplib's errors are OSErrors too
            log.exception("The mail for reminder %s did not leave", reminder.pk)
            continue
        Reminder.objects.filter(pk=reminder.pk).update(mailed_at=now)
        sent += 1
    return sent


def _send(reminder: Reminder) -> None:
    assert reminder.person is not None
    assert reminder.person.user is not None
    user = reminder.person.user
    initiative = reminder.proposal.checkpoint.initiative
    with translation.override(user.language):
        title = pick(initiative.title, user.language, reminder.workspace.language)
        address = settings.SPILNO_PUBLIC_URL + reverse(
            "initiatives-contingency", args=[reminder.workspace.slug, initiative.slug]
        )
        values = {
            "title": title,
            "channel": reminder.channel.name,
            "stage": reminder.proposal.checkpoint.stage,
        }
        subject = _("Remind people in %(channel)s: %(title)s") % values
        text = _(
            "The result of “%(title)s” is behind what was agreed for the stage “%(stage)s”.\n"
            "The contingency plan asks you to remind people in %(channel)s.\n"
        )
        body = f"{text % values}\n{address}\n"
        letter(workspace=reminder.workspace, subject=subject, body=body, to=user.email).send()
