"""What would make a text fit a channel."""

from __future__ import annotations

from collections.abc import Sequence

from spilno.channels.access import network_of
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan.fitting import by_hand, fitting_of, limits_of
from spilno.plan.media import facts_of
from spilno.plan.models import Media
from spilno.plan.writing import mentions
from spilno.toolkit.media.recipe import as_file
from spilno.toolkit.networks.mending import shortened


def shorter(
    *,
    channel: Channel,
    placement: str,
    text: str,
    media: Sequence[Media] = (),
    link: str = "",
    names: mentions.Names = mentions.NOBODY,
) -> str:
    """The text cut at the end of a word so that it fits; ``""`` if it fits already or cannot.

    People are named as they are on the network, as in what would be sent.
    """
    try:
        network = network_of(channel)
        place = network.placement(placement)
    except (KeyError, UserError):
        return ""
    hand = by_hand(channel, place, link=bool(link))
    files = [
        as_file(facts_of(one) if hand else fitting_of(one, channel, place).result, alt=one.alt)
        for one in media
    ]
    made = shortened(
        network=network, placement=placement, text=mentions.resolved(text, channel.network, names), media=files,
        link=link, limits=limits_of(channel, placement),
    )  # fmt: skip
    return made or ""
