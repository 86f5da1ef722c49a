"""Confirmations by mail, each with a calendar file and a link to cancel."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.mime.text import MIMEText
from zoneinfo import ZoneInfo

from babel import Locale
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.kernel.texts import pick
from spilno.pages.addresses import cancel_address, page_address
from spilno.pages.event_file import event_file
from spilno.pages.models import Entry, PublicPage
from spilno.team.mail import letter
from spilno.toolkit.language import formats

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)  # also for how long a claim holds
GIVE_UP = timedelta(days=2)
_FORMER_NAMES = {"Europe/Kyiv": "Europe/Kiev"}  # the tables of languages still use it


def send_due(*, now: datetime) -> int:
    """Send every confirmation whose time has come. Returns how many went out.

    A claim by conditional update keeps two workers from sending the same mail; a worker that dies between sending
    and noting it may cause a second mail, which is harmless.
    """
    waiting = Entry.objects.filter(mail_due_at__lte=now, cancelled_at=None).select_related("page__workspace")
    sent = 0
    for entry in waiting.order_by("mail_due_at"):
        mine = Entry.objects.filter(pk=entry.pk, mail_due_at=entry.mail_due_at)
        if not mine.update(mail_due_at=now + AGAIN):
            continue
        try:
            confirmation(entry, now=now).send()
        except OSError:  # smtplib's errors are OSErrors too
            log.exception("The confirmation of entry %s did not leave", entry.pk)
            if entry.created_at < now - GIVE_UP:
                Entry.objects.filter(pk=entry.pk).update(mail_due_at=None)
            continue
        Entry.objects.filter(pk=entry.pk).update(mail_due_at=None, mailed_at=now)
        sent += 1
    return sent


def confirmation(entry: Entry, *, now: datetime) -> EmailMessage:
    """The mail to somebody who registered, in the language they were spoken to."""
    page, language = entry.page, entry.language
    with translation.override(language):
        title = pick(page.title, language, page.workspace.language)
        place = pick(page.place, language, page.workspace.language)
        lines = [
            _("Hello, %(name)s!") % {"name": entry.name},
            _("You are registered: “%(title)s”.") % {"title": title},
            "\n".join(one for one in (moment_text(page, language=language, now=now), place) if one),
            _("Save the date: the calendar file is attached."),
            _("Plans changed? Give your seat to somebody else:") + "\n" + cancel_address(entry),
            f"{page.workspace.name}\n{page_address(page)}",
        ]
        subject = _("You are registered: %(title)s") % {"title": title}
    body = "\n\n".join(one for one in lines if one) + "\n"
    mail = letter(workspace=page.workspace, subject=subject, body=body, to=entry.email)
    if page.starts_at is not None:
        content = event_file(page, language=language, now=now, cancel_url=cancel_address(entry))
        part = MIMEText(content.decode(), "calendar", "utf-8")
        part.set_param("method", "PUBLISH")
        part.add_header("Content-Disposition", "attachment", filename=f"{page.slug}.ics")
        mail.attach(part)
    return mail


def moment_text(page: PublicPage, *, language: str, now: datetime) -> str:
    """When the event begins, in the workspace's zone and with the zone's name: a guest may live elsewhere."""
    if page.starts_at is None:
        return ""
    zone = ZoneInfo(page.workspace.time_zone)
    return (
        f"{formats.when(page.starts_at, language, zone=zone, now=now)} ({zone_text(page, language=language)})"
    )


def zone_text(page: PublicPage, *, language: str) -> str:
    """The city whose time the page speaks, in the reader's language: ``"Київ"``."""
    name = page.workspace.time_zone
    names = Locale(language).time_zones
    known = names.get(name) or names.get(_FORMER_NAMES.get(name, ""))
    return str(known.get("city", "")) if known else name.rpartition("/")[2].replace("_", " ")
