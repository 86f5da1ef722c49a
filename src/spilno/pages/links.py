"""Short links: one per post and target, so that every visit and registration knows the post that brought it."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from spilno.briefs.models import Initiative
from spilno.kernel.addresses import is_web_address
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_token
from spilno.pages import addresses
from spilno.pages.models import TrackedLink
from spilno.plan.models import Item, Variant
from spilno.plan.writing import links as dressing
from spilno.plan.writing.models import LinkMode

_TRIES = 5


def tracked_link(
    *,
    target: str,
    now: datetime,
    variant: Variant | None = None,
    initiative: Initiative | None = None,
) -> TrackedLink:
    """The short link to ``target`` that belongs to a post (``variant``) or, without one, to an initiative.

    Asking again gives the same link. utm parameters follow from where the post stands.

    :raises UserError: ``link_not_an_address``.
    """
    _check_target(target)
    if variant is not None:
        initiative = variant.item.initiative
        same = TrackedLink.objects.filter(variant=variant, target=target)
        workspace = variant.workspace
        utm = {"utm_source": variant.channel.key, "utm_medium": _MEDIUM.get(variant.channel.purpose, "")}
    elif initiative is not None:
        same = TrackedLink.objects.filter(variant=None, initiative=initiative, target=target)
        workspace, utm = initiative.workspace, {"utm_source": "", "utm_medium": ""}
    else:
        raise ValueError("a tracked link belongs to a variant or to an initiative")
    for _try in range(_TRIES):
        if (found := same.order_by("created_at").first()) is not None:
            return found
        try:
            with transaction.atomic():
                return TrackedLink.objects.create(
                    workspace=workspace,
                    code=new_token(6).replace("_", "x").replace("-", "y"),
                    target=target,
                    initiative=initiative,
                    variant=variant,
                    utm_campaign=initiative.slug if initiative else "",
                    created_at=now,
                    **utm,
                )
        except IntegrityError:  # somebody made it just now, or the code is taken
            continue
    raise RuntimeError("no free code for a tracked link")


def track_item(*, item: Item, now: datetime) -> list[TrackedLink]:
    """Short links for the posts of an item that leads to one of our public pages, or whose link shall be short.

    Posts that are out already keep the link they went out with; of others a short link that is not wanted any more
    goes.
    """
    if not item.link:
        return []
    variants = item.variants.filter(delivery__published_at=None).select_related(
        "item__initiative", "item__extra", "channel", "workspace"
    )
    if addresses.is_public_page(item.link):
        return [tracked_link(target=item.link, variant=one, now=now) for one in variants]
    rules = dressing.rules_for(item.workspace_id)
    found = []
    for one in variants:
        if dressing.mode_of(one.item, rules) == LinkMode.SHORT:
            found.append(_worded(tracked_link(target=item.link, variant=one, now=now), one, rules))
        else:
            TrackedLink.objects.filter(variant=one, target=item.link).delete()
    return found


def _worded(link: TrackedLink, variant: Variant, rules: dressing.Rules) -> TrackedLink:
    """What the address behind it is told, by the workspace's patterns."""
    said = dressing.parameters(rules, dressing.values_of(variant))
    wanted = {key: said.get(key, "") for key in addresses.TOLD}
    if any(getattr(link, key) != value for key, value in wanted.items()):
        for key, value in wanted.items():
            setattr(link, key, value)
        link.save(update_fields=list(wanted))
    return link


_MEDIUM = {"brand": "social", "community": "community"}
OWN_MEDIA = frozenset(_MEDIUM.values())
"""What stands as ``utm_medium`` in our own short links; ``utm_source`` is then a channel's key."""


def _check_target(target: str) -> None:
    if not is_web_address(target):
        raise UserError("link_not_an_address", field="link")
