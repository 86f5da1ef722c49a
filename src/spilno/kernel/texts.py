"""Texts that exist in several languages."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("uk", "en", "ru")


def pick(value: Mapping[str, str] | str | None, language: str, fallback: str = "uk") -> str:
    """The text in ``language``, else in ``fallback``, else in any language there is, else ``""``."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    for one in (language, fallback, *LANGUAGES):
        if value.get(one):
            return value[one]
    return next((text for text in value.values() if text), "")


def with_text(value: Mapping[str, str] | None, language: str, text: str) -> dict[str, str]:
    """A copy of ``value`` whose text in ``language`` is ``text`` (removed when empty)."""
    changed = dict(value or {})
    text = text.replace("\x00", "")  # nobody types it, some programs paste it, and PostgreSQL refuses it
    if text:
        changed[language] = text
    else:
        changed.pop(language, None)
    return changed
