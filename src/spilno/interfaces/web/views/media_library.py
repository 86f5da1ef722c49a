"""The library: the workspace's pictures, videos and documents, and the views that hand files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.serving import serve
from spilno.interfaces.web.uploads import store_all
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import checks, queries, renditions, services, stored
from spilno.plan import media as files
from spilno.plan.models import Item, Media, Rendition
from spilno.team.permissions import Permission, may

PICTURES = 60  # on one page


@dataclass(frozen=True)
class LibraryPage:
    page: Page[Media]
    may_edit: bool
    most_bytes: int  # of one file
    undescribed: int  # pictures without a description
    only: str  # "" or "undescribed"
    total: int


@dataclass(frozen=True)
class Made:
    """What a file becomes for a post that goes out: its channel, what, and how far that is."""

    use: queries.Use
    state: str
    text: str
    problem: str
    url: str
    place: str  # of the channel's, if it has several


@dataclass(frozen=True)
class PicturePage:
    media: Media
    made: Sequence[Made]
    items: Sequence[tuple[Item, str]]  # with what to call each
    uses: int
    kept_by_deleted: int
    may_edit: bool
    error: str = ""
    alt: str = ""

    @property
    def alt_label(self) -> str:
        return {"video": _("What is in the video?"), "file": _("What is the document about?")}.get(
            self.media.kind, _("What is in the picture?")
        )

    @property
    def failed(self) -> bool:
        return any(one.state == Rendition.State.FAILED for one in self.made)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def library(request: WorkspaceRequest) -> HttpResponse:
    """Everything, newest first; a POST with ``files`` uploads (without scripts)."""
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
        most_bytes=settings.SPILNO_UPLOAD_MAX_BYTES,
        undescribed=undescribed,
        only=only,
        total=page.paginator.count,
    )
    return render(request, "library/library.html", {"page": context})


def _upload(request: WorkspaceRequest) -> HttpResponse:
    stored_now, problems = store_all(request)
    for name, problem in problems:
        messages.error(request, f"{name}: {text_of(problem)}")
    if stored_now:
        number = len(stored_now)
        said = ngettext("%(number)s file is in the library", "%(number)s files are in the library", number)
        messages.success(request, said % {"number": number})
    elif not problems:
        messages.error(request, _("No file was chosen."))
    return redirect("library", request.workspace.slug)


@require_POST
@needs(Permission.PLAN_EDIT)
def upload(request: WorkspaceRequest) -> HttpResponse:
    """Files as they are dropped or chosen, one request each: their cards, and a line for what is none."""
    stored_now, problems = store_all(request)
    ids = [one.pk for one in stored_now]
    context = {
        "media": queries.library(request.workspace).filter(pk__in=ids),
        "problems": [(name, text_of(problem)) for name, problem in problems],
    }
    status = 422 if problems and not stored_now else 200
    return render(request, "library/_cards.html", context, status=status)


def _media(request: WorkspaceRequest, pk: UUID) -> Media:
    found = queries.library(request.workspace).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def picture(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """One file: its description, where it is used, what it becomes."""
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
        made=[_made(request, one) for one in queries.uses_of(found)],
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


def _made(request: WorkspaceRequest, use: queries.Use) -> Made:
    row = use.rendition
    url = ""
    if row is not None and row.state == Rendition.State.READY:
        url = reverse("library-made", args=[request.workspace.slug, row.media_id, row.pk])
    problem = ""
    if row is not None and row.error_code:
        problem = text_of(UserError(row.error_code, **row.error_params))
    places = {one.key: one for one in checks.placements_of(use.variant.channel)}
    place = places.get(use.variant.placement)
    label = pick(place.label, request.LANGUAGE_CODE) if place and len(places) > 1 else ""
    text = checks.what_becomes(use.media, use.fit)
    return Made(use, row.state if row else "", text, problem, url, label)


@require_POST
@needs(Permission.PLAN_EDIT)
def again(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Try once more to convert what failed."""
    found = _media(request, pk)
    if renditions.retry(workspace=request.workspace, media=found, by=request.person, now=clock.now()):
        messages.success(request, _("It is being tried again"))
    return redirect("library-picture", request.workspace.slug, pk)


@require_POST
@needs(Permission.PLAN_EDIT)
def delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Delete a file that nothing uses."""
    try:
        services.delete_media(media=_media(request, pk), by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect("library-picture", request.workspace.slug, pk)
    messages.success(request, _("The file is deleted"))
    return redirect("library", request.workspace.slug)


@require_safe
@needs(Permission.VIEW)
def file(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """The file itself, for people of its workspace."""
    found = Media.objects.filter(workspace=request.workspace, pk=pk).first()
    if found is None:
        raise Http404
    return serve(request, name=str(found.file.name), mime=found.mime, size=found.bytes, save_as=found.name)


@require_safe
@needs(Permission.VIEW)
def made(request: WorkspaceRequest, pk: UUID, rendition: UUID) -> HttpResponseBase:
    """What a file was made into, for people of its workspace."""
    found = (
        Rendition.objects.filter(
            workspace=request.workspace, media=pk, pk=rendition, state=Rendition.State.READY
        )
        .select_related("media")
        .first()
    )
    if found is None:
        raise Http404
    save_as = renditions.name_of(found.media, found)
    return serve(request, name=found.file, mime=found.mime, size=found.bytes, save_as=save_as)


@require_safe
@needs(Permission.VIEW)
def small(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """A small still picture, for lists and previews."""
    found = Media.objects.filter(workspace=request.workspace, pk=pk).first()
    if found is None:
        raise Http404
    try:
        name = files.small_of(found)
        size = stored.size(name)
    except (FileNotFoundError, UserError):
        raise Http404 from None
    except stored.StorageTrouble:
        return HttpResponse(status=503, headers={"Retry-After": "10"})
    return serve(request, name=name, mime="image/webp", size=size)


@require_safe
def public_file(request: HttpRequest, token: str, extension: str) -> HttpResponseBase:
    """The file behind a signed address that ends after a day, for networks that fetch files by themselves."""
    found = files.from_token(token=token, now=clock.now())
    try:
        if found is None or extension != found.extension:
            raise Http404
        return serve(request, name=found.name, mime=found.mime, size=found.bytes, public=True)
    except Http404:
        # The same few bytes for every reason: programs ask here, and nobody is to learn what there was.
        return HttpResponse(status=404, content_type="text/plain", headers={"X-Robots-Tag": "noindex"})


urlpatterns = [
    path("library/", library, name="library"),
    path("library/upload/", upload, name="library-upload"),
    path("library/<uuid:pk>/", picture, name="library-picture"),
    path("library/<uuid:pk>/again/", again, name="library-again"),
    path("library/<uuid:pk>/made/<uuid:rendition>/", made, name="library-made"),
    path("library/<uuid:pk>/delete/", delete, name="library-delete"),
    path("library/<uuid:pk>/file/", file, name="library-file"),
    path("library/<uuid:pk>/small/", small, name="library-small"),
]

public_urlpatterns = [
    path(f"{settings.MEDIA_URL.strip('/')}/<str:token>.<slug:extension>", public_file, name="media-public"),
]
