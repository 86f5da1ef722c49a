"""Who asks, in which workspace, in which language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone, translation

from spilno.team.models import Person
from spilno.team.permissions import may

GetResponse = Callable[[HttpRequest], HttpResponse]


class PersonLocaleMiddleware:
    """Language: what was chosen (cookie), else the browser's wish, else Ukrainian. ``?lang=`` chooses for one page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = dict(settings.LANGUAGES)
        language = request.GET.get("lang", "")
        if language not in known:
            language = translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response


_OPEN_TO_THE_DEMO = {"account_login", "account_logout", "account_signup"}


def _is_of_an_account(name: str | None) -> bool:
    """Pages that change a sign-in or what it opens: passwords, addresses, invitations."""
    return name == "join" or bool(name and name.startswith("account_") and name not in _OPEN_TO_THE_DEMO)


class WorkspaceMiddleware:
    """Resolves ``<workspace>`` in the address and enforces the permission that the view declares.

    To an outsider a workspace does not exist (404); a colleague without the permission is told so (403).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(
        self, request: Any, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if getattr(request.user, "is_demo", False) and _is_of_an_account(request.resolver_match.url_name):
            raise PermissionDenied("The demo's sign-ins belong to everybody")
        slug = kwargs.pop("workspace", None)
        if slug is None:
            return None
        permission = getattr(view, "permission", None)
        if permission is None:
            raise ImproperlyConfigured(f"{view} is inside a workspace and declares no permission")
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                # A part of a page: a sign-in form in its place would throw away what is typed around it.
                return HttpResponse(status=401)
            return redirect_to_login(request.get_full_path())
        # All of the person's workspaces at once: the frame's switch names the others.
        request.memberships = list(
            Person.objects.select_related("workspace", "department")
            .filter(user=request.user, is_active=True)
            .order_by("workspace__name")
        )
        person = next((one for one in request.memberships if one.workspace.slug == slug), None)
        if person is None:
            raise Http404
        needed = permission if request.method in ("GET", "HEAD") else view.permission_post
        if not may(person, needed):
            raise PermissionDenied(needed)
        request.person, request.workspace = person, person.workspace
        timezone.activate(ZoneInfo(person.workspace.time_zone))  # the pages' filters show times in it
        return None
