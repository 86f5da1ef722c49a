"""What is said about a post, to whom, and who is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan import services as plan
from spilno.plan.approvals import services as approvals
from spilno.plan.approvals.models import GuestReviewer
from spilno.plan.comments import letters, queries, services
from spilno.plan.comments.models import Comment
from spilno.plan.models import Item
from tests.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(cast: Cast) -> Item:
    return plan.create_item(workspace=cast.workspace, by=cast.colleague, now=cast.now, text="Ярмарок")


@pytest.fixture
def guest(cast: Cast) -> GuestReviewer:
    return approvals.save_guest(
        workspace=cast.workspace, by=cast.owner, now=cast.now, name="Юристка", email="law@example.org",
        language="uk",
    )  # fmt: skip


def say(cast: Cast, item: Item, text: str, minutes: int = 0, **values: Any) -> Comment:
    if "guest" not in values:
        values.setdefault("by", cast.owner)
    return services.say(item=item, text=text, now=cast.now + timedelta(minutes=minutes), **values)


def test_answers_belong_to_their_thread_however_deep(cast: Cast, item: Item) -> None:
    first = say(cast, item, "Чи точна дата?")
    second = say(cast, item, "Так", 1, by=cast.colleague, answers=first)
    third = say(cast, item, "Дякую", 2, answers=second)
    (thread,) = queries.threads(item)
    assert (thread.begin, thread.answers) == (first, (second, third))


def test_a_settled_thread_folds_and_opens_when_it_goes_on(cast: Cast, item: Item) -> None:
    first = say(cast, item, "Чи точна дата?")
    services.settle(comment=first, by=cast.colleague, now=cast.now)
    (thread,) = queries.threads(item)
    assert thread.settled
    assert queries.open_counts(cast.workspace, [item.pk]) == {item.pk: 0}
    say(cast, item, "А все ж таки?", 1, answers=first)
    assert not queries.threads(item)[0].settled
    assert queries.open_counts(cast.workspace, [item.pk]) == {item.pk: 1}


def test_guests_see_only_what_is_meant_for_them(cast: Cast, item: Item, guest: GuestReviewer) -> None:
    secret = say(cast, item, "Клієнт не повинен цього бачити")
    shown = say(cast, item, "Вам подобається?", for_guests=True)
    own = say(cast, item, "Так, але коротше", guest=guest)
    answer = say(cast, item, "Зробимо", answers=own)
    assert answer.for_guests
    assert {one.begin for one in queries.threads(item, guests=True)} == {shown, own}
    with pytest.raises(UserError, match="unknown_comment"):
        say(cast, item, "Що там?", guest=guest, answers=secret)


def test_a_place_of_a_picture_is_numbered_for_each_picture(cast: Cast, item: Item) -> None:
    with pytest.raises(UserError, match="bad_place"):
        say(cast, item, "Тут", place=(Decimal("0.5"), Decimal("0.5")))
    other = Item.objects.create(
        workspace=cast.workspace, key="other", created_at=cast.now, updated_at=cast.now, text="Інше"
    )
    with pytest.raises(UserError, match="unknown_comment"):
        say(cast, other, "?", answers=say(cast, item, "Тут"))


def test_nothing_and_too_much_are_refused(cast: Cast, item: Item) -> None:
    for text, code in (("  \n", "comment_empty"), ("а" * 5_001, "comment_too_long")):
        with pytest.raises(UserError, match=code):
            say(cast, item, text)
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Гляньте, @Taras, будь ласка", {"Taras"}),
        ("пошта taras@example.org", set()),
        ("@TARAS і @olena!", {"Taras", "Olena"}),
        ("@Tarasович", set()),
        ("без згадок", set()),
    ],
)
def test_who_is_mentioned(cast: Cast, text: str, told: set[str]) -> None:
    assert {one.name for one in services.mentioned(text, cast.workspace.pk)} == told


def test_letters_go_once_to_those_concerned_and_never_to_who_spoke(
    cast: Cast, item: Item, guest: GuestReviewer
) -> None:
    own = say(cast, item, "Коротше", guest=guest)
    assert letters.tell(now=cast.now) == 1
    assert mail.outbox[0].to == ["taras@example.org"]
    mail.outbox.clear()
    say(cast, item, "Зробимо, @Taras", 1, answers=own)
    assert letters.tell(now=cast.now + timedelta(minutes=1)) == 2
    assert sorted(one.to[0] for one in mail.outbox) == ["law@example.org", "taras@example.org"]
    assert letters.tell(now=cast.now + timedelta(minutes=2)) == 0


def test_only_ones_own_and_only_unanswered_can_be_taken_back(cast: Cast, item: Item) -> None:
    first = say(cast, item, "Ой")
    with pytest.raises(NotAllowed):
        services.take_back(comment=first, by=cast.colleague)
    answer = say(cast, item, "Що?", 1, by=cast.colleague, answers=first)
    with pytest.raises(UserError, match="comment_answered"):
        services.take_back(comment=first, by=cast.owner)
    services.take_back(comment=answer, by=cast.colleague)
    services.take_back(comment=first, by=cast.owner)
    assert not Comment.objects.exists()
