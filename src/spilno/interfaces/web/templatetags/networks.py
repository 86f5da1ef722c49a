"""Marks of networks by their key."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import get_language

from spilno.interfaces.web.plan_marks import mark_of

register = template.Library()


@register.inclusion_tag("components/net.html")
def mark(network: str, size: str = "small") -> dict[str, Any]:
    """The small mark of the network with that key: ``{% mark channel.network %}``."""
    return vars(mark_of(network, get_language() or "uk")) | {"size": size}
