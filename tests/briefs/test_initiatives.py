from __future__ import annotations

from datetime import date, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from spilno.briefs import queries, services
from spilno.briefs.models import Brief, Initiative
from spilno.briefs.queries import Period
from spilno.kernel.errors import NotAllowed, UserError
from spilno.team.models import AuditEntry
from spilno.team.services import create_community
from tests.conftest import Cast

FIRST, LAST = date(2026, 11, 16), date(2026, 11, 30)


def create(cast: Cast, **changes: Any) -> Initiative:
    values: dict[str, Any] = {
        "workspace": cast.workspace,
        "by": cast.owner,
        "now": cast.now,
        "kind": "event",
        "title": {"uk": "Зустріч"},
        "starts_on": FIRST,
        "ends_on": LAST,
    }
    return services.create_initiative(**values | changes)


def test_an_initiative_comes_with_its_empty_brief_and_its_log(cast: Cast) -> None:
    initiative = create(cast, title={"uk": "  Благодійний   ярмарок книг ", "en": ""})
    assert initiative.slug == "blahodiinyi-yarmarok-knyh"
    assert initiative.title == {"uk": "Благодійний ярмарок книг"}
    assert initiative.owner == cast.owner
    brief = Brief.objects.get(initiative=initiative)
    assert (brief.state, brief.version, brief.task) == ("draft", 1, {})
    entry = AuditEntry.objects.get(initiative_id=initiative.pk)
    assert (entry.action, entry.person) == ("initiative.created", cast.owner)


def test_the_same_title_twice_gives_two_addresses(cast: Cast) -> None:
    assert [create(cast).slug, create(cast).slug] == ["zustrich", "zustrich-2"]
    assert create(cast, title={"en": "New"}).slug == "new-2"
    assert create(cast, workspace=cast.other_workspace, by=cast.outsider).slug == "zustrich"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": {"uk": "  "}}, "initiative_title_missing", "title"),
        ({"title": {"uk": "я" * 161}}, "initiative_title_long", "title"),
        ({"kind": "party"}, "unknown_initiative_kind", "kind"),
        ({"ends_on": FIRST - timedelta(days=1)}, "ends_before_start", "ends_on"),
        ({"ends_on": FIRST + timedelta(days=2000)}, "initiative_too_long", "ends_on"),
        ({"public_from": LAST + timedelta(days=1)}, "public_from_outside", "public_from"),
        ({"slug": "Не адреса"}, "slug_wrong", "slug"),
        ({"slug": "new"}, "slug_wrong", "slug"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, changes: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(UserError) as refused:
        create(cast, **changes)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Initiative.objects.exists()


def test_a_typed_address_is_taken_once(cast: Cast) -> None:
    create(cast, slug="autumn")
    with pytest.raises(UserError, match="slug_taken"):
        create(cast, slug="autumn")
    assert Initiative.objects.count() == 1


def test_people_and_communities_of_others_are_strangers(cast: Cast) -> None:
    theirs = create_community(
        workspace=cast.other_workspace, name={"uk": "Чужі"}, by=cast.outsider, now=cast.now
    )
    with pytest.raises(UserError, match="unknown_community"):
        create(cast, community=theirs)
    with pytest.raises(UserError, match="unknown_person"):
        create(cast, owner=cast.outsider)


def test_who_only_looks_cannot_create_or_change(cast: Cast) -> None:
    initiative = create(cast)
    with pytest.raises(NotAllowed):
        create(cast, by=cast.analyst)
    with pytest.raises(NotAllowed):
        services.update_initiative(initiative=initiative, by=cast.colleague, now=cast.now, kind="format")
    with pytest.raises(NotAllowed):
        services.archive(initiative=initiative, by=cast.analyst, now=cast.now)
    with pytest.raises(NotAllowed):
        services.write_learned(initiative=initiative, by=cast.analyst, now=cast.now, text={"uk": "Так"})


def test_changing_one_thing_leaves_the_rest(cast: Cast) -> None:
    initiative = create(cast)
    changed = services.update_initiative(
        initiative=initiative, by=cast.owner, now=cast.now, title={"uk": "Нова назва"}, owner=None
    )
    assert (changed.title, changed.owner, changed.kind, changed.slug) == (
        {"uk": "Нова назва"}, None, "event", "zustrich",
    )  # fmt: skip
    entry = AuditEntry.objects.get(initiative_id=initiative.pk, action="initiative.changed")
    assert entry.detail == {"fields": ["title", "owner"]}
    services.update_initiative(initiative=initiative, by=cast.owner, now=cast.now, title={"uk": "Нова назва"})
    assert AuditEntry.objects.filter(action="initiative.changed").count() == 1
    with pytest.raises(UserError, match="ends_before_start"):
        services.update_initiative(
            initiative=initiative, by=cast.owner, now=cast.now, ends_on=FIRST - timedelta(days=1)
        )


def test_archiving_can_be_undone(cast: Cast) -> None:
    initiative = create(cast)
    services.archive(initiative=initiative, by=cast.owner, now=cast.now)
    services.archive(initiative=initiative, by=cast.owner, now=cast.now)
    assert not queries.initiatives(cast.workspace)
    services.unarchive(initiative=initiative, by=cast.owner, now=cast.now)
    assert list(queries.initiatives(cast.workspace)) == [initiative]
    actions = AuditEntry.objects.filter(initiative_id=initiative.pk).values_list("action", flat=True)
    assert sorted(actions) == ["initiative.archived", "initiative.created", "initiative.unarchived"]


def test_what_was_learned_is_kept(cast: Cast) -> None:
    initiative = create(cast)
    services.write_learned(
        initiative=initiative, by=cast.owner, now=cast.now, text={"uk": " Сторіс із посиланням ", "en": " "}
    )
    initiative.refresh_from_db()
    assert initiative.learned == {"uk": "Сторіс із посиланням"}
    with pytest.raises(UserError, match="text_too_long"):
        services.write_learned(initiative=initiative, by=cast.owner, now=cast.now, text={"uk": "я" * 5001})


def test_an_initiative_of_another_workspace_is_not_found(cast: Cast) -> None:
    create(cast, slug="shared-name")
    with pytest.raises(Initiative.DoesNotExist):
        queries.initiative_of(cast.other_workspace, "shared-name")


def test_an_initiative_knows_where_it_is_in_its_time(cast: Cast) -> None:
    initiative = create(cast)
    days = [FIRST - timedelta(days=1), FIRST, LAST, LAST + timedelta(days=1)]
    assert [queries.period_of(initiative, day) for day in days] == [
        Period.UPCOMING, Period.RUNNING, Period.RUNNING, Period.FINISHED,
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_two_people_who_create_the_same_thing_at_once_both_succeed(cast: Cast) -> None:
    made: list[str] = []

    def work() -> None:
        try:
            made.append(create(cast).slug)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["zustrich", "zustrich-2", "zustrich-3", "zustrich-4"]
