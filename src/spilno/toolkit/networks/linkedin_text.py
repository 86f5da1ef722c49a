"""LinkedIn's "little" text: what people type, as the Posts API wants it, and back again.

In a post's ``commentary`` a reserved character that is not escaped ends the text there, without any error. Hashtags
and mentions are elements of the format. Comments are plain text and must not be escaped.

Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format.
"""

from __future__ import annotations

import re

import regex

from spilno.toolkit.language.counting import urls

RESERVED = "\\|{}@[]()<>#*_~"
"""Characters that stand for themselves only behind a backslash."""

_RESERVED = re.compile(f"[{re.escape(RESERVED)}]")
_MENTION = re.compile(r"@\[([^\[\]\n]{1,150})\]\((urn:li:(?:person|organization):[\w-]{1,40})\)", re.ASCII)
_HASHTAG = regex.compile(r"(?<![\w&/])#([\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*)")
_TEMPLATE = re.compile(r"\{hashtag\|\\?[#\uff03]\|((?:\\.|[^}\\])*)\}")
_SAID_MENTION = re.compile(r"@\[((?:\\.|[^\]\\])*)\]\s?\((?:\\.|[^)\\])*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def escaped(text: str) -> str:
    """The text with every reserved character behind a backslash."""
    return _RESERVED.sub(lambda found: f"\\{found[0]}", text)


def shown(text: str) -> str:
    """What readers will see of a typed text, and what LinkedIn counts: a mention is its name, nothing else changes."""
    return _MENTION.sub(lambda found: found[1], text)


def little(text: str) -> str:
    """A typed text as ``commentary``.

    ``#word`` becomes a hashtag (not inside an address), ``@[Name](urn:li:organization:123)`` stays a mention, and
    everything else is escaped.
    """
    inside = urls(text)
    elements = [
        (one.start(), one.end(), f"@[{escaped(one[1])}]({one[2]})") for one in _MENTION.finditer(text)
    ]
    taken = [*inside, *((start, end) for start, end, _ in elements)]
    for one in _HASHTAG.finditer(text):
        if not any(start <= one.start() < end for start, end in taken):
            elements.append((one.start(), one.end(), f"{{hashtag|\\#|{escaped(one[1])}}}"))
    parts, last = [], 0
    for start, end, element in sorted(elements):
        parts += [escaped(text[last:start]), element]
        last = end
    return "".join([*parts, escaped(text[last:])])


def plain(commentary: str) -> str:
    """What readers see of a ``commentary``."""
    text = _TEMPLATE.sub(lambda found: f"\\#{found[1]}", commentary)
    text = _SAID_MENTION.sub(lambda found: found[1], text)
    return _ESCAPED.sub(r"\1", text)


def fingerprint(text: str) -> str:
    """What stays of a shown text whatever LinkedIn does to it: it shortens addresses and tidies white space."""
    parts, last = [], 0
    for start, end in urls(text):
        parts += [text[last:start], "\u2022"]
        last = end
    return "".join("".join([*parts, text[last:]]).split())


def first_line(text: str, most: int) -> str:
    """The first line that says something, at most so many characters, cut between words where that is possible."""
    line = next((one.strip() for one in text.splitlines() if one.strip()), "")
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    if not line[most - 1].isspace():
        cut = cut.rpartition(" ")[0] or cut
    return f"{cut.rstrip()}…"
