"""What becomes of a file where it goes: the door to ``toolkit.media`` for channels and placements."""

from __future__ import annotations

from collections.abc import Sequence

from spilno.channels.models import Channel
from spilno.channels.requirements import limits_for
from spilno.plan.media import facts_of
from spilno.plan.models import Media
from spilno.toolkit.media.recipe import Fitting, fitting
from spilno.toolkit.networks.base import Limit, Once, Placement


def limits_of(channel: Channel, placement: str) -> Sequence[Limit]:
    """Limits that replace the declared ones of a channel's placement."""
    return limits_for(channel, placement)


def by_hand(channel: Channel, place: Placement, *, link: bool) -> bool:
    """Will a person post it? Then the file stays as it is: the network's own app converts."""
    return channel.by_hand or place.once is Once.HAND or (link and place.link_by_hand)


def fitting_of(media: Media, channel: Channel, place: Placement) -> Fitting:
    """What becomes of a file on a channel."""
    return fitting(facts_of(media), place, limits_of(channel, place.key))
