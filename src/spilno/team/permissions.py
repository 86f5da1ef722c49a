"""Who may do what: the one table that pages, services and the documentation read."""

from __future__ import annotations

from enum import StrEnum

from spilno.kernel.errors import NotAllowed
from spilno.team.models import Person, Role


class Permission(StrEnum):
    VIEW = "view"  # see the workspace's pages
    INITIATIVE_EDIT = "initiative.edit"
    BRIEF_EDIT = "brief.edit"
    PLAN_EDIT = "plan.edit"  # items, variants, media
    DISCUSS = "discuss"  # comment on posts; approve those that ask for it
    PUBLISH = "publish"  # schedule, publish now, cancel, confirm
    CONTINGENCY_DECIDE = "contingency.decide"
    CHANNEL_MANAGE = "channel.manage"  # connect, change, disconnect
    CONVERSATION_HANDLE = "conversation.handle"
    REPORT_VIEW = "report.view"
    PAGE_EDIT = "page.edit"  # public pages
    PERSONAL_DATA_VIEW = "personal_data.view"  # names and addresses that outsiders typed
    TEAM_MANAGE = "team.manage"  # invitations, roles, departments, communities
    WORKSPACE_MANAGE = "workspace.manage"


_R, _P = Role, Permission

TABLE: dict[Permission, frozenset[Role]] = {
    _P.VIEW: frozenset(_R) - {_R.GUEST},
    _P.INITIATIVE_EDIT: frozenset(
        {_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.STRATEGIST, _R.PROJECT_MANAGER, _R.CREATIVE_MANAGER}
    ),
    _P.BRIEF_EDIT: frozenset(
        {_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.STRATEGIST, _R.PROJECT_MANAGER, _R.CREATIVE_MANAGER}
    ),
    _P.PLAN_EDIT: frozenset(
        {
            _R.COMMUNITY_MANAGER,
            _R.SMM_MANAGER,
            _R.EDITOR,
            _R.AUTHOR,
            _R.MEDIA_PLANNER,
            _R.DESIGNER,
            _R.CREATIVE_MANAGER,
            _R.TARGETING_MANAGER,
            _R.PROJECT_MANAGER,
        }
    ),
    _P.DISCUSS: frozenset(_R) - {_R.GUEST},
    _P.PUBLISH: frozenset({_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.EDITOR, _R.MEDIA_PLANNER}),
    _P.CONTINGENCY_DECIDE: frozenset(
        {_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.STRATEGIST, _R.PROJECT_MANAGER}
    ),
    _P.CHANNEL_MANAGE: frozenset({_R.COMMUNITY_MANAGER, _R.SMM_MANAGER}),
    _P.CONVERSATION_HANDLE: frozenset({_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.EDITOR}),
    _P.REPORT_VIEW: frozenset(_R) - {_R.GUEST},
    _P.PAGE_EDIT: frozenset({_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.PROJECT_MANAGER}),
    _P.PERSONAL_DATA_VIEW: frozenset({_R.COMMUNITY_MANAGER, _R.SMM_MANAGER, _R.PROJECT_MANAGER}),
    _P.TEAM_MANAGE: frozenset({_R.PROJECT_MANAGER}),
    _P.WORKSPACE_MANAGE: frozenset(),
}


def may(person: Person | None, permission: Permission) -> bool:
    """Does the person have the permission? ``None`` is the system itself, which may do everything."""
    if person is None:
        return True
    if not person.is_active:
        return False
    return person.is_owner or bool(TABLE[permission] & set(person.roles))


def require(person: Person | None, permission: Permission) -> None:
    """:raises NotAllowed: if the person does not have the permission."""
    if not may(person, permission):
        raise NotAllowed(permission)
