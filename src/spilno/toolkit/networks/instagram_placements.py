"""Where something can appear on Instagram, and within which limits.

A reel has 300 MB and 15 minutes, a story 100 MB and one minute. Of videos in a carousel Instagram says nothing, so what
it said of videos in the feed, before they became reels, is kept to.
"""

from __future__ import annotations

from decimal import Decimal

from spilno.toolkit.networks.base import Counting, Limit, Once, Placement
from spilno.toolkit.networks.words import CAROUSEL, OURS, POST, REEL, STORY, limit

PUBLISHING = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
MEDIA = "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media"
_VIDEOS = "video/mp4 video/quicktime"


_TEXT = (
    limit("text", 2200, "characters", MEDIA),
    limit("hashtags", 30, "count", MEDIA),
    limit("mentions", 20, "count", MEDIA),
)
_PICTURE = (
    limit("image_bytes", 8_000_000, "bytes", MEDIA),
    limit("image_mime", "image/jpeg", "mime", MEDIA),
    limit("width_min", 320, "px", MEDIA),
)
_SHAPE = (
    limit("ratio_min", Decimal("0.8"), "ratio", MEDIA),
    limit("ratio_max", Decimal("1.91"), "ratio", MEDIA),
)
_A_DAY = limit("posts_per_day", 100, "count", PUBLISHING)


def _video(most: int, seconds: int, low: str, high: str, source: str) -> tuple[Limit, ...]:
    return (
        limit("video_bytes", most, "bytes", source),
        limit("video_mime", _VIDEOS, "mime", MEDIA),
        limit("video_seconds_min", 3, "s", MEDIA),
        limit("video_seconds", seconds, "s", source),
        limit("video_ratio_min", Decimal(low), "ratio", source),
        limit("video_ratio_max", Decimal(high), "ratio", source),
        limit("video_fps", 60, "fps", MEDIA),
    )


PLACEMENTS = (
    Placement(
        "post",
        label=POST,
        counting=Counting.UTF16,
        limits=(
            *_TEXT,
            limit("images", 1, "count", PUBLISHING),
            limit("videos", 0, "count", OURS),
            *_PICTURE,
            *_SHAPE,
            _A_DAY,
        ),
        once=Once.PREPARE,
        media_required=True,
        media_allowed=("image",),
        link_plain=True,
    ),
    Placement(
        "carousel",
        label=CAROUSEL,
        counting=Counting.UTF16,
        limits=(
            *_TEXT,
            limit("media_min", 2, "count", PUBLISHING),
            limit("media", 10, "count", PUBLISHING),
            *_PICTURE,
            *_SHAPE,
            *_video(100_000_000, 60, "0.8", "1.91", OURS),
            _A_DAY,
        ),
        once=Once.PREPARE,
        media_required=True,
        media_allowed=("image", "video"),
        link_plain=True,
    ),
    Placement(
        "reel",
        label=REEL,
        counting=Counting.UTF16,
        limits=(
            *_TEXT,
            limit("videos", 1, "count", PUBLISHING),
            *_video(300_000_000, 900, "0.01", "10", MEDIA),
            limit("video_ratio_best", Decimal("0.5625"), "ratio", MEDIA),
            _A_DAY,
        ),
        once=Once.PREPARE,
        media_required=True,
        media_allowed=("video",),
        link_plain=True,
        alt_text=False,
    ),
    Placement(
        "story",
        label=STORY,
        counting=Counting.UTF16,
        limits=(
            limit("text", None, "characters", MEDIA),
            limit("media", 1, "count", PUBLISHING),
            *_PICTURE,
            limit("ratio_best", Decimal("0.5625"), "ratio", MEDIA),
            *_video(100_000_000, 60, "0.1", "10", MEDIA),
            limit("video_ratio_best", Decimal("0.5625"), "ratio", MEDIA),
            _A_DAY,
        ),
        once=Once.PREPARE,
        media_required=True,
        text_allowed=False,
        media_allowed=("image", "video"),
        link_by_hand=True,
        alt_text=False,
    ),
)
