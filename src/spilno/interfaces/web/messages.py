"""What a :class:`UserError` says to a person. One entry per code; a test finds codes without one."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from spilno.kernel.errors import UserError

TEXTS: dict[str, Promise | str] = {
    # kernel
    "not_allowed": _("Your role does not allow this. Ask the workspace's owner."),
    "invalid_transition": _("This is not possible any more: somebody or something was faster. Reload the page."),
    "secret_key_changed": _("The stored password cannot be read because the key file changed. Connect again."),
    "private_host": _("%(host)s is an address inside a private network. An administrator can allow it."),
    "time_does_not_exist": _("%(time)s does not exist on %(day)s: the clocks go forward. Choose another time."),
    "time_is_ambiguous": _("%(time)s comes twice on %(day)s: the clocks go back. Choose another time."),
    # command line
    "unknown_workspace": _("There is no workspace “%(workspace)s”."),
    "unknown_initiative": _("There is no initiative “%(slug)s”."),
    "ambiguous_initiative": _("Several workspaces have an initiative “%(slug)s”: say WORKSPACE/SLUG."),
    "unknown_language": _("“%(language)s” is not a language of Spilno: uk, en, ru."),
    "unknown_network": _("There is no network “%(network)s”. The command “spilno networks” lists them."),
    "unknown_placement": _("There is no placement “%(placement)s” there. There are: %(known)s."),
    "file_not_read": _("%(file)s cannot be read: %(reason)s."),
    "file_not_written": _("%(file)s cannot be written: %(reason)s."),
    "not_utf8": _("%(file)s is not UTF-8 text. Save it as UTF-8 and try again."),
    "backup_broken": _("%(file)s is not a backup of Spilno, or it is damaged."),
    "database_tool_failed": _("%(tool)s failed: %(reason)s"),
    "running_now": _("Spilno is running on this data. Stop it first."),
    # team
    "workspace_name_missing": _("Give the workspace a name."),
    "unknown_time_zone": _("“%(time_zone)s” is not a known time zone."),
    "slug_taken": _("The address “%(slug)s” is taken. Choose another one."),
    "unknown_role": _("“%(role)s” is not a role."),
    "roles_missing": _("Choose at least one role."),
    "unknown_department": _("There is no department “%(department)s”."),
    "person_key_taken": _("There is somebody with the key “%(key)s” already."),
    "community_name_missing": _("Give the community a name."),
    "invitation_unknown": _("This invitation link is not valid. Ask for a new one."),
    "invitation_over": _("This invitation was used, withdrawn, or is too old. Ask for a new one."),
    "already_member": _("You belong to “%(workspace)s” already."),
}


def text_of(error: UserError) -> str:
    """The message in the active language, with the error's values filled in."""
    text = TEXTS.get(error.code)
    if text is None:
        return error.code
    return str(text) % error.params if error.params else str(text)
