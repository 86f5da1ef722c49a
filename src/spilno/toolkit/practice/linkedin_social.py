"""Comments: those that people leave by themselves, and those that are posted.

Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from spilno.toolkit.language.counting import utf16
from spilno.toolkit.practice.linkedin import (
    PERSON,
    Call,
    RestError,
    kept,
    millis,
    missing,
    paged,
    urn_of,
)
from spilno.toolkit.practice.linkedin_posts import find

MOST_TEXT = 1250
_COMMENT = re.compile(r"urn:li:comment:\((urn:li:\w+:\d+),(\d+)\)")


def handle(call: Call) -> Response | dict[str, Any]:
    """``/rest/socialActions/{urn}/comments``."""
    match (call.method, *call.parts[1:]):
        case ("GET", urn, "comments"):
            _may_read(call, urn)
            comment = _COMMENT.fullmatch(urn)
            parent = comment[2] if comment else ""
            return paged(call, [one for one in _all(call, urn) if _parent(one) == parent])
        case ("GET", urn, "comments", number):
            _may_read(call, urn)
            for one in _all(call, urn):
                if one["id"] == number:
                    return one
            raise missing(number)
        case ("POST", urn, "comments"):
            return _add(call, urn)
    raise RestError(400, "ILLEGAL_ARGUMENT", "Unsupported request")


def person(call: Call) -> dict[str, Any]:
    """``/rest/people/(id:…)``: the names of those who commented."""
    call.need("r_basicprofile")
    number = call.parts[1].strip("()").partition(":")[2] if len(call.parts) > 1 else ""
    found = kept(call.state).get("people", {}).get(number)
    if found is None:
        raise missing(number)
    given, _, family = found.rpartition(" ")
    return {"id": number, "localizedFirstName": given, "localizedLastName": family}


def _post(call: Call, urn: str) -> dict[str, Any]:
    comment = _COMMENT.fullmatch(urn)
    return find(call, comment[1] if comment else urn)


def _may_read(call: Call, urn: str) -> None:
    account = call.state.data["accounts"][_post(call, urn)["account"]]
    call.author(urn_of(account), reading=True)


def _parent(one: dict[str, Any]) -> str:
    found = _COMMENT.fullmatch(one.get("parentComment", ""))
    return found[2] if found else ""


def _all(call: Call, urn: str) -> list[dict[str, Any]]:
    """Every comment under a post, oldest first."""
    post = _post(call, urn)
    activity = f"urn:li:activity:{post['id']}"
    published = datetime.fromisoformat(post["published_at"])
    found = []
    for remark in call.state.remarks(post):
        number = f"{zlib.crc32(remark.username.encode()):010d}"
        if number not in kept(call.state).setdefault("people", {}):
            with call.state.changing():
                kept(call.state)["people"][number] = remark.name
        found.append(
            _comment(activity, f"{post['id']}{remark.number + 1:03d}", f"{PERSON}{number}", remark.text,
                     millis((published + remark.age).isoformat()), "")
        )  # fmt: skip
    with call.state.reading():
        said = list(kept(call.state)["comments"].get(post["id"], []))
    found += [_comment(activity, **one) for one in said]
    answers: dict[str, int] = {}
    for one in found:
        answers[_parent(one)] = answers.get(_parent(one), 0) + 1
    for one in found:
        below = 0 if _parent(one) else answers.get(one["id"], 0)
        one["commentsSummary"] = {"aggregatedTotalComments": below, "totalFirstLevelComments": below}
    return sorted(found, key=lambda one: (one["created"]["time"], one["id"]))


def _comment(activity: str, number: str, actor: str, text: str, at: int, parent: str) -> dict[str, Any]:
    done = {"actor": actor, "time": at}
    answer: dict[str, Any] = {
        "actor": actor,
        "agent": actor,
        "commentUrn": f"urn:li:comment:({activity},{number})",
        "created": done,
        "lastModified": done,
        "id": number,
        "message": {"attributes": [], "text": text},
        "object": activity,
        "likesSummary": {"selectedLikes": [], "aggregatedTotalLikes": 0, "likedByCurrentUser": False, "totalLikes": 0},
    }  # fmt: skip
    return answer | ({"parentComment": f"urn:li:comment:({activity},{parent})"} if parent else {})


def _add(call: Call, urn: str) -> Response:
    post, actor = _post(call, urn), str(call.body.get("actor", ""))
    call.author(actor)
    text = str((call.body.get("message") or {}).get("text", ""))
    if not text.strip():
        raise RestError(400, "MISSING_FIELD", "A comment needs a text", field="message/text")
    if utf16(text) > MOST_TEXT:
        raise RestError(400, "FIELD_LENGTH_TOO_LONG", f"At most {MOST_TEXT} characters", field="message/text")
    found = _COMMENT.fullmatch(urn)
    parent = found[2] if found else ""
    if parent and parent not in {one["id"] for one in _all(call, urn) if not _parent(one)}:
        raise RestError(
            400, "INVALID_VALUE_FOR_FIELD", "Answers hang below comments only", field="parentComment"
        )
    if str(call.body.get("object", "")).rpartition(":")[2] != post["id"]:
        raise RestError(
            400, "INVALID_VALUE_FOR_FIELD", "The object is not what is commented on", field="object"
        )
    with call.state.changing() as data:
        number = f"7{call.state.new_id(data, '')}"
        one = {"number": number, "actor": actor, "text": text, "at": millis(call.state.clock().isoformat()),
               "parent": parent}  # fmt: skip
        kept(call.state)["comments"].setdefault(post["id"], []).append(one)
    answer = _comment(f"urn:li:activity:{post['id']}", number, actor, text, int(one["at"]), parent)
    return JSONResponse(answer, 201, {"x-restli-id": number})
