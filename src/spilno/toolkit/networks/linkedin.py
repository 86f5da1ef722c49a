"""LinkedIn: for now a person posts and we remind; the API follows (see docs/networks/linkedin.md)."""

from __future__ import annotations

from spilno.toolkit.networks.base import Counting, Network, Once, Placement
from spilno.toolkit.networks.words import GROUP_ADDRESS, OURS, POST, limit

_POSTS = "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"


class LinkedIn(Network):
    key = "linkedin"
    label = {"uk": "LinkedIn", "en": "LinkedIn", "ru": "LinkedIn"}
    short = "Li"
    color = "oklch(0.51 0.13 250)"
    docs = _POSTS
    audience_metric = "followers"
    by_hand = True
    look_here = {
        "uk": "Відкрийте сторінку в LinkedIn і перегляньте останні дописи.",
        "en": "Open the page on LinkedIn and look at the latest posts.",
        "ru": "Откройте страницу в LinkedIn и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.UTF16,
            limits=(
                limit("text", 3000, "characters", _POSTS),
                limit("images", 20, "count", OURS),
                limit("videos", 1, "count", OURS),
            ),
            once=Once.HAND,
            media_allowed=("image", "video"),
        ),
    )
    credential_fields = (GROUP_ADDRESS,)
