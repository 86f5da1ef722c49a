"""Every page inside a workspace declares the permission it needs; :class:`WorkspaceMiddleware` enforces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from spilno.team.models import Person, User, Workspace
from spilno.team.permissions import Permission

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class WorkspaceRequest(HttpRequest):
    """A request inside a workspace, made by somebody who belongs to it."""

    workspace: Workspace
    person: Person
    user: User
    htmx: HtmxDetails
    memberships: list[Person]
    unanswered: int


def needs(permission: Permission, *, post: Permission | None = None) -> Callable[[View], View]:
    """Declare what a view needs: ``permission`` to look, ``post`` (if given) for anything but GET and HEAD."""

    def mark(view: View) -> View:
        marked: Any = view
        marked.permission = permission
        marked.permission_post = post or permission
        return view

    return mark


def may_add_workspace(user: object) -> bool:
    """May this visitor make one more workspace? Staff of the installation may, or everybody where sign-up is open."""
    if not isinstance(user, User) or user.is_demo:
        return False
    return user.is_staff or bool(settings.SPILNO_SIGNUP_OPEN)
