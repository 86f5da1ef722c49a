"""Checking a post against a placement: codes, fields and levels are what pages and the command line build on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spilno.toolkit.networks import all_networks, get
from spilno.toolkit.networks.base import Counting, Limit, MediaFile, Network, Once, Placement
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.words import OURS, limit

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
            {"network": "instagram", "placement": "post", "media": (with_(mime="video/mp4"),)},
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


DAY = date(2026, 11, 22)


class Everything(Network):
    """A network that declares every limit there is."""

    key = "everything"
    placements = (
        Placement(
            "post",
            label={"uk": "Допис", "en": "Post", "ru": "Публикация"},
            counting=Counting.BYTES,
            limits=tuple(
                Limit(key, value, unit, DAY, "https://example.org")
                for key, value, unit in (
                    ("text", 5000, "bytes"), ("title", 100, "characters"),
                    ("images", 4, "count"), ("videos", 1, "count"), ("documents", 1, "count"), ("mixed", 0, "count"),
                    ("video_bytes", 50_000_000, "bytes"), ("video_mime", "video/mp4", "mime"),
                    ("video_seconds_min", 3, "s"), ("video_seconds", 90, "s"), ("video_fps", 60, "fps"),
                    ("video_ratio_min", Decimal("0.5"), "ratio"), ("video_ratio_max", Decimal("1.91"), "ratio"),
                    ("video_ratio_best", Decimal("0.5625"), "ratio"),
                    ("video_width_min", 540, "px"), ("video_height_min", 960, "px"),
                    ("document_bytes", 1000, "bytes"), ("document_mime", "application/pdf", "mime"),
                    ("document_pages", 300, "count"), ("ratio_max", 1, "ratio"), ("width_min", 2000, "px"),
                )
            ),
            once=Once.KEY,
            media_allowed=("image", "video", "file"),
        ),
    )  # fmt: skip


REEL = MediaFile(Path("a.mp4"), "video/mp4", 1000, 1080, 1920, seconds=Decimal(30), fps=Decimal(30))
PDF = MediaFile(Path("a.pdf"), "application/pdf", 1000, pages=12)


def reel(**changes: Any) -> MediaFile:
    return replace(REEL, **changes)


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ((REEL,), {}),
        ((PDF,), {}),
        ((reel(seconds=None, fps=None, width=None, height=None),), {}),
        ((reel(seconds=Decimal(91)),), {"video_too_long": {"seconds": 91, "limit": 90}}),
        ((reel(seconds=Decimal("2.9")),), {"video_too_short": {"seconds": Decimal("2.9"), "limit": 3}}),
        ((reel(fps=Decimal(120)),), {"video_too_fast": {"fps": 120, "limit": 60}}),
        (
            (reel(width=540, height=1200),),
            {
                "video_ratio_out_of_range": {
                    "ratio": Decimal("0.45"), "min": Decimal("0.5"), "max": Decimal("1.91"),
                },
                "video_ratio_not_best": {"ratio": Decimal("0.45"), "best": Decimal("0.5625")},
            },
        ),
        (
            (reel(width=360, height=640),),
            {"video_too_small": {"width": 360, "height": 640, "min_width": 540, "min_height": 960}},
        ),
        ((reel(bytes=50_000_001),), {"media_too_large": {"bytes": 50_000_001, "limit": 50_000_000, "kind": "video"}}),
        (
            (reel(mime="video/quicktime"),),
            {"media_wrong_type": {"type": "video/quicktime", "allowed": "video/mp4"}},
        ),
        ((REEL, REEL), {"media_too_many": {"count": 2, "limit": 1, "kind": "video"}}),
        ((PDF, PDF), {"media_too_many": {"count": 2, "limit": 1, "kind": "document"}}),
        ((replace(PDF, pages=301),), {"document_too_long": {"pages": 301, "limit": 300}}),
        ((replace(PDF, bytes=1001),), {"media_too_large": {"bytes": 1001, "limit": 1000, "kind": "document"}}),
        (
            (replace(PDF, mime="text/plain"),),
            {"media_wrong_type": {"type": "text/plain", "allowed": "application/pdf"}},
        ),
        ((with_(width=2000, height=2000), REEL), {"media_mixed": {}}),
    ],
)  # fmt: skip
def test_video_and_documents(media: tuple[MediaFile, ...], expected: dict[str, dict[str, Any]]) -> None:
    found = check(network=Everything(), placement="post", text="Назва", media=media).problems
    assert {one.code: dict(one.params) for one in found} == expected
    assert {one.code for one in found if one.level == "note"} <= {"video_ratio_not_best"}


def test_a_title_is_the_first_line_and_counts_in_characters() -> None:
    fits = check(network=Everything(), placement="post", text="\n" + "ї" * 100 + "\n" + "а" * 2000)
    (over,) = check(network=Everything(), placement="post", text="ї" * 101 + "\nдалі").problems
    assert fits.ok
    assert (over.code, over.field) == ("title_too_long", "text")
    assert over.params == {"length": 101, "limit": 100, "over": 1}


def test_a_placement_for_videos_alone_says_so() -> None:
    class Only(Everything):
        placements = (replace(Everything.placements[0], media_required=True, media_allowed=("video",)),)

    (missing,) = check(network=Only(), placement="post", text="т").problems
    assert (missing.code, missing.params) == ("media_required", {"kind": "video"})


def test_too_few_and_too_many_named() -> None:
    class Several(Everything):
        placements = (
            replace(
                Everything.placements[0],
                media_allowed=("image",),
                limits=(limit("media_min", 2, "count", OURS), limit("mentions", 1, "count", OURS)),
            ),
        )

    (few,) = check(network=Several(), placement="post", text="т", media=(with_(),)).problems
    assert (few.code, few.params) == ("media_too_few", {"count": 1, "limit": 2})
    assert check(network=Several(), placement="post", text="без знімків").ok
    text = "Дякуємо @olena.koval та @taras_m, пишіть на a@example.org"
    (named,) = check(network=Several(), placement="post", text=text).problems
    assert (named.code, named.params) == ("mentions_too_many", {"count": 2, "limit": 1})


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
