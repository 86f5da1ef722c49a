"""Keeping programs out of forms without asking people to prove anything.

Two things give programs away: they fill in a field that people do not see, and they answer faster than anybody can
type. The time is in a signed key in the form. Both are answered as an error that a person gets over by pressing the
button again, because sometimes it is a person.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.core import signing

from spilno.kernel.errors import UserError
from spilno.pages.models import PublicPage

FASTEST = timedelta(seconds=2)
LONGEST = timedelta(hours=24)
_SALT = "spilno.pages.form"


def issue(page: PublicPage, *, now: datetime) -> str:
    """The key that goes into the page's form."""
    return signing.dumps([page.pk.hex, int(now.timestamp() * 1000)], salt=_SALT, compress=False)


def check(page: PublicPage, *, key: str, bait: str, now: datetime) -> None:
    """Was the form filled in by a person?

    :param bait: what came in the field that people do not see.
    :raises UserError: ``form_suspicious`` (the bait was taken), ``form_too_quick``, ``form_stale`` (older than a
        day, or not our key: the form has to be shown anew).
    """
    try:
        whose, issued = signing.loads(key, salt=_SALT)
        age = now - datetime.fromtimestamp(issued / 1000, UTC)
    except (signing.BadSignature, TypeError, ValueError):
        raise UserError("form_stale") from None
    if whose != page.pk.hex or not -FASTEST < age < LONGEST:
        raise UserError("form_stale")
    if bait.strip():
        raise UserError("form_suspicious")
    if age < FASTEST:
        raise UserError("form_too_quick")
