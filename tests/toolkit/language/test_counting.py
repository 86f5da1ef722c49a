"""Lengths were taken from the networks' own rules; every number here can be counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.language.counting import length, urls
from spilno.toolkit.networks.base import Counting

FAMILY = "👨‍👩‍👧‍👦"  # 4 people and 3 joiners
FLAG = "🇺🇦"
THUMB = "👍🏽"
STRESSED = "за́мок"  # U+0301 after а
KEYCAP = "1️⃣"


@pytest.mark.parametrize(
    ("text", "graphemes", "code_points", "utf16", "octets"),
    [
        ("", 0, 0, 0, 0),
        ("abc", 3, 3, 3, 3),
        ("Привіт, їжаче!", 14, 14, 14, 25),
        ("ї", 1, 1, 1, 2),
        ("\u0456\u0308", 1, 2, 2, 4),  # the same letter, decomposed
        (STRESSED, 5, 6, 6, 12),
        (FAMILY, 1, 7, 11, 25),
        (FLAG, 1, 2, 4, 8),
        (THUMB, 1, 2, 4, 8),
        (KEYCAP, 1, 3, 3, 7),
        ("a\r\nb", 3, 4, 4, 4),
        ("漢字", 2, 2, 2, 6),
    ],
)
def test_four_plain_ways(text: str, graphemes: int, code_points: int, utf16: int, octets: int) -> None:
    assert length(text, Counting.GRAPHEMES) == graphemes
    assert length(text, Counting.CODE_POINTS) == code_points
    assert length(text, Counting.UTF16) == utf16
    assert length(text, Counting.BYTES) == octets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Дивіться https://example.com/a/very/long/path?with=query#and-fragment", 9 + 23),
        ("https://a.ua", 23),  # shorter than 23, and still 23
        ("(https://uk.wikipedia.org/wiki/Книга_(видання)).", 1 + 23 + 2),
        ("Питайте в @olena@mastodon.social!", 10 + 6 + 1),
        ("Питайте в @olena!", 17),
        ("mail@example.com", 16),  # not a mention
        (f"{FAMILY}{FLAG}", 2),
        ("два https://a.ua https://b.ua", 4 + 23 + 1 + 23),
    ],
)
def test_mastodon(text: str, expected: int) -> None:
    assert length(text, Counting.MASTODON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Привіт", 6),
        ("漢字", 4),
        (FAMILY, 2),
        (FLAG, 2),
        (THUMB, 2),
        (KEYCAP, 2),
        ("⌚", 2),
        ("Дивіться https://example.com/long/long/long/long/long", 9 + 23),
        ("\u0456\u0308", 1),  # decomposed counts as composed
        ("“так” — ні…", 12),
    ],
)
def test_twitter(text: str, expected: int) -> None:
    # "…" (U+2026) and "—" (U+2014): the dash lies in 8208-8223 and weighs 1, the ellipsis does not and weighs 2
    assert length(text, Counting.TWITTER) == expected


def test_addresses_lose_the_full_stop_of_the_sentence() -> None:
    text = "Приходьте: https://spilno.example/події. Чекаємо!"
    assert [text[a:b] for a, b in urls(text)] == ["https://spilno.example/події"]


@given(st.text(), st.sampled_from(sorted(Counting)))
def test_any_text_has_a_length(text: str, how: Counting) -> None:
    assert length(text, how) >= 0


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "Zs"))))
def test_plain_ways_are_ordered(text: str) -> None:
    g, c, u, b = (length(text, how) for how in ("graphemes", "code_points", "utf16", "bytes"))
    assert g <= c <= u <= b


def test_an_unknown_way_is_an_error() -> None:
    with pytest.raises(KeyError):
        length("a", "stones")
