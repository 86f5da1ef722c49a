"""Forms: fields, counters, files, previews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from spilno.interfaces.web.ui.markup import attributes, component

register = template.Library()


_CLASSES: list[tuple[type[forms.Widget], str]] = [
    (forms.CheckboxSelectMultiple, "checkbox"),
    (forms.RadioSelect, "radio"),
    (forms.CheckboxInput, "checkbox"),
    (forms.Select, "select"),
    (forms.Textarea, "textarea"),
    (forms.FileInput, "file-input"),
    (forms.Widget, "input"),
]


@component(register, "field")
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


@component(register, "form_errors")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """What is wrong with the form as a whole, above its fields."""
    return {"errors": form.non_field_errors(), "hidden": [e for f in form.hidden_fields() for e in f.errors]}


@component(register, "plain_field")
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


@component(register, "counter")
def counter(for_id: str, url: str = "", limit: Any = None, include: str = "", id: str = "") -> dict[str, Any]:
    """Characters left in the text with the id ``for_id``, and the server's problems with it.

    ``url`` is asked (POST ``text`` and the fields of the CSS selector ``include``) and answers
    ``{"length": 210, "limit": 300, "problems": ["…"]}``; the length is the server's, as the network counts it.
    """
    return {"for_id": for_id, "url": url, "limit": limit, "include": include, "id": id or f"{for_id}_counter"}


@component(register, "dropzone")
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


@component(register, "preview")
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
        "strip": placement == "carousel",  # wider than its frame: the keyboard scrolls it
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
