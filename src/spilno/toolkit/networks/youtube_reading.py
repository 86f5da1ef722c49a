"""What comes back from YouTube: counters of videos and channels, comments and their replies.

Sources: developers.google.com/youtube/v3/docs (videos, channels, commentThreads, comments) and
…/youtube/analytics/reference/reports/query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from spilno.toolkit.networks.base import Kind, NetworkError, Reading, Said
from spilno.toolkit.networks.http import Answer, Wire, before_sending, moment
from spilno.toolkit.networks.youtube_wire import trusted

STATISTICS = ("viewCount", "likeCount", "commentCount")
ANALYTICS = ("shares", "subscribersGained")
COMMENTS = 100
MOST_PAGES = 20
"""Pages of a hundred comments that are read at most."""


def video(wire: Wire, number: str, parts: str) -> tuple[dict[str, Any], Answer]:
    """One video of ours, with these parts.

    :raises NetworkError: ``not_found``.
    """
    answer = wire.get("/youtube/v3/videos", params={"part": parts, "id": number})
    for one in _items(answer):
        if one.get("id") == number:
            return one, answer
    gone = {"host": wire.host, "their_code": "videoNotFound"}  # an empty list is YouTube's word for it
    raise NetworkError(Kind.PERMANENT, "not_found", params=gone, status=404)


def counters(
    metrics: Mapping[str, str], statistics: Any, names: Iterable[str], answer: Answer
) -> list[Reading]:
    """Readings from a ``statistics`` part, where numbers are written as texts. What is hidden is not there."""
    found = []
    for name in names:
        value = statistics.get(name) if isinstance(statistics, dict) else None
        if isinstance(value, str) and value.isascii() and value.isdigit():
            found.append(Reading(metrics[name], Decimal(value), answer.date))
    return found


def reported(
    metrics: Mapping[str, str], wire: Wire, channel: str, number: str, published: str, answer: Answer
) -> list[Reading]:
    """Shares and new subscribers of a video, which only Analytics knows (two or three days late).

    An account that did not allow Analytics, or an app without it, has no such readings; that is no error.

    :param published: the video's ``publishedAt``.
    :param answer: a fresh answer of the Data API, for today's date.
    """
    if answer.date is None or moment(published) is None:
        return []
    params = {
        "ids": f"channel=={channel}",
        "startDate": published[:10],
        "endDate": answer.date.date().isoformat(),
        "metrics": ",".join(ANALYTICS),
        "filters": f"video=={number}",
    }
    try:
        report = wire.get("/v2/reports", params=params)
    except NetworkError as error:
        if error.kind is Kind.PERMANENT or error.code == "rights_missing":
            return []
        raise
    names = [one.get("name") for one in report.get("columnHeaders", [])]
    rows = report.get("rows", [])
    if len(rows) != 1 or len(rows[0]) != len(names):
        return []
    return [
        Reading(metrics[name], Decimal(value), report.date)
        for name, value in zip(names, rows[0], strict=True)
        if name in ANALYTICS and isinstance(value, int) and not isinstance(value, bool) and value >= 0
    ]


def comments(wire: Wire, number: str, own: str) -> list[Said]:
    """Comments under a video and their replies, those of others, oldest first. Closed comments are none.

    :param own: our channel's id.
    """
    params = {
        "part": "snippet,replies",
        "videoId": number,
        "maxResults": str(COMMENTS),
        "order": "time",
        "textFormat": "plainText",
    }
    said: list[Said] = []
    try:
        for thread in pages(wire, "/youtube/v3/commentThreads", params):
            head = thread.get("snippet") or {}
            top = head.get("topLevelComment") or {}
            replies = (thread.get("replies") or {}).get("comments") or []
            if int(head.get("totalReplyCount") or 0) > len(replies):  # only some come along with the thread
                replies = list(replies_to(wire, str(thread["id"])))
            said += [one for each in (top, *replies) if (one := _said(each, number, own)) is not None]
    except NetworkError as error:
        if error.code != "comments_closed":
            raise
    return sorted(said, key=lambda one: one.said_at)


def replies_to(wire: Wire, parent: str) -> Iterator[dict[str, Any]]:
    """All replies to one comment, as the network shows them."""
    params = {
        "part": "snippet",
        "parentId": parent,
        "maxResults": str(COMMENTS),
        "textFormat": "plainText",
    }
    return pages(wire, "/youtube/v3/comments", params)


def answer(wire: Wire, own: str, in_reply_to: str, text: str) -> str:
    """Say something under a comment, or under a video of ours; returns the new comment's id.

    YouTube has no key for comments. So it is looked first whether we said exactly this there already; then that is
    the answer.
    """
    try:
        there = _said_already(wire, own, in_reply_to, text)
    except NetworkError as error:
        raise before_sending(error) from None
    if there is not None:
        return there
    try:
        if is_video(in_reply_to):
            words = {"snippet": {"textOriginal": text}}
            body = {"snippet": {"channelId": own, "videoId": in_reply_to, "topLevelComment": words}}
            made = wire.post("/youtube/v3/commentThreads", params={"part": "snippet"}, json=body)
        else:
            body = {"snippet": {"parentId": _thread(in_reply_to), "textOriginal": text}}
            made = wire.post("/youtube/v3/comments", params={"part": "snippet"}, json=body)
        return str(made["id"])
    except NetworkError as error:
        raise trusted(error) from None


def is_video(number: str) -> bool:
    """Videos have eleven characters, comments more than twenty."""
    return len(number) == 11


def _thread(comment: str) -> str:
    """Replies have their thread's id before the dot, and only threads can be replied to."""
    return comment.partition(".")[0]


def _said_already(wire: Wire, own: str, in_reply_to: str, text: str) -> str | None:
    if is_video(in_reply_to):
        params = {"part": "snippet", "videoId": in_reply_to, "maxResults": str(COMMENTS), "order": "time"}
        threads = pages(wire, "/youtube/v3/commentThreads", {**params, "textFormat": "plainText"})
        found = ((one.get("snippet") or {}).get("topLevelComment") or {} for one in threads)
    else:
        found = replies_to(wire, _thread(in_reply_to))  # type: ignore[assignment]
    for one in found:
        if (
            author(one) == own
            and str((one.get("snippet") or {}).get("textOriginal", "")).strip() == text.strip()
        ):
            return str(one["id"])
    return None


def pages(wire: Wire, path: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The items of a list, page by page, at most :data:`MOST_PAGES`."""
    for _ in range(MOST_PAGES):
        answer = wire.get(path, params=params)
        yield from _items(answer)
        following = answer.get("nextPageToken", "")
        if not following:
            return
        params = {**params, "pageToken": str(following)}


def author(comment: Mapping[str, Any]) -> str:
    """Id of the channel that a comment is from."""
    return str(((comment.get("snippet") or {}).get("authorChannelId") or {}).get("value", ""))


def _said(comment: dict[str, Any], number: str, own: str) -> Said | None:
    snippet, who = comment.get("snippet") or {}, author(comment)
    at = moment(snippet.get("publishedAt"))
    if at is None or who == own or not comment.get("id"):
        return None
    return Said(
        external_id=str(comment["id"]),
        author=who,
        author_name=str(snippet.get("authorDisplayName", "")),
        text=str(snippet.get("textOriginal") or snippet.get("textDisplay", "")),
        said_at=at,
        in_reply_to=str(snippet.get("parentId") or number),
        url=f"https://www.youtube.com/watch?v={number}&lc={comment['id']}",
    )


def _items(answer: Answer) -> list[dict[str, Any]]:
    return [one for one in answer.get("items", []) if isinstance(one, dict)]
