"""Moving, copying, deleting and taking back over the pages; the schedule, tables in and out, feeds, one's own zone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.plan import schedule, services, tags
from spilno.plan.models import CalendarFeed, Item, PlanChange, PlanImport, Variant
from spilno.publishing.models import Delivery
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel
from tests.plan.test_items import deliver

ClientOf = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _now(cast: Cast) -> Iterator[None]:
    with time_machine.travel(cast.now, tick=False):
        yield


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def put(cast: Cast, channel: Channel, at: str, text: str = "Words") -> Variant:
    item = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text=text)
    return services.put_variant(
        item=item, channel=channel, by=cast.owner, now=cast.now, publish_at=kyiv(at) if at else None
    )


def event(variant: Variant) -> str:
    variant.refresh_from_db()
    assert variant.publish_at
    return f"{variant.item_id}@{int(variant.publish_at.timestamp())}"


def url(name: str, *args: object) -> str:
    return reverse(name, args=["delivery-house", *args])


def ask(client: Client, address: str, **fields: object) -> tuple[int, dict]:
    answer = client.post(address, fields, headers={"Accept": "application/json"})
    return answer.status_code, json.loads(answer.content)


def test_a_move_says_how_to_take_it_back(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant, client = put(cast, bluesky, "2026-11-24T12:00"), client_of(cast.owner)
    status, said = ask(client, url("plan-move", event(variant)), start="2026-11-25T10:00")
    assert status == 200
    status, undone = ask(client, said["undo"])
    assert (status, undone["problem"]) == (200, "")
    variant.refresh_from_db()
    assert variant.publish_at == kyiv("2026-11-24T12:00")
    assert ask(client, said["undo"])[0] == 409, "only once"


def test_nobody_takes_back_somebody_elses_step(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant = put(cast, bluesky, "2026-11-24T12:00")
    _status, said = ask(client_of(cast.owner), url("plan-move", event(variant)), start="2026-11-25T10:00")
    assert client_of(cast.colleague).post(said["undo"]).status_code == 404
    assert client_of(cast.outsider).post(said["undo"]).status_code == 404


@pytest.mark.parametrize(
    ("start", "sides"),
    [
        ("2027-03-28T03:30", {"earlier": "2027-03-28T02:30", "later": "2027-03-28T04:30"}),
        ("2026-10-25T03:30", {"earlier": "2026-10-25T03:30", "later": "2026-10-25T03:30"}),
    ],
)
def test_a_doubtful_hour_is_asked_about_with_both_answers(
    cast: Cast, client_of: ClientOf, bluesky: Channel, start: str, sides: dict[str, str]
) -> None:
    client, moments = client_of(cast.owner), set()
    for side, shown in sides.items():
        variant = put(cast, bluesky, "2026-12-01T12:00")
        status, said = ask(client, url("plan-move", event(variant)), start=start)
        assert status == 409
        assert [one["side"] for one in said["choices"]] == ["earlier", "later"]
        assert len({one["label"] for one in said["choices"]}) == 2
        status, said = ask(client, url("plan-move", event(variant)), start=start, side=side)
        assert (status, said["start"]) == (200, shown)
        moments.add(event(variant).partition("@")[2])
    assert len(moments) == 2


def test_the_composer_asks_too_and_keeps_the_answer(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    client = client_of(cast.owner)
    form = {
        "text": "Words",
        "to": f"{bluesky.pk}:post",
        "at": "2027-10-31T03:30",
        "do": "save",
        "tags": "a, #B",
    }
    asked = client.post(url("plan-new"), form)
    assert asked.status_code == 422
    page = asked.content.decode()
    assert 'name="side-at" value="earlier"' in page
    assert 'name="side-at" value="later"' in page
    saved = client.post(url("plan-new"), form | {"side-at": "later"})
    assert saved.status_code == 302
    variant = Variant.objects.get()
    assert variant.publish_at == kyiv("2027-10-31T02:30") + timedelta(hours=2)
    assert tags.of_items([variant.item_id]) == {variant.item_id: ["B", "a"]}
    # Opened and saved again it stays to the second what it was.
    client.post(url("plan-item", variant.item_id), form | {"version": "1", "text": "Other words"})
    again = Variant.objects.select_related("item").get()
    assert (again.publish_at, again.item.text) == (variant.publish_at, "Other words")


def test_copy_and_delete(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    variant, client = put(cast, bluesky, "2026-11-24T12:00"), client_of(cast.owner)
    status, said = ask(client, url("plan-duplicate", event(variant)))
    assert status == 200
    copy = Variant.objects.exclude(pk=variant.pk).get()
    assert copy.publish_at == kyiv("2026-11-25T12:00"), "a day later"
    assert said["id"] == event(copy)
    assert ask(client, url("plan-remove", event(copy)))[0] == 200
    copy.item.refresh_from_db()
    assert copy.item.deleted_at
    assert client_of(cast.analyst).post(url("plan-remove", event(variant))).status_code == 403


def test_several_at_once_from_the_list(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    one, other = (
        put(cast, bluesky, "2026-11-24T12:00", "one"),
        put(cast, bluesky, "2026-11-25T12:00", "other"),
    )
    out = put(cast, bluesky, "2026-11-19T12:00", "out")
    deliver(out, "published", cast.now, published_at=out.publish_at)
    client, home = client_of(cast.owner), url("plan") + "?view=list"
    every = [event(one), event(other), event(out)]
    answer = client.post(
        url("plan-bulk"), {"do": "days", "days": "7", "post": every, "next": home}, follow=True
    )
    page = answer.content.decode()
    assert "out" in page
    assert "data-undo-form" in page
    assert sorted(Variant.objects.exclude(pk=out.pk).values_list("publish_at", flat=True)) == [
        kyiv("2026-12-01T12:00"), kyiv("2026-12-02T12:00"),
    ]  # fmt: skip
    undo = re.search(r'action="([^"]+/plan/undo/[^"]+)"', page)
    assert undo
    assert client.post(undo[1], {"next": home}).headers["Location"] == home
    assert event(one).endswith(str(int(kyiv("2026-11-24T12:00").timestamp())))
    for fields in (
        {"do": "days", "days": "x", "post": every}, {"do": "clock", "clock": "99", "post": every},
        {"do": "days", "days": "1"}, {"do": "tag", "tag": "", "post": every},
    ):  # fmt: skip
        before = PlanChange.objects.count()
        assert client.post(url("plan-bulk"), fields).status_code == 302
        assert PlanChange.objects.count() == before
    assert client.post(url("plan-bulk"), {"do": "explode", "post": every}).status_code == 404
    leaves = client.post(
        url("plan-bulk"), {"do": "tag", "tag": "a", "post": every, "next": "https://evil.example/"}
    )
    assert leaves.headers["Location"].startswith("/w/delivery-house/plan/")


def test_a_schedule_is_made_by_hand_and_by_preset(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    client, address = client_of(cast.owner), url("plan-schedule-channel", bluesky.key)
    filled = client.post(address, {"preset": "workdays", "min_gap": "30"}).content.decode()
    assert filled.count('value="10:00"') == 5
    assert schedule.schedule_of(bluesky).slots == (), "a preset is only filled in"
    form = {
        "day-0": ["10:00", "18:00", ""], "day-6": "12:30", "min_gap": "45", "quiet_from": "22:00", "quiet_to": "08:00",
        "closes_up": "no", "skip_holidays": "1", "country": "PL", "lead_days": "3", "owner": str(cast.colleague.pk),
    }  # fmt: skip
    assert client.post(address, form).status_code == 302
    saved = schedule.schedule_of(bluesky)
    assert [(day, f"{at:%H:%M}") for day, at in saved.slots] == [(0, "10:00"), (0, "18:00"), (6, "12:30")]
    assert (saved.closes_up, saved.min_gap, saved.country, saved.lead_days) == (False, 45, "PL", 3)
    bluesky.refresh_from_db()
    assert bluesky.owner == cast.colleague
    wrong = client.post(address, form | {"quiet_to": ""})
    assert wrong.status_code == 422
    assert 'value="22:00"' in wrong.content.decode(), "nothing typed is lost"
    page = client.get(url("plan-schedule")).content.decode()
    assert "10:00, 18:00" in page
    assert client.post(url("plan-schedule-settings"), {"country": "UA", "lead_days": "2"}).status_code == 302
    assert schedule.settings_of(cast.workspace).country == "UA"
    assert client_of(cast.colleague).post(address, form).status_code == 403


def test_free_slots_for_composer_calendar_and_lanes(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    client = client_of(cast.owner)
    none = client.get(url("plan-next-slots"), {"channel": f"{bluesky.pk}:post"})
    assert none.status_code == 409
    client.post(
        url("plan-schedule-channel", bluesky.key), {"day-0": "10:00", "day-1": "10:00", "min_gap": "0"}
    )
    put(cast, bluesky, "2026-11-23T10:00")
    said = json.loads(client.get(url("plan-next-slots"), {"channel": f"{bluesky.pk}:post"}).content)
    assert said == {"at": "2026-11-24T10:00", "each": {str(bluesky.pk): "2026-11-24T10:00"}}
    week = {"start": "2026-11-23", "end": "2026-11-30", "view": "week"}
    answer = json.loads(client.get(url("plan-events"), week).content)
    assert [row[0] for row in answer["free"]] == ["2026-11-24T10:00"]
    lanes = client.get(url("plan"), {"view": "lanes", "day": "2026-11-24"}).content.decode()
    assert re.findall(r'data-slot="([^"]+)"', lanes) == ["2026-11-24T10:00"]
    filled = client.get(
        url("plan-new"), {"at": "2026-11-24T10:00", "channel": str(bluesky.pk)}
    ).content.decode()
    assert re.search(rf'value="{bluesky.pk}:post" checked', filled)
    # An idea dropped into the lane goes to that channel.
    idea = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text="Idea")
    status, _said = ask(client, url("plan-move", idea.pk), start="2026-11-24T10:00", channel=str(bluesky.pk))
    assert status == 200
    assert idea.variants.get().channel == bluesky
    status, said = ask(client, url("plan-queue", f"{put(cast, bluesky, '').item_id}"))
    assert (status, said["start"]) == (200, "2026-11-30T10:00")
    assert Delivery.objects.count() == 1


def test_a_table_comes_in_after_a_look_at_it(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    client = client_of(cast.owner)
    lines = [
        "Дата;Час;Канал;Текст",
        *(f"2026-11-{24 + number % 6};1{number % 10}:00;Our bluesky;Допис {number}" for number in range(30)),
    ]
    lines[3] = "колись;10:00;Our bluesky;Поганий"
    lines[7] = "2026-11-24;10:00;Немає такого;Поганий"
    file = SimpleUploadedFile("plan.csv", "\r\n".join(lines).encode("windows-1251"))
    answer = client.post(url("plan-import"), {"file": file}, follow=True)
    page = answer.content.decode()
    assert 'data-import-good="28" data-import-bad="2"' in page
    assert not Item.objects.exists(), "nothing is written by looking"
    found = PlanImport.objects.get()
    assert client_of(cast.colleague).get(url("plan-import-preview", found.pk)).status_code == 404
    to_mend = client.get(url("plan-import-bad", found.pk)).content.decode("utf-8-sig")
    assert to_mend.count("\n") == 3
    assert "Немає такого" in to_mend
    mended = client.post(
        url("plan-import-preview", found.pk), {"do": "mend", "cell-4-date": "2026-11-28"}, follow=True
    ).content.decode()
    assert 'data-import-good="29" data-import-bad="1"' in mended
    client.post(url("plan-import-preview", found.pk), {"do": "import"})
    assert Item.objects.count() == 29
    assert len(PlanImport.objects.get().rows) == 1
    client.post(url("plan-import-preview", found.pk), {"do": "forget"})
    assert not PlanImport.objects.exists()
    assert Item.objects.count() == 29
    for content in (b"", b"a;b\n1;2\n", b"PK\x03\x04"):
        wrong = client.post(url("plan-import"), {"file": SimpleUploadedFile("x.csv", content)})
        assert wrong.status_code == 422
    assert client.get(url("plan-import-template")).content.startswith(b"PK")


def test_a_feed_needs_no_sign_in_and_ends_when_it_is_withdrawn(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    put(cast, bluesky, "2026-11-24T12:00", "Ours")
    client = client_of(cast.analyst)
    assert (
        client.post(url("plan-feeds-change"), {"do": "open", "channel": str(bluesky.pk)}).status_code == 302
    )
    page = client.get(url("plan-feeds")).content.decode()
    found = re.search(r'data-copy="[^"]*(/calendar/[^"]+\.ics)"', page)
    assert found
    stranger = Client()
    answer = stranger.get(found[1])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert b"Our bluesky: Ours" in answer.content
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    again = stranger.get(found[1], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert stranger.get("/calendar/guessed.ics").status_code == 404
    foreign = make_channel(cast, "bluesky", "theirs", other=True)
    assert (
        client.post(url("plan-feeds-change"), {"do": "open", "channel": str(foreign.pk)}).status_code == 404
    )
    client.post(url("plan-feeds-change"), {"do": "close", "channel": str(bluesky.pk)})
    assert stranger.get(found[1]).status_code == 404
    assert not CalendarFeed.objects.exists()


def test_ones_own_zone_stands_beside_the_workspaces(
    cast: Cast, client_of: ClientOf, bluesky: Channel
) -> None:
    put(cast, bluesky, "2026-11-24T12:00")
    client = client_of(cast.owner)
    assert "own-time" not in client.get(url("plan"), {"view": "list"}).content.decode()
    saved = client.post(
        reverse("profile"), {"name": "Olena", "language": "en", "time_zone": "America/New_York"}
    )
    assert saved.status_code == 302
    page = client.get(url("plan"), {"view": "list"}).content.decode()
    assert re.search(r'>12:00<small class="own-time">05:00<', page)
    assert 'data-own-zone="America/New_York"' in client.get(url("plan"), {"view": "month"}).content.decode()
    wrong = client.post(reverse("profile"), {"name": "O", "language": "en", "time_zone": "Mars/Base"})
    assert wrong.status_code == 200
