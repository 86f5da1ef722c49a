"""What is pointed out about a time or a text, and when content has to be there."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from icalendar import Calendar
from pytest_django import DjangoAssertNumQueries

from spilno.briefs.services import create_initiative
from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.kernel.errors import UserError
from spilno.plan import conflicts, deadlines, feeds, public_days, schedule, services
from spilno.plan.calendar import EVERYTHING
from spilno.plan.conflicts import Place
from spilno.plan.models import CalendarFeed, Variant
from spilno.plan.schedule import Schedule
from tests.conftest import Cast
from tests.plan.conftest import make_channel

TEXT = "Реєстрація на зустріч відкрита, місць лише тридцять"


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def put(cast: Cast, channel: Channel, at: str, text: str = "", **values: object) -> Variant:
    item = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text=text, **values)  # type: ignore[arg-type]
    return services.put_variant(
        item=item, channel=channel, placement=place(channel), by=cast.owner, now=cast.now,
        publish_at=kyiv(at) if at else None,
    )  # fmt: skip


def place(channel: Channel) -> str:
    return "message" if channel.network == "matrix" else "post"


def kinds(cast: Cast, channel: Channel, at: str, text: str = "something else entirely here") -> list[str]:
    found = conflicts.of_draft(
        workspace=cast.workspace, item_id=None, places=[Place(channel.pk, kyiv(at), text)], now=cast.now
    )
    return [one.kind for one in found]


def test_too_near_on_the_same_channel(cast: Cast, bluesky: Channel) -> None:
    put(cast, bluesky, "2026-11-24T12:00", "there")
    schedule.save_schedule(channel=bluesky, schedule=Schedule(min_gap=60), by=cast.owner, now=cast.now)
    assert kinds(cast, bluesky, "2026-11-24T12:59") == ["close"]
    assert kinds(cast, bluesky, "2026-11-24T13:00") == []
    assert kinds(cast, make_channel(cast, "matrix"), "2026-11-24T12:00") == []


def test_the_same_text_within_two_weeks(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, "2026-11-24T12:00", TEXT)
    elsewhere = make_channel(cast, "matrix")
    assert kinds(cast, elsewhere, "2026-12-08T11:00", f"{TEXT}!!! https://x.example") == ["same"]
    assert kinds(cast, elsewhere, "2026-12-09T12:00", TEXT) == []
    assert kinds(cast, bluesky, "2026-12-01T12:00", "Зовсім інший допис про книги та людей") == []
    places = [Place(bluesky.pk, kyiv("2026-11-25T12:00"), TEXT)]
    own = conflicts.of_draft(workspace=cast.workspace, item_id=variant.item_id, places=places, now=cast.now)
    assert own == [], "a post is not the same as itself"
    foreign = conflicts.of_draft(workspace=cast.other_workspace, item_id=None, places=places, now=cast.now)
    assert foreign == []


def test_quiet_hours_and_holidays(cast: Cast, bluesky: Channel) -> None:
    schedule.save_schedule(
        channel=bluesky, by=cast.owner, now=cast.now,
        schedule=Schedule(quiet_from=time(22), quiet_to=time(8), skip_holidays=True, country="PL"),
    )  # fmt: skip
    assert kinds(cast, bluesky, "2026-12-25T23:00") == ["quiet", "holiday"]
    assert kinds(cast, bluesky, "2026-12-23T12:00") == []


def test_the_calendar_points_out_what_the_composer_does(
    cast: Cast, bluesky: Channel, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first = put(cast, bluesky, "2026-11-24T12:00", TEXT)
    near = put(cast, bluesky, "2026-11-24T12:10", "a quite different text about books")
    again = put(cast, bluesky, "2026-11-30T12:00", TEXT + " ✨")
    put(cast, bluesky, "2026-11-28T12:00", "nobody minds this one at all, really")
    with django_assert_max_num_queries(6):
        found = conflicts.in_period(
            workspace=cast.workspace, start=kyiv("2026-11-01T00:00"), end=kyiv("2026-12-01T00:00"),
            wanted=EVERYTHING,
        )  # fmt: skip
    said = {item: sorted(one.kind for one in every) for (item, _at), every in found.items()}
    assert said == {
        first.item_id: ["close", "same"],
        near.item_id: ["close"],
        again.item_id: ["same"],
    }


# ------------------------------------------------------------------------------------------------ deadlines


def test_a_channels_lead_time_brings_its_deadline_forward(cast: Cast, bluesky: Channel) -> None:
    matrix = make_channel(cast, "matrix")
    initiative = create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Мітап"},
        starts_on=cast.now.date(), ends_on=cast.now.date() + timedelta(days=30), slug="meetup",
    )  # fmt: skip
    initiative.brief.content_due = date(2026, 12, 1)
    initiative.brief.save()

    def due() -> list[tuple[date, int, bool]]:
        found = deadlines.due_between(
            workspace=cast.workspace, first=date(2026, 11, 1), after=date(2026, 12, 15)
        )
        return [(one.on, len(one.channels), one.done) for one in found]

    assert due() == [(date(2026, 12, 1), 0, False)], "no channel is chosen yet"
    put(cast, bluesky, "2026-12-05T12:00", "words", initiative=initiative)
    undated = put(cast, matrix, "", "words", initiative=initiative)
    schedule.save_schedule(channel=matrix, schedule=Schedule(lead_days=5), by=cast.owner, now=cast.now)
    schedule.save_settings(workspace=cast.workspace, country="", lead_days=2, by=cast.owner, now=cast.now)
    assert due() == [(date(2026, 11, 26), 1, False), (date(2026, 11, 29), 1, True)]
    services.put_variant(
        item=undated.item,
        channel=matrix,
        placement="message",
        by=cast.owner,
        now=cast.now,
        publish_at=kyiv("2026-12-05T13:00"),
    )
    assert due() == [(date(2026, 11, 26), 1, True), (date(2026, 11, 29), 1, True)]
    assert [one.on for one in deadlines.of_initiative(initiative)] == [date(2026, 11, 26), date(2026, 11, 29)]
    assert (
        deadlines.due_between(
            workspace=cast.other_workspace, first=date(2026, 11, 1), after=date(2026, 12, 15)
        )
        == []
    )


def test_an_empty_post_has_a_deadline_of_its_own(cast: Cast, bluesky: Channel) -> None:
    schedule.save_settings(workspace=cast.workspace, country="", lead_days=3, by=cast.owner, now=cast.now)
    empty = put(cast, bluesky, "2026-12-05T12:00", title="Only a title")
    put(cast, bluesky, "2026-12-05T13:00", "has words")
    (found,) = deadlines.due_between(
        workspace=cast.workspace, first=date(2026, 12, 1), after=date(2026, 12, 10)
    )
    assert (found.item_id, found.on, found.lacking) == (empty.item_id, date(2026, 12, 2), 1)
    assert found.overdue(date(2026, 12, 3))
    assert not found.overdue(date(2026, 12, 2))


# ------------------------------------------------------------------------------------------------ schedule


def test_what_a_schedule_refuses(cast: Cast, bluesky: Channel) -> None:
    for wrong, code in (
        (Schedule(min_gap=2000), "gap_wrong"),
        (Schedule(quiet_from=time(1)), "quiet_half"),
        (Schedule(country="XX"), "unknown_country"),
        (Schedule(lead_days=99), "lead_days_wrong"),
        (Schedule(slots=((9, time(1)),)), "not_a_time"),
    ):
        with pytest.raises(UserError) as caught:
            schedule.save_schedule(channel=bluesky, schedule=wrong, by=cast.owner, now=cast.now)
        assert caught.value.code == code
    with pytest.raises(UserError):
        schedule.save_schedule(channel=bluesky, schedule=Schedule(), by=cast.colleague, now=cast.now)


def test_a_country_has_its_holidays_in_the_readers_language() -> None:
    assert public_days.of_year("PL", 2026, "en")[date(2026, 11, 11)] == "National Independence Day"
    ukrainian = public_days.of_year("UA", 2026, "uk")
    assert ukrainian[date(2026, 8, 24)] == "День незалежності України", "also while people work on it"
    assert public_days.of_year("XX", 2026, "en") == {}
    assert public_days.between("", date(2026, 1, 1), date(2027, 1, 1)) == {}


# ------------------------------------------------------------------------------------------------ feeds


def read(feed: CalendarFeed, cast: Cast) -> list[tuple[str, datetime | date]]:
    states = dict.fromkeys(["", "queued", "published", "cancelled"], "state")
    made = feeds.calendar_file(
        feed=feed, now=cast.now, states=states, address="https://x/{item}", language="uk"
    )
    return sorted((str(one["summary"]), one["dtstart"].dt) for one in Calendar.from_ical(made).walk("VEVENT"))


def test_a_feed_of_a_channel_and_of_a_person(cast: Cast, bluesky: Channel) -> None:
    matrix = make_channel(cast, "matrix", owner=cast.colleague)
    put(cast, bluesky, "2026-11-24T12:00", "ours")
    put(cast, matrix, "2026-11-25T12:00", "room")
    put(cast, bluesky, "2026-11-26T12:00", "colleague's", owner=cast.colleague)
    channel = feeds.open_feed(person=cast.owner, channel=bluesky, now=cast.now)
    assert [one for one, _at in read(channel, cast)] == ["Our bluesky: colleague's", "Our bluesky: ours"]
    assert read(channel, cast)[1][1] == kyiv("2026-11-24T12:00")
    mine = feeds.open_feed(person=cast.colleague, channel=None, now=cast.now)
    assert [one for one, _at in read(mine, cast)] == ["Our bluesky: colleague's", "Our matrix: room"]


def test_an_address_is_secret_and_can_be_withdrawn(cast: Cast, bluesky: Channel) -> None:
    feed = feeds.open_feed(person=cast.owner, channel=None, now=cast.now)
    token = feeds.token_of(feed)
    assert len(token) > 40
    assert token not in feed.token_hash
    assert token.encode() not in bytes(feed.secret)
    assert feeds.feed_at(token=token, now=cast.now) == feed
    again = feeds.open_feed(person=cast.owner, channel=None, now=cast.now)
    assert feeds.feed_at(token=token, now=cast.now) is None, "the old one is useless"
    feeds.close_feed(feed=again, now=cast.now)
    assert not CalendarFeed.objects.exists()
    theirs = feeds.open_feed(person=cast.colleague, channel=None, now=cast.now)
    cast.colleague.is_active = False
    cast.colleague.save()
    assert feeds.feed_at(token=feeds.token_of(theirs), now=cast.now) is None
    with pytest.raises(UserError):
        feeds.open_feed(person=cast.outsider, channel=bluesky, now=cast.now)
