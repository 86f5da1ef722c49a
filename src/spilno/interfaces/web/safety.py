"""What a browser is told not to do with our pages: the Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

HEADER = "Content-Security-Policy"


def policy(*, forms: str = "'self'") -> str:
    """The policy of our own pages: scripts from our own files only, nothing from elsewhere, no frames around us.

    Styles in the page are allowed: positions and colours of drawings are ``style`` attributes, and the calendar and
    the charts write style sheets. A style can run nothing, and what people type never becomes one. The calendar
    carries the font of its arrows along.

    :param forms: where a form may lead, redirects included.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self'",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            f"form-action {forms}",
        )
    )


USUAL = policy()
# Connecting a channel sends a form and is redirected to whichever network was typed: browsers count that as the form's.
TO_NETWORKS = policy(forms="'self' https: http:")


class PolicyMiddleware:
    """Puts the policy on every answer that has none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, USUAL)
        return response


def leads_to_networks(view: View) -> View:
    """A view whose form may be answered with a redirect to a network."""

    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response.headers[HEADER] = TO_NETWORKS
        return response

    return inner  # type: ignore[return-value]
