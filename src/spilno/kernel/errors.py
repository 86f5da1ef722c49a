"""Errors that a person can act on.

Domain code raises :class:`UserError` with a stable code; interfaces translate it with
``interfaces.web.messages.text_of(error)`` (which a test keeps complete) or print code and values.
"""

from __future__ import annotations

from typing import Any


class UserError(Exception):
    """Something the person can mend. ``code`` is stable; ``params`` fill the message; ``field`` names the input."""

    def __init__(self, code: str, *, field: str = "", **params: Any) -> None:
        super().__init__(f"{code} {params}" if params else code)
        self.code = code
        self.field = field
        self.params = params


class NotAllowed(UserError):
    """The person's roles do not carry the permission."""

    def __init__(self, permission: str) -> None:
        super().__init__("not_allowed", permission=permission)


class Conflict(UserError):
    """Somebody else changed the same thing meanwhile; nothing was overwritten."""


class InvalidTransition(UserError):
    """A state change that the declared graph does not have."""
