"""Comments on a post: saying, answering, settling."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.views import approvals
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import queries as plan
from spilno.plan.comments import services
from spilno.plan.comments.models import Comment
from spilno.plan.models import Item, Media
from spilno.team.permissions import Permission


def place_of(post: QueryDict) -> tuple[Decimal, Decimal] | None:
    """Where on a picture somebody pressed, ``None`` if nowhere."""
    try:
        return Decimal(str(post["x"])), Decimal(str(post["y"]))
    except (KeyError, InvalidOperation):
        return None


def _thread(item: Item, typed: str) -> Comment | None:
    """What is answered, ``None`` if it begins a thread.

    :raises UserError: ``unknown_comment`` if it is not there (any more).
    """
    if not typed:
        return None
    pk = uuid_of(typed)
    found = Comment.objects.filter(item=item, pk=pk).select_related("answers").first() if pk else None
    if found is None:
        raise UserError("unknown_comment")
    return found


def media_of(item: Item, typed: str) -> Media | None:
    """The picture that is meant, if the item has it."""
    pk = uuid_of(typed)
    return item.media.filter(pk=pk).first() if pk else None


@needs(Permission.DISCUSS)
@require_POST
def say(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say something, or answer (``answers``: the comment's id)."""
    item = plan.item_of(request.workspace, pk)
    if item is None:
        raise Http404
    post = request.POST
    variant_id = uuid_of(post.get("variant", ""))
    media = media_of(item, post.get("media", ""))
    try:
        made = services.say(
            item=item, text=post.get("text", ""), now=clock.now(), by=request.person,
            answers=_thread(item, post.get("answers", "")),
            variant=item.variants.filter(pk=variant_id).first() if variant_id else None,
            media=media, place=place_of(post) if media else None, for_guests=post.get("for_guests") == "1",
        )  # fmt: skip
    except UserError as error:
        return approvals.show(request, item, error=error)
    address = reverse("plan-approval", args=[request.workspace.slug, pk])
    return redirect(f"{address}#comment-{made.pk}")


def _comment(request: WorkspaceRequest, comment: UUID) -> Comment:
    found = (
        Comment.objects.filter(workspace=request.workspace, pk=comment)
        .select_related("answers", "item")
        .first()
    )
    if found is None:
        raise Http404
    return found


@needs(Permission.DISCUSS)
@require_POST
def settle(request: WorkspaceRequest, comment: UUID) -> HttpResponse:
    """Fold a thread (``settled=1``) or open it again."""
    found = _comment(request, comment)
    services.settle(
        comment=found, by=request.person, now=clock.now(), settled=request.POST.get("settled") == "1"
    )
    return redirect("plan-approval", request.workspace.slug, found.item_id)


@needs(Permission.DISCUSS)
@require_POST
def take_back(request: WorkspaceRequest, comment: UUID) -> HttpResponse:
    """Delete one's own comment."""
    found = _comment(request, comment)
    try:
        services.take_back(comment=found, by=request.person)
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("The comment is deleted"))
    return redirect("plan-approval", request.workspace.slug, found.item_id)


urlpatterns = [
    path("plan/items/<uuid:pk>/comments/", say, name="plan-comment"),
    path("plan/comments/<uuid:comment>/settle/", settle, name="plan-comment-settle"),
    path("plan/comments/<uuid:comment>/delete/", take_back, name="plan-comment-delete"),
]
