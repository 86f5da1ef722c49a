"""A delivery: how far it is, what happens next, what was tried; and the page of a post that a person makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.delivery_words import Words, lines, next_words, problem_words
from spilno.interfaces.web.messages import text_of
from spilno.kernel import clock
from spilno.kernel.clock import from_wall
from spilno.kernel.errors import UserError
from spilno.publishing import queries, services, takedown
from spilno.publishing.comments import services as comments
from spilno.publishing.comments.models import FirstComment
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.permissions import Permission, may


def _show(
    request: WorkspaceRequest, pk: UUID, *, error: UserError | None = None, status: int = 200
) -> HttpResponse:
    page = queries.delivery_page(request.workspace, pk)
    if page is None:
        raise Http404
    now = clock.now()
    words = Words(get_language() or "uk", request.workspace.time_zone, now)
    comment = FirstComment.objects.filter(delivery=page.delivery).first()
    problem = (
        UserError(comment.error_code, **comment.error_params) if comment and comment.error_code else None
    )
    context: dict[str, Any] = {
        "comment": comment,
        "comment_problem": text_of(problem) if problem else "",
        "page": page,
        "looks_again": queries.changes_soon(page.delivery, now)
        or (comment is not None and comment.next_try_at is not None),
        "delivery": page.delivery,
        "next": next_words(page, words),
        "problem": problem_words(page),
        "events": lines(page, words),
        "to_copy": page.sent if page.sent else page.text,
        "may_publish": may(request.person, Permission.PUBLISH),
        "is_reminder": page.delivery.state == DeliveryState.REMINDED,
        "typed": request.POST,
        "url_error": text_of(error) if error and error.field == "url" else "",
        "time_error": text_of(error) if error and error.field == "posted_at" else "",
        "can_move": page.can_retry,
        "at_error": text_of(error) if error and error.field == "at" else "",
    }
    return render(request, "deliveries/delivery.html", context, status=status)


@needs(Permission.VIEW)
@require_GET
def delivery_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """The delivery; while it moves, the page looks again by itself."""
    return _show(request, pk)


def _delivery(request: WorkspaceRequest, pk: UUID) -> Delivery:
    found = Delivery.objects.filter(workspace=request.workspace, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _moment(request: WorkspaceRequest, field: str) -> datetime | None:
    """What was typed as a local time, ``None`` if nothing was.

    :raises UserError: ``not_a_time`` and those of :func:`spilno.kernel.clock.from_wall`, naming the field.
    """
    typed = request.POST.get(field, "").strip()
    if not typed:
        return None
    try:
        return from_wall(datetime.fromisoformat(typed), request.workspace.time_zone)
    except ValueError:
        raise UserError("not_a_time", field=field) from None
    except UserError as error:
        raise UserError(error.code, field=field, **error.params) from None


def _decided(
    request: WorkspaceRequest, pk: UUID, decide: Callable[..., Delivery], done: str, **values: Any
) -> HttpResponse:
    delivery = _delivery(request, pk)
    try:
        decide(delivery=delivery, by=request.person, now=clock.now(), **values)
    except UserError as error:
        if error.field in ("url", "posted_at"):
            return _show(request, pk, error=error, status=422)
        messages.error(request, text_of(error))
    else:
        messages.success(request, done)
    return redirect("plan-delivery", request.workspace.slug, pk)


@needs(Permission.PUBLISH)
@require_POST
def cancel(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Call it off."""
    return _decided(request, pk, services.cancel, _("Called off. Nothing leaves."))


@needs(Permission.PUBLISH)
@require_POST
def retry(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Send it again."""
    return _decided(request, pk, services.retry, _("It will be sent again."))


@needs(Permission.PUBLISH)
@require_POST
def later(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give what missed its time, failed or was called off another one."""
    delivery = _delivery(request, pk)
    try:
        at = _moment(request, "at")
        if at is None:
            raise UserError("not_a_time", field="at")
        services.schedule(variant=delivery.variant, due_at=at, by=request.person, now=clock.now())
    except UserError as error:
        if error.field in ("at", "publish_at"):
            return _show(request, pk, error=UserError(error.code, field="at", **error.params), status=422)
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("It has a new time."))
    return redirect("plan-delivery", request.workspace.slug, pk)


@needs(Permission.PUBLISH)
@require_POST
def take_down(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Delete the post on its network."""
    return _decided(request, pk, takedown.take_down, _("It is deleted on the network."), clock=clock.now)


@needs(Permission.PUBLISH)
@require_POST
def absent(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A person looked: it is not there."""
    return _decided(request, pk, services.confirm_absent, _("Thank you. It is sent again."))


@needs(Permission.PUBLISH)
@require_POST
def confirm(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A person says that it is out, with the link and the time."""
    try:
        posted_at = _moment(request, "posted_at")
    except UserError as error:
        return _show(request, pk, error=error, status=422)
    url = request.POST.get("url", "")
    return _decided(
        request, pk, services.confirm_posted, _("Confirmed: it is out."), url=url, posted_at=posted_at
    )


@needs(Permission.PUBLISH)
@require_POST
def first_comment(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """What shall become of the first comment: it is there, again, or none."""
    delivery = _delivery(request, pk)
    found = FirstComment.objects.filter(workspace=request.workspace, delivery=delivery).first()
    decide = {"there": comments.is_there, "again": comments.again, "drop": comments.drop}.get(
        request.POST.get("do", "")
    )
    if found is None or decide is None:
        raise Http404
    try:
        decide(comment=found, by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("Saved"))
    return redirect("plan-delivery", request.workspace.slug, pk)


urlpatterns = [
    path("plan/deliveries/<uuid:pk>/comment/", first_comment, name="plan-delivery-comment"),
    path("plan/deliveries/<uuid:pk>/", delivery_page, name="plan-delivery"),
    path("plan/deliveries/<uuid:pk>/cancel/", cancel, name="plan-delivery-cancel"),
    path("plan/deliveries/<uuid:pk>/retry/", retry, name="plan-delivery-retry"),
    path("plan/deliveries/<uuid:pk>/later/", later, name="plan-delivery-later"),
    path("plan/deliveries/<uuid:pk>/take-down/", take_down, name="plan-delivery-take-down"),
    path("plan/deliveries/<uuid:pk>/absent/", absent, name="plan-delivery-absent"),
    path("plan/deliveries/<uuid:pk>/confirm/", confirm, name="plan-delivery-confirm"),
]
