"""Facebook group: there has been no publishing API since April 2024, so a person posts and we remind.

Source: developers.facebook.com/blog/post/2024/01/23/introducing-facebook-graph-and-marketing-api-v19/
"""

from __future__ import annotations

from spilno.toolkit.networks.base import Counting, Network, Once, Placement
from spilno.toolkit.networks.words import GROUP_ADDRESS, OURS, POST, limit

_GONE = (
    "https://developers.facebook.com/blog/post/2024/01/23/introducing-facebook-graph-and-marketing-api-v19/"
)


class FacebookGroup(Network):
    key = "facebook_group"
    label = {"uk": "Група у Facebook", "en": "Facebook group", "ru": "Группа в Facebook"}
    short = "Fg"
    color = "oklch(0.56 0.16 262)"
    docs = _GONE
    audience_metric = "members"
    by_hand = True
    look_here = {
        "uk": "Відкрийте групу й перегляньте останні дописи.",
        "en": "Open the group and look at the latest posts.",
        "ru": "Откройте группу и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.UTF16,
            limits=(
                limit("text", 63_206, "characters", OURS),
                limit("images", 10, "count", OURS),
            ),
            once=Once.HAND,
            media_allowed=("image", "video"),
        ),
    )
    credential_fields = (GROUP_ADDRESS,)
