"""The small cast that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from hypothesis import HealthCheck, settings

from spilno.team.models import Person, Role, User, Workspace
from spilno.team.services import add_person, create_workspace

pytest_plugins = ["tests.servers.fixtures"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("spilno", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spilno")

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)  # a Friday, noon in Kyiv


@dataclass(frozen=True)
class Cast:
    """``owner`` owns the workspace; ``colleague`` is a designer in it; ``outsider`` belongs to another one."""

    workspace: Workspace
    owner: Person
    colleague: Person
    analyst: Person  # may look at everything and change nothing
    other_workspace: Workspace
    outsider: Person
    now: datetime


@pytest.fixture(autouse=True, scope="session")
def emptied_between_tests() -> Iterator[None]:
    """Tests with transactions of their own empty all tables afterwards; the record of facts has to be told so."""
    flush = DatabaseOperations.sql_flush

    def sql_flush(*args: Any, **values: Any) -> list[str]:
        statements = flush(*args, **values)
        return ["SET LOCAL spilno.erase = 'on';", *statements] if statements else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def cast(db: None) -> Cast:
    def user(name: str) -> User:
        return User.objects.create_user(f"{name}@example.org", "correct horse 42", name=name.capitalize())

    workspace = create_workspace(name="Delivery House", slug="delivery-house", owner=user("olena"), now=NOW)
    other = create_workspace(name="Elsewhere", slug="elsewhere", owner=user("petro"), now=NOW)
    owner = Person.objects.get(workspace=workspace, is_owner=True)

    def colleague(name: str, role: str) -> Person:
        return add_person(
            workspace=workspace, name=name.capitalize(), roles=[role], by=owner, now=NOW, user=user(name)
        )

    return Cast(
        workspace=workspace,
        owner=owner,
        colleague=colleague("taras", Role.DESIGNER),
        analyst=colleague("ivan", Role.ANALYST),
        other_workspace=other,
        outsider=Person.objects.get(workspace=other),
        now=NOW,
    )


@pytest.fixture
def client_of(cast: Cast) -> Callable[[Person], Client]:
    """A browser in which the person is signed in."""

    def signed_in(person: Person) -> Client:
        client = Client()
        assert person.user is not None
        client.force_login(person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return signed_in
