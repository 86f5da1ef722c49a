"""Approving posts: what waits for whom, one post with its stages, and the guest's page behind a link."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spilno.interfaces.web import approval_words as words
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import media as files
from spilno.plan import queries as plan
from spilno.plan.approvals import queries, services
from spilno.plan.approvals.models import GuestReviewer, ReviewLink
from spilno.plan.approvals.queries import Waiting
from spilno.plan.approvals.rules import OWNER, State
from spilno.plan.comments import queries as comments
from spilno.plan.comments import services as talk
from spilno.plan.comments.models import Comment
from spilno.plan.models import Item
from spilno.publishing import approving
from spilno.team.models import Person
from spilno.team.permissions import Permission, may


def _placement_word(place: Any) -> str:
    return pick(place.label, get_language() or "uk")


def _typed_marks(post: QueryDict) -> dict[UUID, str]:
    """Variants that were ticked, and the content that was on the screen: ``seen-<id>``."""
    ticked = {found for one in post.getlist("variant") if (found := uuid_of(one))}
    return {pk: post.get(f"seen-{pk}", "")[:64] for pk in ticked}


# ------------------------------------------------------------------------------------------------ what waits


@dataclass(frozen=True)
class QueueRow:
    """A post in the list. ``mine``: it waits for the reader."""

    item: Item
    title: str
    channels: tuple[Any, ...]
    at: Any
    state: State
    word: str
    tone: str
    asked: str
    mine: bool


@dataclass(frozen=True)
class QueuePage:
    mine: Sequence[QueueRow]
    others: Sequence[QueueRow]
    links: Sequence[ReviewLink]
    any_rules: bool
    may_change_rules: bool


def _rows(found: Sequence[Waiting], person: Person) -> list[QueueRow]:
    parts = queries.parts_of(person) - {OWNER}
    by_item: dict[UUID, list[Waiting]] = {}
    for one in found:
        by_item.setdefault(one.variant.item_id, []).append(one)
    missing = {part for one in found for part in one.standing.missing}
    names = queries.names_of(missing, person.workspace)
    rows = []
    for group in by_item.values():
        item = group[0].variant.item
        worst = next((one for one in group if one.standing.state is State.CHANGES), group[0])
        asked = {
            part for one in group if one.standing.state is State.WAITING for part in one.standing.missing
        }
        rows.append(
            QueueRow(
                item=item,
                title=plan.title_of(item.title, item.text, most=80) or _("Post without words"),
                channels=tuple(one.variant.channel for one in group),
                at=min((one.variant.publish_at for one in group if one.variant.publish_at), default=None),
                state=worst.standing.state,
                word=words.state_word(worst.standing.state),
                tone=words.TONES[worst.standing.state],
                asked=", ".join(sorted(words.part_word(one, names) for one in asked)),
                mine=any(queries.is_asked(one, parts) for one in group),
            )
        )
    return rows


@needs(Permission.VIEW)
@require_GET
def queue(request: WorkspaceRequest) -> HttpResponse:
    """Everything that waits for approval: first what waits for the reader."""
    rows = _rows(queries.waiting(request.workspace), request.person)
    may_edit = may(request.person, Permission.PLAN_EDIT)
    page = QueuePage(
        mine=[one for one in rows if one.mine],
        others=[one for one in rows if not one.mine],
        links=list(queries.links(request.workspace, clock.now())[:50]) if may_edit else [],
        any_rules=bool(queries.flows({request.workspace.pk}).by_channel),
        may_change_rules=may(request.person, Permission.CHANNEL_MANAGE),
    )
    return render(request, "approvals/queue.html", {"page": page})


# ------------------------------------------------------------------------------------------------ one post


@dataclass(frozen=True)
class ApprovalPage:
    item: Item
    title: str
    cards: Sequence[words.Card]
    events: Sequence[Mapping[str, Any]]
    may_decide: bool
    own: bool  # they wrote it, and may not approve their own
    may_ask: bool
    guests: Sequence[GuestReviewer]
    typed: Mapping[str, str]
    threads: Sequence[comments.Thread] = ()
    pictures: Sequence[Mapping[str, Any]] = ()
    error: str = ""
    field: str = ""
    link: str = ""  # of a guest, just made; shown once
    link_for: str = ""


def _item_of(request: WorkspaceRequest, pk: UUID) -> Item:
    found = plan.item_of(request.workspace, pk)
    if found is None:
        raise Http404
    return found


def show(
    request: WorkspaceRequest,
    item: Item,
    *,
    error: UserError | None = None,
    link: str = "",
    link_for: str = "",
) -> HttpResponse:
    rules = queries.flows({item.workspace_id})
    found = queries.of_item(item, rules)
    said = comments.threads(item)
    pictures: list[dict[str, Any]] = [
        {
            "id": str(one.pk), "url": reverse("library-small", args=[request.workspace.slug, one.pk]),
            "alt": one.alt, "kind": one.kind, "badge": one.badge, "pins": _pins(said, one.pk),
        }
        for one in plan.media_of(item)
    ]  # fmt: skip
    parts = queries.parts_of(request.person)
    concerned = [one for one in found if queries.may_speak(one.standing, parts)]
    own = bool(concerned) and _own(item, request.person, concerned, rules)
    may_edit = may(request.person, Permission.PLAN_EDIT)
    page = ApprovalPage(
        item=item,
        title=plan.title_of(item.title, item.text, most=80) or _("Post without words"),
        cards=words.cards(found, workspace=request.workspace, media=pictures, placement_word=_placement_word),
        events=words.events(queries.history(item, {one.mark for one in found})),
        may_decide=bool(concerned) and not own and item.deleted_at is None,
        own=own,
        may_ask=may_edit and item.deleted_at is None and any(not one.standing.may_leave for one in found),
        guests=list(GuestReviewer.objects.filter(workspace=request.workspace, is_active=True))
        if may_edit
        else [],
        typed={key: request.POST.get(key, "") for key in ("comment", "note", "days", "text")},
        threads=said,
        pictures=pictures,
        error=text_of(error) if error else "",
        field=error.field if error else "",
        link=link,
        link_for=link_for,
    )
    return render(request, "approvals/item.html", {"page": page}, status=422 if error else 200)


def _pins(threads: Sequence[comments.Thread], media: UUID) -> list[dict[str, Any]]:
    """Where on a picture something is said that is not settled."""
    return [
        {"number": one.number, "x": one.begin.x, "y": one.begin.y}
        for one in threads
        if one.begin.media_id == media and one.number is not None and not one.settled
    ]


def _own(item: Item, person: Person, concerned: Collection[Waiting], rules: queries.Flows) -> bool:
    strict = any((flow := rules.of(one.variant)) and not flow.own_allowed for one in concerned)
    return strict and person.pk in queries.contributors(item)


@needs(Permission.VIEW)
@require_GET
def item_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """One post as it will look everywhere, who has to agree, and who did."""
    return show(request, _item_of(request, pk))


@needs(Permission.DISCUSS)
@require_POST
def decide(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A colleague's word. Who may say it is decided by the rules, not by a role's permission."""
    item = _item_of(request, pk)
    verdict = request.POST.get("verdict", "")
    try:
        approving.decide(
            item=item, seen=_typed_marks(request.POST), verdict=verdict, now=clock.now(), by=request.person,
            comment=request.POST.get("comment", ""),
        )  # fmt: skip
    except UserError as error:
        return show(request, _item_of(request, pk), error=error)
    messages.success(request, _("Approved") if verdict == "approve" else _("They are told what to change"))
    if any(one.variant.item_id != item.pk for one in queries.waiting_for(request.person)):
        return redirect("plan-review", request.workspace.slug)
    return redirect("plan-approval", request.workspace.slug, pk)


@needs(Permission.PLAN_EDIT)
@require_POST
def ask(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Ask for approval."""
    item = _item_of(request, pk)
    try:
        services.ask(item=item, by=request.person, now=clock.now(), note=request.POST.get("note", ""))
    except UserError as error:
        return show(request, item, error=error)
    messages.success(request, _("They are asked by mail, and see it here"))
    return redirect("plan-approval", request.workspace.slug, pk)


@needs(Permission.PLAN_EDIT)
@require_POST
def give_link(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A link for a guest; it is shown once."""
    item = _item_of(request, pk)
    chosen = uuid_of(request.POST.get("guest", ""))
    guest = GuestReviewer.objects.filter(workspace=request.workspace, pk=chosen).first() if chosen else None
    days = request.POST.get("days", "")
    try:
        if guest is None:
            raise UserError("unknown_guest", field="guest")
        _link, token = services.open_link(
            workspace=request.workspace, guest=guest, items=[item], by=request.person, now=clock.now(),
            days=int(days) if days.isdecimal() and len(days) < 5 else services.LINK_DAYS,
        )  # fmt: skip
    except UserError as error:
        return show(request, item, error=error)
    address = settings.SPILNO_PUBLIC_URL + reverse("review", args=[token])
    return show(request, item, link=address, link_for=guest.name)


@needs(Permission.PLAN_EDIT)
@require_POST
def end_link(request: WorkspaceRequest, link: UUID) -> HttpResponse:
    """End a guest's link."""
    found = ReviewLink.objects.filter(workspace=request.workspace, pk=link).first()
    if found is None:
        raise Http404
    services.revoke_link(link=found, by=request.person, now=clock.now())
    messages.success(request, _("The link does not work any more"))
    return redirect("plan-review", request.workspace.slug)


# ------------------------------------------------------------------------------------------------ guests


@dataclass(frozen=True)
class GuestPage:
    """What a guest sees: one post of theirs, or all of them as a list."""

    link: ReviewLink
    token: str
    posts: Sequence[tuple[Item, str, State, str, str]]  # item, title, state, word, tone
    item: Item | None = None
    title: str = ""
    cards: Sequence[words.Card] = ()
    asked: bool = False  # their word is still wanted
    said: str = ""  # what they said of this version
    done: bool = False  # everything has their word
    typed: str = ""
    error: str = ""
    threads: Sequence[comments.Thread] = ()
    typed_text: str = ""


@dataclass(frozen=True)
class _Brand:
    name: str
    logo_url: str = ""
    colour: str = ""
    url: str = ""


@csrf_exempt  # there is no sign-in to misuse: who has the address has the right
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def guest_page(request: HttpRequest, token: str, pk: UUID | None = None) -> HttpResponse:
    """The guest's page: the posts of the link, in the guest's language, to approve or send back."""
    now = clock.now()
    link = queries.link_of(token=token, now=now)
    if link is None:
        return render(request, "public/review_over.html", {"brand": _Brand("Spilno")}, status=404)
    language = request.GET.get("lang") or request.POST.get("lang") or link.guest.language
    if language not in dict(settings.LANGUAGES):
        language = link.guest.language
    services.note_opened(link=link, now=now)
    timezone.activate(ZoneInfo(link.workspace.time_zone))
    request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
    with translation.override(language):
        return _guest_page(request, link, token, pk)


def _guest_page(request: HttpRequest, link: ReviewLink, token: str, pk: UUID | None) -> HttpResponse:
    found = queries.for_guest(link)
    if pk is None and len({one.variant.item_id for one in found}) == 1:
        return redirect("review-item", token, found[0].variant.item_id)
    error = ""
    if request.method == "POST":
        mine = [one for one in found if one.variant.item_id == pk]
        if not mine:
            raise Http404
        try:
            _guest_speaks(request.POST, link, mine[0].variant.item)
        except UserError as problem:
            error = text_of(problem)
            found = queries.for_guest(link)
        else:
            return redirect("review-item", token, pk)
    page = _guest_view(link, token, found, pk, post=request.POST, error=error)
    context = {"page": page, "brand": _Brand(link.workspace.name), "LANGUAGE_CODE": get_language()}
    return render(request, "public/review.html", context, status=422 if error else 200)


def _guest_speaks(post: QueryDict, link: ReviewLink, item: Item) -> None:
    """A guest's word about the post: a comment, or a decision."""
    if post.get("do") == "say":
        pk = uuid_of(post.get("answers", ""))
        thread = Comment.objects.filter(item=item, pk=pk, for_guests=True).first() if pk else None
        talk.say(item=item, text=post.get("text", ""), now=clock.now(), guest=link.guest, answers=thread)
        return
    approving.decide(
        item=item, seen=_typed_marks(post), verdict=post.get("verdict", ""), now=clock.now(),
        guest=link.guest, comment=post.get("comment", ""),
    )  # fmt: skip


def _guest_view(
    link: ReviewLink, token: str, found: Sequence[Waiting], pk: UUID | None, *, post: QueryDict, error: str
) -> GuestPage:
    part = f"guest:{link.guest_id}"
    by_item: dict[UUID, list[Waiting]] = {}
    for one in found:
        by_item.setdefault(one.variant.item_id, []).append(one)
    posts = []
    for group in by_item.values():
        item, said = group[0].variant.item, _said(group, part)
        state = State.APPROVED if said == "approve" else State.CHANGES if said else State.WAITING
        title = plan.title_of(item.title, item.text, most=70) or _("Post without words")
        posts.append((item, title, state, words.state_word(state), words.TONES[state]))
    done = bool(posts) and all(one[2] is not State.WAITING for one in posts)
    if pk is None:
        return GuestPage(link, token, posts, done=done)
    group = by_item.get(pk, [])
    if not group:
        raise Http404
    item = group[0].variant.item
    now = clock.now()
    pictures = [
        {"url": files.public_small(one, now), "alt": one.alt, "kind": one.kind, "badge": one.badge}
        for one in plan.media_of(item)
    ]
    return GuestPage(
        link,
        token,
        posts,
        item=item,
        title=next(one[1] for one in posts if one[0].pk == pk),
        cards=words.cards(group, workspace=link.workspace, media=pictures, placement_word=_placement_word),
        asked=any(queries.may_speak(one.standing, {part}) for one in group),
        said=_said(group, part),
        done=done,
        typed=post.get("comment", ""),
        typed_text=post.get("text", ""),
        error=error,
        threads=comments.threads(item, guests=True),
    )


def _said(group: Sequence[Waiting], part: str) -> str:
    """The guest's word about all of a post's variants as they are now: ``""`` if one has none."""
    found = []
    for one in group:
        own = [voice for voice in one.standing.voices if voice.voter == part]
        found.append("" if not own else "approve" if own[-1].approves else "changes")
    return "changes" if "changes" in found else "" if "" in found else "approve"


urlpatterns = [
    path("plan/review/", queue, name="plan-review"),
    path("plan/review/links/<uuid:link>/end/", end_link, name="plan-review-link-end"),
    path("plan/items/<uuid:pk>/approval/", item_page, name="plan-approval"),
    path("plan/items/<uuid:pk>/approval/ask/", ask, name="plan-approval-ask"),
    path("plan/items/<uuid:pk>/approval/decide/", decide, name="plan-approval-decide"),
    path("plan/items/<uuid:pk>/approval/link/", give_link, name="plan-approval-link"),
]

public_urlpatterns = [
    path("review/<str:token>/", guest_page, name="review"),
    path("review/<str:token>/<uuid:pk>/", guest_page, name="review-item"),
]
