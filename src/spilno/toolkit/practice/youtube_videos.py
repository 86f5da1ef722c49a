"""YouTube's videos: what is shown of one, its processing, changing and deleting it, its thumbnail.

Source: developers.google.com/youtube/v3/docs/videos.
"""

from __future__ import annotations

import re
from typing import Any

from PIL import Image

from spilno.toolkit.practice.state import State, UnreadablePicture
from spilno.toolkit.practice.uploads import TooLarge, spool
from spilno.toolkit.practice.youtube import (
    CHANGE,
    Call,
    GoogleError,
    bad,
    forbidden,
    google,
    missing,
    tagged,
    when,
)

MOST_PICTURE = 2 * 1024**2
MOST_TITLE = 100
MOST_DESCRIPTION = 5000
MOST_TAGS = 500
PARTS = (
    "snippet", "status", "statistics", "contentDetails", "processingDetails", "fileDetails", "player", "id",
)  # fmt: skip
CHANGEABLE = ("snippet", "status")
PRIVACY = ("public", "unlisted", "private")
REASONS = {
    "failed": ("codec", "conversion", "emptyFile", "invalidFile", "tooSmall", "uploadAborted"),
    "rejected": (
        "claim", "copyright", "duplicate", "inappropriate", "legal", "length", "termsOfUse", "trademark",
        "uploaderAccountClosed", "uploaderAccountSuspended",
    ),
}  # fmt: skip


def dress(state: State, data: dict[str, Any], post: dict[str, Any]) -> None:
    """Bring what all practice networks show of a post up to date with the video."""
    video = post["video"]
    if data.get("youtube_unaudited") and video["privacyStatus"] != "private":
        video["privacyStatus"] = "private"
    post["text"] = f"{video['title']}\n\n{video['description']}".strip()
    if video["privacyStatus"] == "private":
        post["published_at"] = None
    elif not post["published_at"]:
        post["published_at"] = state.clock().isoformat()


# ------------------------------------------------------------------------------------------------ what people give


def snippet_of(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("snippet")
    if not isinstance(given, dict):
        raise bad("invalidVideoMetadata", "The request metadata is invalid.", "body.snippet")
    title, description = str(given.get("title", "")), str(given.get("description", ""))
    if not title.strip() or len(title) > MOST_TITLE or re.search("[<>]", title):
        raise bad("invalidTitle", "The request metadata specifies an invalid or empty video title.",
                  "body.snippet.title")  # fmt: skip
    if len(description.encode()) > MOST_DESCRIPTION or re.search("[<>]", description):
        raise bad("invalidDescription", "The request metadata specifies an invalid video description.",
                  "body.snippet.description")  # fmt: skip
    tags = [str(one) for one in given.get("tags") or []]
    if len(",".join(f'"{one}"' if " " in one else one for one in tags)) > MOST_TAGS:
        raise bad(
            "invalidTags", "The request metadata specifies invalid video keywords.", "body.snippet.tags"
        )
    category = str(given.get("categoryId", "22"))
    if not category.isdigit():
        raise bad("invalidCategoryId", "The snippet.categoryId property specifies an invalid category ID.",
                  "body.snippet.categoryId")  # fmt: skip
    kept = {"title": title, "description": description, "tags": tags, "categoryId": category}
    for name in ("defaultLanguage", "defaultAudioLanguage"):
        if given.get(name):
            kept[name] = str(given[name])
    return kept


def status_of(body: dict[str, Any], default: str) -> dict[str, Any]:
    given = body.get("status") or {}
    privacy = given.get("privacyStatus", default)
    if privacy not in PRIVACY:
        raise bad("invalidVideoMetadata", "The request metadata is invalid.", "body.status.privacyStatus")
    return {
        "privacyStatus": privacy,
        "embeddable": bool(given.get("embeddable", True)),
        "selfDeclaredMadeForKids": bool(given.get("selfDeclaredMadeForKids", False)),
    }


def change(call: Call) -> dict[str, Any]:
    """PUT ``videos``: each part that is named replaces all that stood in it."""
    call.needs("youtube.force-ssl", "youtube")
    parts = call.parts(*PARTS)
    call.spend(CHANGE)
    post = own(call, str(call.body.get("id", "")))
    with call.state.changing() as data:
        video = post["video"]
        if "snippet" in parts:
            if "categoryId" not in (call.body.get("snippet") or {}):
                raise bad("invalidCategoryId", "The snippet.categoryId property specifies an invalid category ID.",
                          "body.snippet.categoryId")  # fmt: skip
            given = snippet_of(call.body)
            for name in ("defaultLanguage", "defaultAudioLanguage"):
                video.pop(name, None)
            video |= given
        if "status" in parts:
            video |= status_of(call.body, video["privacyStatus"])
        dress(call.state, data, post)
        return resource(call.state, post, parts)


def delete(call: Call) -> None:
    """DELETE ``videos``."""
    call.needs("youtube.force-ssl", "youtube")
    call.spend(CHANGE)
    number = call.params.get("id", "")
    own(call, number)
    with call.state.changing() as data:
        for kept in data["posts"].pop(number)["pictures"]:
            data["pictures"].pop(kept, None)
            (call.state.folder / kept).unlink(missing_ok=True)


async def thumbnail(call: Call) -> dict[str, Any]:
    """POST ``thumbnails/set``: the picture is the whole body."""
    call.needs("youtube.upload", "youtube.force-ssl", "youtube")
    call.spend(CHANGE)
    post = own(call, call.params.get("videoId", ""))
    if call.account.get("no_thumbnails"):
        raise forbidden(
            "forbidden",
            "The authenticated user doesn't have permissions to upload and set custom video thumbnails.",
            domain="youtube.thumbnail",
        )
    if call.request.headers.get("content-type") not in (
        "image/jpeg",
        "image/png",
        "application/octet-stream",
    ):
        raise bad("invalidImage", "The provided image content is invalid.")
    file = call.state.folder / f"thumbnail-{post['id']}"
    try:
        await spool(call.request, file, most=MOST_PICTURE)
        with Image.open(file) as image:
            width, height, form = image.width, image.height, image.format or ""
    except TooLarge:
        raise GoogleError(413, "uploadTooLarge", "Media is too large. Limit: 2097152") from None
    except (OSError, UnreadablePicture, Image.DecompressionBombError):
        raise bad("invalidImage", "The provided image content is invalid.") from None
    kept = call.state.keep_file(file, Image.MIME.get(form, "image/jpeg"), width, height)
    with call.state.changing():
        post["video"]["thumbnail"] = kept["id"]
    return {
        "kind": "youtube#thumbnailSetResponse",
        "etag": kept["id"],
        "items": [_thumbnails(call.base, post)],
    }


# ------------------------------------------------------------------------------------------------ what is shown


def listed(call: Call) -> dict[str, Any]:
    """GET ``videos`` by id: our own in any state, those of others if they are public."""
    call.needs("youtube.readonly", "youtube.force-ssl", "youtube")
    parts = call.parts(*PARTS)
    call.spend()
    wanted = [one for text in call.request.query_params.getlist("id") for one in text.split(",") if one]
    if not wanted:
        raise bad("missingRequiredParameter", "No filter selected. Expected one of: id", "parameters.")
    found = []
    with call.state.changing() as data:
        for number in dict.fromkeys(wanted[:50]):
            post = data["posts"].get(number)
            if post is None or not of_youtube(data, post) or not _may_see(call, post):
                continue
            if {"status", "processingDetails"} & parts and post["account"] == call.account["id"]:
                details(post)["polls"] = max(0, details(post)["polls"] - 1)
            found.append(resource(call.state, post, parts, base=call.base))
    answer = {"kind": "youtube#videoListResponse", "items": found}
    return tagged({**answer, "pageInfo": {"totalResults": len(found), "resultsPerPage": len(found)}})


def own(call: Call, number: str) -> dict[str, Any]:
    """A video of the channel that asks.

    :raises GoogleError: ``videoNotFound``, ``forbidden``.
    """
    with call.state.reading() as data:
        post: dict[str, Any] | None = data["posts"].get(number)
        if post is None or not of_youtube(data, post):
            raise missing("videoNotFound", "The video that you are trying to reach cannot be found.")
        if post["account"] != call.account["id"]:
            raise forbidden("forbidden", "The request might not be properly authorized.")
        post["video"] = details(post)
        return post


def of_youtube(data: dict[str, Any], post: dict[str, Any]) -> bool:
    """Is the post a video of this network?"""
    return bool(data["accounts"][post["account"]]["network"] == "youtube")


def _may_see(call: Call, post: dict[str, Any]) -> bool:
    return bool(post["published_at"]) or post["account"] == call.account["id"]


def details(post: dict[str, Any]) -> dict[str, Any]:
    """What belongs to a video beside what every post has; of one that was put in, made from its text."""
    title, _, rest = post["text"].partition("\n")
    made = {
        "title": title[:MOST_TITLE] or "—",
        "description": rest.strip(),
        "tags": [],
        "categoryId": "22",
        "privacyStatus": "public" if post["published_at"] else "private",
        "embeddable": True,
        "selfDeclaredMadeForKids": False,
        "seconds": 60.0,
        "fate": "",
        "polls": 0,
        "thumbnail": "",
    }
    video: dict[str, Any] = post.setdefault("video", made)
    return video


def resource(state: State, post: dict[str, Any], parts: set[str], *, base: str = "") -> dict[str, Any]:
    """A ``youtube#video`` with these parts."""
    video, account = details(post), state.data["accounts"][post["account"]]
    made: dict[str, Any] = {"kind": "youtube#video", "id": post["id"]}
    if "snippet" in parts:
        language = {
            name: video[name] for name in ("defaultLanguage", "defaultAudioLanguage") if video.get(name)
        }
        made["snippet"] = {
            "publishedAt": when(post["published_at"] or post["created_at"]),
            "channelId": account["id"],
            "title": video["title"],
            "description": video["description"],
            "thumbnails": _thumbnails(base, post),
            "channelTitle": account["title"],
            **({"tags": video["tags"]} if video["tags"] else {}),
            "categoryId": video["categoryId"],
            "liveBroadcastContent": "none",
            "localized": {"title": video["title"], "description": video["description"]},
            **language,
        }
    if "status" in parts:
        made["status"] = _shown_status(video)
    if "processingDetails" in parts:
        made["processingDetails"] = _processing(video)
    if "contentDetails" in parts:
        made["contentDetails"] = {
            "duration": f"PT{int(video['seconds'])}S",
            "dimension": "2d",
            "definition": "hd",
            "caption": "false",
            "licensedContent": False,
            "projection": "rectangular",
            "hasCustomThumbnail": bool(video["thumbnail"]),
        }
    if "fileDetails" in parts:
        kept = state.data["pictures"].get(post["pictures"][0]) if post["pictures"] else None
        if kept is not None:
            shape = {"widthPixels": kept["width"], "heightPixels": kept["height"]}
            made["fileDetails"] = {
                "fileSize": str(kept["bytes"]),
                "fileType": "video",
                "durationMs": str(round(video["seconds"] * 1000)),
                "videoStreams": [shape],
            }
    if "statistics" in parts and post["published_at"]:
        counted = state.counters(post)
        said = len(google(state.data).get("comments", {}).get(post["id"], []))
        made["statistics"] = {
            "viewCount": str(counted["views"]),
            "likeCount": str(counted["likes"]),
            "favoriteCount": "0",
            "commentCount": str(counted["comments"] + said),
        }
        if account.get("comments_disabled"):
            del made["statistics"]["commentCount"]
    elif "statistics" in parts:
        made["statistics"] = {"viewCount": "0", "likeCount": "0", "favoriteCount": "0", "commentCount": "0"}
    if "player" in parts:
        made["player"] = {
            "embedHtml": f'<iframe src="{base}/youtube/{account["name"]}/{post["id"]}"></iframe>'
        }
    return tagged(made)


def _upload_status(video: dict[str, Any]) -> tuple[str, str]:
    if video["polls"] > 0:
        return "uploaded", ""
    kind, _, reason = video["fate"].partition(":")
    return kind or "processed", reason


def _shown_status(video: dict[str, Any]) -> dict[str, Any]:
    state, reason = _upload_status(video)
    shown = {
        "uploadStatus": state,
        "privacyStatus": video["privacyStatus"],
        "license": "youtube",
        "embeddable": video["embeddable"],
        "publicStatsViewable": True,
        "madeForKids": video["selfDeclaredMadeForKids"],
        "selfDeclaredMadeForKids": video["selfDeclaredMadeForKids"],
    }
    if state == "failed":
        shown["failureReason"] = reason
    elif state == "rejected":
        shown["rejectionReason"] = reason
    return shown


def _processing(video: dict[str, Any]) -> dict[str, Any]:
    state, _ = _upload_status(video)
    words = {"uploaded": "processing", "processed": "succeeded", "failed": "failed", "rejected": "terminated"}
    shown: dict[str, Any] = {
        "processingStatus": words[state],
        "fileDetailsAvailability": "available",
        "processingIssuesAvailability": "available",
        "tagSuggestionsAvailability": "inProgress",
        "editorSuggestionsAvailability": "inProgress",
        "thumbnailsAvailability": "available" if state == "processed" else "inProgress",
    }
    if state == "uploaded":
        shown["processingProgress"] = {"partsTotal": "100", "partsProcessed": "40", "timeLeftMs": "5000"}
    elif state == "failed":
        shown["processingFailureReason"] = "transcodeFailed"
    return shown


def _thumbnails(base: str, post: dict[str, Any]) -> dict[str, Any]:
    number = details(post)["thumbnail"] or (post["pictures"][0] if post["pictures"] else "none")
    sizes = {"default": (120, 90), "medium": (320, 180), "high": (480, 360)}
    return {
        name: {"url": f"{base}/pictures/{number}", "width": width, "height": height}
        for name, (width, height) in sizes.items()
    }
