"""Initiatives: the list, making one, changing it, its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from spilno.briefs import services
from spilno.briefs.models import Initiative, InitiativeKind
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.initiative_cards import CardsPage, cards_page
from spilno.interfaces.web.views.initiative_frame import (
    editing_language,
    frame_context,
    initiative_or_404,
    language_of,
)
from spilno.interfaces.web.views.initiative_log import log_page
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick, with_text
from spilno.team.models import Community, Person, Workspace
from spilno.team.permissions import Permission, may
from spilno.team.services import create_community

__all__ = ["frame_context", "initiative_or_404", "urlpatterns"]

NEW = "new"  # the choice "a new community"


class InitiativeForm(forms.Form):
    """What the form says; the rules are the domain's."""

    kind = forms.ChoiceField(
        label=_("What is it?"), choices=InitiativeKind.choices, widget=forms.RadioSelect, initial="initiative"
    )
    title = forms.CharField(label=_("Title"), max_length=services.TITLE_LENGTH)
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput)
    ends_on = forms.DateField(label=_("Last day"), widget=forms.DateInput)
    public_from = forms.DateField(
        label=_("Public from"),
        required=False,
        widget=forms.DateInput,
        help_text=_("If outsiders hear of it later. Growth is measured from the last count before this day."),
    )
    community = forms.ChoiceField(label=_("Whose is it?"), required=False)
    community_name = forms.CharField(label=_("Name of the new community"), required=False, max_length=120)
    owner = forms.ChoiceField(label=_("Who leads it"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = language_of()
        self.communities = {str(one.pk): one for one in Community.objects.filter(workspace=workspace)}
        self.people = {str(one.pk): one for one in Person.objects.filter(workspace=workspace, is_active=True)}
        self.may_add_community = may(person, Permission.TEAM_MANAGE)
        choices = [
            (key, pick(one.name, language, workspace.language)) for key, one in self.communities.items()
        ]
        new = [(NEW, __("A new community…"))] if self.may_add_community else []
        community, owner = self.fields["community"], self.fields["owner"]
        assert isinstance(community, forms.ChoiceField)
        assert isinstance(owner, forms.ChoiceField)
        community.choices = [("", __("No community")), *choices, *new]
        owner.choices = [(key, one.name) for key, one in self.people.items()]
        self.fields["owner"].initial = str(person.pk)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("community") == NEW and not values.get("community_name", "").strip():
            self.add_error("community_name", __("Give the community a name."))
        return values

    def show(self, error: UserError) -> None:
        """Put a domain error beside its field."""
        self.add_error(error.field if error.field in self.fields else None, text_of(error))


@dataclass(frozen=True)
class ListPage:
    cards: CardsPage
    may_create: bool


@needs(Permission.VIEW)
def initiatives(request: WorkspaceRequest) -> HttpResponse:
    """Everything that is done, and whether it works."""
    page = ListPage(
        cards=cards_page(
            request.workspace,
            clock.now(),
            archived="archived" in request.GET,
            everything="all" in request.GET,
        ),
        may_create=may(request.person, Permission.INITIATIVE_EDIT),
    )
    return render(request, "initiatives/list.html", {"page": page})


@needs(Permission.INITIATIVE_EDIT)
def new(request: WorkspaceRequest) -> HttpResponse:
    """A new initiative; afterwards its brief is open."""
    form = InitiativeForm(request.POST or None, workspace=request.workspace, person=request.person)
    if request.method == "POST" and form.is_valid():
        values, now = form.cleaned_data, clock.now()
        try:
            initiative = services.create_initiative(
                workspace=request.workspace,
                by=request.person,
                now=now,
                kind=values["kind"],
                title={language_of(): values["title"]},
                starts_on=values["starts_on"],
                ends_on=values["ends_on"],
                public_from=values["public_from"],
                owner=form.people.get(values["owner"]),
            )
            community = _community(request, form)
            if community is not None:
                services.update_initiative(
                    initiative=initiative, by=request.person, now=now, community=community
                )
        except UserError as error:
            form.show(error)
        else:
            messages.success(request, __("Made. Now the question: which task must the content solve?"))
            return redirect("initiatives-brief", request.workspace.slug, initiative.slug)
    status = 422 if form.is_bound else 200
    return render(request, "initiatives/form.html", {"form": form, "initiative": None}, status=status)


@needs(Permission.INITIATIVE_EDIT)
def edit(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """Title, kind, days, community and owner of an initiative."""
    found = initiative_or_404(request, initiative)
    language = editing_language(found.title)
    form = InitiativeForm(
        request.POST or None,
        workspace=request.workspace,
        person=request.person,
        initial={
            "kind": found.kind,
            "title": found.title.get(language, ""),
            "starts_on": found.starts_on,
            "ends_on": found.ends_on,
            "public_from": found.public_from,
            "community": str(found.community_id or ""),
            "owner": str(found.owner_id or ""),
        },
    )
    if request.method == "POST" and form.is_valid():
        values, now = form.cleaned_data, clock.now()
        try:
            services.update_initiative(
                initiative=found,
                by=request.person,
                now=now,
                kind=values["kind"],
                title=with_text(found.title, language, values["title"]),
                starts_on=values["starts_on"],
                ends_on=values["ends_on"],
                public_from=values["public_from"],
                community=_community(request, form),
                owner=form.people.get(values["owner"], found.owner),
            )
        except UserError as error:
            form.show(error)
        else:
            messages.success(request, __("Saved."))
            return redirect("initiatives-brief", request.workspace.slug, found.slug)
    context = {"form": form, "initiative": found}
    return render(request, "initiatives/form.html", context, status=422 if form.is_bound else 200)


def _community(request: WorkspaceRequest, form: InitiativeForm) -> Community | None:
    chosen = form.cleaned_data["community"]
    if chosen != NEW:
        return form.communities.get(chosen)
    return create_community(
        workspace=request.workspace,
        name={language_of(): form.cleaned_data["community_name"]},
        by=request.person,
        now=clock.now(),
        owner=request.person,
    )


@needs(Permission.VIEW)
def one(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """An initiative's address leads to its brief."""
    found = initiative_or_404(request, initiative)
    return redirect("initiatives-brief", request.workspace.slug, found.slug)


@needs(Permission.INITIATIVE_EDIT)
@require_POST
def archive(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    found = initiative_or_404(request, initiative)
    services.archive(initiative=found, by=request.person, now=clock.now())
    messages.success(request, __("Archived. Open it from the archive to bring it back."))
    return redirect("initiatives", request.workspace.slug)


@needs(Permission.INITIATIVE_EDIT)
@require_POST
def unarchive(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    found: Initiative = initiative_or_404(request, initiative)
    services.unarchive(initiative=found, by=request.person, now=clock.now())
    messages.success(request, __("It is back on the list."))
    return redirect("initiatives-brief", request.workspace.slug, found.slug)


@needs(Permission.VIEW)
def log(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """Who did what, newest first."""
    found = initiative_or_404(request, initiative)
    context = {
        "frame": frame_context(request, found, current="log"),
        "page": log_page(found, request.GET.get("before", "")),
        "log_url": reverse("initiatives-log", args=[request.workspace.slug, found.slug]),
    }
    return render(request, "initiatives/log.html", context)


urlpatterns: list[URLPattern] = [
    path("initiatives/", initiatives, name="initiatives"),
    path("initiatives/new/", new, name="initiatives-new"),
    path("initiatives/<slug:initiative>/", one, name="initiatives-one"),
    path("initiatives/<slug:initiative>/edit/", edit, name="initiatives-edit"),
    path("initiatives/<slug:initiative>/archive/", archive, name="initiatives-archive"),
    path("initiatives/<slug:initiative>/unarchive/", unarchive, name="initiatives-unarchive"),
    path("initiatives/<slug:initiative>/log/", log, name="initiatives-log"),
]
