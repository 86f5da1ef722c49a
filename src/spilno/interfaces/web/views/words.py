"""The library's words: snippets, sets of hashtags, what people are called where, what becomes of links."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spilno.channels.models import Channel
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan.writing import links, mentions, snippets
from spilno.plan.writing.models import LinkMode, Snippet
from spilno.team.permissions import Permission, may
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Network

OFFERED = 60  # in the composer's list at once


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    url: str


@dataclass(frozen=True)
class Called:
    """Somebody and what they are called: by network, and everywhere else."""

    name: str
    handles: Sequence[tuple[Network, str]]
    elsewhere: str


@dataclass(frozen=True)
class WordsPage:
    tab: str
    may_edit: bool
    error: str = ""
    field: str = ""
    snippets: Sequence[Snippet] = ()
    kinds: Sequence[tuple[str, str]] = ()
    typed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    people: Sequence[Called] = ()
    networks: Sequence[tuple[Network, str, str]] = ()  # with its label and what was typed for it
    mode: str = ""
    modes: Sequence[tuple[str, str]] = ()
    patterns: Sequence[tuple[str, str, str]] = ()  # key, name of the parameter, pattern
    words: Sequence[tuple[str, str]] = ()
    example: str = ""


def _page(request: WorkspaceRequest, page: WordsPage) -> HttpResponse:
    return render(request, f"library/{page.tab}.html", {"page": page}, status=422 if page.error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def snippet_list(request: WorkspaceRequest) -> HttpResponse:
    """Words that are used again; ``?edit=`` fills the form with one of them."""
    edited = uuid_of(request.POST.get("id", "") or request.GET.get("edit", ""))
    typed = {key: request.POST.get(key, "") for key in ("id", "name", "kind", "text")}
    error: UserError | None = None
    if request.method == "POST":
        try:
            snippets.put(
                workspace=request.workspace, name=typed["name"], kind=typed["kind"], text=typed["text"],
                by=request.person, now=clock.now(), pk=edited,
            )  # fmt: skip
        except UserError as problem:
            error = problem
        else:
            messages.success(request, _("Saved"))
            return redirect("library-words", request.workspace.slug)
    found = list(snippets.of(request.workspace))
    if request.method != "POST" and (one := next((one for one in found if one.pk == edited), None)):
        typed = {"id": str(one.pk), "name": one.name, "kind": one.kind, "text": one.text}
    page = WordsPage(
        tab="words",
        may_edit=may(request.person, Permission.PLAN_EDIT),
        error=text_of(error) if error else "",
        field=error.field if error else "",
        snippets=found,
        kinds=[(str(key), str(label)) for key, label in Snippet.Kind.choices],
        typed=typed,
    )
    return _page(request, page)


@require_POST
@needs(Permission.PLAN_EDIT)
def snippet_delete(request: WorkspaceRequest) -> HttpResponse:
    """Take one away; posts keep the words."""
    if pk := uuid_of(request.POST.get("id", "")):
        snippets.remove(workspace=request.workspace, pk=pk, by=request.person)
    return redirect("library-words", request.workspace.slug)


@require_GET
@needs(Permission.PLAN_EDIT)
def offered(request: WorkspaceRequest) -> HttpResponse:
    """What can be put in at the cursor: snippets, hashtags, people; ``?q=`` looks in names and words."""
    wanted = request.GET.get("q", "").strip().lower()[:60]
    found = [
        one
        for one in snippets.of(request.workspace)
        if wanted in one.name.lower() or wanted in one.text.lower()
    ][:OFFERED]
    people = [one for one in _people(request) if wanted.lstrip("@") in one.name.lower()][:OFFERED]
    context = {"snippets": found, "people": people, "wanted": wanted}
    return render(request, "plan/_insert.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def name_list(request: WorkspaceRequest) -> HttpResponse:
    """Who is called what on which network; ``?edit=`` fills the form with one of them."""
    error: UserError | None = None
    typed = {
        key: request.POST[key] for key in request.POST if key in ("name", "was") or key.startswith("handle-")
    }
    if request.method == "POST":
        handles = {
            key.removeprefix("handle-"): value for key, value in typed.items() if key.startswith("handle-")
        }
        try:
            mentions.put_name(
                workspace=request.workspace, name=typed.get("name", ""), handles=handles, by=request.person,
                now=clock.now(), was=typed.get("was", ""),
            )  # fmt: skip
        except UserError as problem:
            error = problem
        else:
            messages.success(request, _("Saved"))
            return redirect("library-names", request.workspace.slug)
    people = _people(request)
    wanted = request.GET.get("edit", "").lower()
    if request.method != "POST" and (
        one := next((one for one in people if one.name.lower() == wanted), None)
    ):
        typed = {"name": one.name, "was": one.name, "handle-": one.elsewhere}
        typed |= {f"handle-{network.key}": handle for network, handle in one.handles}
    used = set(Channel.objects.filter(workspace=request.workspace).values_list("network", flat=True))
    used |= {network.key for one in people for network, _handle in one.handles}
    page = WordsPage(
        tab="names",
        may_edit=may(request.person, Permission.PLAN_EDIT),
        error=text_of(error) if error else "",
        field=error.field if error else "",
        typed=typed | {"elsewhere": typed.get("handle-", "")},
        people=people,
        networks=[
            (one, pick(one.label, request.LANGUAGE_CODE), typed.get(f"handle-{one.key}", ""))
            for key, one in sorted(registry.all_networks().items())
            if key in used
        ],
    )
    return _page(request, page)


def _people(request: WorkspaceRequest) -> list[Called]:
    known = registry.all_networks()
    table: dict[str, dict[str, str]] = {}
    for one in mentions.rows_of(request.workspace):
        table.setdefault(one.name, {})[one.network] = one.handle
    return [
        Called(
            name,
            [(known[key], value) for key, value in handles.items() if key in known],
            handles.get("", ""),
        )
        for name, handles in table.items()
    ]


@require_POST
@needs(Permission.PLAN_EDIT)
def name_delete(request: WorkspaceRequest) -> HttpResponse:
    """``@name`` is a word like any other again."""
    name = request.POST.get("name", "")
    mentions.remove_name(workspace=request.workspace, name=name, by=request.person)
    return redirect("library-names", request.workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.CHANNEL_MANAGE)
def link_rules(request: WorkspaceRequest) -> HttpResponse:
    """What becomes of links, unless a post says otherwise."""
    rules = links.rules_for(request.workspace.pk)
    mode, patterns = rules.mode, dict(rules.patterns)
    error: UserError | None = None
    if request.method == "POST":
        mode = request.POST.get("mode", "")
        patterns = {key: request.POST.get(key, "") for key in links.PARAMETERS}
        try:
            links.put_rules(workspace=request.workspace, mode=mode, patterns=patterns, by=request.person)
        except UserError as problem:
            error = problem
        else:
            messages.success(request, _("Saved. It holds for posts that are not out yet."))
            return redirect("library-links", request.workspace.slug)
    page = WordsPage(
        tab="links",
        may_edit=may(request.person, Permission.CHANNEL_MANAGE),
        error=text_of(error) if error else "",
        field=error.field if error else "",
        mode=mode,
        modes=[(str(key), str(label)) for key, label in LinkMode.choices],
        patterns=[(key, f"utm_{key}", patterns[key]) for key in links.PARAMETERS],
        words=_words(),
        example=_example(request, links.Rules(mode, patterns)),
    )
    return _page(request, page)


def _words() -> list[tuple[str, str]]:
    said: dict[str, Any] = {
        "network": _("the network"), "channel": _("the channel's key"), "medium": _("social or community"),
        "initiative": _("the initiative's key"), "item": _("the post's key"), "placement": _("post, story, reel …"),
    }  # fmt: skip
    return [(f"{{{key}}}", said[key]) for key in links.WORDS]


def _example(request: WorkspaceRequest, rules: links.Rules) -> str:
    """A link as it would go out from the workspace's first channel."""
    channel = Channel.objects.filter(workspace=request.workspace, is_active=True).order_by("name").first()
    if channel is None:
        return ""
    said = links.values(channel=channel, placement="post", initiative="book-sale", item="catalogue")
    return links.with_parameters("https://example.org/", links.parameters(rules, said))


urlpatterns = [
    path("library/words/", snippet_list, name="library-words"),
    path("library/words/delete/", snippet_delete, name="library-words-delete"),
    path("library/names/", name_list, name="library-names"),
    path("library/names/delete/", name_delete, name="library-names-delete"),
    path("library/links/", link_rules, name="library-links"),
    path("plan/insert/", offered, name="plan-insert"),
]
