"""Small helpers of the component tags."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import template
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from spilno.kernel import texts


def attributes(values: Mapping[str, Any]) -> SafeString:
    """HTML attributes from keywords: ``None`` and ``False`` leave one out, ``True`` gives a bare one."""
    parts = []
    for key, value in values.items():
        if value is None or value is False:
            continue
        name = key.strip("_").replace("_", "-")
        parts.append(format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value))
    return mark_safe("".join(parts))  # noqa: S308 - every part went through format_html


def rendered(component: str, context: Mapping[str, Any]) -> SafeString:
    return mark_safe(get_template(f"components/{component}.html").render(dict(context)))  # noqa: S308 - a template


def component(
    register: template.Library, name: str, *, takes_context: bool = False
) -> Callable[[Callable[..., Mapping[str, Any]]], Callable[..., Mapping[str, Any]]]:
    """Register a function that gives a component's context as the tag that writes ``components/NAME.html``.

    Unlike Django's inclusion tags such a tag can be kept: ``{% net network as mark %}``.
    """

    def wrap(function: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
        @functools.wraps(function)
        def tag(*args: Any, **kwargs: Any) -> SafeString:
            return rendered(name, function(*args, **kwargs))

        register.simple_tag(tag, takes_context=takes_context, name=function.__name__)
        return function

    return wrap


def trimmed(content: str) -> SafeString:
    """A block's content without the white space around it (it is already rendered, hence safe)."""
    return mark_safe(content.strip())  # noqa: S308


def item_values(item: Any, names: Sequence[str]) -> dict[str, Any]:
    """Named values of an object or a dict; ``None`` for those it has not."""
    if isinstance(item, Mapping):
        return {name: item.get(name) for name in names}
    return {name: getattr(item, name, None) for name in names}


def text_of(value: Any) -> str:
    """A text, or a LocalText in the active language."""
    if isinstance(value, Mapping):
        return texts.pick(value, (get_language() or "uk")[:2])
    return str(value or "")
