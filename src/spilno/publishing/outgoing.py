"""What a delivery would send if it left now, read anew from the plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from spilno.channels import access
from spilno.kernel.errors import UserError
from spilno.plan import queries as plan
from spilno.publishing.models import Delivery
from spilno.toolkit.networks.base import Network, Once, Outgoing, Placement


@dataclass(frozen=True)
class Ready:
    """A post and where it goes. ``fingerprint`` tells whether the content is still what it was."""

    network: Network
    placement: Placement
    post: Outgoing
    fingerprint: str

    @property
    def by_hand(self) -> bool:
        """Would the network's API not take it, so that a person posts?"""
        return self.placement.once is Once.HAND or (self.placement.link_by_hand and bool(self.post.link))


def key_of(delivery: Delivery) -> str:
    """The key under which the network knows the post: the same for all attempts."""
    return str(delivery.pk)


def compose(deliveries: Sequence[Delivery], *, now: datetime) -> dict[UUID, Outgoing | UserError]:
    """The posts as they would leave at ``now``, by delivery, in a number of queries that does not grow with them.

    What cannot leave stands there as its error. Files are not fetched yet.
    """
    for one in deliveries:
        one.variant.workspace = one.workspace
        if one.variant.channel_id == one.channel_id:
            one.variant.channel = one.channel
    keys = {one.variant_id: key_of(one) for one in deliveries}
    found = plan.composed_many(variants=[one.variant for one in deliveries], keys=keys, now=now)
    return {one.pk: found[one.variant_id] for one in deliveries}


def build(delivery: Delivery, composed: Outgoing | UserError) -> Ready:
    """What :func:`compose` made, with where it goes.

    :raises UserError: ``item_deleted``, ``linked_post_not_out``, ``media_not_ready``, ``media_failed``,
        ``unknown_network``.
    :raises KeyError: if the network has no such placement any more.
    """
    network = access.network_of(delivery.channel)
    placement = network.placement(delivery.variant.placement)
    if isinstance(composed, UserError):
        raise composed
    return Ready(network, placement, composed, fingerprint(composed))


def fingerprint(post: Outgoing) -> str:
    """SHA-256 of everything people see of a post. Public addresses of pictures change and do not count."""
    seen = [
        post.placement,
        post.text,
        post.link,
        post.language,
        [[one.path.name, one.mime, one.bytes, one.alt] for one in post.media],
    ]
    return hashlib.sha256(json.dumps(seen, ensure_ascii=False).encode()).hexdigest()
