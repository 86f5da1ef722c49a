"""Settings of the workspace: itself, its people and invitations, departments, communities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.setup import WorkspaceForm
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.team import queries, services
from spilno.team.mail import letter
from spilno.team.models import Community, CommunityKind, Department, Invitation, Person, Role, Workspace
from spilno.team.permissions import TABLE, Permission, may


def department_choices(workspace: Workspace) -> list[tuple[str, str]]:
    language = get_language() or "uk"
    rows = Department.objects.filter(workspace=workspace)
    return [("", "—"), *((one.key, pick(one.name, language, workspace.language)) for one in rows)]


class PersonForm(forms.Form):
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=Role.choices, widget=forms.CheckboxSelectMultiple
    )
    department = forms.ChoiceField(label=_("Department"), required=False)

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        department = self.fields["department"]
        assert isinstance(department, forms.ChoiceField)
        department.choices = department_choices(workspace)


class InviteForm(PersonForm):
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        help_text=_("If you give it, we send the link there; else copy the link."),
    )


class DepartmentForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)


class CommunityForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=CommunityKind.choices)


@dataclass(frozen=True)
class TeamPage:
    people: list[Person]
    invitations: list[Invitation]
    departments: list[Department]
    communities: list[Community]
    may_manage: bool
    may_add_community: bool
    may_change_workspace: bool
    link: str = ""  # of an invitation just made; shown once


def _page(request: WorkspaceRequest, link: str = "") -> TeamPage:
    workspace, now = request.workspace, clock.now()
    return TeamPage(
        people=queries.people(workspace),
        invitations=queries.open_invitations(workspace, now),
        departments=list(Department.objects.filter(workspace=workspace)),
        communities=list(Community.objects.filter(workspace=workspace).select_related("owner")),
        may_manage=may(request.person, Permission.TEAM_MANAGE),
        may_add_community=may(request.person, Permission.INITIATIVE_EDIT),
        may_change_workspace=may(request.person, Permission.WORKSPACE_MANAGE),
        link=link,
    )


def _workspace_form(workspace: Workspace, data: Any = None) -> WorkspaceForm:
    return WorkspaceForm(
        data,
        initial={
            "workspace": workspace.name,
            "market": workspace.market,
            "language": workspace.language,
            "time_zone": workspace.time_zone,
            "currency": workspace.currency,
        },
    )


def _render(request: WorkspaceRequest, link: str = "", status: int = 200, **forms_: Any) -> HttpResponse:
    workspace = request.workspace
    context = {
        "page": _page(request, link),
        "may_register_apps": may(request.person, Permission.CHANNEL_MANAGE),
        "workspace_form": _workspace_form(workspace),
        "invite_form": InviteForm(workspace=workspace),
        "department_form": DepartmentForm(prefix="department"),
        "community_form": CommunityForm(prefix="community"),
        **forms_,
    }
    return render(request, "team/settings.html", context, status=status)


@needs(Permission.VIEW)
def settings_page(request: WorkspaceRequest) -> HttpResponse:
    """The workspace, its people, departments and communities."""
    return _render(request)


@needs(Permission.WORKSPACE_MANAGE)
@require_POST
def workspace_save(request: WorkspaceRequest) -> HttpResponse:
    form = _workspace_form(request.workspace, request.POST)
    if not form.is_valid():
        return _render(request, status=422, workspace_form=form)
    values = form.cleaned_data
    try:
        services.update_workspace(
            workspace=request.workspace,
            by=request.person,
            now=clock.now(),
            name=values["workspace"],
            market=values["market"],
            language=values["language"],
            time_zone=values["time_zone"],
            currency=values["currency"],
        )
    except UserError as error:
        form.add_error(None, text_of(error))
        return _render(request, status=422, workspace_form=form)
    messages.success(request, __("Saved."))
    return redirect("settings", request.workspace.slug)


@needs(Permission.TEAM_MANAGE)
@require_POST
def invite(request: WorkspaceRequest) -> HttpResponse:
    """Make an invitation link; it is shown this once and, with an address, sent by mail."""
    form = InviteForm(request.POST, workspace=request.workspace)
    if not form.is_valid():
        return _render(request, status=422, invite_form=form)
    values = form.cleaned_data
    department = Department.objects.filter(workspace=request.workspace, key=values["department"]).first()
    _invitation, token = services.invite(
        workspace=request.workspace,
        by=request.person,
        now=clock.now(),
        roles=values["roles"],
        department=department,
        email=values["email"],
    )
    link = request.build_absolute_uri(reverse("join", args=[token]))
    if values["email"]:
        _send_invitation(request, values["email"], link)
    return _render(request, link=link)


def _send_invitation(request: WorkspaceRequest, email: str, link: str) -> None:
    subject = __("%(name)s invites you to “%(workspace)s” on Spilno") % {
        "name": request.person.name,
        "workspace": request.workspace.name,
    }
    body = __("Open this link to join. It works once and for two weeks.") + f"\n\n{link}\n"
    try:
        letter(workspace=request.workspace, subject=subject, body=body, to=email).send()
        messages.success(request, __("The invitation was sent to %(email)s.") % {"email": email})
    except OSError:
        messages.warning(request, __("The mail could not be sent. Copy the link and pass it on yourself."))


@needs(Permission.TEAM_MANAGE)
@require_POST
def invitation_revoke(request: WorkspaceRequest, invitation: UUID) -> HttpResponse:
    found = get_object_or_404(Invitation, workspace=request.workspace, pk=invitation)
    services.revoke_invitation(invitation=found, by=request.person, now=clock.now())
    messages.success(request, __("The invitation is withdrawn."))
    return redirect("settings", request.workspace.slug)


@needs(Permission.TEAM_MANAGE)
def person_edit(request: WorkspaceRequest, person: UUID) -> HttpResponse:
    """Roles and department of one person; taking somebody off the team."""
    found = get_object_or_404(
        Person.objects.select_related("department"), workspace=request.workspace, pk=person
    )
    form = PersonForm(
        request.POST or None,
        workspace=request.workspace,
        initial={"roles": found.roles, "department": found.department.key if found.department else ""},
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_person(
                person=found,
                by=request.person,
                now=clock.now(),
                roles=form.cleaned_data["roles"],
                department=form.cleaned_data["department"],
            )
        except UserError as error:
            form.add_error(None, text_of(error))
        else:
            messages.success(request, __("Saved."))
            return redirect("settings", request.workspace.slug)
    return render(request, "team/person.html", {"someone": found, "form": form})


@needs(Permission.TEAM_MANAGE)
@require_POST
def person_active(request: WorkspaceRequest, person: UUID) -> HttpResponse:
    """Take somebody off the team, or back: what they did stays, their access goes."""
    found = get_object_or_404(Person, workspace=request.workspace, pk=person)
    try:
        services.set_active(
            person=found, by=request.person, now=clock.now(), active=request.POST.get("active") == "1"
        )
    except UserError as error:
        messages.error(request, text_of(error))
    return redirect("settings", request.workspace.slug)


@needs(Permission.TEAM_MANAGE)
@require_POST
def department_add(request: WorkspaceRequest) -> HttpResponse:
    form = DepartmentForm(request.POST, prefix="department")
    if not form.is_valid():
        return _render(request, status=422, department_form=form)
    services.add_department(
        workspace=request.workspace,
        by=request.person,
        now=clock.now(),
        name={get_language() or request.workspace.language: form.cleaned_data["name"]},
    )
    return redirect("settings", request.workspace.slug)


@needs(Permission.INITIATIVE_EDIT)
@require_POST
def community_add(request: WorkspaceRequest) -> HttpResponse:
    form = CommunityForm(request.POST, prefix="community")
    if not form.is_valid():
        return _render(request, status=422, community_form=form)
    services.create_community(
        workspace=request.workspace,
        by=request.person,
        now=clock.now(),
        name={get_language() or request.workspace.language: form.cleaned_data["name"]},
        kind=form.cleaned_data["kind"],
        owner=request.person,
    )
    return redirect("settings", request.workspace.slug)


@needs(Permission.VIEW)
def roles_page(request: WorkspaceRequest) -> HttpResponse:
    """Who may do what: the table that the services read."""
    words = {
        Permission.VIEW: __("See the workspace"),
        Permission.INITIATIVE_EDIT: __("Make and change initiatives"),
        Permission.BRIEF_EDIT: __("Write briefs and targets"),
        Permission.PLAN_EDIT: __("Write posts, upload pictures"),
        Permission.DISCUSS: __("Comment on posts, and approve those that ask for it"),
        Permission.PUBLISH: __("Schedule and publish"),
        Permission.CONTINGENCY_DECIDE: __("Decide on proposals"),
        Permission.CHANNEL_MANAGE: __("Connect channels"),
        Permission.CONVERSATION_HANDLE: __("Handle conversations"),
        Permission.REPORT_VIEW: __("See reports"),
        Permission.PAGE_EDIT: __("Make public pages"),
        Permission.PERSONAL_DATA_VIEW: __("See who registered"),
        Permission.TEAM_MANAGE: __("Invite people, give roles"),
        Permission.WORKSPACE_MANAGE: __("Change the workspace"),
    }
    rows = [(words[permission], roles) for permission, roles in TABLE.items()]
    table = [(role, role.label, [role in roles for _words, roles in rows]) for role in Role]
    return render(request, "team/roles.html", {"rows": rows, "table": table})


urlpatterns = [
    path("settings/", settings_page, name="settings"),
    path("settings/workspace/", workspace_save, name="settings-workspace"),
    path("settings/roles/", roles_page, name="settings-roles"),
    path("settings/invite/", invite, name="settings-invite"),
    path(
        "settings/invitations/<uuid:invitation>/revoke/", invitation_revoke, name="settings-invitation-revoke"
    ),
    path("settings/people/<uuid:person>/", person_edit, name="settings-person"),
    path("settings/people/<uuid:person>/active/", person_active, name="settings-person-active"),
    path("settings/departments/", department_add, name="settings-department-add"),
    path("settings/communities/", community_add, name="settings-community-add"),
]
