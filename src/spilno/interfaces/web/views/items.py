"""The composer: one post, its channels, its time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.interfaces.web import conflicts
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.approval_words import ApprovalStrip, strip_of
from spilno.interfaces.web.composing import (
    Composer,
    Target,
    Typed,
    from_item,
    from_post,
    with_media,
)
from spilno.interfaces.web.doubts import Choice as DoubtChoice
from spilno.interfaces.web.doubts import choices as doubt_choices
from spilno.interfaces.web.hint_words import hint_words
from spilno.interfaces.web.looks import Preview
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.templatetags.format import when
from spilno.interfaces.web.uploads import store_all
from spilno.interfaces.web.views import ideas, words, writing
from spilno.kernel import clock
from spilno.kernel.errors import Conflict, UserError
from spilno.pages import services as pages
from spilno.plan import checks, queries, services, tags
from spilno.plan.models import Item, Media
from spilno.plan.writing import typed as kept_words
from spilno.plan.writing import versions
from spilno.plan.writing.models import LinkMode, Pillar, TypedDraft
from spilno.publishing import composition, queueing
from spilno.publishing.comments.services import can_comment
from spilno.publishing.composition import Action
from spilno.publishing.queries import changes_soon
from spilno.team.permissions import Permission, may

CHOICE = 40  # pictures to choose from at once

ACTIONS = {
    "save": Action.KEEP,
    "reserve": Action.KEEP,
    "schedule": Action.SCHEDULE,
    "send": Action.NOW,  # what "publish" leads to once it was asked about
    "cancel": Action.CANCEL,
    "queue": Action.KEEP,  # and then each channel's next free slot
}


@dataclass(frozen=True)
class ComposerPage:
    """Everything the composer shows. ``field``: the form's field that ``error`` is about."""

    composer: Composer
    typed: Typed
    item: Item | None
    targets: Sequence[Target]
    previews: Sequence[Preview]
    media: Sequence[Media]
    initiatives: Sequence[tuple[str, str]]
    link_items: Sequence[tuple[str, str]]
    heading: str
    error: str
    field: str
    conflict: bool
    sure: bool  # ask before publishing now
    may_edit: bool
    may_publish: bool
    may_restore: bool
    in_panel: bool
    action: str
    back: str
    next: str
    zone: str
    initiative_label: str
    doubts: Sequence[DoubtChoice]  # where clocks change: the two things that the time in `field` can mean
    known_tags: Sequence[str]
    most_bytes: int  # of one file
    approval: ApprovalStrip | None
    link_modes: Sequence[tuple[str, str]] = ()
    pillars: Sequence[tuple[str, str]] = ()
    commenting: Sequence[str] = ()  # names of channels on which a first comment can follow
    meeting: conflicts.Meeting | None = None  # somebody else saved meanwhile
    wish: str = "save"  # what was pressed when that was found out
    kept: TypedDraft | None = None  # typed before and not saved
    moving: bool = False  # something of it is on its way

    @property
    def locked(self) -> bool:
        return self.composer.locked

    @property
    def scheduled(self) -> bool:
        return self.composer.scheduled

    @property
    def all_out(self) -> bool:
        """Nothing is left to decide."""
        chosen = self.composer.chosen
        return bool(chosen) and all(one.locked for one in chosen)

    @property
    def something_leaves(self) -> bool:
        """Does publishing now send something? By hand it only reminds a person."""
        return any(not one.target.locked and not one.verdict.by_hand for one in self.previews)

    @property
    def autosave(self) -> str:
        return f"item:{self.item.pk}:{self.item.version}" if self.item else "item:new"

    @property
    def reserve(self) -> bool:
        return self.typed.reserve


def _page(
    request: WorkspaceRequest,
    composer: Composer,
    *,
    error: UserError | None = None,
    sure: bool = False,
    meeting: conflicts.Meeting | None = None,
    kept: TypedDraft | None = None,
) -> HttpResponse:
    item, workspace = composer.item, request.workspace
    in_panel = request.headers.get("HX-Target") == "panel" or request.POST.get("panel") == "1"
    page = ComposerPage(
        composer=composer,
        typed=composer.typed,
        item=item,
        targets=composer.targets,
        previews=composer.previews(),
        media=composer.media,
        initiatives=composer.initiatives,
        link_items=composer.link_items,
        heading=(queries.title_of(item.title, item.text, most=60) if item else "") or _("New post"),
        error=text_of(error) if error else "",
        field=error.field if error else "",
        conflict=isinstance(error, Conflict),
        sure=sure,
        may_edit=may(request.person, Permission.PLAN_EDIT) and not (item and item.deleted_at),
        may_publish=may(request.person, Permission.PUBLISH),
        may_restore=may(request.person, Permission.PLAN_EDIT),
        in_panel=in_panel,
        action=request.path,
        back=_back(request),
        next=request.POST.get("next") or request.GET.get("next", ""),
        zone=workspace.time_zone,
        initiative_label=dict(composer.initiatives).get(composer.typed.initiative, ""),
        doubts=doubt_choices(error),
        known_tags=list(tags.tags(workspace).values_list("name", flat=True)),
        most_bytes=settings.SPILNO_UPLOAD_MAX_BYTES,
        approval=strip_of(item) if item and not item.deleted_at else None,
        commenting=sorted({one.channel.name for one in composer.targets if can_comment(one.channel)}),
        pillars=_pillars(composer),
        link_modes=link_modes(composer.usual_link_mode),
        meeting=meeting,
        wish=_wish(request),
        kept=kept,
        moving=_moving(item),
    )
    template = "plan/panel.html" if in_panel else "plan/composer.html"
    return render(request, template, {"page": page}, status=422 if error else 200)


def _pillars(composer: Composer) -> list[tuple[str, str]]:
    """Rubrics in use, and the post's own even if it was put away."""
    found = Pillar.objects.filter(workspace=composer.workspace)
    return [
        (str(one.pk), one.name)
        for one in found
        if one.archived_at is None or str(one.pk) == composer.typed.pillar
    ]


def link_modes(usual: str) -> list[tuple[str, str]]:
    """How a link can go out; the first is what the workspace has said."""
    labels = {str(key): str(label) for key, label in LinkMode.choices}
    return [("", _("As usual here: %(what)s") % {"what": labels[usual].lower()}), *labels.items()]


def _back(request: WorkspaceRequest) -> str:
    """Where to go afterwards: what the link said, if it is ours, else the plan."""
    wished = request.POST.get("next") or request.GET.get("next", "")
    if wished and url_has_allowed_host_and_scheme(wished, allowed_hosts=None):
        return wished
    return reverse("plan", args=[request.workspace.slug])


def _item(request: WorkspaceRequest, pk: UUID) -> Item:
    found = queries.item_of(request.workspace, pk)
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.PLAN_EDIT)
def new(request: WorkspaceRequest) -> HttpResponse:
    """A new post. ``?at=`` wall clock, ``?initiative=`` slug, ``?media=`` id, ``?reserve=1`` fill the form."""
    if request.method == "POST":
        return _save(request, None)
    at = request.GET.get("at", "")[:16]
    initiative = Initiative.objects.filter(
        workspace=request.workspace, slug=request.GET.get("initiative", "")
    ).first()
    media = uuid_of(request.GET.get("media", ""))
    channels = [found for one in request.GET.getlist("channel") if (found := uuid_of(one))]
    typed = Typed(
        to=_usual_places(request, channels) if channels else (),
        media=(str(media),) if media else (),
        at=f"{at}T12:00" if len(at) == 10 else at,
        initiative=str(initiative.pk) if initiative else "",
        reserve=request.GET.get("reserve") == "1",
    )
    return _open(request, typed, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def item(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A post that is there: read, change, schedule."""
    found = _item(request, pk)
    if request.method == "POST":
        return _save(request, found)
    return _open(request, _from_item(found), found)


def _from_item(found: Item) -> Typed:
    names = ", ".join(one.name for one in found.tags.all())
    return from_item(found, found.workspace.time_zone, tags=names)


def _usual_places(request: WorkspaceRequest, channels: Sequence[UUID]) -> tuple[str, ...]:
    """The first placement of each channel, as the form names places."""
    found = Channel.objects.filter(workspace=request.workspace, is_active=True, pk__in=channels)
    return tuple(f"{one.pk}:{places[0].key}" for one in found if (places := checks.placements_of(one)))


def _open(request: WorkspaceRequest, typed: Typed, item: Item | None) -> HttpResponse:
    """The composer with what is saved, or (``?typed=1``) with what the person typed before and did not save."""
    kept = None
    if may(request.person, Permission.PLAN_EDIT) and not (item and item.deleted_at):
        kept = kept_words.kept(person=request.person, item=item)
    if kept is not None:
        before = _typed_before(kept)
        if request.GET.get("typed") == "1":
            return _page(request, _composer(request, before, item))
        if conflicts.same(before, typed):
            kept = None
    return _page(request, _composer(request, typed, item), kept=kept)


def _typed_before(kept: TypedDraft) -> Typed:
    form = QueryDict(mutable=True)
    for name, values in kept.fields.items():
        form.setlist(name, values)
    return replace(from_post(form), version=kept.item_version)


def _wish(request: WorkspaceRequest) -> str:
    """What shall become of the post: the button, or the one pressed before a conflict was found."""
    pressed = request.POST.get("do") or (request.POST.get("wish", "") if "resolve" in request.POST else "")
    return pressed if pressed in (*ACTIONS, "publish", "queue") else "save"


def _composer(request: WorkspaceRequest, typed: Typed, item: Item | None = None) -> Composer:
    return Composer(workspace=request.workspace, typed=typed, language=request.LANGUAGE_CODE, item=item)


def _save(request: WorkspaceRequest, item: Item | None) -> HttpResponse:
    now, typed, wish = clock.now(), from_post(request.POST), _wish(request)
    if item is not None and request.POST.get("resolve"):
        typed = conflicts.chosen(post=request.POST, mine=typed, theirs=_from_item(item))
    stored, refused = store_all(request)  # sent along with the form, without scripts
    composer = _composer(request, with_media(typed, stored), item)
    if refused:
        return _page(request, composer, error=refused[-1][1])
    if wish == "publish":
        return _ask(request, composer)
    try:
        reserve = wish == "reserve" or (typed.reserve and wish in ("save", "cancel"))
        draft = composer.draft(reserve=reserve)
        with transaction.atomic():
            saved = composition.save(
                workspace=request.workspace,
                draft=draft,
                by=request.person,
                now=now,
                item=item,
                expected_version=typed.version,
                action=ACTIONS.get(wish, Action.KEEP),
            )
            if tags.read_names(typed.tags) != (
                [one.name for one in item.tags.all()] if item is not None else []
            ):
                tags.set_tags(item=saved, names=tags.read_names(typed.tags), by=request.person)
            if wish == "queue":
                queueing.add(item=saved, by=request.person, now=now)
            versions.note(
                item=saved, by=request.person, now=now
            )  # tags and a place in the queue belong to it
            pages.track_item(item=saved, now=now)
            for one in composer.described:
                services.describe_media(media=one, alt=one.alt, by=request.person, now=now)
            kept_words.forget(person=request.person, item=item)
    except Conflict as error:
        assert item is not None
        return _met(request, composer, _item(request, item.pk), error)
    except UserError as error:
        return _page(request, composer, error=error)
    return _saved(request, saved, wish)


def _met(request: WorkspaceRequest, composer: Composer, item: Item, error: Conflict) -> HttpResponse:
    """Somebody saved meanwhile: both texts side by side, nothing overwritten, nothing lost."""
    theirs = Media.objects.filter(workspace=request.workspace, items=item)
    meeting = conflicts.meet(
        item=item,
        mine=composer.typed,
        theirs=_from_item(item),
        zone=request.workspace.time_zone,
        targets=composer.targets,
        initiatives=dict(composer.initiatives),
        link_items=dict(composer.link_items),
        media={str(one.pk): one for one in (*theirs, *composer.media)},
    )
    return _page(request, _composer(request, meeting.typed, item), error=error, meeting=meeting)


def _ask(request: WorkspaceRequest, composer: Composer) -> HttpResponse:
    """Before something leaves at once: which channels, and is everything in order?"""
    previews = [one for one in composer.previews() if not one.target.locked]
    if not previews:
        code = "nothing_to_send" if composer.locked else "channels_missing"
        return _page(request, composer, error=UserError(code, field="channels"))
    for one in previews:
        for problem in one.verdict.problems:
            if problem.level == "error":
                error = UserError(
                    "variant_does_not_fit",
                    field=problem.field,
                    channel=one.target.channel.name,
                    problem=problem.text,
                )
                return _page(request, composer, error=error)
    return _page(request, composer, sure=True)


def _saved(request: WorkspaceRequest, item: Item, wish: str) -> HttpResponse:
    said = _said(item, wish)
    if request.POST.get("panel") == "1":
        response = HttpResponse(status=204)
        response.headers["HX-Trigger"] = json.dumps(
            {"plan-changed": {}, "close-panel": {}, "toast": {"text": said, "tone": "good"}}
        )
        return response
    messages.success(request, said)
    if wish in ("schedule", "reserve", "cancel", "queue") or request.POST.get("next"):
        return redirect(_back(request))
    return redirect("plan-item", request.workspace.slug, item.pk)


def _said(item: Item, wish: str) -> str:
    variants = list(item.variants.all())
    number = len(variants)
    if wish == "send":
        return ngettext("On its way to %(number)s channel", "On its way to %(number)s channels", number) % {
            "number": number
        }
    if wish in ("schedule", "queue"):
        times = [one.publish_at for one in variants if one.publish_at]
        return _("Scheduled: %(when)s") % {"when": when(min(times))} if times else _("Scheduled")
    if wish == "reserve":
        return _("Kept in reserve")
    if wish == "cancel":
        return _("Called off. The post is a draft again")
    return _("Saved")


def _moving(item: Item | None) -> bool:
    now = clock.now()
    found = (getattr(one, "delivery", None) for one in item.variants.all()) if item else ()
    return any(one is not None and changes_soon(one, now) for one in found)


@require_GET
@needs(Permission.VIEW)
def states(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """How far the post is on each channel; asked again until nothing moves any more."""
    found = _item(request, pk)
    composer = _composer(request, Typed(), found)
    targets = [composer.target_of(one, one.channel) for one in found.variants.all()]
    context = {"item": found, "targets": targets, "moving": _moving(found)}
    return render(request, "plan/_states.html", context)


@require_POST
@needs(Permission.PLAN_EDIT)
def check(request: WorkspaceRequest) -> HttpResponse:
    """The previews with what does not fit, for a form as it is being typed. Changes nothing."""
    pk = uuid_of(request.POST.get("item", ""))
    found = _item(request, pk) if pk else None
    composer = _composer(request, from_post(request.POST), found)
    return render(
        request,
        "plan/_previews.html",
        {
            "previews": composer.previews(),
            "may_edit": True,
            "hints": hint_words(composer.hints(clock.now())),
        },
    )


@require_POST
@needs(Permission.PLAN_EDIT)
def upload(request: WorkspaceRequest) -> HttpResponse:
    """Files as they are dropped, pasted or chosen: the thumbs of the good ones, a line for each other."""
    stored, refused = store_all(request)
    problems = [(name, text_of(problem)) for name, problem in refused]
    context = {"media": stored, "problems": problems, "may_edit": True, "locked": False}
    response = render(request, "plan/_pictures.html", context)
    if problems and not stored:
        response.status_code = 422
    if problems:
        response.headers["X-Problem"] = quote(" ".join(f"{name}: {text}" for name, text in problems))
    return response


@require_GET
@needs(Permission.PLAN_EDIT)
def pictures(request: WorkspaceRequest) -> HttpResponse:
    """The library's newest pictures, to choose from in the composer; ``?q=`` looks in names and descriptions."""
    found = queries.library(request.workspace)
    if wanted := request.GET.get("q", "").strip()[:100]:
        found = found.filter(Q(name__icontains=wanted) | Q(alt__icontains=wanted))
    return render(request, "plan/_choose.html", {"media": found[:CHOICE], "wanted": wanted})


@require_GET
@needs(Permission.PLAN_EDIT)
def one_picture(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A picture of the library as the composer shows it."""
    found = Media.objects.filter(workspace=request.workspace, pk=pk).first()
    if found is None:
        raise Http404
    return render(request, "plan/_pictures.html", {"media": [found], "may_edit": True, "locked": False})


@require_POST
@needs(Permission.PLAN_EDIT)
def delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Put a post away; the plan then offers to bring it back."""
    found = _item(request, pk)
    try:
        now = clock.now()
        with transaction.atomic():
            composition.delete(item=found, by=request.person, now=now)
            channels = [one.channel_id for one in found.variants.all()]
            queueing.close_up(workspace=request.workspace, channels=channels, now=now)
    except UserError as error:
        return _page(
            request,
            _composer(request, _from_item(found), found),
            error=error,
        )
    target = f"{reverse('plan', args=[request.workspace.slug])}?undo={found.pk}"
    if request.htmx:
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target)


@require_POST
@needs(Permission.PLAN_EDIT)
def restore(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Bring a deleted post back."""
    services.restore_item(item=_item(request, pk), by=request.person, now=clock.now())
    messages.success(request, _("The post is back as a draft"))
    return redirect("plan-item", request.workspace.slug, pk)


urlpatterns = [
    path("plan/new/", new, name="plan-new"),
    path("plan/check/", check, name="plan-check"),
    path("plan/upload/", upload, name="plan-upload"),
    path("plan/pictures/", pictures, name="plan-pictures"),
    path("plan/pictures/<uuid:pk>/", one_picture, name="plan-picture"),
    path("plan/items/<uuid:pk>/", item, name="plan-item"),
    path("plan/items/<uuid:pk>/states/", states, name="plan-states"),
    path("plan/items/<uuid:pk>/delete/", delete, name="plan-delete"),
    path("plan/items/<uuid:pk>/restore/", restore, name="plan-restore"),
    *writing.urlpatterns,
    *words.urlpatterns,
    *ideas.urlpatterns,
]
