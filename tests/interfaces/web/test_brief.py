from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from spilno.briefs.models import Brief, Initiative, Target
from spilno.briefs.services import add_target, create_initiative, mark_ready, save_brief
from spilno.channels.models import Channel
from spilno.team.models import Person
from tests.conftest import Cast

ClientOf = Callable[[Person], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def made(cast: Cast) -> Initiative:
    return create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Зустріч"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip


@pytest.fixture
def owner(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.owner)


def url(made: Initiative, name: str = "brief", *args: Any) -> str:
    return reverse(f"initiatives-{name}", args=["delivery-house", made.slug, *args])


def task(version: int, text: str) -> dict[str, Any]:
    return {"part": "task", "version": version, "task": text}


def details(version: int, **changes: Any) -> dict[str, Any]:
    return {"part": "details", "version": version, "audience": "", "content_due": "", "budget": ""} | changes


def test_the_question_comes_first(owner: Client, made: Initiative) -> None:
    shown = owner.get(url(made), headers={"accept-language": "en"}).content.decode()
    assert shown.index("Which task must this content solve?") < shown.index("Result wanted")
    assert shown.index("Result wanted") < shown.index("Who is it for?")


def test_the_answer_is_saved_in_place(owner: Client, made: Initiative) -> None:
    answer = owner.post(url(made), task(1, "Щоб прийшли"), headers=HTMX)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert Brief.objects.get().task == {"uk": "Щоб прийшли"}
    # Both forms learn the new version, the header and the steps follow; the field under the fingers stays.
    assert body.count('value="2" hx-swap-oob="true"') == 2
    assert "Щоб прийшли" in body
    assert "<textarea" not in body
    assert 'id="brief-aside" hx-swap-oob="true"' in body


def test_a_pasted_nul_costs_nothing_else(owner: Client, made: Initiative) -> None:
    assert owner.post(url(made), task(1, "Щоб\x00 прийшли"), headers=HTMX).status_code == 200
    assert Brief.objects.get().task == {"uk": "Щоб прийшли"}
    assert owner.post(url(made), details(2, audience="Кері\x00вники"), headers=HTMX).status_code == 200
    assert Brief.objects.get().audience == {"uk": "Керівники"}


def test_without_script_the_page_comes_back(owner: Client, made: Initiative) -> None:
    assert owner.post(url(made), task(1, "Щоб прийшли"))["Location"] == url(made)
    assert owner.post(url(made), {"part": "everything"}).status_code == 404


def test_details_are_read_as_people_write_them(owner: Client, made: Initiative) -> None:
    data = details(
        1, audience="Керівники", content_due="2026-11-20", budget="2 500,50 ₴", report_formats=["pdf", "web"]
    )
    assert owner.post(url(made), data, headers=HTMX).status_code == 200
    brief = Brief.objects.get()
    assert (brief.audience, brief.content_due, brief.budget, brief.report_formats) == (
        {"uk": "Керівники"}, date(2026, 11, 20), Decimal("2500.50"), ["web", "pdf"],
    )  # fmt: skip
    shown = owner.get(url(made)).content.decode()
    assert 'value="2500,5"' in shown


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"budget": "багато"}, "budget"),
        ({"budget": "-5"}, "budget"),
        ({"content_due": "завтра"}, "content_due"),
        ({"content_due": "2026-13-45"}, "content_due"),
        ({"content_due": "2027-01-01"}, "content_due"),
        ({"audience": "я" * 2001}, "audience"),
        ({"report_formats": ["fax"]}, "report_formats"),
        ({"version": "x"}, ""),
        ({"version": "9" * 40}, ""),
    ],
)
def test_what_is_wrong_comes_back_with_everything_typed(
    owner: Client, made: Initiative, changes: dict[str, Any], field: str
) -> None:
    data = details(1, audience="Керівники <b>проєктів</b>") | changes
    answer = owner.post(url(made), data, headers=HTMX)
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#details-form"
    body = answer.content.decode()
    if field:
        assert 'aria-invalid="true"' in body or "error" in body
    if field != "audience":
        assert "Керівники &lt;b&gt;проєктів&lt;/b&gt;" in body
    for typed in ("budget", "content_due"):
        if typed in changes:
            assert changes[typed] in body
    assert Brief.objects.get().version == 1


def test_two_who_write_at_once_see_both_texts(cast: Cast, owner: Client, made: Initiative) -> None:
    save_brief(
        brief=made.brief, by=cast.owner, now=cast.now, expected_version=1, task={"uk": "Слова колеги"},
        audience={}, content_due=None, budget=None, report_formats=[],
    )  # fmt: skip
    answer = owner.post(url(made), task(1, "Мої слова"), headers=HTMX)
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "Слова колеги" in body
    assert "Мої слова" in body
    assert Brief.objects.get().task == {"uk": "Слова колеги"}
    # Saving once more, with what the answer gave, keeps mine knowingly.
    assert 'id="task-version" value="2"' in body
    assert owner.post(url(made), task(2, "Мої слова"), headers=HTMX).status_code == 200
    assert Brief.objects.get().task == {"uk": "Мої слова"}


def test_one_edits_the_language_one_sees(cast: Cast, owner: Client, made: Initiative) -> None:
    save_brief(
        brief=made.brief, by=cast.owner, now=cast.now, expected_version=1,
        task={"uk": "Українською", "en": "In English"}, audience={"uk": "Керівники"},
        content_due=None, budget=None, report_formats=[],
    )  # fmt: skip
    owner.cookies["django_language"] = "en"
    assert "In English</textarea>" in owner.get(url(made)).content.decode()
    owner.post(url(made), task(2, "Better English"), headers=HTMX)
    owner.post(url(made), details(3, audience="Керівники проєктів"), headers=HTMX)
    brief = Brief.objects.get()
    assert brief.task == {"uk": "Українською", "en": "Better English"}
    assert brief.audience == {"uk": "Керівники проєктів"}


# ------------------------------------------------------------------------------------------------ targets


def test_a_metric_is_chosen_and_becomes_a_target(owner: Client, made: Initiative) -> None:
    shown = owner.get(url(made)).content.decode()
    assert "?metric=registrations" in shown
    form = owner.get(url(made, "brief-targets"), {"metric": "registrations"}, headers=HTMX).content.decode()
    assert 'name="metric" value="registrations"' in form
    answer = owner.post(url(made, "brief-targets"), {"metric": "registrations", "value": "60"}, headers=HTMX)
    assert answer.status_code == 200
    assert Target.objects.get().value == 60
    body = answer.content.decode()
    assert 'id="targets"' in body
    assert 'id="brief-aside" hx-swap-oob="true"' in body
    assert "?metric=registrations" not in body


def test_growth_asks_for_its_channel_and_keeps_what_was_typed(
    cast: Cast, owner: Client, made: Initiative
) -> None:
    Channel.objects.create(
        workspace=cast.workspace, key="group", network="facebook_group", name="Група", created_at=cast.now
    )
    data = {"metric": "members_growth", "value": "10 %", "baseline": "400", "channel": ""}
    wrong = owner.post(url(made, "brief-targets"), data, headers=HTMX)
    assert wrong.status_code == 422
    assert 'value="10 %"' in wrong.content.decode()
    assert 'value="400"' in wrong.content.decode()
    right = owner.post(url(made, "brief-targets"), data | {"channel": "group"}, headers=HTMX)
    assert right.status_code == 200
    target = Target.objects.get()
    assert (target.value, target.baseline, target.channel.key if target.channel else "") == (
        Decimal("0.1"), 400, "group",
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"value": ""}, {"value": "багато"}, {"value": "0"}, {"metric": "fame"}, {"metric": ""}, {"channel": "no"},
     {"due_on": "2026-99-99"}, {"due_on": "2020-01-01"}, {"baseline": "?"}],
)  # fmt: skip
def test_a_wrong_target_is_refused(owner: Client, made: Initiative, changes: dict[str, str]) -> None:
    data = {"metric": "registrations", "value": "60"} | changes
    answer = owner.post(url(made, "brief-targets"), data, headers=HTMX)
    assert answer.status_code == 422
    assert "error" in answer.content.decode()
    assert not Target.objects.exists()


def test_a_target_is_changed_and_removed_in_its_row(cast: Cast, owner: Client, made: Initiative) -> None:
    target = add_target(
        brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60)
    )
    form = owner.get(url(made, "brief-target", target.pk), headers=HTMX).content.decode()
    assert 'value="60"' in form
    assert owner.post(url(made, "brief-target", target.pk), {"value": "80"}, headers=HTMX).status_code == 200
    target.refresh_from_db()
    assert target.value == 80
    wrong = owner.post(url(made, "brief-target", target.pk), {"value": "?"}, headers=HTMX)
    assert wrong.status_code == 422
    remove = url(made, "brief-target-remove", target.pk)
    assert owner.post(remove, headers=HTMX).status_code == 200
    assert owner.post(remove, headers=HTMX).status_code == 200
    assert not Target.objects.exists()
    assert owner.post(url(made, "brief-target", target.pk), {"value": "1"}, headers=HTMX).status_code == 404


def test_a_target_of_another_initiative_cannot_be_reached(
    cast: Cast, owner: Client, made: Initiative
) -> None:
    other = create_initiative(
        workspace=cast.other_workspace, by=cast.outsider, now=cast.now, kind="event", title={"uk": "Інша"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip
    theirs = add_target(brief=other.brief, by=cast.outsider, now=cast.now, metric="visits", value=Decimal(5))
    assert owner.get(url(made, "brief-target", theirs.pk)).status_code == 404
    assert owner.post(url(made, "brief-target", theirs.pk), {"value": "1"}).status_code == 404
    owner.post(url(made, "brief-target-remove", theirs.pk))
    theirs.refresh_from_db()
    assert theirs.value == 5


# ------------------------------------------------------------------------------------------------ ready


def test_a_brief_becomes_ready_and_can_be_reopened(cast: Cast, owner: Client, made: Initiative) -> None:
    owner.post(url(made, "brief-ready"))
    assert Brief.objects.get().state == "draft"
    owner.post(url(made), task(1, "Щоб прийшли"))
    target = add_target(
        brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60)
    )
    owner.post(url(made, "brief-ready"))
    assert Brief.objects.get().state == "ready"
    shown = owner.get(url(made)).content.decode()
    assert "<textarea" in shown  # audience and the rest may still change
    assert 'name="task"' not in shown
    assert url(made, "brief-target", target.pk) not in shown
    assert url(made, "brief-reopen") in shown
    # Somebody who still has the old page open is told so, and nothing is changed.
    assert owner.post(url(made), task(2, "Інше"), headers=HTMX).status_code == 422
    late = owner.post(url(made, "brief-target", target.pk), {"value": "1"}, headers=HTMX)
    assert late.status_code == 422
    assert "form-errors" in late.content.decode()
    late = owner.post(url(made, "brief-target-remove", target.pk), headers=HTMX)
    assert late.status_code == 422
    owner.post(url(made, "brief-reopen"))
    assert Brief.objects.get().state == "draft"


def test_who_only_looks_sees_the_brief_without_fields(
    cast: Cast, client_of: ClientOf, made: Initiative
) -> None:
    target = add_target(
        brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60)
    )
    analyst = client_of(cast.analyst)
    shown = analyst.get(url(made)).content.decode()
    assert "<textarea" not in shown
    assert url(made, "brief-ready") not in shown
    for name, args in (("brief-targets", ()), ("brief-target", (target.pk,)), ("brief-reopen", ())):
        assert analyst.post(url(made, name, *args), {"value": "1"}).status_code == 403
    assert analyst.post(url(made, "brief-target-remove", target.pk)).status_code == 403
    assert Target.objects.get().value == 60


def test_the_page_costs_few_queries_however_many_targets(
    cast: Cast, owner: Client, made: Initiative, django_assert_max_num_queries: Any
) -> None:
    add_target(brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60))
    with django_assert_max_num_queries(20) as few:
        owner.get(url(made))
    for metric in ("visits", "leads", "donations", "unique_visitors"):
        add_target(brief=made.brief, by=cast.owner, now=cast.now, metric=metric, value=Decimal(60))
    with django_assert_max_num_queries(len(few)):
        assert owner.get(url(made)).status_code == 200


def test_a_ready_brief_cannot_be_marked_by_somebody_without_the_right(
    cast: Cast, client_of: ClientOf, made: Initiative
) -> None:
    brief = save_brief(
        brief=made.brief, by=cast.owner, now=cast.now, expected_version=1, task={"uk": "Щоб прийшли"},
        audience={}, content_due=None, budget=None, report_formats=[],
    )  # fmt: skip
    add_target(brief=brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60))
    mark_ready(brief=brief, by=cast.owner, now=cast.now)
    assert client_of(cast.colleague).post(url(made, "brief-reopen")).status_code == 403
    assert client_of(cast.outsider).post(url(made, "brief-reopen")).status_code == 404
    assert Brief.objects.get().state == "ready"
