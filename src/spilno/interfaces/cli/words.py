"""Errors as lines for the terminal, in the terminal's language."""

from __future__ import annotations

import os
from typing import Any


def terminal_language() -> str:
    """``uk``, ``ru`` or ``en`` by the usual variables of the environment."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return value[:2] if value[:2] in ("uk", "ru") else "en"
    return "en"


def lines_of(error: Any) -> list[str]:
    """One line per problem: an error with ``problems`` gives one line for each."""
    import django
    from django.apps import apps
    from django.utils import translation

    if not apps.ready:  # commands that need no database have not loaded Django
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spilno.config.settings")
        django.setup()
    from spilno.interfaces.web.messages import text_of

    with translation.override(terminal_language()):
        problems = getattr(error, "problems", None)
        return [str(one) for one in problems] if problems else [text_of(error)]
