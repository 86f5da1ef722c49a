"""Which metrics fit which kind of initiative: proposals only, a person decides."""

from __future__ import annotations

from spilno.briefs.models import InitiativeKind
from spilno.toolkit.metrics import Definition, all_definitions

_K = InitiativeKind

# The field's own answer to "how will we see that it worked?" (PRODUCT.md, M4), most telling first.
BY_KIND: dict[str, tuple[str, ...]] = {
    _K.INITIATIVE: ("leads", "brought_in", "members_growth", "donations", "visits", "catalogue_exchanged"),
    _K.EVENT: ("registrations", "attendance_general", "attendance_community", "show_up", "visits", "leads"),
    _K.ACHIEVEMENT: ("reach", "visits", "impressions", "engagement_rate_reach", "leads"),
    _K.FORMAT: ("engagement_rate_reach", "members_growth", "reach", "ctr", "visits"),
}


def metrics_for(kind: str, *, without: frozenset[str] = frozenset()) -> tuple[Definition, ...]:
    """KPIs to offer for a kind of initiative, most telling first; ``without``: keys already chosen."""
    known = {one.key: one for one in all_definitions()}
    return tuple(
        known[key] for key in BY_KIND.get(kind, BY_KIND[_K.INITIATIVE]) if key in known and key not in without
    )
