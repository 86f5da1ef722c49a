"""The components of the interface as template tags; each has its markup in ``templates/components/``.

Any keyword a tag does not know becomes an attribute, with hyphens for underscores: ``hx_post=url`` → ``hx-post="…"``.
All of them are shown with all their states on ``/design`` and explained in ``docs/interface.md``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from spilno.toolkit.language import formats

register = template.Library()

# State of anything with a life cycle → (tone, icon). The word beside it comes from the model.
STATES: dict[str, tuple[str, str]] = {
    # a delivery
    "queued": ("out", "clock"),
    "preparing": ("out", "waiting"),
    "prepared": ("out", "waiting"),
    "committing": ("out", "send"),
    "waiting": ("out", "waiting"),
    "published": ("good", "check"),
    "found": ("good", "check"),
    "uncertain": ("ask", "uncertain"),
    "failed": ("late", "failed"),
    "missed": ("late", "missed"),
    "held": ("", "held"),
    "cancelled": ("", "close"),
    "reminded": ("out", "hand"),
    "due": ("ask", "hand"),
    # an item
    "idea": ("", "feedback"),
    "draft": ("line", "edit"),
    "in_review": ("ask", "eye"),
    "review": ("ask", "eye"),
    "approved": ("out", "check"),
    "scheduled": ("out", "clock"),
    "reserve": ("line", "archive"),
    # an initiative, a brief
    "planned": ("line", "clock"),
    "ready": ("out", "check"),
    "running": ("out", "send"),
    "active": ("out", "send"),
    "finished": ("", "done"),
    "done": ("good", "check"),
    "archived": ("", "archive"),
    # a target
    "reached": ("good", "check"),
    "behind": ("late", "behind"),
    "ahead": ("good", "ahead"),
    "open": ("", "target"),
    "unknown": ("line", "help"),
    # a channel
    "healthy": ("good", "check"),
    "connected": ("good", "check"),
    "reconnect": ("late", "plug"),
    "broken": ("late", "warning"),
}
_TONE_ICONS = {"good": "check", "late": "behind", "ask": "uncertain"}


def attributes(values: Mapping[str, Any]) -> SafeString:
    """HTML attributes from keywords: ``None`` and ``False`` leave one out, ``True`` gives a bare one."""
    parts = []
    for key, value in values.items():
        if value is None or value is False:
            continue
        name = key.strip("_").replace("_", "-")
        parts.append(format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value))
    return mark_safe("".join(parts))  # noqa: S308 - every part went through format_html


def _render(component: str, context: Mapping[str, Any]) -> SafeString:
    return get_template(f"components/{component}.html").render(dict(context))


def _trimmed(content: str) -> SafeString:
    """A block's content without the white space around it (it is already rendered, hence safe)."""
    return mark_safe(content.strip())  # noqa: S308


# ------------------------------------------------------------------------------------------ marks and presses


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


@register.inclusion_tag("components/button.html")
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


@register.inclusion_tag("components/pill.html")
def pill(label: Any, tone: str = "", icon: str | None = None, **attrs: Any) -> dict[str, Any]:
    """A word with a shape. ``tone``: "" · out · in · good · late · ask · line. ``icon=""`` leaves the shape out."""
    return {
        "label": label,
        "tone": tone,
        "icon_name": _TONE_ICONS.get(tone, "") if icon is None else icon,
        "attrs": attributes(attrs),
    }


@register.inclusion_tag("components/pill.html")
def state(key: Any, label: Any = "", **attrs: Any) -> dict[str, Any]:
    """The pill of a life-cycle state: ``{% state delivery.state delivery.get_state_display %}``."""
    tone, icon_name = STATES.get(str(key), ("", "dot"))
    return {"label": label or key, "tone": tone, "icon_name": icon_name, "attrs": attributes(attrs)}


@register.simple_tag
def dot(voice: str = "", label: str = "") -> SafeString:
    """Whose voice: out (round), in (square), both (half and half), late (diamond), good."""
    words = format_html('<span class="sr-only">{}</span>', label) if label else ""
    return format_html(
        '<span class="dot{}" aria-hidden="true"></span>{}', f" dot-{voice}" if voice else "", words
    )


@register.inclusion_tag("components/avatar.html")
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


@register.inclusion_tag("components/net.html")
def net(
    network: Any = None, short: str = "", color: str = "", label: Any = "", size: str = ""
) -> dict[str, Any]:
    """A network's mark: ``{% net network %}`` (an object with short, color, label), or by keywords."""
    return {
        "short": short or getattr(network, "short", ""),
        "color": color or getattr(network, "color", ""),
        "label": _text(label or getattr(network, "label", "")),
        "size": size,
    }


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        from spilno.interfaces.web.templatetags.format import pick

        return pick(value)
    return str(value or "")


@register.inclusion_tag("components/tabs.html")
def tabs(items: Iterable[Any], current: str = "", label: Any = "") -> dict[str, Any]:
    """Tabs as links. Items: objects or dicts with ``label``, ``url`` and ``key`` (or ``current``), ``count``."""
    return {"items": [_item(item, current) for item in items], "label": label or _("Parts of this page")}


@register.inclusion_tag("components/segments.html")
def segments(items: Iterable[Any], current: str = "", label: Any = "") -> dict[str, Any]:
    """A few views side by side, as links. Items as for ``tabs``, with an optional ``icon``."""
    return {"items": [_item(item, current) for item in items], "label": label or _("View")}


def _item(item: Any, current: str) -> dict[str, Any]:
    names = ("key", "label", "url", "current", "count", "icon", "hidden")
    values = {
        name: item.get(name) if isinstance(item, Mapping) else getattr(item, name, None) for name in names
    }
    values["current"] = bool(values["current"]) or (bool(current) and values["key"] == current)
    return values


@register.inclusion_tag("components/crumbs.html")
def crumbs(items: Iterable[Any]) -> dict[str, Any]:
    """Where this page lies: (label, url) pairs, the last without a url."""
    return {"items": [item if not isinstance(item, str) else (item, "") for item in items]}


# ------------------------------------------------------------------------------------------ surfaces


@register.simple_block_tag
def card(
    content: str, title: Any = "", href: str = "", flush: bool = False, css: str = "", **attrs: Any
) -> SafeString:
    """A surface. ``flush``: the content brings its own padding (rows, tables). ``href`` makes it all one link."""
    return _render(
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
    return _render(
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
    return _render(
        "row",
        {
            "content": _trimmed(content),
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
    return _render(
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
    return _render("empty", {"content": _trimmed(content), "title": title, "text": text, "picture": picture})


@register.simple_block_tag
def dialog(
    content: str, id: str, title: Any = "", wide: bool = False, small: bool = False, **attrs: Any
) -> SafeString:
    """A dialog, opened by any element with ``data-open="ID"``, closed by Esc or ``data-close``."""
    return _render(
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
    return _render("menu", {"content": content, "label": label or _("More"), "icon_name": icon, "css": css})


# ------------------------------------------------------------------------------------------ numbers


@register.inclusion_tag("components/kpi.html")
def kpi(
    label: Any,
    value: Any = None,
    target: Any = None,
    baseline: Any = None,
    unit: str = "count",
    currency: str = "",
    state: str = "",
    reached: bool | None = None,
    note: Any = "",
    href: str = "",
    change: bool = False,
    big: bool = False,
    shown: str = "",
    target_shown: str = "",
    better: str = "up",
) -> dict[str, Any]:
    """A value, its target and a bar with a tick at the target.

    ``unit``: count · share (fraction) · money · seconds · index. ``state``: reached · behind · open · unknown;
    without it ``reached`` decides. ``change`` writes ``+13,5 %``. ``better="down"``: less is better (a response
    time), so the bar shows the value and the tick the limit. ``shown``/``target_shown`` replace the formatting.
    """
    value = None if formats.value_is_unknown(value) else value
    target = None if formats.value_is_unknown(target) else target
    if value is None:
        state = "unknown"
    elif not state:
        state = "reached" if reached else "open"
    words = {"reached": _("reached"), "behind": _("behind"), "unknown": _("not known yet")}
    parts = [shown_value(baseline, unit, currency) + " →" if not formats.value_is_unknown(baseline) else ""]
    target_text = target_shown or (shown_value(target, unit, currency, change) if target is not None else "")
    scale = max(abs(float(value or 0)), abs(float(target or 0)))
    return {
        "label": label,
        "state": state,
        "state_word": words.get(state, ""),
        "shown": shown or shown_value(value, unit, currency, change),
        "target_text": target_text,
        "baseline_text": parts[0],
        "note": note,
        "href": href,
        "big": big,
        "to": _part(value, scale),
        "at": _part(target, scale),
        "has_bar": target is not None,
        "better": better,
    }


def shown_value(value: Any, unit: str, currency: str = "", signed: bool = False) -> str:
    """A value in its unit and the active language; "—" if unknown."""
    from spilno.interfaces.web.templatetags.format import measure

    return str(measure(value, unit, currency, signed))


def _part(value: Any, scale: float) -> str:
    """``value`` as a part of ``scale`` for CSS, within 0…1."""
    if value is None or not scale:
        return "0"
    return f"{min(max(float(value) / scale, 0.0), 1.0):.4f}"


@register.inclusion_tag("components/gauge.html")
def gauge(
    label: Any = "",
    value: Any = None,
    target: Any = None,
    expected: Any = None,
    low: Any = None,
    high: Any = None,
    forecast: Any = None,
    unit: str = "count",
    currency: str = "",
    state: str = "",
    small: bool = False,
    key: bool = True,
) -> dict[str, Any]:
    """Value, expected by now, forecast band and target on one line, and the same in words.

    ``low``/``high``: the forecast's interval; ``forecast``: its middle. Any of them may be unknown.
    ``key=False`` leaves out the words below the line (they stay for screen readers).
    """
    numbers = [value, target, expected, low, high, forecast]
    value, target, expected, low, high, forecast = (
        None if formats.value_is_unknown(one) else one for one in numbers
    )
    scale = max((abs(float(one)) for one in (value, target, high) if one is not None), default=0.0) * 1.02
    texts = {
        name: shown_value(one, unit, currency) if one is not None else ""
        for name, one in (
            ("value", value),
            ("target", target),
            ("expected", expected),
            ("low", low),
            ("high", high),
            ("forecast", forecast),
        )
    }
    if not state:
        reached = value is not None and target is not None and value >= target
        state = "unknown" if value is None else "reached" if reached else "open"
    words = {"reached": _("reached"), "behind": _("behind")}
    return {
        "label": label,
        "state": state,
        "state_word": words.get(state, ""),
        "texts": texts,
        "shown": shown_value(value, unit, currency),
        "to": _part(value, scale),
        "goal": _part(target, scale) if target is not None else "",
        "now": _part(expected, scale) if expected is not None else "",
        "band": (_part(low, scale), _part(high, scale)) if low is not None and high is not None else None,
        "small": small,
        "key": key,
    }


@register.inclusion_tag("components/progress.html")
def progress(value: Any = None, of: Any = 1, label: Any = "", note: Any = "") -> dict[str, Any]:
    """How far long work is: ``value`` of ``of``; without a value it only shows that it runs."""
    known = not formats.value_is_unknown(value)
    return {
        "known": known,
        "to": _part(value if known else None, float(of or 1)),
        "label": label,
        "note": note,
    }


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[Any]) -> dict[str, Any]:
    """What happened, in order. Events have ``title``, ``at``, ``note``, ``tone``, ``icon``, ``by``, ``url``."""
    names = ("title", "at", "note", "tone", "icon", "by", "url")
    return {
        "events": [
            {name: one.get(name) if isinstance(one, Mapping) else getattr(one, name, None) for name in names}
            for one in events
        ]
    }


@register.inclusion_tag("components/steps.html")
def steps(items: Iterable[Any]) -> dict[str, Any]:
    """What is done and what is still missing. Items: ``label``, ``done``, ``note``, ``url``, ``action``."""
    names = ("label", "done", "note", "url", "action")
    rows = [
        {name: one.get(name) if isinstance(one, Mapping) else getattr(one, name, None) for name in names}
        for one in items
    ]
    upcoming = next((one for one in rows if not one["done"]), None)
    if upcoming:
        upcoming["next"] = True
    return {"items": rows}


@register.inclusion_tag("components/chart.html")
def chart(
    spec: Mapping[str, Any] | None,
    id: str,
    sentence: Any = "",
    note: Any = "",
    table: Mapping[str, Sequence[Any]] | None = None,
    height: int = 250,
) -> dict[str, Any]:
    """A figure from a Vega-Lite spec: a sentence above, the drawing, and its table behind it.

    Colours in the spec are written ``"token:voice"``; the theme's own colours replace them, and again when the
    theme changes. ``table``: ``{"columns": […], "rows": [[…], …]}``. ``id`` must be unique on the page.
    """
    return {
        "spec": spec,
        "id": id,
        "spec_id": f"{id}-spec",
        "sentence": sentence,
        "note": note,
        "table": table,
        "height": height,
    }


@register.inclusion_tag("components/calendar.html", takes_context=True)
def calendar(
    context: template.Context,
    events_url: str,
    move_url: str = "",
    create_url: str = "",
    view: str = "month",
    **attrs: Any,
) -> dict[str, Any]:
    """The calendar of FullCalendar; what it asks of the addresses is in ``docs/interface.md``."""
    workspace = context.get("workspace")
    return {
        "events_url": events_url,
        "move_url": move_url,
        "create_url": create_url,
        "view": view,
        "zone": getattr(workspace, "time_zone", ""),
        "attrs": attributes(attrs),
    }


# ------------------------------------------------------------------------------------------ forms

_CLASSES: list[tuple[type[forms.Widget], str]] = [
    (forms.CheckboxSelectMultiple, "checkbox"),
    (forms.RadioSelect, "radio"),
    (forms.CheckboxInput, "checkbox"),
    (forms.Select, "select"),
    (forms.Textarea, "textarea"),
    (forms.FileInput, "file-input"),
    (forms.Widget, "input"),
]


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField, label: Any = "", help: Any = "", kind: str = "", css: str = "", **attrs: Any
) -> dict[str, Any]:
    """A form's field with its label, help and error.

    ``kind``: "" · toggle (a checkbox as a switch) · choices (radio buttons as cards). Dates and times get the
    browser's own pickers. Keywords become attributes of the control: ``placeholder=…``, ``autofocus=True``.
    """
    widget = bound.field.widget
    name = next(name for cls, name in _CLASSES if isinstance(widget, cls))
    if kind == "toggle":
        name = "toggle"
    _use_pickers(widget)
    help_text = help or bound.help_text
    described = [
        f"{bound.auto_id}_{part}" for part, on in (("helptext", help_text), ("error", bound.errors)) if on
    ]
    values = {
        key.strip("_").replace("_", "-"): value for key, value in attrs.items() if value not in (None, False)
    }
    values["class"] = " ".join(one for one in (name, widget.attrs.get("class", ""), css) if one)
    if described:
        values["aria-describedby"] = " ".join(described)
    if bound.errors:
        values["aria-invalid"] = "true"
    grouped = isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
    options: list[dict[str, Any]] = []
    control: Any = ""
    if grouped:
        for option in bound.subwidgets:
            option.data["attrs"]["class"] = name
            options.append({"control": option.tag(), "label": option.choice_label, "id": option.id_for_label})
    else:
        control = bound.as_widget(attrs=values)
    return {
        "bound": bound,
        "label": label or bound.label,
        "help": help_text,
        "errors": bound.errors,
        "control": control,
        "options": options,
        "grouped": grouped,
        "single": isinstance(widget, forms.CheckboxInput),
        "optional": not bound.field.required and not isinstance(widget, forms.CheckboxInput),
        "as_choices": kind == "choices",
        "hidden": bound.is_hidden,
    }


def _use_pickers(widget: forms.Widget) -> None:
    """The browser's pickers want ISO values, whatever the language writes."""
    pickers: list[tuple[type[forms.Widget], str, str]] = [
        (forms.DateTimeInput, "datetime-local", "%Y-%m-%dT%H:%M"),
        (forms.DateInput, "date", "%Y-%m-%d"),
        (forms.TimeInput, "time", "%H:%M"),
    ]
    for cls, kind, pattern in pickers:
        if isinstance(widget, cls):
            widget.input_type, widget.format = kind, pattern  # type: ignore[attr-defined]
            return


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """What is wrong with the form as a whole, above its fields."""
    return {"errors": form.non_field_errors(), "hidden": [e for f in form.hidden_fields() for e in f.errors]}


@register.inclusion_tag("components/plain_field.html")
def plain_field(
    name: str,
    label: Any = "",
    value: Any = "",
    type: str = "text",
    help: Any = "",
    error: Any = "",
    choices: Iterable[Any] | None = None,
    rows: int = 4,
    optional: bool = False,
    id: str = "",
    css: str = "",
    **attrs: Any,
) -> dict[str, Any]:
    """A field without a Django form. ``type``: any input type, ``textarea`` or ``select`` (``choices``: pairs)."""
    return {
        "name": name,
        "label": label,
        "value": "" if value is None else value,
        "type": type,
        "help": help,
        "error": error,
        "choices": [(str(key), text) for key, text in choices or ()],
        "chosen": "" if value is None else str(value),
        "rows": rows,
        "optional": optional,
        "id": id or f"id_{name}",
        "css": css,
        "attrs": attributes(attrs),
    }


@register.inclusion_tag("components/counter.html")
def counter(for_id: str, url: str = "", limit: Any = None, include: str = "", id: str = "") -> dict[str, Any]:
    """Characters left in the text with the id ``for_id``, and the server's problems with it.

    ``url`` is asked (POST ``text`` and the fields of the CSS selector ``include``) and answers
    ``{"length": 210, "limit": 300, "problems": ["…"]}``; the length is the server's, as the network counts it.
    """
    return {"for_id": for_id, "url": url, "limit": limit, "include": include, "id": id or f"{for_id}_counter"}


@register.inclusion_tag("components/dropzone.html")
def dropzone(
    name: str = "media",
    label: Any = "",
    help: Any = "",
    accept: str = "image/*",
    multiple: bool = True,
    id: str = "",
    **attrs: Any,
) -> dict[str, Any]:
    """A file field that takes dropped files and shows them."""
    return {
        "name": name,
        "label": label or _("Drop pictures here or choose them"),
        "help": help,
        "accept": accept,
        "multiple": multiple,
        "id": id or f"id_{name}",
        "attrs": attributes(attrs),
    }


@register.inclusion_tag("components/preview.html")
def preview(
    network: Any = None,
    name: Any = "",
    handle: Any = "",
    text: Any = "",
    media: Iterable[Any] = (),
    link: str = "",
    link_title: Any = "",
    placement: str = "post",
    when: Any = "",
    text_from: str = "",
    media_from: str = "",
    link_from: str = "",
) -> dict[str, Any]:
    """How a post will roughly look. ``media``: addresses, or objects with ``url`` and ``alt``.

    ``text_from``, ``media_from``, ``link_from``: ids of a textarea, a dropzone and an input to follow while typing.
    """
    pictures = [
        one
        if isinstance(one, Mapping)
        else {"url": one if isinstance(one, str) else one.url, "alt": getattr(one, "alt", "")}
        for one in media
    ]
    host = link.split("://", 1)[-1].split("/", 1)[0]
    return {
        "network": network,
        "name": name,
        "handle": handle,
        "text": text,
        "media": pictures,
        "link": link,
        "link_title": link_title,
        "link_host": host,
        "story": placement == "story",
        "when": when,
        "text_from": text_from,
        "media_from": media_from,
        "link_from": link_from,
    }


@register.simple_tag
def options(choices: Iterable[Any], chosen: Any = "") -> SafeString:
    """``<option>`` elements from (value, label) pairs."""
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((key, mark_safe(" selected") if str(key) == str(chosen) else "", text) for key, text in choices),
    )
