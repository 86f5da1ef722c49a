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
}


def text_of(error: UserError) -> str:
    """The message in the active language, with the error's values filled in."""
    text = TEXTS.get(error.code)
    if text is None:
        return error.code
    return str(text) % error.params if error.params else str(text)
