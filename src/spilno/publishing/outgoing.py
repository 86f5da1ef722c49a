"""What a delivery would send if it left now, read anew from the plan."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from spilno.channels import access
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


def build(delivery: Delivery, *, now: datetime) -> Ready:
    """The post as it would leave at ``now``, of a delivery that was read this moment.

    :raises UserError: ``item_deleted``, ``linked_post_not_out``, ``unknown_network``.
    :raises KeyError: if the network has no such placement any more.
    """
    network = access.network_of(delivery.channel)
    placement = network.placement(delivery.variant.placement)
    post = plan.composed(variant=delivery.variant, key=key_of(delivery), now=now)
    return Ready(network, placement, post, fingerprint(post))


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
