"""Letters that leave in a workspace's name."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from spilno.team.models import Workspace


def letter(*, workspace: Workspace, subject: str, body: str, to: str) -> EmailMessage:
    """A letter to one person. ``send()`` raises ``OSError`` if it does not leave.

    What people named things ends up in ``subject``: it becomes one line, so that no name can add headers. Letters of
    the demo are put into the data folder: whoever looks around there must not be able to write to strangers.
    """
    here = settings.EMAIL_BACKEND
    if workspace.is_demo:
        here = "django.core.mail.backends.filebased.EmailBackend"
    options: dict[str, Any] = {"file_path": settings.EMAIL_FILE_PATH} if workspace.is_demo else {}
    connection = get_connection(here, **options)
    return EmailMessage(" ".join(subject.split()), body, None, [to], connection=connection)
