from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.team.models import Invitation, Person, User, Workspace
from spilno.team.services import accept_invitation, add_person, create_workspace, invite
from tests.conftest import NOW, Cast

FORM = {
    "name": "Олена Бондар",
    "email": "Olena@Example.org",
    "password": "дуже довгий пароль",
    "workspace": "Дім доставки",
    "market": "b2b",
    "language": "uk",
    "time_zone": "Europe/Kyiv",
    "currency": "UAH",
}


@pytest.mark.django_db
def test_the_first_visit_makes_owner_and_workspace() -> None:
    client = Client()
    assert client.get("/").headers["Location"] == "/setup/"
    assert client.get("/setup/").status_code == 200
    answer = client.post("/setup/", FORM)
    workspace = Workspace.objects.get()
    assert answer.headers["Location"] == f"/w/{workspace.slug}/today/"
    person = Person.objects.get(workspace=workspace)
    assert person.is_owner
    assert person.user is not None
    assert person.user.email == "olena@example.org"
    # The door is closed behind the first one.
    assert Client().get("/setup/").headers["Location"] == "/"
    assert Client().post("/setup/", {**FORM, "email": "other@example.org"}).headers["Location"] == "/"
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "12345"),
        ("email", "not an address"),
        ("workspace", ""),
        ("time_zone", "Mars/Base"),
        ("name", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(field: str, value: str) -> None:
    answer = Client().post("/setup/", {**FORM, field: value})
    assert answer.status_code == 200
    assert answer.context["form"].errors[field]
    if field != "workspace":
        assert "Дім доставки" in answer.content.decode()
    assert not User.objects.exists()


def test_a_person_with_an_invitation_joins_with_a_new_account(cast: Cast) -> None:
    _, token = invite(workspace=cast.workspace, by=cast.owner, now=cast.now, roles=["author"])

    Invitation.objects.update(expires_at=clock.now() + timedelta(days=1))
    client = Client()
    assert "Delivery House" in client.get(f"/join/{token}/").content.decode()
    answer = client.post(
        f"/join/{token}/", {"name": "Ірина", "email": "iryna@example.org", "password": "дуже довгий пароль"}
    )
    assert answer.headers["Location"] == "/w/delivery-house/today/"
    assert Person.objects.get(user__email="iryna@example.org").roles == ["author"]
    assert Client().get(f"/join/{token}/").status_code == 404


def test_settings_show_the_team_and_invite_by_mail(cast: Cast, client_of: Callable[[Person], Client]) -> None:
    client = client_of(cast.owner)
    page = client.get("/w/delivery-house/settings/").content.decode()
    assert "Taras" in page
    answer = client.post(
        "/w/delivery-house/settings/invite/",
        {"roles": ["editor"], "department": "", "email": "new@example.org"},
    )
    assert answer.status_code == 200
    link = answer.context["page"].link
    assert "/join/" in link
    assert link in mail.outbox[0].body
    missing = client.post("/w/delivery-house/settings/invite/", {"department": "", "email": ""})
    assert missing.status_code == 422


def test_roles_departments_and_access_can_be_changed(
    cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    client = client_of(cast.owner)
    base = "/w/delivery-house/settings"
    client.post(
        f"{base}/people/{cast.colleague.pk}/", {"roles": ["designer", "author"], "department": "marketing"}
    )
    cast.colleague.refresh_from_db()
    assert cast.colleague.roles == ["designer", "author"]
    client.post(f"{base}/people/{cast.colleague.pk}/active/", {"active": "0"})
    assert client_of(cast.colleague).get("/w/delivery-house/settings/").status_code == 404
    client.post(f"{base}/people/{cast.owner.pk}/active/", {"active": "0"})
    cast.owner.refresh_from_db()
    assert cast.owner.is_active
    client.post(f"{base}/departments/", {"department-name": "Юридичний"})
    client.post(f"{base}/communities/", {"community-name": "Спільнота", "community-kind": "practice"})
    page = client.get(f"{base}/").content.decode()
    assert "Юридичний" in page
    assert "Спільнота" in page


def test_who_may_not_manage_the_team_sees_it_and_changes_nothing(
    cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    client = client_of(cast.analyst)
    assert client.get("/w/delivery-house/settings/").status_code == 200
    assert client.post("/w/delivery-house/settings/invite/", {"roles": ["author"]}).status_code == 403
    assert client.get("/w/delivery-house/settings/roles/").status_code == 200


def test_an_outsider_finds_no_workspace(cast: Cast, client_of: Callable[[Person], Client]) -> None:
    assert client_of(cast.outsider).get("/w/delivery-house/settings/").status_code == 404
    assert Client().get("/w/delivery-house/settings/").headers["Location"].startswith("/account/login/")


@pytest.fixture
def demo_person(cast: Cast) -> Person:
    """A colleague of a demo workspace, as anybody can sign in."""
    user = User.objects.create_user("olena@demo.example", None, name="Olena", is_demo=True)
    workspace = create_workspace(name="Demo", slug="demo", is_demo=True, now=NOW)
    return add_person(
        workspace=workspace, name="Olena", roles=["community_manager"], by=None, now=NOW, user=user
    )


@pytest.mark.parametrize(
    "url",
    [
        "/account/password/change/",
        "/account/password/set/",
        "/account/email/",
        "/account/password/reset/",
        "/account/reauthenticate/",
    ],
)
def test_the_demos_sign_ins_belong_to_everybody(
    demo_person: Person, client_of: Callable[[Person], Client], url: str
) -> None:
    client = client_of(demo_person)
    assert client.get(url).status_code == 403
    assert client.post(url, {"email": "thief@example.org", "action_add": ""}).status_code == 403


def test_the_demo_reaches_nothing_else(
    demo_person: Person, cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    client = client_of(demo_person)
    assert client.get("/w/demo/today/").status_code == 200
    assert client.get("/w/delivery-house/today/").status_code == 404
    for url in ("/design/", "/design/panel/"):
        assert client.get(url).status_code == 403
    client.post("/workspaces/new/", FORM)
    assert not Workspace.objects.filter(name=FORM["workspace"]).exists()
    _invitation, token = invite(workspace=cast.workspace, by=cast.owner, now=clock.now(), roles=["editor"])
    assert client.get(f"/join/{token}/").status_code == 403
    assert client.post(f"/join/{token}/").status_code == 403
    assert demo_person.user is not None
    with pytest.raises(UserError, match="demo_cannot_join"):
        accept_invitation(token=token, user=demo_person.user, now=clock.now())
    assert not Person.objects.filter(workspace=cast.workspace, user=demo_person.user).exists()


@pytest.mark.django_db
def test_after_the_demo_the_first_person_still_makes_it_theirs() -> None:
    User.objects.create_user("olena@demo.example", None, name="Olena", is_demo=True)
    assert Client().get("/").headers["Location"] == "/account/login/"
    assert 'href="/setup/"' in Client().get("/account/login/").content.decode()
    client = Client()
    assert client.get("/setup/").status_code == 200
    client.post("/setup/", FORM)
    assert Person.objects.get(is_owner=True).user.is_staff  # type: ignore[union-attr]
    assert 'href="/setup/"' not in Client().get("/account/login/").content.decode()
    assert Client().get("/setup/").status_code == 302


def test_the_menus_lead_to_the_account_and_to_one_more_workspace(
    cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    today = reverse("today", args=[cast.workspace.slug])
    page = client_of(cast.colleague).get(today).content.decode()
    assert f'href="{reverse("profile")}"' in page
    assert f'href="{reverse("workspace-new")}"' not in page
    assert cast.owner.user is not None
    cast.owner.user.is_staff = True
    cast.owner.user.save()
    page = client_of(cast.owner).get(today).content.decode()
    assert f'href="{reverse("workspace-new")}"' in page


def test_nobody_is_invited_to_sign_up_where_nobody_may(client: Client, cast: Cast, settings: Any) -> None:
    login_page, signup = reverse("account_login"), reverse("account_signup")
    settings.SPILNO_SIGNUP_OPEN = False
    assert signup not in client.get(login_page).content.decode()
    settings.SPILNO_SIGNUP_OPEN = True
    assert signup in client.get(login_page).content.decode()
