"""Telling people that a first comment needs them: the post is out, its comment is not, or nobody knows."""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from spilno.plan import queries as plan
from spilno.publishing import reminders
from spilno.publishing.comments.models import FirstComment
from spilno.publishing.comments.services import untold
from spilno.team.mail import letter

log = logging.getLogger(__name__)

MOST = 50


def tell(*, now: datetime) -> int:
    """Write to those who answer for these posts. Noted before it leaves: better untold than told every minute."""
    waiting = FirstComment.objects.filter(untold()).select_related(
        "workspace", "delivery__workspace", "delivery__channel", "delivery__variant__item"
    )[:MOST]
    sent = 0
    for one in waiting:
        if not FirstComment.objects.filter(untold(), pk=one.pk).update(told_at=now):
            continue
        item = one.delivery.variant.item
        for person in reminders.whom(one.delivery):
            if person.user is None or not person.user.email:
                continue
            with translation.override(person.user.language):
                title = plan.title_of(item.title, item.text) or one.delivery.channel.name
                lines = [
                    _("“%(title)s” is out in “%(channel)s”, but its first comment is not, or we cannot tell.")
                    % {"title": title, "channel": one.delivery.channel.name},
                    "",
                    _("Look, and say what shall become of it:"),
                    reminders.page_address(one.delivery),
                    "",
                    _("Text:"),
                    one.text,
                ]
                mail = letter(
                    workspace=one.workspace,
                    subject=_("First comment in “%(channel)s”: please check")
                    % {"channel": one.delivery.channel.name},
                    body="\n".join(lines),
                    to=person.user.email,
                )
            try:
                mail.send()
                sent += 1
            except OSError as error:
                log.warning("A letter about a first comment did not leave (%s)", type(error).__name__)
    return sent
