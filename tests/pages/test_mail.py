"""Confirmations: once, in the visitor's language, with a calendar file that is right around a clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as outbox
from icalendar import Calendar

from spilno.kernel.clock import from_wall
from spilno.kernel.errors import UserError
from spilno.pages import mail, services
from spilno.pages.event_file import event_file
from spilno.pages.mail import moment_text
from spilno.pages.models import Entry
from tests.conftest import NOW
from tests.pages.conftest import Stage


def register(stage: Stage, now=NOW, **more):  # type: ignore[no-untyped-def]
    return services.register(page=stage.page, now=now, name="Ірина", email="iryna@example.org", **more).entry


def test_the_confirmation_has_the_event_and_a_way_out(stage: Stage) -> None:
    entry = register(stage)
    assert mail.send_due(now=NOW) == 1
    (letter,) = outbox.outbox
    assert letter.to == ["iryna@example.org"]
    assert "Agile після роботи" in letter.subject
    assert f"/p/agile/cancel/{entry.token}/" in letter.body
    assert "18:30" in letter.body
    (part,) = letter.attachments
    assert part.get_content_type() == "text/calendar"
    event = Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")[0]
    assert event["summary"] == "Agile після роботи"
    assert event["dtstart"].dt == datetime(2026, 12, 1, 16, 30, tzinfo=UTC)
    assert event["location"] == "Київ, вул. Січових Стрільців, 10"
    assert mail.send_due(now=NOW + timedelta(hours=1)) == 0


def test_it_speaks_the_visitors_language(stage: Stage) -> None:
    register(stage, language="en")
    mail.send_due(now=NOW)
    assert "Agile after work" in outbox.outbox[0].subject
    assert "Kyiv" in outbox.outbox[0].body


def test_a_mail_server_that_is_down_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    register(stage)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", _down)
        assert mail.send_due(now=NOW) == 0
    assert mail.send_due(now=NOW + timedelta(minutes=1)) == 0  # the claim holds for a while
    assert mail.send_due(now=NOW + mail.AGAIN) == 1


def test_after_two_days_it_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = register(stage)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", _down)
    assert mail.send_due(now=NOW + timedelta(days=3)) == 0
    assert Entry.objects.get(pk=entry.pk).mail_due_at is None


def _down(self: object, *args: object) -> None:
    raise ConnectionRefusedError("nobody there")


def test_who_cancelled_gets_no_confirmation(stage: Stage) -> None:
    services.cancel_registration(entry=register(stage), now=NOW)
    assert mail.send_due(now=NOW) == 0


def test_nobodys_mailbox_is_filled_by_pressing_again(stage: Stage) -> None:
    register(stage)
    mail.send_due(now=NOW)
    for minutes in range(1, 9):
        register(stage, NOW + timedelta(minutes=minutes))
        mail.send_due(now=NOW + timedelta(minutes=minutes))
    assert len(outbox.outbox) == 1
    register(stage, NOW + timedelta(minutes=11))
    mail.send_due(now=NOW + timedelta(minutes=11))
    assert len(outbox.outbox) == 2


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (
            datetime.fromisoformat("2027-03-27T18:30"),
            datetime(2027, 3, 27, 16, 30, tzinfo=UTC),
        ),  # the day before summer time
        (datetime.fromisoformat("2027-03-28T18:30"), datetime(2027, 3, 28, 15, 30, tzinfo=UTC)),
        (
            datetime.fromisoformat("2027-10-31T18:30"),
            datetime(2027, 10, 31, 16, 30, tzinfo=UTC),
        ),  # back to winter time
    ],
)
def test_the_hour_people_read_is_the_hour_that_was_meant(stage: Stage, wall: datetime, utc: datetime) -> None:
    at = from_wall(wall, stage.workspace.time_zone)
    assert at == utc
    page = services.update_page(page=stage.page, by=None, now=NOW, starts_at=at, ends_at=None)
    assert "18:30" in moment_text(page, language="uk", now=NOW)
    event = Calendar.from_ical(event_file(page, language="uk", now=NOW)).walk("VEVENT")[0]
    assert event["dtstart"].dt == utc
    assert "dtend" not in event


def test_an_hour_that_does_not_exist_is_asked_about() -> None:
    with pytest.raises(UserError, match="time_does_not_exist"):
        from_wall(datetime.fromisoformat("2027-03-28T03:30"), "Europe/Kyiv")
