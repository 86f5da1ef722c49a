"""allauth's hooks: who may make an account."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """By invitation only, unless the administrator opened the door."""
        return bool(settings.SPILNO_SIGNUP_OPEN)
