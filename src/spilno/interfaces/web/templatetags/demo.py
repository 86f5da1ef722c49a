"""Whether somebody may look around in the demo."""

from __future__ import annotations

from django import template

from spilno.team.models import Person

register = template.Library()


@register.simple_tag
def demo_open() -> bool:
    """Is there a demo workspace with somebody to sign in as?"""
    return Person.objects.filter(workspace__is_demo=True, user__is_demo=True, is_active=True).exists()
