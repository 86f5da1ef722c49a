from __future__ import annotations

from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from spilno.team.mail import letter
from tests.conftest import Cast


@pytest.mark.parametrize("name", ["Sale\nBcc: all@example.org", "Sale\r\nBcc: all@example.org", "Sale\rX: y"])
def test_a_name_adds_no_headers(cast: Cast, name: str) -> None:
    letter(
        workspace=cast.workspace, subject=f"Invitation to {name}", body="Hello", to="guest@example.org"
    ).send()
    sent = message_from_bytes(mail.outbox[0].message().as_bytes())
    assert sent["Bcc"] is None
    assert sent["X"] is None
    assert mail.outbox[0].recipients() == ["guest@example.org"]
    assert str(sent["Subject"]).startswith("Invitation to Sale")


def test_what_the_demo_writes_stays_on_this_machine(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path)
    cast.workspace.is_demo = True
    letter(workspace=cast.workspace, subject="Hello", body="Words", to="stranger@example.org").send()
    assert mail.outbox == []
    (kept,) = tmp_path.iterdir()
    assert "stranger@example.org" in kept.read_text()
