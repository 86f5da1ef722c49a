"""Buttons, icons, pills, avatars, tabs: what one presses, and small marks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from spilno.interfaces.web.ui.markup import attributes, component, item_values, text_of

register = template.Library()

# State of anything with a life cycle → (tone, icon). The word beside it comes from the model.
STATES: dict[str, tuple[str, str]] = {
    # a delivery
    "queued": ("out", "clock"),
    "sending": ("out", "send"),
    "out": ("good", "done"),
    "dropped": ("", "close"),
    "preparing": ("out", "waiting"),
    "prepared": ("out", "waiting"),
    "committing": ("out", "send"),
    "waiting": ("out", "waiting"),
    "published": ("good", "check"),
    "uncertain": ("ask", "uncertain"),
    "needs_person": ("ask", "eye"),
    "reminded": ("ask", "hand"),
    "failed": ("late", "failed"),
    "missed": ("late", "missed"),
    "held": ("", "held"),
    "cancelled": ("", "close"),
    # an item, a brief
    "draft": ("line", "edit"),
    "reserve": ("line", "archive"),
    "ready": ("out", "check"),
    # an initiative
    "planned": ("line", "clock"),
    "running": ("out", "send"),
    "finished": ("", "done"),
    "archived": ("", "archive"),
    # a target
    "reached": ("good", "check"),
    "behind": ("late", "behind"),
    "open": ("", "target"),
    "unknown": ("line", "help"),
    # a proposal of the contingency plan ("open" as above)
    "accepted": ("out", "check"),
    "dismissed": ("", "close"),
    # a channel
    "new": ("line", "plug"),
    "ok": ("good", "check"),
    "trouble": ("late", "warning"),
    "reconnect": ("late", "plug"),
    "by_hand": ("", "hand"),
}
_TONE_ICONS = {"good": "check", "late": "behind", "ask": "uncertain"}


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """A drawing from the sprite (``frontend/icons.mjs``); decorative unless it has a ``label``."""
    role = format_html(' role="img" aria-label="{}"', label) if label else mark_safe(' aria-hidden="true"')
    return format_html(
        '<svg class="icon{}"{}><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        role,
        static("build/icons.svg"),
        name,
    )


@component(register, "button")
def button(
    label: str = "",
    kind: str = "",
    icon: str = "",
    href: str = "",
    type: str = "submit",
    small: bool = False,
    block: bool = False,
    hidden_label: bool = False,
    disabled: bool = False,
    css: str = "",
    **attrs: Any,
) -> dict[str, Any]:
    """A button, or a link that looks like one (``href``). ``kind``: "" · primary · danger · plain · link.

    ``kind="danger primary"`` is the filled one, for the last step only. ``hidden_label`` shows the icon alone and
    says the label to screen readers.
    """
    classes = ["btn", *(f"btn-{one}" for one in kind.split())]
    classes += [
        name for name, on in (("btn-small", small), ("btn-block", block), ("btn-icon", hidden_label)) if on
    ]
    return {
        "label": label,
        "icon_name": icon,
        "href": href,
        "type": type,
        "hidden_label": hidden_label,
        "disabled": disabled,
        "classes": " ".join([*classes, css]).strip(),
        "attrs": attributes(attrs),
    }


@component(register, "pill")
def pill(label: Any, tone: str = "", icon: str | None = None, **attrs: Any) -> dict[str, Any]:
    """A word with a shape. ``tone``: "" · out · in · good · late · ask · line. ``icon=""`` leaves the shape out."""
    return {
        "label": label,
        "tone": tone,
        "icon_name": _TONE_ICONS.get(tone, "") if icon is None else icon,
        "attrs": attributes(attrs),
    }


@component(register, "pill")
def state(key: Any, label: Any = "", **attrs: Any) -> dict[str, Any]:
    """The pill of a life-cycle state: ``{% state delivery.state delivery.get_state_display %}``."""
    tone, icon_name = STATES.get(str(key), ("", "dot"))
    # In the page also as a key: words change with the language.
    known = attributes({"data_state": key, **attrs})
    return {"label": label or key, "tone": tone, "icon_name": icon_name, "attrs": known}


@register.simple_tag
def dot(voice: str = "", label: str = "") -> SafeString:
    """Whose voice: out (round), in (square), both (half and half), late (diamond), good."""
    words = format_html('<span class="sr-only">{}</span>', label) if label else ""
    return format_html(
        '<span class="dot{}" aria-hidden="true"></span>{}', f" dot-{voice}" if voice else "", words
    )


@component(register, "avatar")
def avatar(
    name: Any, image: str = "", size: str = "", square: bool = False, title: bool = True
) -> dict[str, Any]:
    """A person's picture or initials, always in the same tint. ``size``: "" · small · large."""
    text = str(name or "?").strip() or "?"
    words = [word for word in text.replace("@", " ").split() if word]
    letters = "".join(word[0] for word in words[:2]).upper() or "?"
    return {
        "name": text,
        "image": image,
        "letters": letters,
        "hue": zlib.crc32(text.encode()) % 24 * 15,
        "classes": "".join(f" avatar-{one}" for one in (size, "square" if square else "") if one),
        "title": title,
    }


@component(register, "net")
def net(
    network: Any = None, short: str = "", color: str = "", label: Any = "", size: str = ""
) -> dict[str, Any]:
    """A network's mark: ``{% net network %}`` (an object with short, color, label), or by keywords."""
    known = item_values(network, ("short", "color", "label"))
    return {
        "short": short or known["short"] or "",
        "color": css_colour(color or known["color"]),
        "label": text_of(label or known["label"]),
        "size": size,
    }


@register.filter
def css_colour(value: Any) -> str:
    """``value`` if it is a plain colour (``#4f4bd1``, ``oklch(…)``, ``rgb(…)``), else "": safe within a style."""
    text = str(value or "").strip()
    return text if re.fullmatch(r"#[0-9a-fA-F]{3,8}|(oklch|oklab|rgb|hsl)\([-0-9a-z.,%/ ]+\)", text) else ""


@component(register, "tabs")
def tabs(items: Iterable[Any], current: str = "", label: Any = "") -> dict[str, Any]:
    """Tabs as links. Items: objects or dicts with ``label``, ``url`` and ``key`` (or ``current``), ``count``."""
    return {"items": [_item(item, current) for item in items], "label": label or _("Parts of this page")}


@component(register, "segments")
def segments(items: Iterable[Any], current: str = "", label: Any = "") -> dict[str, Any]:
    """A few views side by side, as links. Items as for ``tabs``, with an optional ``icon``."""
    return {"items": [_item(item, current) for item in items], "label": label or _("View")}


def _item(item: Any, current: str) -> dict[str, Any]:
    names = ("key", "label", "url", "current", "count", "icon", "hidden")
    values = item_values(item, names)
    values["current"] = bool(values["current"]) or (bool(current) and values["key"] == current)
    return values


@component(register, "crumbs")
def crumbs(items: Iterable[Any]) -> dict[str, Any]:
    """Where this page lies: (label, url) pairs, the last without a url."""
    return {"items": [item if not isinstance(item, str) else (item, "") for item in items]}
