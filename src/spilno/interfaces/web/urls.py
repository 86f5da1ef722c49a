"""Addresses of the pages. Inside a workspace everything begins with ``/w/<workspace>/``."""

from django.urls import include, path
from django.views.i18n import set_language

from spilno.interfaces.web.views import (
    account,
    approval_rules,
    approvals,
    brief,
    channels,
    comments,
    community,
    connecting,
    contingency,
    deliveries,
    design,
    health,
    inbox,
    initiatives,
    items,
    media_library,
    pages,
    plan,
    plan_feeds,
    public,
    results,
    setup,
    team,
    today,
)

# A page's name begins with the key of its sidebar entry: "initiatives", "initiatives-brief" …
inside = [
    *today.urlpatterns,
    *initiatives.urlpatterns,
    *brief.urlpatterns,
    *pages.urlpatterns,
    *plan.urlpatterns,
    *items.urlpatterns,
    *deliveries.urlpatterns,
    *approvals.urlpatterns,
    *comments.urlpatterns,
    *contingency.urlpatterns,
    *inbox.urlpatterns,
    *community.urlpatterns,
    *results.urlpatterns,
    *channels.urlpatterns,
    *media_library.urlpatterns,
    *team.urlpatterns,
    *approval_rules.urlpatterns,
]

urlpatterns = [
    path("w/<slug:workspace>/", include(inside)),
    path("language/", set_language, name="set_language"),
    *account.urlpatterns,
    *setup.urlpatterns,
    *public.urlpatterns,
    *approvals.public_urlpatterns,
    *connecting.outer_urlpatterns,
    *media_library.public_urlpatterns,
    *plan_feeds.public_urlpatterns,
    *design.urlpatterns,
    *health.urlpatterns,
]
