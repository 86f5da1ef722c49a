from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

import spilno
from spilno.briefs.models import Initiative
from spilno.briefs.services import add_target, archive, create_initiative, mark_ready, save_brief
from spilno.exchange.cases.apply import ACTION
from spilno.facts.services import record
from spilno.interfaces.web.messages import TEXTS
from spilno.interfaces.web.views.initiative_log import WORDS
from spilno.team import audit
from spilno.team.models import Community, Person
from tests.conftest import Cast

ClientOf = Callable[[Person], Client]
FORM = {"kind": "event", "title": "Зустріч", "starts_on": "2026-11-25", "ends_on": "2026-11-30"}


@pytest.fixture(autouse=True)
def noon(now: Any) -> Any:
    with time_machine.travel(now, tick=False):
        yield


def make(cast: Cast, **changes: Any) -> Initiative:
    values: dict[str, Any] = {
        "workspace": cast.workspace, "by": cast.owner, "now": cast.now, "kind": "event",
        "title": {"uk": "Agile після роботи"}, "starts_on": date(2026, 11, 16), "ends_on": date(2026, 11, 30),
    }  # fmt: skip
    return create_initiative(**values | changes)


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["delivery-house", *args])


def test_an_empty_list_says_what_an_initiative_is(cast: Cast, client_of: ClientOf) -> None:
    shown = client_of(cast.owner).get(url("initiatives"), headers={"accept-language": "en"})
    assert "No initiatives yet" in shown.content.decode()
    assert url("initiatives-new") in shown.content.decode()
    assert url("initiatives-new") not in client_of(cast.analyst).get(url("initiatives")).content.decode()


def test_the_list_groups_by_time_and_shows_how_it_stands(cast: Cast, client_of: ClientOf) -> None:
    running = make(cast)
    brief = save_brief(
        brief=running.brief, by=cast.owner, now=cast.now, expected_version=1, task={"uk": "Щоб прийшли"},
        audience={}, content_due=None, budget=None, report_formats=[],
    )  # fmt: skip
    add_target(brief=brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(2))
    mark_ready(brief=brief, by=cast.owner, now=cast.now)
    for number in range(2):
        record(
            workspace=cast.workspace, kind="registration", occurred_at=cast.now, now=cast.now, source="test",
            source_key=str(number), initiative_id=running.pk, actor=f"guest-{number}",
        )  # fmt: skip
    make(cast, title={"uk": "Майбутня"}, starts_on=date(2026, 12, 1), ends_on=date(2026, 12, 2))
    make(cast, title={"uk": "Минула"}, starts_on=date(2026, 10, 1), ends_on=date(2026, 10, 2))
    page = client_of(cast.owner).get(url("initiatives")).context["page"].cards
    assert [group.period for group in page.groups] == ["running", "upcoming", "finished"]
    card = page.groups[0].cards[0]
    assert (card.main.value, card.main.target, card.main.state) == (2, 2, "reached")
    assert card.question == "Щоб прийшли"
    assert card.next.url == url("initiatives-plan", running.slug)
    assert page.groups[1].cards[0].next.url.endswith("/brief/#task")


def test_more_initiatives_cost_no_more_queries(
    cast: Cast, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of(cast.owner)

    def one(number: int) -> None:
        made = make(cast, title={"uk": f"Зустріч {number}"})
        add_target(brief=made.brief, by=cast.owner, now=cast.now, metric="visits", value=Decimal(5))

    one(1)
    with django_assert_max_num_queries(20) as few:
        client.get(url("initiatives"))
    for number in range(2, 8):
        one(number)
    with django_assert_max_num_queries(len(few)):
        assert client.get(url("initiatives")).status_code == 200


def test_an_initiative_is_made_and_its_brief_opens(cast: Cast, client_of: ClientOf) -> None:
    data = FORM | {"community": "new", "community_name": "Спільнота тестувальників"}
    answer = client_of(cast.owner).post(url("initiatives-new"), data)
    made = Initiative.objects.get()
    assert answer["Location"] == url("initiatives-brief", made.slug)
    assert (made.title, made.kind, made.owner) == ({"uk": "Зустріч"}, "event", cast.owner)
    assert made.community == Community.objects.get(name={"uk": "Спільнота тестувальників"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "   "}, "title"),
        ({"kind": "party"}, "kind"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"ends_on": "2026-11-24"}, "ends_on"),
        ({"public_from": "2026-12-24"}, "public_from"),
        ({"community": "someone-elses"}, "community"),
        ({"community": "new"}, "community_name"),
        ({"owner": "nobody"}, "owner"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    cast: Cast, client_of: ClientOf, changes: dict[str, str], field: str
) -> None:
    answer = client_of(cast.owner).post(url("initiatives-new"), FORM | changes)
    assert answer.status_code == 422
    assert answer.context["form"].errors.get(field)
    if field != "starts_on":
        assert "2026-11-25" in answer.content.decode()
    assert not Initiative.objects.exists()
    assert not Community.objects.exists()


def test_title_and_days_can_be_changed_in_the_language_one_sees(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast, title={"uk": "Зустріч", "en": "Meeting"})
    client = client_of(cast.owner)
    client.cookies["django_language"] = "en"
    shown = client.get(url("initiatives-edit", made.slug)).content.decode()
    assert 'value="Meeting"' in shown
    assert client.post(url("initiatives-edit", made.slug), FORM | {"title": "Meet-up"}).status_code == 302
    made.refresh_from_db()
    assert made.title == {"uk": "Зустріч", "en": "Meet-up"}
    assert made.starts_on == date(2026, 11, 25)
    wrong = client.post(url("initiatives-edit", made.slug), FORM | {"ends_on": "2026-11-01"})
    assert wrong.status_code == 422


def test_the_archive_keeps_what_was_put_away(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast)
    client = client_of(cast.owner)
    assert client.post(url("initiatives-archive", made.slug)).status_code == 302
    assert client.get(url("initiatives")).context["page"].cards.is_empty
    (group,) = client.get(url("initiatives") + "?archived").context["page"].cards.groups
    assert [card.initiative for card in group.cards] == [made]
    assert (
        url("initiatives-unarchive", made.slug)
        in client.get(url("initiatives-brief", made.slug)).content.decode()
    )
    client.post(url("initiatives-unarchive", made.slug))
    assert not client.get(url("initiatives")).context["page"].cards.is_empty


INSIDE = ["one", "edit", "brief", "contingency", "log", "brief-targets"]


@pytest.mark.parametrize("name", INSIDE)
def test_to_outsiders_the_initiative_does_not_exist(cast: Cast, client_of: ClientOf, name: str) -> None:
    made = make(cast)
    address = url(f"initiatives-{name}", made.slug)
    assert client_of(cast.outsider).get(address).status_code == 404
    # Nor in their own workspace, under the same address.
    theirs = reverse(f"initiatives-{name}", args=["elsewhere", made.slug])
    assert client_of(cast.outsider).get(theirs).status_code == 404
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize(
    "name", ["new", "edit", "archive", "unarchive", "brief", "brief-ready", "contingency"]
)
def test_who_only_looks_changes_nothing(cast: Cast, client_of: ClientOf, name: str) -> None:
    made = make(cast)
    archive(initiative=made, by=cast.owner, now=cast.now)
    args = [] if name == "new" else [made.slug]
    assert client_of(cast.analyst).post(url(f"initiatives-{name}", *args), FORM).status_code == 403
    made.refresh_from_db()
    assert made.archived_at is not None
    assert Initiative.objects.count() == 1


def test_a_finished_initiative_below_its_target_is_behind(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast, starts_on=date(2026, 10, 1), ends_on=date(2026, 10, 20))
    add_target(brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(5))
    frame = client_of(cast.owner).get(url("initiatives-brief", made.slug)).context["frame"]
    assert (frame.period, frame.main.state, frame.reached, frame.targets) == ("finished", "behind", 0, 1)


# ------------------------------------------------------------------------------------------------ the log


def test_the_log_speaks_in_words(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast)
    add_target(brief=made.brief, by=cast.owner, now=cast.now, metric="donations", value=Decimal(35000))
    client = client_of(cast.owner)
    client.cookies["django_language"] = "en"
    shown = client.get(url("initiatives-log", made.slug)).content.decode()
    assert "The initiative was made" in shown
    assert "New target: Donations, ₴35,000" in shown


def test_saving_again_and_again_is_one_line(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast)
    brief = made.brief
    for number in range(4):
        brief = save_brief(
            brief=brief, by=cast.owner, now=cast.now + timedelta(minutes=number + 1),
            expected_version=brief.version, task={"uk": f"Думка {number}"}, audience={},
            content_due=None, budget=None, report_formats=[],
        )  # fmt: skip
    events = client_of(cast.owner).get(url("initiatives-log", made.slug)).context["page"].events
    assert [one.count for one in events] == [4, 1]


def test_older_entries_are_one_press_away(cast: Cast, client_of: ClientOf) -> None:
    made = make(cast)
    for number in range(70):
        audit.record(
            workspace=cast.workspace, by=None, action="item.created", object_kind="item", object_id=None,
            now=cast.now, initiative_id=made.pk, title=f"Допис {number}",
        )  # fmt: skip
    client = client_of(cast.owner)
    first = client.get(url("initiatives-log", made.slug)).context["page"]
    second = client.get(url("initiatives-log", made.slug), {"before": first.before}).context["page"]
    titles = [one.title for one in (*first.events, *second.events)]
    assert len(titles) == 71
    assert len(set(titles)) == 71
    assert client.get(url("initiatives-log", made.slug), {"before": "nonsense"}).status_code == 200


def test_every_action_that_an_initiative_remembers_has_words() -> None:
    """What rooms write into the log of an initiative is found in their source, so that none is forgotten."""
    source = Path(spilno.__file__).parent
    rooms = ("briefs", "plan", "publishing", "contingency", "pages", "community")
    text = "".join(one.read_text() for room in rooms for one in sorted((source / room).rglob("*.py")))
    kinds = "initiative|brief|target|checkpoint|proposal|reminder|item|delivery|page|message"
    actions = set(re.findall(rf'"((?:{kinds})\.[a-z_]+)"', text))
    assert len(actions) > 20
    assert {*actions, ACTION} - set(WORDS) == set()


def test_every_error_of_briefs_and_contingency_has_a_text() -> None:
    source = Path(spilno.__file__).parent
    text = "".join(
        one.read_text() for room in ("briefs", "contingency") for one in sorted((source / room).glob("*.py"))
    )
    codes = set(re.findall(r'(?:UserError|Conflict)\(\s*"([a-z_]+)"', text))
    assert len(codes) > 30
    assert codes - set(TEXTS) == set()
