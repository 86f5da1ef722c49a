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
    "department_name_missing": _("Give the department a name."),
    "owner_stays": _("The owner of the workspace cannot be taken off the team."),
    "invitation_unknown": _("This invitation link is not valid. Ask for a new one."),
    "invitation_over": _("This invitation was used, withdrawn, or is too old. Ask for a new one."),
    "already_member": _("You belong to “%(workspace)s” already."),
    # briefs
    "initiative_title_missing": _("Give the initiative a title."),
    "initiative_title_long": _("The title is too long: at most %(limit)s characters."),
    "unknown_initiative_kind": _("“%(kind)s” is not a kind of initiative."),
    "ends_before_start": _("The last day is before the first one."),
    "initiative_too_long": _("An initiative lasts three years at most."),
    "public_from_outside": _("The first public day must lie between the first and the last day."),
    "slug_wrong": _("An address has only small Latin letters, digits and hyphens."),
    "unknown_community": _("There is no such community in this workspace."),
    "unknown_person": _("There is no such person in this workspace."),
    "brief_changed": _("Somebody saved this brief while you were writing. Nothing was overwritten: choose below."),
    "brief_is_ready": _("The brief is agreed. Reopen it to change its task or its targets."),
    "brief_not_ready": _("The brief is not ready yet: %(first)s."),
    "text_too_long": _("This is too long: at most %(limit)s characters."),
    "budget_negative": _("A budget is not negative."),
    "content_due_late": _("The content deadline is after the last day."),
    "unknown_report_format": _("“%(format)s” is not a format of results."),
    "unknown_metric": _("There is no metric “%(metric)s”."),
    "target_channel_missing": _("This metric is about one channel: choose which."),
    "target_channel_not_wanted": _("This metric cannot be measured for one channel."),
    "target_twice": _("This metric is a target already. Change that one."),
    "target_gone": _("Somebody removed this target."),
    "target_not_positive": _("A target must be greater than nought."),
    "target_negative": _("This cannot be less than nought."),
    "target_too_early": _("The date is before the initiative begins."),
    "number_missing": _("Write a number."),
    "not_a_number": _("“%(typed)s” is not a number."),
    "number_must_be_whole": _("“%(typed)s” is not a whole number."),
    "number_too_large": _("This number is too large."),
    "number_too_precise": _("This number has too many decimals: two are enough."),
    "date_wrong": _("“%(typed)s” is not a date."),
    # contingency
    "stage_missing": _("Name the stage, for example “half-way”."),
    "stage_long": _("The name of the stage is too long: at most %(limit)s characters."),
    "checkpoint_in_past": _("This moment has passed. Choose a later one."),
    "checkpoint_after_end": _("This moment is after the last day of the initiative."),
    "checkpoint_twice": _("The stage “%(stage)s” looks at this metric already."),
    "checkpoint_fired": _("This checkpoint has looked already; it stays on record."),
    "actions_missing": _("Choose at least one thing to do."),
    "unknown_action": _("“%(action)s” is not something a plan can do."),
    "unknown_reserve_item": _("“%(key)s” is not a reserve post of this initiative."),
    "unknown_channel": _("There is no such channel in this workspace."),
    "item_gone": _("The reserve post was deleted."),
    "item_without_channel": _("The reserve post has no channel yet."),
    "channel_gone": _("The channel was disconnected."),
    "proposal_decided": _("%(who)s was faster: %(state)s."),
    "proposal_nothing_done": _("Nothing of this could be done. The proposal stays open."),
}


def text_of(error: UserError) -> str:
    """The message in the active language, with the error's values filled in."""
    text = TEXTS.get(error.code)
    if text is None:
        return error.code
    return str(text) % error.params if error.params else str(text)
