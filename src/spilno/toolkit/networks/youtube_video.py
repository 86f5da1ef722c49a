"""A video on its way to YouTube: what it is called, what is left over of an earlier try, whether it is digested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spilno.toolkit.networks import youtube_reading as reading
from spilno.toolkit.networks import youtube_upload as upload
from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared
from spilno.toolkit.networks.check import HASHTAG
from spilno.toolkit.networks.http import Wire
from spilno.toolkit.networks.youtube_wire import says_gone

CATEGORY = "22"
"""People & Blogs: every video has a category, and YouTube itself chooses this one."""
MOST_TAGS = 500
MARK = "spilno-"
"""Begins the tag that a video carries while it is private, so that one which was left over is known again."""
PAUSES = (5, 10, 15, 20, 30)
"""Seconds between looking whether YouTube has digested a video; the last one repeats."""
PATIENCE = 600
"""Seconds after which a video that is handed over, but not digested, leaves all the same: YouTube shows it then in the
qualities that it has, and people expect it at its time."""
UPLOADS = 50
"""Videos that one page of a channel's uploads holds."""


def split(sent: str) -> tuple[str, str]:
    """Title and description of a text: its first line, and the rest."""
    title, _, rest = sent.strip().partition("\n")
    return title.strip(), rest.strip()


def tags(sent: str) -> list[str]:
    """The text's hashtags, as many as YouTube takes: 500 characters together, commas between them counted."""
    found: list[str] = []
    for one in HASHTAG.findall(sent):
        word = one.removeprefix("#")
        if word not in found and len(",".join([*found, word])) <= MOST_TAGS:
            found.append(word)
    return found


def resource(post: Outgoing, sent: str, privacy: str, tagged: list[str]) -> dict[str, Any]:
    """``snippet`` and ``status`` of a video; a part that is sent replaces all that stood in it.

    :raises NetworkError: ``title_missing``.
    """
    title, description = split(sent)
    if not title:
        raise NetworkError(Kind.PERMANENT, "title_missing")
    snippet = {"title": title, "description": description, "tags": tagged, "categoryId": CATEGORY}
    if post.language:
        snippet["defaultLanguage"] = post.language
    status = {
        "privacyStatus": privacy,
        "selfDeclaredMadeForKids": False,  # YouTube wants to be told, and it is no use for what teams publish
        "embeddable": True,
    }
    return {"snippet": snippet, "status": status}


def uploads(to: Wire, playlist: str) -> Iterator[dict[str, Any]]:
    """The channel's uploads, private ones too, newest first. A channel without any has no such list."""
    params = {"part": "snippet,status", "playlistId": playlist, "maxResults": str(UPLOADS)}
    try:
        yield from reading.pages(to, "/youtube/v3/playlistItems", params)
    except NetworkError as error:
        if not says_gone(error):
            raise


def clear(to: Wire, playlist: str, key: str) -> None:
    """Delete what an earlier preparation of the same post left behind: private videos that carry our mark.

    The mark is taken away by the very request that publishes, so nothing that anybody saw can carry it.
    """
    private: list[str] = []
    for number, item in enumerate(uploads(to, playlist)):
        if number >= UPLOADS:
            break
        if (item.get("status") or {}).get("privacyStatus") == "private":
            private.append(str(((item.get("snippet") or {}).get("resourceId") or {}).get("videoId", "")))
    if not private:
        return
    answer = to.get("/youtube/v3/videos", params={"part": "snippet,status", "id": ",".join(private)})
    for one in answer.get("items", []):
        marked = MARK + key in ((one.get("snippet") or {}).get("tags") or [])
        if marked and (one.get("status") or {}).get("privacyStatus") == "private":
            remove(to, str(one["id"]))


def remove(to: Wire, number: str) -> None:
    """Delete a video; one that is gone already is no error."""
    try:
        to.call("DELETE", "/youtube/v3/videos", params={"id": number})
    except NetworkError as error:
        if not says_gone(error):
            raise


def thumbnail(to: Wire, number: str, picture: MediaFile) -> str:
    """Give the video its picture; returns ``"set"``, or ``"refused"`` where the channel may not have its own.

    The video is what matters: without a confirmed phone number it leaves with a picture that YouTube chooses.
    """
    try:
        upload.thumbnail(to, number, picture)
    except NetworkError as error:
        if error.status != 403 or error.kind is not Kind.PERMANENT:
            raise
        return "refused"
    return "set"


def digested(to: Wire, data: dict[str, Any]) -> None:
    """Return once YouTube has digested the video, or patience is at its end.

    A video that it cannot take is deleted, so that nothing stays in the channel that nobody will ever see.

    :raises NetworkError: ``media_processing`` (wait), ``video_…`` (it is not taken), ``preparation_expired``.
    """
    number, waited = str(data["video"]), int(data.get("waited", 0))
    try:
        one, _ = reading.video(to, number, "status,processingDetails")
    except NetworkError as error:
        if not says_gone(error):
            raise
        gone = True
    else:
        gone = False
    if gone:
        raise upload.void()
    status = one.get("status") or {}
    match status.get("uploadStatus"):
        case "processed":
            return
        case "failed":
            remove(to, number)
            reason = str(status.get("failureReason", ""))
            raise NetworkError(Kind.PERMANENT, "video_failed", params={"reason": reason}, so_far=Prepared())
        case "rejected":
            remove(to, number)
            raise _rejected(str(status.get("rejectionReason", "")))
        case "deleted":
            raise upload.void()
    if (one.get("processingDetails") or {}).get("processingStatus") in ("failed", "terminated"):
        remove(to, number)
        reason = str((one.get("processingDetails") or {}).get("processingFailureReason", ""))
        raise NetworkError(Kind.PERMANENT, "video_failed", params={"reason": reason}, so_far=Prepared())
    if waited >= PATIENCE:
        return
    rounds = int(data.get("looked", 0))
    pause = PAUSES[min(rounds, len(PAUSES) - 1)]
    so_far = Prepared({**data, "waited": waited + pause, "looked": rounds + 1})
    raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": pause}, so_far=so_far)


def _rejected(reason: str) -> NetworkError:
    params = {"reason": reason}
    if reason == "duplicate":
        return NetworkError(Kind.PERMANENT, "video_duplicate", params=params, so_far=Prepared())
    if reason == "length":
        return NetworkError(Kind.PERMANENT, "video_too_long_for_channel", params=params, so_far=Prepared())
    if reason in ("uploaderAccountSuspended", "uploaderAccountClosed"):
        return NetworkError(Kind.PERMANENT, "account_blocked", params=params, so_far=Prepared())
    return NetworkError(Kind.PERMANENT, "video_rejected", params=params, so_far=Prepared())
