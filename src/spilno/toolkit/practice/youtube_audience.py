"""What YouTube tells of channels and their audience: channels, uploads, comments, Analytics."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any

from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.youtube import (
    CHANGE,
    Call,
    bad,
    forbidden,
    google,
    handle_of,
    missing,
    tagged,
    uploads_of,
    when,
)
from spilno.toolkit.practice.youtube_videos import details, of_youtube, own

READS = ("youtube.readonly", "youtube.force-ssl", "youtube")
LATE = timedelta(days=2)
"""Analytics knows of a day only so much later."""
WITH_THREAD = 5
"""Replies that come along with their thread at most; the others are asked for by themselves."""


def channels(call: Call) -> dict[str, Any]:
    """GET ``channels``, ours or by id."""
    call.needs(*READS)
    parts = call.parts("snippet", "contentDetails", "statistics", "status", "id")
    call.spend()
    with call.state.reading() as data:
        if call.params.get("mine") == "true":
            found = [call.account]
        elif wanted := call.params.get("id"):
            found = [data["accounts"][one] for one in wanted.split(",") if one in data["accounts"]]
        else:
            raise bad(
                "missingRequiredParameter", "No filter selected. Expected one of: id, mine", "parameters."
            )
        items = [
            _channel(call.state, one, parts, call.base)
            for one in found
            if one["network"] == "youtube" and not one.get("no_channel")
        ]
    answer: dict[str, Any] = {"kind": "youtube#channelListResponse"}
    answer["pageInfo"] = {"totalResults": len(items), "resultsPerPage": 5}
    if items:  # Google leaves an empty list out here
        answer["items"] = items
    return tagged(answer)


def _channel(state: State, account: dict[str, Any], parts: set[str], base: str) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": "youtube#channel", "id": account["id"]}
    if "snippet" in parts:
        face = {"url": f"{base}/pictures/none", "width": 88, "height": 88}
        made["snippet"] = {
            "title": account["title"],
            "description": "",
            "customUrl": handle_of(account),
            "publishedAt": when(account["since"]),
            "thumbnails": {"default": face},
            "localized": {"title": account["title"], "description": ""},
        }
    if "contentDetails" in parts:
        made["contentDetails"] = {"relatedPlaylists": {"likes": "", "uploads": uploads_of(account)}}
    if "statistics" in parts:
        posts, number = state.posts_of(account), state.followers(account, state.clock())
        hidden = bool(account.get("hidden_subscribers"))
        made["statistics"] = {
            "viewCount": str(sum(state.counters(one)["views"] for one in posts)),
            "subscriberCount": str(_rounded(number)),
            "hiddenSubscriberCount": hidden,
            "videoCount": str(len(posts)),
        }
        if hidden:
            del made["statistics"]["subscriberCount"]
    if "status" in parts:
        made["status"] = {
            "privacyStatus": "public",
            "isLinked": True,
            "longUploadsStatus": account.get("long_uploads", "allowed"),
            "madeForKids": False,
        }
    return tagged(made)


def _rounded(number: int) -> int:
    """YouTube tells three digits of the number of subscribers, rounded down."""
    step = 10 ** max(0, len(str(number)) - 3)
    return number // step * step


def playlist_items(call: Call) -> dict[str, Any]:
    """GET ``playlistItems`` of a channel's uploads, newest first; private ones for their owner only."""
    call.needs(*READS)
    parts = call.parts("snippet", "status", "contentDetails", "id")
    call.spend()
    wanted = call.params.get("playlistId", "")
    with call.state.reading() as data:
        account = next(
            (
                one
                for one in data["accounts"].values()
                if one["network"] == "youtube" and uploads_of(one) == wanted
            ),
            None,
        )
        mine = [one for one in data["posts"].values() if account and one["account"] == account["id"]]
        if account is None or not mine:
            raise missing("playlistNotFound", "The playlist identified with the request's playlistId parameter "
                          "cannot be found.", "playlistId")  # fmt: skip
        seen = [one for one in mine if one["published_at"] or account["id"] == call.account["id"]]
        seen.sort(key=lambda one: (one["published_at"] or one["created_at"], one["id"]), reverse=True)
        items = [_item(account, one, number, parts) for number, one in enumerate(seen)]
        return tagged({"kind": "youtube#playlistItemListResponse", **call.page(items, default=5, most=50)})


def _item(account: dict[str, Any], post: dict[str, Any], number: int, parts: set[str]) -> dict[str, Any]:
    video, at = details(post), when(post["published_at"] or post["created_at"])
    made: dict[str, Any] = {"kind": "youtube#playlistItem", "id": f"UUitem{post['id']}"}
    if "snippet" in parts:
        made["snippet"] = {
            "publishedAt": at,
            "channelId": account["id"],
            "title": video["title"],
            "description": video["description"],
            "channelTitle": account["title"],
            "playlistId": uploads_of(account),
            "position": number,
            "resourceId": {"kind": "youtube#video", "videoId": post["id"]},
            "videoOwnerChannelTitle": account["title"],
            "videoOwnerChannelId": account["id"],
        }
    if "status" in parts:
        made["status"] = {"privacyStatus": video["privacyStatus"]}
    if "contentDetails" in parts:
        made["contentDetails"] = {"videoId": post["id"]}
        if post["published_at"]:
            made["contentDetails"]["videoPublishedAt"] = at
    return tagged(made)


# ------------------------------------------------------------------------------------------------ comments


def threads(call: Call) -> dict[str, Any]:
    """GET ``commentThreads`` of a video, newest first."""
    call.needs("youtube.force-ssl")
    parts = call.parts("snippet", "replies", "id")
    call.spend()
    post = _video(call, call.params.get("videoId", ""))
    said = _comments(call.state, post)
    tops = sorted((one for one in said if not one["parent"]), key=lambda one: one["at"], reverse=True)
    items = []
    for top in tops:
        below = [one for one in said if one["parent"] == top["id"]]
        made: dict[str, Any] = {"kind": "youtube#commentThread", "id": top["id"]}
        if "snippet" in parts:
            made["snippet"] = {
                "channelId": post["account"],
                "videoId": post["id"],
                "topLevelComment": _comment(call, post, top),
                "canReply": True,
                "totalReplyCount": len(below),
                "isPublic": True,
            }
        if "replies" in parts and below:
            made["replies"] = {"comments": [_comment(call, post, one) for one in below[:WITH_THREAD]]}
        items.append(tagged(made))
    page = call.page(items, default=20, most=100)
    return tagged({"kind": "youtube#commentThreadListResponse", **page})


def comments(call: Call) -> dict[str, Any]:
    """GET ``comments``: the replies to one."""
    call.needs("youtube.force-ssl")
    call.parts("snippet", "id")
    call.spend()
    parent = call.params.get("parentId", "")
    post, _ = _found(call, parent)
    items = [_comment(call, post, one) for one in _comments(call.state, post) if one["parent"] == parent]
    return tagged({"kind": "youtube#commentListResponse", **call.page(items, default=20, most=100)})


def add_comment(call: Call) -> dict[str, Any]:
    """POST ``comments``: a reply to a thread's first comment."""
    call.needs("youtube.force-ssl")
    call.parts("snippet", "id")
    call.spend(CHANGE)
    snippet = call.body.get("snippet") or {}
    if not snippet.get("parentId"):
        raise bad(
            "parentIdMissing", "Each comment must be linked to a parent comment.", "body.snippet.parentId"
        )
    post, top = _found(call, str(snippet["parentId"]))
    if top["parent"]:
        raise bad(
            "operationNotSupported", "The API user is not able to insert a comment in reply to the reply."
        )
    return _comment(call, post, _say(call, post, str(snippet.get("textOriginal", "")), top["id"]))


def add_thread(call: Call) -> dict[str, Any]:
    """POST ``commentThreads``: a comment on a video."""
    call.needs("youtube.force-ssl")
    call.parts("snippet", "id")
    call.spend(CHANGE)
    snippet = call.body.get("snippet") or {}
    post = _video(call, str(snippet.get("videoId", "")))
    words = ((snippet.get("topLevelComment") or {}).get("snippet") or {}).get("textOriginal", "")
    made = _say(call, post, str(words), "")
    shown = {
        "channelId": post["account"],
        "videoId": post["id"],
        "topLevelComment": _comment(call, post, made),
        "canReply": True,
        "totalReplyCount": 0,
        "isPublic": True,
    }
    return tagged({"kind": "youtube#commentThread", "id": made["id"], "snippet": shown})


def _video(call: Call, number: str) -> dict[str, Any]:
    """A video under which comments can be read and written."""
    with call.state.reading() as data:
        post: dict[str, Any] | None = data["posts"].get(number)
        if post is None or not of_youtube(data, post):
            raise missing("videoNotFound", "The video identified by the videoId parameter could not be found.",
                          "videoId")  # fmt: skip
        if not post["published_at"]:
            own(call, number)
        if data["accounts"][post["account"]].get("comments_disabled"):
            raise forbidden(
                "commentsDisabled",
                "The video identified by the <code>videoId</code> parameter has disabled comments.",
                domain="youtube.commentThread",
            )
        return post


def _comments(state: State, post: dict[str, Any]) -> list[dict[str, Any]]:
    """Comments that grew by themselves and those that were written, oldest first."""
    with state.reading() as data:
        grown = []
        if post["published_at"]:
            began = datetime.fromisoformat(post["published_at"])
            for one in state.remarks(post):
                mark = hashlib.sha256(f"{post['id']}/{one.number}".encode()).hexdigest()
                grown.append(
                    {
                        "id": f"Ug{mark[:24]}",
                        "parent": "",
                        "author": f"UC{hashlib.sha256(one.username.encode()).hexdigest()[:22]}",
                        "handle": f"@{one.username}",
                        "text": one.text,
                        "at": (began + one.age).isoformat(),
                    }
                )
        written = google(data).get("comments", {}).get(post["id"], [])
        return sorted([*grown, *written], key=lambda one: one["at"])


def _found(call: Call, number: str) -> tuple[dict[str, Any], dict[str, Any]]:
    with call.state.reading() as data:
        posts = [one for one in data["posts"].values() if of_youtube(data, one)]
    for post in posts:
        for one in _comments(call.state, post):
            if one["id"] == number:
                return _video(call, post["id"]), one
    raise missing("parentCommentNotFound", "The specified parent comment could not be found.", "parentId")


def _say(call: Call, post: dict[str, Any], text: str, parent: str) -> dict[str, Any]:
    call.needs_channel()
    if not text.strip():
        raise bad("commentTextRequired", "Each comment must contain text.", "body.snippet.textOriginal")
    if len(text) > 10_000:
        raise bad("commentTextTooLong", "The comment text is too long.", "body.snippet.textOriginal")
    with call.state.changing() as data:
        number = call.state.new_id(data, "")
        mark = hashlib.sha256(f"{post['id']}/said/{number}".encode()).hexdigest()
        made = {
            "id": f"{parent}.{mark[:22]}" if parent else f"Ug{mark[:24]}",
            "parent": parent,
            "author": call.account["id"],
            "handle": handle_of(call.account),
            "text": text,
            "at": call.state.clock().isoformat(),
        }
        google(data).setdefault("comments", {}).setdefault(post["id"], []).append(made)
    return made


def _comment(call: Call, post: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    snippet: dict[str, Any] = {
        "channelId": post["account"],
        "videoId": post["id"],
        "textDisplay": one["text"],
        "textOriginal": one["text"],
        "authorDisplayName": one["handle"],
        "authorProfileImageUrl": f"{call.base}/pictures/none",
        "authorChannelUrl": f"http://www.youtube.com/{one['handle']}",
        "authorChannelId": {"value": one["author"]},
        "canRate": True,
        "viewerRating": "none",
        "likeCount": 0,
        "publishedAt": when(one["at"]),
        "updatedAt": when(one["at"]),
    }
    if one["parent"]:
        snippet["parentId"] = one["parent"]
    return tagged({"kind": "youtube#comment", "id": one["id"], "snippet": snippet})


# ------------------------------------------------------------------------------------------------ Analytics


def report(call: Call) -> dict[str, Any]:
    """GET ``reports``: sums over a video or the channel. Without days behind it, a table without rows."""
    call.needs("yt-analytics.readonly")
    if call.params.get("ids") not in ("channel==MINE", f"channel=={call.account['id']}"):
        raise forbidden("forbidden", "Forbidden", domain="global")
    names = [one for one in call.params.get("metrics", "").split(",") if one]
    try:
        start, end = (date.fromisoformat(call.params.get(key, "")) for key in ("startDate", "endDate"))
    except ValueError:
        raise bad("badRequest", "The query is not supported: startDate, endDate.") from None
    kind, _, number = call.params.get("filters", "").partition("==")
    if kind not in ("", "video") or call.params.get("dimensions") or not names:
        raise bad("badRequest", "The query is not supported. Check the documentation for supported queries.")
    with call.state.reading() as data:
        posts = [
            one for one in call.state.posts_of(call.account)
            if (not number or one["id"] == number) and _known(call.state, one, start, end)
        ]  # fmt: skip
        sums = [_metrics(call.state, data, one) for one in posts]
    for name in names:
        if name not in KNOWN:
            raise bad("badRequest", f"Unknown identifier ({name}) given in field parameters.metrics.")
    headers = [
        {"name": one, "columnType": "METRIC", "dataType": "FLOAT" if one in MEANS else "INTEGER"}
        for one in names
    ]
    rows = [[_over(one, sums) for one in names]] if sums else []
    return {"kind": "youtubeAnalytics#resultTable", "columnHeaders": headers, "rows": rows}


KNOWN = (
    "views", "likes", "comments", "shares", "subscribersGained", "subscribersLost", "estimatedMinutesWatched",
    "averageViewDuration",
)  # fmt: skip
MEANS = ("averageViewDuration",)


def _known(state: State, post: dict[str, Any], start: date, end: date) -> bool:
    began = datetime.fromisoformat(post["published_at"])
    return state.clock() - began >= LATE and began.date() <= end and start <= end


def _metrics(state: State, data: dict[str, Any], post: dict[str, Any]) -> dict[str, float]:
    grows, age = state.growth_of(post)
    counted = grows.at(age - LATE)
    seconds = min(details(post)["seconds"] * 0.45, 240.0)
    return {
        "views": counted["views"],
        "likes": counted["likes"],
        "comments": counted["comments"],
        "shares": counted["shares"],
        "subscribersGained": counted["saved"] // 2,
        "subscribersLost": 0,
        "estimatedMinutesWatched": int(counted["views"] * seconds // 60),
        "averageViewDuration": round(seconds, 1),
    }


def _over(name: str, sums: list[dict[str, float]]) -> float:
    if name in MEANS:
        views = sum(one["views"] for one in sums)
        return round(sum(one[name] * one["views"] for one in sums) / views, 1) if views else 0.0
    return sum(one[name] for one in sums)
