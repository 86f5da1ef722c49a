"""The library: the workspace's pictures, and the views that hand files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import media as files
from spilno.plan import queries, services
from spilno.plan.models import Item, Media
from spilno.team.permissions import Permission, may

PICTURES = 60  # on one page
YEAR = 60 * 60 * 24 * 365


@dataclass(frozen=True)
class LibraryPage:
    page: Page[Media]
    may_edit: bool
    undescribed: int  # pictures without a description
    only: str  # "" or "undescribed"
    total: int


@dataclass(frozen=True)
class PicturePage:
    media: Media
    items: Sequence[tuple[Item, str]]  # with what to call each
    uses: int
    kept_by_deleted: int
    may_edit: bool
    error: str = ""
    alt: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def library(request: WorkspaceRequest) -> HttpResponse:
    """All pictures, newest first; a POST with ``files`` uploads."""
    if request.method == "POST":
        return _upload(request)
    found = queries.library(request.workspace)
    undescribed = Media.objects.filter(workspace=request.workspace, alt="").count()
    only = "undescribed" if request.GET.get("only") == "undescribed" else ""
    if only:
        found = found.filter(alt="")
    page = Paginator(found, PICTURES).get_page(request.GET.get("page"))
    context = LibraryPage(
        page=page,
        may_edit=may(request.person, Permission.PLAN_EDIT),
        undescribed=undescribed,
        only=only,
        total=page.paginator.count,
    )
    return render(request, "library/library.html", {"page": context})


def _upload(request: WorkspaceRequest) -> HttpResponse:
    stored = 0
    for file in request.FILES.getlist("files"):
        try:
            services.store_media(
                workspace=request.workspace,
                by=request.person,
                now=clock.now(),
                name=file.name or "",
                content=file,  # type: ignore[arg-type]
            )
            stored += 1
        except UserError as error:
            messages.error(request, f"{file.name}: {text_of(error)}")
    if stored:
        said = ngettext(
            "%(number)s picture is in the library", "%(number)s pictures are in the library", stored
        )
        messages.success(request, said % {"number": stored})
    elif not request.FILES:
        messages.error(request, _("No picture was chosen."))
    return redirect("library", request.workspace.slug)


def _media(request: WorkspaceRequest, pk: UUID) -> Media:
    found = queries.library(request.workspace).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def picture(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """One picture: its description, where it is used."""
    found = _media(request, pk)
    error, alt = "", found.alt
    if request.method == "POST":
        alt = request.POST.get("alt", "")
        try:
            services.describe_media(media=found, alt=alt, by=request.person, now=clock.now())
        except UserError as refused:
            error = text_of(refused)
        else:
            messages.success(request, _("The description is saved"))
            return redirect("library", request.workspace.slug)
    page = PicturePage(
        media=found,
        items=[
            (one, queries.title_of(one.title, one.text) or _("Without words yet"))
            for one in found.items.filter(deleted_at=None).order_by("-updated_at")[:50]
        ],
        uses=found.uses,  # type: ignore[attr-defined]
        kept_by_deleted=found.kept_by_deleted,  # type: ignore[attr-defined]
        may_edit=may(request.person, Permission.PLAN_EDIT),
        error=error,
        alt=alt,
    )
    in_panel = request.headers.get("HX-Target") == "panel"
    template = "library/panel.html" if in_panel else "library/picture.html"
    return render(request, template, {"page": page, "in_panel": in_panel}, status=422 if error else 200)


@require_POST
@needs(Permission.PLAN_EDIT)
def delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Delete a picture that nothing uses."""
    try:
        services.delete_media(media=_media(request, pk), by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect("library-picture", request.workspace.slug, pk)
    messages.success(request, _("The picture is deleted"))
    return redirect("library", request.workspace.slug)


@require_GET
@needs(Permission.VIEW)
def file(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """The file itself, for people of its workspace."""
    found = _media(request, pk)
    return _served(files.path_of(found), found.mime, found.name, public=False)


@require_GET
@needs(Permission.VIEW)
def small(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """A small version, for lists and previews."""
    found = Media.objects.filter(workspace=request.workspace, pk=pk).first()
    if found is None:
        raise Http404
    try:
        where = files.small_of(found)
    except OSError:
        raise Http404 from None
    return _served(where, "image/webp", "", public=False)


@require_http_methods(["GET", "HEAD"])
def public_file(request: HttpRequest, token: str, extension: str) -> HttpResponseBase:
    """The file behind a signed address that ends after a day, for networks that fetch pictures by themselves."""
    found = files.from_token(token=token, now=clock.now())
    if found is None or extension != files.extension_of(found):
        raise Http404
    return _served(files.path_of(found), found.mime, "", public=True)


def _served(where: Path, mime: str, name: str, *, public: bool) -> HttpResponseBase:
    try:
        response = FileResponse(where.open("rb"), content_type=mime)
    except OSError:
        raise Http404 from None
    # What a file's address stands for never changes; only those who may see it keep a copy.
    response.headers["Cache-Control"] = (
        "public, max-age=3600" if public else f"private, max-age={YEAR}, immutable"
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if name:
        response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name)}"
    return response


urlpatterns = [
    path("library/", library, name="library"),
    path("library/<uuid:pk>/", picture, name="library-picture"),
    path("library/<uuid:pk>/delete/", delete, name="library-delete"),
    path("library/<uuid:pk>/file/", file, name="library-file"),
    path("library/<uuid:pk>/small/", small, name="library-small"),
]

public_urlpatterns = [
    path(f"{settings.MEDIA_URL.strip('/')}/<str:token>.<slug:extension>", public_file, name="media-public"),
]
