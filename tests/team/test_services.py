from __future__ import annotations

from datetime import timedelta

import pytest

from spilno.kernel.errors import NotAllowed, UserError
from spilno.team import services
from spilno.team.models import Department, Person, User
from tests.conftest import Cast


def test_a_workspace_comes_with_the_four_departments(cast: Cast) -> None:
    keys = Department.objects.filter(workspace=cast.workspace).values_list("key", flat=True)
    assert sorted(keys) == ["marketing", "product", "sales", "support"]


def test_an_invitation_lets_one_person_in_once(cast: Cast) -> None:
    _, token = services.invite(workspace=cast.workspace, by=cast.owner, now=cast.now, roles=["author"])
    user = User.objects.create_user("new@example.org", "correct horse 42", name="Нова")
    person = services.accept_invitation(token=token, user=user, now=cast.now)
    assert person.workspace == cast.workspace
    assert person.roles == ["author"]
    late = User.objects.create_user("late@example.org", "correct horse 42")
    with pytest.raises(UserError, match="invitation_over"):
        services.accept_invitation(token=token, user=late, now=cast.now)
    assert not Person.objects.filter(user=late).exists()


def test_an_invitation_ends(cast: Cast) -> None:
    _, token = services.invite(workspace=cast.workspace, by=cast.owner, now=cast.now, roles=["author"])
    with pytest.raises(UserError, match="invitation_over"):
        services.open_invitation(token=token, now=cast.now + timedelta(days=14))


def test_only_who_manages_the_team_invites(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        services.invite(workspace=cast.workspace, by=cast.colleague, now=cast.now, roles=["author"])


def test_slugs_are_readable_in_ukrainian() -> None:
    assert services.slug_for("Благодійний ярмарок книг") == "blahodiinyi-yarmarok-knyh"
    assert services.slug_for("Її згадка", taken=["yii-zghadka"]) == "yii-zghadka-2"
