"""What a stranger may do: look around in the demo, make an account."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django import template
from django.http import HttpRequest

from spilno.team.models import Person, User

register = template.Library()


@register.simple_tag
def demo_open() -> bool:
    """Is there a demo workspace with somebody to sign in as?"""
    return Person.objects.filter(workspace__is_demo=True, user__is_demo=True, is_active=True).exists()


@register.simple_tag
def owner_missing() -> bool:
    """Is only the demo here so far? Then whoever comes first makes the installation theirs."""
    return not User.objects.filter(is_demo=False).exists()


@register.simple_tag(takes_context=True)
def signup_open(context: template.Context) -> bool:
    """May whoever asks for this page make an account? Otherwise a link to it would lead nowhere."""
    request: HttpRequest = context["request"]
    return bool(get_adapter(request).is_open_for_signup(request))
