"""Bluesky's own notation: record keys, rich-text facets, the record of a post.

Sources: atproto.com/specs/tid, docs.bsky.app/docs/advanced-guides/post-richtext, lexicon ``app.bsky.feed.post``.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import regex

from spilno.toolkit.language.counting import urls

_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"  # base32 that sorts like the number
_CLOCK_BITS = 10
_FALLBACK_START = 1_672_531_200_000_000  # 2023-01-01 in microseconds
_FALLBACK_SPAN = 365 * 24 * 3600 * 1_000_000

MENTION = regex.compile(
    r"(?<![\w@/.-])@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?![\w-])",
    regex.IGNORECASE,
)
TAG = regex.compile(
    r"(?<![\w&/#])#((?!\ufe0f)[\p{L}\p{N}\p{M}_\p{Extended_Pictographic}-]*[^\d\s\p{P}][\p{L}\p{N}\p{M}_-]*)"
)
MOST_TAG_GRAPHEMES = 64


def tid(key: str) -> str:
    """A record key (13 characters, a valid TID) that follows from our delivery's key alone.

    So the same delivery has the same record key over all attempts, even if everything kept about it is lost. A TID
    is a time in microseconds and ten bits of clock; a UUIDv7 key gives its own time, so that repositories stay
    sorted; any other key gets a time in 2023.
    """
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:12], "big")
    try:
        given = uuid.UUID(key)
        milliseconds = given.int >> 80 if given.version == 7 else None
    except ValueError:
        milliseconds = None
    if milliseconds is not None:
        micros = milliseconds * 1000 + digest % 1000
    else:
        micros = _FALLBACK_START + digest % _FALLBACK_SPAN
    number = (micros << _CLOCK_BITS) | ((digest >> 64) % (1 << _CLOCK_BITS))
    letters = []
    for _ in range(13):
        letters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def tid_time(value: str) -> datetime:
    """The time that a TID carries, aware UTC."""
    number = 0
    for letter in value:
        number = number << 5 | _ALPHABET.index(letter)
    return datetime.fromtimestamp((number >> _CLOCK_BITS) / 1_000_000, UTC)


def handles(text: str) -> list[str]:
    """Handles that the text mentions, each once, in lower case."""
    return list(dict.fromkeys(match.group(1).lower() for match in MENTION.finditer(text)))


def facets(text: str, dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Links, mentions and hashtags of the text, addressed by UTF-8 byte offsets.

    :param dids: DID by handle; a handle that could not be resolved stays plain text.
    """
    found: list[tuple[int, int, dict[str, str]]] = []
    for start, end in urls(text):
        found.append((start, end, {"$type": "app.bsky.richtext.facet#link", "uri": text[start:end]}))
    for match in _free(MENTION.finditer(text), found):
        if did := dids.get(match.group(1).lower()):
            found.append((*match.span(), {"$type": "app.bsky.richtext.facet#mention", "did": did}))
    for match in _free(TAG.finditer(text), found):
        tag = match.group(1)
        if len(regex.findall(r"\X", tag)) <= MOST_TAG_GRAPHEMES:
            found.append((*match.span(), {"$type": "app.bsky.richtext.facet#tag", "tag": tag}))
    return [
        {"index": {"byteStart": _byte(text, start), "byteEnd": _byte(text, end)}, "features": [feature]}
        for start, end, feature in sorted(found, key=lambda one: one[0])
    ]


def _free(matches: Iterable[Any], taken: list[tuple[int, int, dict[str, str]]]) -> list[Any]:
    """Matches that do not touch what is taken (``https://site/@name#part``): facets must not overlap."""
    return [
        one for one in matches if not any(one.start() < high and low < one.end() for low, high, _ in taken)
    ]


def _byte(text: str, position: int) -> int:
    return len(text[:position].encode())


def record(
    *,
    text: str,
    created_at: datetime,
    dids: Mapping[str, str],
    language: str = "",
    embed: Mapping[str, Any] | None = None,
    reply: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The ``app.bsky.feed.post`` record.

    :param embed: pictures, a video or a card: a post has one of them.
    :param reply: ``root`` and ``parent``, each with ``uri`` and ``cid``.
    """
    made: dict[str, Any] = {
        "$type": "app.bsky.feed.post",
        "text": text,
        "createdAt": created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if found := facets(text, dids):
        made["facets"] = found
    if language:
        made["langs"] = [language]
    if embed:
        made["embed"] = dict(embed)
    if reply:
        made["reply"] = dict(reply)
    return made
