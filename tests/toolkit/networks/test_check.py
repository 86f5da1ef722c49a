"""Checking a post against a placement: codes, fields and levels are what pages and the command line build on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spilno.toolkit.networks import all_networks, get
from spilno.toolkit.networks.base import Limit, MediaFile
from spilno.toolkit.networks.check import check

SQUARE = MediaFile(Path("a.jpg"), "image/jpeg", 100_000, 1080, 1080, alt="Книги")


def codes(**given: Any) -> list[tuple[str, str, str]]:
    given.setdefault("text", "Текст")
    return [(one.code, one.field, one.level) for one in check(**given).problems]


def with_(**changes: Any) -> MediaFile:
    return MediaFile(**{**SQUARE.__dict__, **changes})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"network": "bluesky", "placement": "post"}, []),
        ({"network": "bluesky", "placement": "post", "text": "  \n"}, [("text_empty", "text", "error")]),
        ({"network": "bluesky", "placement": "post", "text": "", "media": (SQUARE,)}, []),
        (
            {"network": "bluesky", "placement": "post", "media": (SQUARE,) * 5},
            [("media_too_many", "media", "error")],
        ),
        (
            {"network": "bluesky", "placement": "post", "media": (SQUARE, with_(bytes=1_000_001))},
            [("media_too_large", "media.1", "error")],
        ),
        (
            {"network": "bluesky", "placement": "post", "media": (with_(mime="video/mp4"),)},
            [("media_too_many", "media", "error"), ("media_wrong_type", "media.0", "error")],
        ),
        (
            {"network": "bluesky", "placement": "post", "media": (with_(mime="application/pdf"),)},
            [("media_wrong_type", "media.0", "error")],
        ),
        (
            {"network": "bluesky", "placement": "post", "media": (with_(alt=" "),)},
            [("alt_missing", "media.0", "note")],
        ),
        (
            {"network": "bluesky", "placement": "post", "link": "example.org"},
            [("link_not_an_address", "link", "error")],
        ),
        ({"network": "instagram", "placement": "post"}, [("media_required", "media", "error")]),
        ({"network": "instagram", "placement": "post", "media": (SQUARE,)}, []),
        (
            {"network": "instagram", "placement": "post", "media": (SQUARE,), "text": "#тег " * 31},
            [("hashtags_too_many", "text", "error")],
        ),
        (
            {"network": "instagram", "placement": "post", "media": (SQUARE,), "link": "https://a.ua"},
            [("link_not_clickable", "link", "note")],
        ),
        (
            {"network": "instagram", "placement": "post", "media": (with_(width=1080, height=1400),)},
            [("ratio_out_of_range", "media.0", "error")],
        ),
        ({"network": "instagram", "placement": "post", "media": (with_(width=1080, height=1350),)}, []),
        ({"network": "instagram", "placement": "post", "media": (with_(width=1080, height=566),)}, []),
        (
            {"network": "instagram", "placement": "post", "media": (with_(width=300, height=300),)},
            [("image_too_small", "media.0", "error")],
        ),
        (
            {"network": "instagram", "placement": "story", "media": (with_(width=1080, height=1920),)},
            [("text_not_shown", "text", "note")],
        ),
        (
            {"network": "instagram", "placement": "story", "text": "", "media": (SQUARE,)},
            [("ratio_not_best", "media.0", "note")],
        ),
        ({"network": "facebook_group", "placement": "post", "media": (with_(alt=""),)}, []),
    ],
)
def test_problems(given: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert codes(**given) == expected


def test_what_is_over_is_told_in_the_networks_own_units() -> None:
    found = check(network="bluesky", placement="post", text="👨‍👩‍👧‍👦" * 301)
    by_unit = {one.params["unit"]: dict(one.params) for one in found.problems}
    assert by_unit["graphemes"] == {"length": 301, "limit": 300, "over": 1, "unit": "graphemes"}
    assert by_unit["bytes"] == {"length": 7525, "limit": 3000, "over": 4525, "unit": "bytes"}
    assert (found.length, found.limit, found.counting, found.ok) == (301, 300, "graphemes", False)


def test_a_link_that_travels_in_the_text_counts() -> None:
    link = "https://example.org/a-very-long-address-that-nobody-types"
    assert check(network="mastodon", placement="post", text="Так", link=link).length == 3 + 2 + 23
    assert check(network="bluesky", placement="post", text="Так", link=link).length == 3
    with_picture = check(network="bluesky", placement="post", text="Так", link=link, media=(SQUARE,))
    assert with_picture.length == 3 + 2 + len(link)
    assert check(network="mastodon", placement="post", text=f"Так {link}", link=link).length == 4 + 23


def test_live_limits_replace_declared_ones() -> None:
    day = date(2026, 11, 22)
    live = (Limit("text", 5000, "characters", day, "https://big.test/api/v2/instance"),)
    assert not check(network="mastodon", placement="post", text="а" * 5000, limits=live).problems
    assert check(network="mastodon", placement="post", text="а" * 5000).limit == 500


def test_shape_is_told_exactly() -> None:
    tall = with_(width=1000, height=2000)
    (problem,) = check(network="instagram", placement="post", text="т", media=(tall,)).problems
    assert problem.params == {"ratio": Decimal("0.50"), "min": Decimal("0.8"), "max": Decimal("1.91")}


def test_a_network_and_its_key_are_the_same() -> None:
    for key, network in all_networks().items():
        place = network.placements[0].key
        assert check(network=key, placement=place, text="т") == check(
            network=network, placement=place, text="т"
        )


def test_unknown_names() -> None:
    with pytest.raises(KeyError):
        check(network="nowhere", placement="post", text="")
    with pytest.raises(KeyError):
        check(network="matrix", placement="story", text="")
    with pytest.raises(KeyError):
        get("nowhere")
