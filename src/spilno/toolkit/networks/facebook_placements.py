"""Where something can appear on a Facebook page, and within which limits."""

from __future__ import annotations

from decimal import Decimal

from spilno.toolkit.networks.base import Counting, Limit, Once, Placement
from spilno.toolkit.networks.words import OURS, POST, REEL, STORY, VIDEO, limit

POSTS = "https://developers.facebook.com/docs/pages-api/posts"
_PHOTOS = "https://developers.facebook.com/docs/graph-api/reference/page/photos/"
_VIDEO_ERRORS = "https://developers.facebook.com/docs/video-api/reference/error-codes"
REELS = "https://developers.facebook.com/docs/video-api/guides/reels-publishing"
_STORIES = "https://developers.facebook.com/docs/page-stories-api"
_PICTURES = "image/jpeg image/png image/gif image/bmp image/tiff"
_VIDEOS = "video/mp4 video/quicktime"
_MOST_VIDEO = 2_000_000_000


def _upright(seconds: int, source: str) -> tuple[Limit, ...]:
    """Limits of a video that fills a phone's screen."""
    return (
        limit("videos", 1, "count", source),
        limit("video_bytes", _MOST_VIDEO, "bytes", _VIDEO_ERRORS),
        limit("video_mime", _VIDEOS, "mime", REELS),
        limit("video_seconds_min", 3, "s", REELS),
        limit("video_seconds", seconds, "s", source),
        limit("video_ratio_min", Decimal("0.5625"), "ratio", REELS),
        limit("video_ratio_max", Decimal("0.5625"), "ratio", REELS),
        limit("video_width_min", 540, "px", REELS),
        limit("video_height_min", 960, "px", REELS),
        limit("video_fps", 60, "fps", REELS),
    )


PLACEMENTS = (
    Placement(
        "post",
        label=POST,
        counting=Counting.UTF16,
        limits=(
            limit("text", 63_206, "characters", OURS),
            limit("images", 10, "count", OURS),
            limit("videos", 0, "count", OURS),
            limit("image_bytes", 4_000_000, "bytes", _PHOTOS),
            limit("image_mime", _PICTURES, "mime", _PHOTOS),
        ),
        once=Once.PREPARE,
        media_allowed=("image",),
    ),
    Placement(
        "video",
        label=VIDEO,
        counting=Counting.UTF16,
        limits=(
            limit("text", 63_206, "characters", OURS),
            limit("images", 0, "count", OURS),
            limit("videos", 1, "count", OURS),
            limit("video_bytes", _MOST_VIDEO, "bytes", _VIDEO_ERRORS),
            limit("video_mime", _VIDEOS, "mime", OURS),
            limit("video_seconds_min", 1, "s", OURS),
            limit("video_seconds", 14_400, "s", OURS),
        ),
        once=Once.PREPARE,
        media_required=True,
        media_allowed=("video",),
        alt_text=False,
    ),
    Placement(
        "reel",
        label=REEL,
        counting=Counting.UTF16,
        limits=(
            limit("text", 2200, "characters", OURS),
            *_upright(90, REELS),
            limit("posts_per_day", 30, "count", REELS),
        ),
        once=Once.PREPARE,
        media_required=True,
        media_allowed=("video",),
        alt_text=False,
    ),
    Placement(
        "story",
        label=STORY,
        counting=Counting.UTF16,
        limits=(
            limit("text", None, "characters", _STORIES),
            limit("media", 1, "count", _STORIES),
            limit("images", 1, "count", _STORIES),
            limit("image_bytes", 10_000_000, "bytes", _STORIES),
            limit("image_mime", _PICTURES, "mime", _STORIES),
            limit("ratio_best", Decimal("0.5625"), "ratio", _STORIES),
            *_upright(60, _STORIES),
        ),
        once=Once.LOOKUP,
        media_required=True,
        text_allowed=False,
        media_allowed=("image", "video"),
        link_by_hand=True,
        alt_text=False,
    ),
)
