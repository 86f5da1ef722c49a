"""All addresses."""

from django.urls import include, path

urlpatterns = [
    path("account/", include("allauth.account.urls")),
    path("", include("spilno.interfaces.web.urls")),
]

handler403 = "spilno.interfaces.web.views.errors.forbidden"
handler404 = "spilno.interfaces.web.views.errors.not_found"
handler500 = "spilno.interfaces.web.views.errors.server_error"
