"""One's own settings, and invitations."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from spilno.interfaces.web.messages import text_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.team import services
from spilno.team.models import Language, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "language", "time_zone")
        labels = {"language": _("Language")}

    language = forms.ChoiceField(label=_("Language"), choices=Language.choices)
    time_zone = forms.ChoiceField(
        label=_("Where you are"),
        required=False,
        help_text=_("Plans show the workspace's time, and yours beside it where the clocks differ."),
    )

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        zones = sorted(one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", __("Like the workspace")), *((one, one.replace("_", " ")) for one in zones)]


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, language and time zone of the person, in all workspaces."""
    assert isinstance(request.user, User)
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        messages.success(request, __("Saved."))
        response = redirect("profile")
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, user.language, max_age=60 * 60 * 24 * 365, samesite="Lax"
        )
        return response
    return render(request, "setup/profile.html", {"form": form})


class PasswordForm(forms.Form):
    """A form that makes an account: the password is held against the rules and against what else was typed."""

    name = forms.CharField(label=_("Your name"), max_length=120)
    email = forms.EmailField(label=_("E-mail"))
    password = forms.CharField(
        label=_("Password"),
        help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("password"):
            somebody = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
            try:
                validate_password(str(cleaned["password"]), somebody)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class JoinForm(PasswordForm):
    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(
                _("There is an account with this address. Sign in first, then open the link again.")
            )
        return email


def join(request: HttpRequest, token: str) -> HttpResponse:
    """What an invitation link opens: who invites where; one click for a signed-in person, a short form for others."""
    try:
        invitation = services.open_invitation(token=token, now=clock.now())
    except UserError as error:
        return render(request, "setup/invitation_over.html", {"reason": text_of(error)}, status=404)
    form = None
    try:
        if request.user.is_authenticated:
            if request.method == "POST":
                assert isinstance(request.user, User)
                person = services.accept_invitation(token=token, user=request.user, now=clock.now())
                return redirect("today", person.workspace.slug)
        else:
            name = invitation.person.name if invitation.person else ""
            form = JoinForm(request.POST or None, initial={"email": invitation.email, "name": name})
            if request.method == "POST" and form.is_valid():
                with transaction.atomic():
                    values = form.cleaned_data
                    user = User.objects.create_user(
                        values["email"],
                        values["password"],
                        name=values["name"],
                        language=invitation.workspace.language,
                    )
                    person = services.accept_invitation(token=token, user=user, now=clock.now())
                login(request, user, backend=BACKEND)
                return redirect("today", person.workspace.slug)
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect("home")
    return render(request, "setup/join.html", {"invitation": invitation, "form": form})


urlpatterns = [
    path("profile/", profile, name="profile"),
    path("join/<str:token>/", join, name="join"),
]
