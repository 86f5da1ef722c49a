"""How long a text is, as each network counts it.

The same text has many lengths: a family emoji is one grapheme, seven code points, eleven UTF-16 units and twenty-five
bytes. A composer that counts differently from the network either refuses what would fit or lets through what will be
refused at posting time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import regex

URL_LENGTH = 23
"""What a web address counts as on Mastodon (``StatusLengthValidator``) and on X (``transformedURLLength``)."""

URL = regex.compile(
    r"""https?://                                      # only addresses with a scheme are shortened everywhere
        (?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?\.)*[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?
        (?::\d{1,5})?
        (?:/(?:[^\s<>"«»“”()]|\([^\s<>"()]*\))*)?      # a path may hold balanced brackets (Wikipedia)
        (?:\?[^\s<>"«»“”]*)?
        (?:\#[^\s<>"«»“”]*)?
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
TRAILING = regex.compile(r"""[.,:;!?'"»”…]+$""")
MENTION = regex.compile(
    r"(?<![\w/])@([a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@[\p{L}\p{N}.-]+[\p{L}\p{N}]+", regex.IGNORECASE
)
EMOJI = regex.compile(
    r"""\p{Regional_Indicator}{2}
      | [0-9#*]\uFE0F?\u20E3
      | (?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\p{Emoji_Modifier_Base}(?=\p{Emoji_Modifier})
          |\p{Extended_Pictographic}(?=\u200D))
        \uFE0F?\p{Emoji_Modifier}?[\U000E0020-\U000E007F]*
        (?:\u200D\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)*
    """,
    regex.VERBOSE,
)

_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Ranges of code points that weigh 1 in the twitter-text configuration v3; everything else weighs 2."""


def urls(text: str) -> list[tuple[int, int]]:
    """Web addresses in the text as (start, end) in code points, without punctuation that ends the sentence."""
    found = []
    for match in URL.finditer(text):
        address = TRAILING.sub("", match.group())
        found.append((match.start(), match.start() + len(address)))
    return found


def graphemes(text: str) -> int:
    """What a person calls characters: extended grapheme clusters (Unicode UAX 29)."""
    return len(regex.findall(r"\X", text))


def code_points(text: str) -> int:
    """Unicode code points."""
    return len(text)


def utf16(text: str) -> int:
    """UTF-16 code units: what JavaScript and many APIs call length."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_bytes(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def _without_addresses(text: str) -> tuple[str, int]:
    """The text with its addresses taken out, and how many there were."""
    rest, last, found = [], 0, urls(text)
    for start, end in found:
        rest.append(text[last:start])
        last = end
    rest.append(text[last:])
    # A character that cannot join its neighbours, so that taking an address out does not melt two graphemes.
    return "\n".join(rest), len(found)


def mastodon(text: str) -> int:
    """Graphemes; an address counts 23; ``@name@server`` counts as ``@name`` (docs.joinmastodon.org, posting)."""
    rest, addresses = _without_addresses(text)
    return graphemes(MENTION.sub(r"@\1", rest)) - addresses + addresses * URL_LENGTH


def twitter(text: str) -> int:
    """Weighted length (twitter-text, configuration v3): address 23, emoji 2, most scripts 1, CJK and others 2."""
    text = unicodedata.normalize("NFC", text)
    rest, addresses = _without_addresses(text)
    without_emoji, emoji = EMOJI.subn("", rest)
    weight = sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in without_emoji)
    return weight - addresses + addresses * URL_LENGTH + 2 * emoji


_COUNTERS: dict[str, Callable[[str], int]] = {
    "graphemes": graphemes,
    "code_points": code_points,
    "utf16": utf16,
    "bytes": utf8_bytes,
    "mastodon": mastodon,
    "twitter": twitter,
}


def length(text: str, how: str) -> int:
    """Length of ``text`` counted ``how``: a value of :class:`spilno.toolkit.networks.base.Counting`.

    :raises KeyError: for a way of counting that does not exist.
    """
    return _COUNTERS[how](text)
