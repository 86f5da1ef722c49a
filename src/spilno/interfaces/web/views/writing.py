"""Around the composer: versions of a post, who else has it open, words that were typed and not saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from spilno.channels.models import Channel
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import checks, queries
from spilno.plan.models import Item, Media
from spilno.plan.writing import presence, typed, versions
from spilno.plan.writing.models import ItemVersion, LinkMode, Pillar, Why
from spilno.publishing import restoring
from spilno.team.models import Person
from spilno.team.permissions import Permission, may
from spilno.toolkit.language.differences import Piece, difference, excerpt

PAGE = 20  # versions at once


@dataclass(frozen=True)
class Change:
    """One thing that a version changed: words with marks, or what stood before and stands now."""

    label: str
    pieces: Sequence[Piece] = ()
    before: str = ""
    after: str = ""
    media_before: Sequence[Media] = ()
    media_after: Sequence[Media] = ()

    @property
    def is_media(self) -> bool:
        return bool(self.media_before or self.media_after)


@dataclass(frozen=True)
class Entry:
    """A version in the history. ``number`` 0: how it stands now, changed elsewhere and not kept yet."""

    number: int
    by: Person | None
    why: str
    restored: int | None
    at: datetime | None
    changes: Sequence[Change]
    current: bool


@dataclass(frozen=True)
class HistoryPage:
    item: Item
    heading: str
    entries: Sequence[Entry]
    older: int  # the number before which to go on; 0: that is all
    may_restore: bool


def _item(request: WorkspaceRequest, pk: UUID) -> Item:
    found = queries.item_of(request.workspace, pk)
    if found is None:
        raise Http404
    return found


@require_safe
@needs(Permission.VIEW)
def history(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """All that was changed in a post, the newest first; ``?before=`` goes on from there."""
    item = _item(request, pk)
    before = request.GET.get("before", "")
    found = versions.of(item)
    if before.isdecimal() and len(before) < 8:
        found = found.filter(number__lt=int(before))
    rows = list(found[: PAGE + 1])
    names = _Names(request, rows)
    entries = []
    if not before:
        now = versions.content_of(item)
        if not rows or rows[0].content != now:
            changes = names.changes(rows[0].content, now) if rows else ()
            why = Why.ELSEWHERE if rows else Why.FIRST
            by, at = (None, None) if rows else (item.owner, item.updated_at)
            entries.append(Entry(0, by, str(why.label), None, at, changes, current=True))
    for place, row in enumerate(rows[:PAGE]):
        earlier = rows[place + 1] if place + 1 < len(rows) else None
        entries.append(
            Entry(
                number=row.number,
                by=row.by,
                why=str(Why(row.why).label),
                restored=row.restored,
                at=row.made_at,
                changes=names.changes(earlier.content, row.content) if earlier else (),
                current=not entries and not before,
            )
        )
    page = HistoryPage(
        item=item,
        heading=queries.title_of(item.title, item.text, most=60) or _("Without words yet"),
        entries=entries,
        older=rows[PAGE - 1].number if len(rows) > PAGE else 0,
        may_restore=may(request.person, Permission.PLAN_EDIT) and item.deleted_at is None,
    )
    template = "plan/_history.html" if request.htmx else "plan/history.html"
    return render(request, template, {"page": page})


class _Names:
    """What the versions' ids are called, asked once for all of them."""

    def __init__(self, request: WorkspaceRequest, rows: Sequence[ItemVersion]) -> None:
        from spilno.briefs.models import Initiative

        contents = [one.content for one in rows]
        workspace = request.workspace
        self.zone = workspace.time_zone
        media = {one for content in contents for one in content["media"]}
        self.media = {str(one.pk): one for one in Media.objects.filter(workspace=workspace, pk__in=media)}
        self.channels = {str(one.pk): one for one in Channel.objects.filter(workspace=workspace)}
        initiatives = {one["initiative"] for one in contents if one["initiative"]}
        self.initiatives = {
            str(one.pk): pick(one.title, request.LANGUAGE_CODE)
            for one in (
                Initiative.objects.filter(workspace=workspace, pk__in=initiatives) if initiatives else ()
            )
        }
        items = {one["link_to"] for one in contents if one["link_to"]}
        self.items = {
            str(one.pk): queries.title_of(one.title, one.text)
            for one in (Item.objects.filter(workspace=workspace, pk__in=items) if items else ())
        }
        self.modes = {"": _("As usual here")} | {str(key): str(label) for key, label in LinkMode.choices}
        wanted = {one["pillar"] for one in contents if one.get("pillar")}
        pillars = Pillar.objects.filter(workspace=workspace, pk__in=wanted) if wanted else ()
        self.pillars = {str(one.pk): one.name for one in pillars}
        self.language = request.LANGUAGE_CODE

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
        return [one for name in versions.changed(before, after) for one in self._change(name, before, after)]

    def _change(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
        if name in ("title", "text", "first_comment"):
            label = {
                "title": _("Working title"), "text": _("Text for all channels"), "first_comment": _("First comment"),
            }[name]  # fmt: skip
            return [Change(label, excerpt(difference(before.get(name, ""), after.get(name, ""))))]
        if name == "media":
            return [
                Change(
                    _("Pictures, videos, documents"),
                    media_before=[self.media[one] for one in before[name] if one in self.media],
                    media_after=[self.media[one] for one in after[name] if one in self.media],
                )
            ]
        if name in ("link", "link_to", "initiative", "tags", "link_mode", "pillar"):
            label = {
                "link": _("Link"), "link_to": _("Lead to another post"), "initiative": _("Initiative"),
                "tags": _("Tags"),
                "link_mode": _("How the link goes out"), "pillar": _("Rubric"),
            }[name]  # fmt: skip
            known: dict[str, str] = {
                "link_to": self.items, "initiative": self.initiatives, "link_mode": self.modes, "pillar": self.pillars,
            }.get(name, {})  # fmt: skip
            as_it_is = name in ("link", "tags")
            old, new = (one.get(name, "") for one in (before, after))
            old, new = (known.get(one, one if as_it_is else "") for one in (old, new))
            return [Change(label, before=old, after=new)]
        return self._place(name, versions.by_target(before).get(name), versions.by_target(after).get(name))

    def _place(
        self, key: str, before: Mapping[str, str] | None, after: Mapping[str, str] | None
    ) -> list[Change]:
        where = self._called(key)
        if before is None or after is None:
            return [Change(_("Where"), before=where if before else "", after=where if after else "")]
        found = []
        if before["text"] != after["text"]:
            label = _("Own text for %(name)s") % {"name": where}
            found.append(Change(label, excerpt(difference(before["text"], after["text"]))))
        if before["at"] != after["at"]:
            label = _("Time on %(name)s") % {"name": where}
            found.append(Change(label, before=self._when(before["at"]), after=self._when(after["at"])))
        return found

    def _called(self, key: str) -> str:
        channel, _colon, placement = key.partition(":")
        found = self.channels.get(channel)
        if found is None:
            return _("a channel that is gone")
        places = checks.placements_of(found)
        label = next((pick(one.label, self.language) for one in places if one.key == placement), placement)
        return found.name if len(places) < 2 else f"{found.name} · {label}"

    def _when(self, moment: str) -> str:
        from spilno.interfaces.web.templatetags.format import when

        return str(when(datetime.fromisoformat(moment))) if moment else ""


@require_POST
@needs(Permission.PLAN_EDIT)
def restore(request: WorkspaceRequest, pk: UUID, number: int) -> HttpResponse:
    """Bring a version back."""
    item = _item(request, pk)
    version = versions.of(item).filter(number=number).first()
    if version is None:
        raise Http404
    said = request.POST.get("version", "")
    try:
        done = restoring.restore(
            item=item,
            version=version,
            by=request.person,
            now=clock.now(),
            expected_version=int(said) if said.isdecimal() and len(said) < 9 else 0,
        )
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect("plan-history", request.workspace.slug, pk)
    messages.success(request, _("Version %(number)s is back") % {"number": number})
    if done.gone:
        messages.warning(
            request,
            ngettext(
                "%(number)s file or channel of it is not there any more and was left out",
                "%(number)s files or channels of it are not there any more and were left out",
                done.gone,
            )
            % {"number": done.gone},
        )
    return redirect("plan-item", request.workspace.slug, pk)


@require_POST
@needs(Permission.PLAN_EDIT)
def here(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """A browser says every few seconds that its person has the post open, and hears who else has."""
    item = Item.objects.filter(workspace=request.workspace, pk=pk).first()
    if item is None:
        raise Http404
    if request.POST.get("gone"):
        presence.gone(item=item, person=request.person)
        return HttpResponse(status=204)
    others = presence.here(item=item, person=request.person, now=clock.now())
    said = request.POST.get("version", "")
    newer = None
    if said.isdecimal() and int(said) < item.version:
        newer = versions.of(item).first()
    return render(
        request,
        "plan/_others.html",
        {"others": others, "names": ", ".join(one.name for one in others), "newer": newer, "item": item},
    )


@require_POST
@needs(Permission.PLAN_EDIT)
def keep_typed(request: WorkspaceRequest) -> HttpResponse:
    """What is being typed, kept for its person until it is saved. Changes nothing of the post."""
    pk = uuid_of(request.POST.get("item", ""))
    item = Item.objects.filter(workspace=request.workspace, pk=pk).first() if pk else None
    if pk and item is None:
        raise Http404
    left_out = {"csrfmiddlewaretoken", "panel", "next", "do", "item", "wish", "resolve"}
    fields = {
        key: [one.replace("\x00", "") for one in values]
        for key, values in request.POST.lists()
        if key not in left_out and not key.startswith(("choice-", "both-"))
    }
    version = request.POST.get("version", "")
    try:
        typed.keep(
            person=request.person,
            item=item,
            fields=fields,
            item_version=int(version) if version.isdecimal() and len(version) < 9 else 0,
            now=clock.now(),
        )
    except UserError as error:
        return JsonResponse({"problem": text_of(error)}, status=422)
    return JsonResponse({"said": _("Kept, not saved yet")})


@require_POST
@needs(Permission.PLAN_EDIT)
def forget_typed(request: WorkspaceRequest) -> HttpResponse:
    """The person does not want what was kept any more."""
    pk = uuid_of(request.POST.get("item", ""))
    item = Item.objects.filter(workspace=request.workspace, pk=pk).first() if pk else None
    if pk and item is None:
        raise Http404
    typed.forget(person=request.person, item=item)
    return HttpResponse("") if request.htmx else redirect(*_where(request, item))


def _where(request: WorkspaceRequest, item: Item | None) -> tuple[Any, ...]:
    slug = request.workspace.slug
    return ("plan-item", slug, item.pk) if item else ("plan-new", slug)


urlpatterns = [
    path("plan/items/<uuid:pk>/history/", history, name="plan-history"),
    path("plan/items/<uuid:pk>/history/<int:number>/", restore, name="plan-history-restore"),
    path("plan/items/<uuid:pk>/here/", here, name="plan-here"),
    path("plan/typed/", keep_typed, name="plan-typed"),
    path("plan/typed/forget/", forget_typed, name="plan-typed-forget"),
]
