"""Cards, rows, dialogs, empty pages: what things lie on."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from spilno.interfaces.web.ui.markup import attributes, rendered, trimmed

register = template.Library()


@register.simple_block_tag
def card(
    content: str, title: Any = "", href: str = "", flush: bool = False, css: str = "", **attrs: Any
) -> SafeString:
    """A surface. ``flush``: the content brings its own padding (rows, tables). ``href`` makes it all one link."""
    return rendered(
        "card",
        {
            "content": content,
            "title": title,
            "href": href,
            "flush": flush,
            "css": css,
            "attrs": attributes(attrs),
        },
    )


@register.simple_block_tag
def section(
    content: str, title: Any = "", note: Any = "", href: str = "", more: Any = "", **attrs: Any
) -> SafeString:
    """A heading and what belongs to it; ``href`` with ``more`` is the link at the right of the heading."""
    return rendered(
        "section",
        {
            "content": content,
            "title": title,
            "note": note,
            "href": href,
            "more": more,
            "attrs": attributes(attrs),
        },
    )


@register.simple_block_tag
def row(
    content: str,
    title: Any = "",
    note: Any = "",
    voice: str = "",
    href: str = "",
    mark: Any = "",
    **attrs: Any,
) -> SafeString:
    """A line of a list: whose voice, what it is, and (the block's content) its one action.

    ``mark`` replaces the dot, e.g. by ``{% net … as mark %}``. ``voice="late"`` is the red diamond.
    """
    return rendered(
        "row",
        {
            "content": trimmed(content),
            "title": title,
            "note": note,
            "voice": voice,
            "href": href,
            "mark": mark,
            "attrs": attributes(attrs),
        },
    )


@register.simple_block_tag
def note(content: str, tone: str = "", icon: str = "", **attrs: Any) -> SafeString:
    """A message within the page. ``tone``: "" · out · in · good · late."""
    names = {"late": "warning", "good": "done"}
    return rendered(
        "note",
        {
            "content": content,
            "tone": tone,
            "icon_name": icon or names.get(tone, "info"),
            "attrs": attributes(attrs),
        },
    )


@register.simple_block_tag
def empty(content: str, title: Any = "", text: Any = "", picture: str = "page") -> SafeString:
    """A page or list with nothing in it yet: one sentence, one picture, one button (the block's content).

    ``picture``: page · calendar · chat · people · chart · plug · search · done.
    """
    return rendered("empty", {"content": trimmed(content), "title": title, "text": text, "picture": picture})


@register.simple_block_tag
def dialog(
    content: str, id: str, title: Any = "", wide: bool = False, small: bool = False, **attrs: Any
) -> SafeString:
    """A dialog, opened by any element with ``data-open="ID"``, closed by Esc or ``data-close``."""
    return rendered(
        "dialog",
        {
            "content": content,
            "id": id,
            "title": title,
            "wide": wide,
            "small": small,
            "attrs": attributes(attrs),
        },
    )


@register.simple_block_tag
def menu(
    content: str, label: Any = "", icon: str = "more", css: str = "btn btn-plain btn-icon"
) -> SafeString:
    """A small menu of links and buttons behind one icon."""
    return rendered("menu", {"content": content, "label": label or _("More"), "icon_name": icon, "css": css})
