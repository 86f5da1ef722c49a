"""How a post's link goes out: as it is, with UTM parameters, or as a short link of ours that counts visits.

The workspace says what is usual, a post may say otherwise. Patterns name what a parameter shall say:
``{network}``, ``{channel}`` (its key), ``{medium}`` (``social`` for the brand's channels, ``community`` for a
community's), ``{initiative}`` and ``{item}`` (their keys), ``{placement}``. What a link
says itself is never said twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import regex
from django.conf import settings
from django.urls import reverse

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Variant
from spilno.plan.writing.models import LinkMode, LinkRules
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

WORDS = ("network", "channel", "medium", "initiative", "item", "placement")
PARAMETERS = ("source", "medium", "campaign", "content")
MEDIUM = {"brand": "social", "community": "community"}
BRACES = regex.compile(r"\{([^{}]*)\}")

USUAL = {"source": "{network}", "medium": "{medium}", "campaign": "{initiative}", "content": "{item}"}


@dataclass(frozen=True)
class Rules:
    """``patterns``: by parameter, without its ``utm_``."""

    mode: str
    patterns: Mapping[str, str]


AS_IT_IS = Rules(LinkMode.PLAIN, USUAL)


def rules_of(workspaces: Collection[UUID]) -> dict[UUID, Rules]:
    """What is usual in workspaces; those that said nothing leave links as they are."""
    found = LinkRules.objects.filter(workspace__in=workspaces)
    return {
        one.workspace_id: Rules(one.mode, {key: getattr(one, key) for key in PARAMETERS}) for one in found
    }


def rules_for(workspace: UUID) -> Rules:
    """:func:`rules_of` of one."""
    return rules_of([workspace]).get(workspace, AS_IT_IS)


def mode_of(item: Item, rules: Rules) -> str:
    """How the item's link goes out: its own choice, or what is usual."""
    extra = getattr(item, "extra", None)
    return (extra.link_mode if extra else "") or rules.mode


def values(*, channel: Channel, placement: str, initiative: str, item: str) -> dict[str, str]:
    """What the words of patterns stand for. ``initiative`` and ``item`` are their keys."""
    return {
        "network": channel.network,
        "channel": channel.key,
        "medium": MEDIUM.get(channel.purpose, "social"),
        "initiative": initiative,
        "item": item,
        "placement": placement,
    }


def values_of(variant: Variant) -> dict[str, str]:
    """:func:`values` of a variant that was read with its item, the item's initiative and its channel."""
    initiative = variant.item.initiative
    return values(
        channel=variant.channel,
        placement=variant.placement,
        initiative=initiative.slug if initiative else "",
        item=variant.item.key,
    )


def parameters(rules: Rules, said: Mapping[str, str]) -> dict[str, str]:
    """``utm_source`` and its siblings; those whose pattern comes out empty are left out."""
    found = {}
    for key in PARAMETERS:
        value = BRACES.sub(lambda match: said.get(match[1], ""), rules.patterns[key]).strip(" -_")
        if value:
            found[f"utm_{key}"] = value[:200]
    return found


def with_parameters(link: str, wanted: Mapping[str, str]) -> str:
    """The link with the parameters that it does not have yet. Everything else of it stays to the letter."""
    parts = urlsplit(link)
    there = {name.lower() for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode({name: value for name, value in wanted.items() if name not in there})
    if not added:
        return link
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def dressed(variant: Variant, link: str, rules: Rules) -> str:
    """A typed link as it goes out with the variant, if it is not a short one."""
    if not link or mode_of(variant.item, rules) != LinkMode.UTM:
        return link
    return with_parameters(link, parameters(rules, values_of(variant)))


def to_come(length: int = 8) -> str:
    """What a short link looks like before it is made: as long as it will be."""
    return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-link', args=['x' * length])}"


def put_rules(
    *, workspace: Workspace, mode: str, patterns: Mapping[str, str], by: Person | None
) -> LinkRules:
    """Say what becomes of the workspace's links from now on; what is out stays as it went out.

    :raises UserError: ``link_mode_unknown``, ``link_pattern_word`` for a word in braces that means nothing.
    """
    require(by, Permission.CHANNEL_MANAGE)
    if mode not in LinkMode.values:
        raise UserError("link_mode_unknown", field="mode")
    clean = {key: " ".join(patterns.get(key, "").split())[:120] for key in PARAMETERS}
    for key, pattern in clean.items():
        strange = next((one for one in BRACES.findall(pattern) if one not in WORDS), None)
        if strange is not None:
            raise UserError("link_pattern_word", field=key, word=strange[:40], known=", ".join(WORDS))
    rules, _made = LinkRules.objects.update_or_create(workspace=workspace, defaults={"mode": mode, **clean})
    return rules
