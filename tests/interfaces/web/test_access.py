"""Every address inside a workspace, asked for by a stranger, an outsider and colleagues without the permission."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from spilno.team.models import Person, Role
from spilno.team.permissions import TABLE, Permission, may
from spilno.team.services import add_person
from tests.conftest import NOW, Cast

EXAMPLES: dict[str, Any] = {
    "UUIDConverter": "01999999-0000-7000-8000-000000000001",
    "SlugConverter": "some-slug",
    "StringConverter": "something",
    "IntConverter": 1,
    "PathConverter": "some/path",
}


def inside() -> Iterator[URLPattern]:
    """Patterns below ``/w/<workspace>/``."""

    def walk(resolver: URLResolver, within: bool) -> Iterator[URLPattern]:
        for pattern in resolver.url_patterns:
            here = within or "workspace" in pattern.pattern.converters
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, here)
            elif here:
                yield pattern

    yield from walk(get_resolver(), False)


PATTERNS = sorted(inside(), key=lambda one: one.name or "")


def address(pattern: URLPattern, workspace: str) -> str:
    values = {
        name: EXAMPLES[type(converter).__name__]
        for name, converter in pattern.pattern.converters.items()
        if name != "workspace"
    }
    return reverse(str(pattern.name), kwargs={"workspace": workspace, **values})


def test_there_are_pages_to_walk_and_each_has_a_name() -> None:
    assert len(PATTERNS) > 20
    assert all(one.name for one in PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.name)
def test_every_page_declares_its_permission(pattern: URLPattern) -> None:
    assert isinstance(getattr(pattern.callback, "permission", None), Permission)
    assert isinstance(getattr(pattern.callback, "permission_post", None), Permission)


def test_strangers_sign_in_first(cast: Cast) -> None:
    for pattern in PATTERNS:
        for answer in (
            Client().get(address(pattern, "delivery-house")),
            Client().post(address(pattern, "delivery-house")),
        ):
            assert answer.status_code == 302, pattern.name
            assert answer.headers["Location"].startswith("/account/login/"), pattern.name


def test_for_an_outsider_the_workspace_does_not_exist(
    cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    client = client_of(cast.outsider)
    for pattern in PATTERNS:
        assert client.get(address(pattern, "delivery-house")).status_code == 404, pattern.name
        assert client.post(address(pattern, "delivery-house")).status_code == 404, pattern.name


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COMMUNITY_LEADER, Role.GUEST, Role.DESIGNER])
def test_a_colleague_without_the_permission_is_told_so(
    cast: Cast, client_of: Callable[[Person], Client], role: Role
) -> None:
    from spilno.team.models import User

    user = User.objects.create_user("someone@example.org", "correct horse 42")
    person = add_person(
        workspace=cast.workspace, name="Someone", roles=[role], by=cast.owner, now=NOW, user=user
    )
    client = client_of(person)
    refused = 0
    for pattern in PATTERNS:
        view: Any = pattern.callback
        if not may(person, view.permission):
            assert client.get(address(pattern, "delivery-house")).status_code == 403, pattern.name
            refused += 1
        if not may(person, view.permission_post):
            assert client.post(address(pattern, "delivery-house")).status_code == 403, pattern.name
            refused += 1
    assert refused


def test_who_changes_things_needs_more_than_to_look() -> None:
    """A view that only looks at ``VIEW`` for POST would let analysts change things."""
    lookers = {Permission.VIEW, Permission.REPORT_VIEW}
    for pattern in PATTERNS:
        view: Any = pattern.callback
        name = str(pattern.name)
        writes = any(
            part in name
            for part in ("new", "save", "add", "delete", "remove", "move", "edit", "cancel", "retry")
        )
        if writes:
            assert view.permission_post not in lookers, name


def test_the_table_names_every_permission() -> None:
    assert set(TABLE) == set(Permission)
