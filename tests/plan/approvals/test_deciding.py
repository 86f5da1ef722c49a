"""Asking, deciding, and what an edit does to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.plan import services as plan
from spilno.plan.approvals import queries, services
from spilno.plan.approvals.models import ApprovalFlow, GuestReviewer
from spilno.plan.approvals.rules import State
from spilno.plan.approvals.services import StageDraft
from spilno.plan.models import Item
from spilno.team.models import Person, Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(cast: Cast) -> Channel:
    return channels.add_by_hand(
        workspace=cast.workspace, by=cast.owner, now=cast.now, network="facebook_group", name="Group",
        purpose="community",
    )  # fmt: skip


@pytest.fixture
def item(cast: Cast, group: Channel) -> Item:
    """Written by the colleague."""
    made = plan.create_item(
        workspace=cast.workspace, by=cast.colleague, now=cast.now, text="Приходьте на ярмарок"
    )
    plan.put_variant(item=made, channel=group, by=cast.colleague, now=cast.now)
    return Item.objects.get(pk=made.pk)


def rules(cast: Cast, *stages: Sequence[str], **values: Any) -> ApprovalFlow:
    needs = values.pop("needs", "any")
    return services.save_flow(
        workspace=cast.workspace, by=cast.owner, now=cast.now, channel=values.pop("channel", None),
        stages=[StageDraft(one, needs) for one in stages], **values,
    )  # fmt: skip


def part(person: Person) -> str:
    return f"person:{person.pk}"


def seen(item: Item) -> dict[Any, str]:
    return {one.variant.pk: one.mark for one in queries.of_item(item)}


def state(item: Item) -> State:
    (one,) = queries.of_item(Item.objects.get(pk=item.pk))
    return one.standing.state


def say(
    cast: Cast, item: Item, verdict: str = "approve", minutes: int = 1, **values: Any
) -> services.Decided:
    if "guest" not in values:
        values.setdefault("by", cast.owner)
    return services.decide(
        item=item, seen=values.pop("seen", None) or seen(item), verdict=verdict,
        now=cast.now + timedelta(minutes=minutes), **values,
    )  # fmt: skip


def test_without_rules_nobody_is_asked(cast: Cast, item: Item, django_assert_num_queries: Any) -> None:
    assert state(item) is State.NOT_NEEDED
    variants = list(item.variants.select_related("item"))
    with django_assert_num_queries(1):
        assert queries.unapproved(variants) == set()
    with pytest.raises(UserError, match="no_approval_needed"):
        services.ask(item=item, by=cast.colleague, now=cast.now)


def test_who_is_asked_and_what_they_say(cast: Cast, item: Item) -> None:
    rules(cast, [part(cast.owner)])
    assert state(item) is State.WAITING
    assert queries.waiting_for(cast.owner) == []
    services.ask(item=item, by=cast.colleague, now=cast.now)
    assert [one.variant.item for one in queries.waiting_for(cast.owner)] == [item]
    assert queries.waiting_for(cast.colleague) == []
    say(cast, item)
    assert state(item) is State.APPROVED
    assert queries.waiting_for(cast.owner) == []
    assert queries.unapproved(list(item.variants.select_related("item"))) == set()


def test_nobody_else_decides_and_nobody_their_own(cast: Cast, item: Item) -> None:
    rules(cast, [part(cast.owner)])
    with pytest.raises(NotAllowed):
        say(cast, item, by=cast.analyst)
    rules(cast, [part(cast.colleague), part(cast.owner)])
    with pytest.raises(UserError, match="own_approval"):
        say(cast, item, by=cast.colleague)
    rules(cast, [part(cast.colleague)], own_allowed=True)
    say(cast, item, by=cast.colleague)
    assert state(item) is State.APPROVED


def test_a_role_is_anybody_who_has_it_at_that_time(cast: Cast, item: Item) -> None:
    Person.objects.filter(pk=cast.analyst.pk).update(roles=[Role.EDITOR])
    cast.analyst.refresh_from_db()
    rules(cast, ["role:editor"])
    say(cast, item, by=cast.analyst)
    Person.objects.filter(pk=cast.analyst.pk).update(roles=[Role.ANALYST])
    assert state(item) is State.APPROVED


@pytest.mark.parametrize("change", ["text", "own_text", "link"])
def test_changed_content_asks_again(cast: Cast, item: Item, group: Channel, change: str) -> None:
    rules(cast, [part(cast.owner)])
    say(cast, item)
    fresh = Item.objects.get(pk=item.pk)
    if change == "own_text":
        plan.put_variant(item=fresh, channel=group, by=cast.colleague, now=cast.now, text="Інше")
    else:
        value = "https://example.org/new" if change == "link" else "Новий текст"
        plan.update_item(
            item=fresh, by=cast.colleague, now=cast.now, expected_version=fresh.version, **{change: value}
        )
    assert state(item) is State.WAITING


@pytest.mark.parametrize("again", [True, False])
def test_another_time_asks_again_only_if_the_rules_say_so(
    cast: Cast, item: Item, group: Channel, again: bool
) -> None:
    rules(cast, [part(cast.owner)], again_on_time=again)
    say(cast, item)
    plan.put_variant(
        item=item, channel=group, by=cast.colleague, now=cast.now, publish_at=cast.now + timedelta(days=1)
    )
    assert state(item) is (State.WAITING if again else State.APPROVED)


def test_what_was_seen_is_what_is_approved(cast: Cast, item: Item) -> None:
    rules(cast, [part(cast.owner)])
    on_screen = seen(item)
    plan.update_item(
        item=item, by=cast.colleague, now=cast.now, expected_version=item.version, text="Щось зовсім інше"
    )
    with pytest.raises(Conflict, match="content_changed"):
        say(cast, item, seen=on_screen)
    assert state(item) is State.WAITING


def test_changes_wanted_need_words_and_end_with_an_approval(cast: Cast, item: Item) -> None:
    rules(cast, [part(cast.owner)])
    with pytest.raises(UserError, match="comment_missing"):
        say(cast, item, "changes")
    decided = say(cast, item, "changes", comment="Додайте адресу")
    assert decided.final
    assert state(item) is State.CHANGES
    say(cast, item, minutes=2)
    assert state(item) is State.APPROVED
    say(cast, item, "changes", minutes=3, comment="Ні, все ж таки")
    assert state(item) is State.CHANGES


def test_the_next_stage_is_asked_by_itself(cast: Cast, item: Item) -> None:
    rules(cast, [part(cast.analyst)], [part(cast.owner)])
    services.ask(item=item, by=cast.colleague, now=cast.now)
    assert queries.waiting_for(cast.owner) == []
    decided = say(cast, item, by=cast.analyst)
    assert decided.next_asked
    assert [one.variant.item for one in queries.waiting_for(cast.owner)] == [item]
    assert item.approval_asks.count() == 2


def test_a_channels_own_rules_come_first(cast: Cast, item: Item, group: Channel) -> None:
    rules(cast, [part(cast.owner)])
    rules(cast, channel=group)
    assert state(item) is State.NOT_NEEDED
    services.drop_flow(workspace=cast.workspace, by=cast.owner, now=cast.now, channel=group)
    assert state(item) is State.WAITING


def test_editing_the_rules_keeps_what_was_decided_at_a_stage(cast: Cast, item: Item) -> None:
    flow = rules(cast, [part(cast.owner)])
    say(cast, item)
    (stage,) = flow.stages.all()
    services.save_flow(
        workspace=cast.workspace, by=cast.owner, now=cast.now, channel=None,
        stages=[StageDraft(["role:editor"]), StageDraft([part(cast.owner)], id=stage.pk)],
    )  # fmt: skip
    (one,) = queries.of_item(item)
    assert (one.standing.state, one.standing.missing) == (State.WAITING, ("role:editor",))


def test_bad_rules_are_refused_whole(cast: Cast) -> None:
    for stages in ([[]], [["person:nobody"]], [["role:emperor"]], [["person:" + str(cast.workspace.pk)]]):
        with pytest.raises(UserError, match=r"stage_without_approvers|unknown_approver"):
            rules(cast, *stages)
    assert not any(one.stages.all() for one in ApprovalFlow.objects.all())


@pytest.fixture
def guest(cast: Cast) -> GuestReviewer:
    return services.save_guest(
        workspace=cast.workspace, by=cast.owner, now=cast.now, name="Пані Юрист", email=" Law@Example.org ",
        language="uk",
    )  # fmt: skip


def test_a_guest_sees_and_decides_only_what_the_link_shows(
    cast: Cast, item: Item, guest: GuestReviewer
) -> None:
    rules(cast, [f"guest:{guest.pk}"])
    link, token = services.open_link(
        workspace=cast.workspace, guest=guest, items=[item], by=cast.colleague, now=cast.now, days=3
    )
    assert token not in link.token_hash
    assert queries.link_of(token=token, now=cast.now) == link
    assert queries.link_of(token=token, now=cast.now + timedelta(days=3)) is None
    assert queries.link_of(token=token + "x", now=cast.now) is None
    (shown,) = queries.for_guest(link)
    say(cast, item, guest=guest, seen={shown.variant.pk: shown.mark})
    assert state(item) is State.APPROVED
    services.revoke_link(link=link, by=cast.colleague, now=cast.now)
    assert queries.link_of(token=token, now=cast.now) is None


def test_a_guest_who_is_forgotten_is_out_at_once(cast: Cast, item: Item, guest: GuestReviewer) -> None:
    rules(cast, [f"guest:{guest.pk}"])
    _link, token = services.open_link(
        workspace=cast.workspace, guest=guest, items=[item], by=cast.owner, now=cast.now
    )
    with pytest.raises(UserError, match="guest_is_only_approver"):
        services.forget_guest(guest=guest, by=cast.owner, now=cast.now)
    rules(cast, [f"guest:{guest.pk}", part(cast.owner)])
    services.forget_guest(guest=guest, by=cast.owner, now=cast.now)
    assert queries.link_of(token=token, now=cast.now) is None
    assert queries.of_item(item)[0].standing.missing == (part(cast.owner),)


def test_another_workspace_has_no_part_in_it(cast: Cast, item: Item, guest: GuestReviewer) -> None:
    with pytest.raises(UserError, match="unknown_approver"):
        rules(cast, [part(cast.outsider)])
    with pytest.raises(UserError, match="unknown_guest"):
        services.open_link(
            workspace=cast.outsider.workspace, guest=guest, items=[item], by=cast.outsider, now=cast.now
        )


def test_the_number_of_queries_does_not_grow(
    cast: Cast, group: Channel, django_assert_num_queries: Any
) -> None:
    rules(cast, [part(cast.owner)], ["role:editor"])
    variants = []
    for number in range(12):
        made = plan.create_item(workspace=cast.workspace, by=cast.colleague, now=cast.now, text=f"№ {number}")
        plan.put_variant(item=made, channel=group, by=cast.colleague, now=cast.now)
        variants += list(made.variants.select_related("item"))
    with django_assert_num_queries(6):
        few = queries.standings(variants[:2])
    variants = [one.item.variants.select_related("item").get() for one in variants]
    with django_assert_num_queries(6):
        many = queries.standings(variants)
    assert (len(few), len(many)) == (2, 12)
