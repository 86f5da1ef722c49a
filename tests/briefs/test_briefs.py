from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from spilno.briefs import queries, services, suggestions
from spilno.briefs.models import Brief, Initiative, Target
from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.team.models import AuditEntry
from spilno.toolkit.metrics import all_definitions
from tests.conftest import Cast

TASK = {"uk": "Щоб керівники проєктів прийшли на зустріч"}


def save(cast: Cast, brief: Brief, **changes: Any) -> Brief:
    values: dict[str, Any] = {
        "brief": brief,
        "by": cast.owner,
        "now": cast.now,
        "expected_version": brief.version,
        "task": brief.task,
        "audience": brief.audience,
        "content_due": brief.content_due,
        "budget": brief.budget,
        "report_formats": brief.report_formats,
    }
    return services.save_brief(**values | changes)


def add(cast: Cast, brief: Brief, metric: str = "registrations", value: str = "60", **more: Any) -> Target:
    values: dict[str, Any] = {"by": cast.owner, "now": cast.now} | more
    return services.add_target(brief=brief, metric=metric, value=Decimal(value), **values)


def codes(brief: Brief) -> list[str]:
    return [one.code for one in queries.missing(Brief.objects.get(pk=brief.pk))]


def test_no_answer_no_brief(cast: Cast, initiative: Initiative) -> None:
    brief = initiative.brief
    assert codes(brief) == ["task", "targets"]
    with pytest.raises(UserError) as refused:
        services.mark_ready(brief=brief, by=cast.owner, now=cast.now)
    assert (refused.value.code, refused.value.field) == ("brief_not_ready", "task")
    assert refused.value.params["missing"] == ["task", "targets"]

    brief = save(cast, brief, task=TASK)
    assert codes(brief) == ["targets"]
    with pytest.raises(UserError, match="brief_not_ready"):
        services.mark_ready(brief=brief, by=cast.owner, now=cast.now)

    add(cast, brief)
    assert codes(brief) == []
    ready = services.mark_ready(brief=brief, by=cast.owner, now=cast.now)
    assert (ready.state, ready.ready_at) == ("ready", cast.now)
    services.mark_ready(brief=brief, by=cast.owner, now=cast.now + timedelta(hours=1))
    assert Brief.objects.get(pk=brief.pk).ready_at == cast.now
    assert AuditEntry.objects.filter(action="brief.ready").count() == 1


def test_an_answer_of_spaces_is_no_answer(cast: Cast, initiative: Initiative) -> None:
    brief = save(cast, initiative.brief, task={"uk": "  \n ", "en": ""})
    assert "task" in codes(brief)


def test_a_target_before_the_start_is_still_missing_something(cast: Cast, initiative: Initiative) -> None:
    brief = save(cast, initiative.brief, task=TASK)
    add(cast, brief, due_on=date(2026, 11, 20))
    services.update_initiative(
        initiative=initiative, by=cast.owner, now=cast.now, starts_on=date(2026, 11, 25)
    )
    assert codes(brief) == ["target_too_early"]


def test_a_metric_that_is_not_known_any_more_is_named(cast: Cast, initiative: Initiative) -> None:
    brief = save(cast, initiative.brief, task=TASK)
    target = add(cast, brief)
    Target.objects.filter(pk=target.pk).update(metric="of_an_older_version")
    assert codes(brief) == ["unknown_metric"]
    services.remove_target(target=Target.objects.get(pk=target.pk), by=cast.owner, now=cast.now)
    assert codes(brief) == ["targets"]


def test_a_ready_brief_changes_its_goal_only_after_reopening(cast: Cast, initiative: Initiative) -> None:
    brief = save(cast, initiative.brief, task=TASK)
    target = add(cast, brief)
    brief = services.mark_ready(brief=brief, by=cast.owner, now=cast.now)

    for change in (
        lambda: save(cast, brief, task={"uk": "Інше завдання"}),
        lambda: add(cast, brief, "visits", "500"),
        lambda: services.update_target(target=target, by=cast.owner, now=cast.now, value=Decimal(10)),
        lambda: services.remove_target(target=target, by=cast.owner, now=cast.now),
    ):
        with pytest.raises(UserError, match="brief_is_ready"):
            change()
    target.refresh_from_db()
    assert target.value == 60
    assert save(cast, brief, audience={"uk": "Керівники"}).state == "ready"

    services.reopen(brief=brief, by=cast.owner, now=cast.now)
    services.update_target(target=target, by=cast.owner, now=cast.now, value=Decimal(50))
    brief.refresh_from_db()
    target.refresh_from_db()
    assert (brief.state, brief.ready_at, target.value) == ("draft", None, 50)


def test_saving_says_what_changed_and_nothing_when_nothing_did(cast: Cast, initiative: Initiative) -> None:
    brief = save(cast, initiative.brief, task=TASK, budget=Decimal("2500.50"), report_formats=["pdf", "web"])
    assert (brief.version, brief.budget, brief.report_formats) == (2, Decimal("2500.50"), ["web", "pdf"])
    assert save(cast, brief).version == 2
    entries = AuditEntry.objects.filter(action="brief.saved")
    assert [entry.detail["fields"] for entry in entries] == [["task", "budget", "report_formats"]]


def test_edits_that_meet_show_both_sides_and_overwrite_nothing(cast: Cast, initiative: Initiative) -> None:
    first = initiative.brief
    second = Brief.objects.get(pk=first.pk)
    save(cast, first, task=TASK, audience={"uk": "Керівники проєктів"})
    with pytest.raises(Conflict) as met:
        save(cast, second, task={"uk": "Щоб усі знали"}, audience={"uk": "Керівники проєктів"})
    assert met.value.params == {
        "version": 2,
        "typed": {"task": {"uk": "Щоб усі знали"}},
        "current": {"task": TASK},
    }
    assert Brief.objects.get(pk=first.pk).task == TASK
    save(cast, second, expected_version=2, task={"uk": "Щоб усі знали"}, audience=first.audience or {})
    assert Brief.objects.get(pk=first.pk).task == {"uk": "Щоб усі знали"}


def test_saving_the_same_words_as_somebody_else_is_no_conflict(cast: Cast, initiative: Initiative) -> None:
    first = initiative.brief
    second = Brief.objects.get(pk=first.pk)
    save(cast, first, task=TASK)
    assert save(cast, second, task=TASK).version == 2


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"task": {"uk": "я" * 601}}, "text_too_long", "task"),
        ({"audience": {"uk": "я" * 2001}}, "text_too_long", "audience"),
        ({"budget": Decimal(-1)}, "budget_negative", "budget"),
        ({"budget": Decimal("NaN")}, "budget_negative", "budget"),
        ({"budget": Decimal("0.001")}, "number_too_precise", "budget"),
        ({"budget": Decimal(10) ** 12}, "number_too_large", "budget"),
        ({"content_due": date(2026, 12, 1)}, "content_due_late", "content_due"),
        ({"report_formats": ["fax"]}, "unknown_report_format", "report_formats"),
    ],
)
def test_what_is_wrong_in_a_brief_is_named(
    cast: Cast, initiative: Initiative, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(UserError) as refused:
        save(cast, initiative.brief, **changes)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert Brief.objects.get(pk=initiative.brief.pk).version == 1


@pytest.mark.parametrize(
    ("metric", "value", "more", "code", "field"),
    [
        ("fame", "1", {}, "unknown_metric", "metric"),
        ("leads", "0", {}, "target_not_positive", "value"),
        ("leads", "-4", {}, "target_negative", "value"),
        ("leads", "4.5", {}, "number_must_be_whole", "value"),
        ("leads", "1e14", {}, "number_too_large", "value"),
        ("ctr", "0.12345", {}, "number_too_precise", "value"),
        ("donations", "Infinity", {}, "not_a_number", "value"),
        ("leads", "4", {"due_on": date(2026, 11, 15)}, "target_too_early", "due_on"),
        ("leads", "4", {"baseline": Decimal(-1)}, "target_negative", "baseline"),
        ("members_growth", "0.1", {}, "target_channel_missing", "channel"),
        ("members_growth", "0.1", {"channel": "theirs"}, "unknown_channel", "channel"),
        ("members_growth", "0.1", {"channel": "ours", "baseline": Decimal("0.5")}, "number_must_be_whole",
         "baseline"),
        ("catalogue_items", "5", {"channel": "ours"}, "target_channel_not_wanted", "channel"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_target_is_named(
    cast: Cast,
    initiative: Initiative,
    group: Channel,
    strange_group: Channel,
    metric: str,
    value: str,
    more: dict[str, Any],
    code: str,
    field: str,
) -> None:
    known = {"ours": group, "theirs": strange_group}
    more = more | ({"channel": known[more["channel"]]} if "channel" in more else {})
    with pytest.raises(UserError) as refused:
        add(cast, initiative.brief, metric, value, **more)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Target.objects.exists()


def test_targets_keep_their_order_and_come_once(cast: Cast, initiative: Initiative, group: Channel) -> None:
    brief = initiative.brief
    add(cast, brief)
    growth = add(cast, brief, "members_growth", "0.10", channel=group, baseline=Decimal(400))
    assert (growth.value, growth.baseline, growth.channel) == (Decimal("0.10"), 400, group)
    with pytest.raises(UserError, match="target_twice"):
        add(cast, brief, "registrations", "70")
    with pytest.raises(UserError, match="target_twice"):
        add(cast, brief, "members_growth", "0.20", channel=group)
    per_channel = add(cast, brief, "registrations", "20", channel=group)
    assert [one.position for one in brief.targets.all()] == [0, 1, 2]
    with pytest.raises(UserError, match="target_twice"):
        services.update_target(target=per_channel, by=cast.owner, now=cast.now, channel=None)


def test_a_growth_target_may_be_a_smaller_loss(cast: Cast, initiative: Initiative, group: Channel) -> None:
    assert add(cast, initiative.brief, "members_growth", "-0.02", channel=group).value == Decimal("-0.02")


def test_changing_a_target_is_told_in_the_log(cast: Cast, initiative: Initiative) -> None:
    target = add(cast, initiative.brief)
    times = [cast.now + timedelta(minutes=number) for number in range(1, 5)]
    services.update_target(target=target, by=cast.owner, now=times[0], value=Decimal(80))
    services.update_target(target=target, by=cast.owner, now=times[1], value=Decimal(80))
    services.remove_target(target=target, by=cast.owner, now=times[2])
    services.remove_target(target=target, by=cast.owner, now=times[3])
    entries = AuditEntry.objects.filter(initiative_id=initiative.pk, action__startswith="target.")
    assert [(one.action, one.detail["value"]) for one in entries.order_by("at")] == [
        ("target.added", "60.0000"), ("target.changed", "80.0000"), ("target.removed", "80.0000"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="target_gone"):
        services.update_target(target=target, by=cast.owner, now=cast.now, value=Decimal(90))


def test_who_only_looks_cannot_change_a_brief(cast: Cast, initiative: Initiative) -> None:
    target = add(cast, initiative.brief)
    for change in (
        lambda: save(cast, initiative.brief, by=cast.analyst, task=TASK),
        lambda: add(cast, initiative.brief, "visits", "5", by=cast.analyst),
        lambda: services.update_target(target=target, by=cast.analyst, now=cast.now, value=Decimal(1)),
        lambda: services.remove_target(target=target, by=cast.analyst, now=cast.now),
        lambda: services.mark_ready(brief=initiative.brief, by=cast.analyst, now=cast.now),
        lambda: services.reopen(brief=initiative.brief, by=cast.analyst, now=cast.now),
    ):
        with pytest.raises(NotAllowed):
            change()


def test_a_target_is_found_only_through_its_own_initiative(cast: Cast, initiative: Initiative) -> None:
    target = add(cast, initiative.brief)
    assert queries.target_of(initiative, target.pk) == target
    other = services.create_initiative(
        workspace=cast.other_workspace, by=cast.outsider, now=cast.now, kind="event", title={"uk": "Інша"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip
    with pytest.raises(Target.DoesNotExist):
        queries.target_of(other, target.pk)


def test_every_kind_has_metrics_to_propose_and_an_event_proposes_registrations_first() -> None:
    known = {one.key for one in all_definitions()}
    for kind, keys in suggestions.BY_KIND.items():
        assert suggestions.metrics_for(kind), kind
        assert set(keys) <= known, f"{kind} proposes what the catalogue does not have"
    assert suggestions.metrics_for("event")[0].key == "registrations"
    rest = suggestions.metrics_for("event", without=frozenset({"registrations"}))
    assert "registrations" not in [one.key for one in rest]
