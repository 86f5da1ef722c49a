"""Comments under posts of the Graph networks: those that are made up, and those that somebody wrote through the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from spilno.toolkit.practice.graph import Call, GraphError
from spilno.toolkit.practice.state import State

MOST_TEXT = 8000


def written(state: State, post: dict[str, Any], parent: str = "") -> list[dict[str, Any]]:
    """Comments that came through the API under a post, or under a comment (``parent``), oldest first."""
    with state.reading() as data:
        return [
            one for one in data["comments"].values() if one["post"] == post["id"] and one["parent"] == parent
        ]


def write(call: Call, post: dict[str, Any], parent: str, number: Callable[[dict[str, Any]], str]) -> str:
    """Keep a comment of the account's own.

    :param number: makes its id.
    :raises GraphError: for an empty or endless text.
    """
    text = call.text("message")
    if not text.strip():
        raise GraphError("(#100) The parameter message is required", 100)
    if len(text) > MOST_TEXT:
        raise GraphError("(#100) The message is too long", 100)
    with call.state.changing() as data:
        comment = {
            "id": number(data),
            "post": post["id"],
            "parent": parent,
            "author": call.account["id"],
            "name": call.account["title"],
            "username": call.account["name"],
            "text": text,
            "at": call.state.clock().isoformat(),
        }
        data["comments"][comment["id"]] = comment
    return str(comment["id"])


def made_up(state: State, post: dict[str, Any]) -> list[dict[str, Any]]:
    """The comments of people who do not exist, in the same form, oldest first. Ids are the caller's."""
    if not post["published_at"] or post["kind"] == "story":
        return []
    published = datetime.fromisoformat(post["published_at"])
    return [
        {
            "number": one.number,
            "post": post["id"],
            "parent": "",
            "author": f"5{one.number:08d}",
            "name": one.name,
            "username": one.username,
            "text": one.text,
            "at": (published + one.age).isoformat(),
        }
        for one in state.remarks(post)
    ]


def delete(call: Call, number: str) -> dict[str, Any]:
    """Take a kept comment away; one that is made up comes again, so it is not ours to take.

    :raises GraphError: code 200 for another's.
    """
    with call.state.changing() as data:
        if data["comments"].pop(number, None) is None:
            raise GraphError("(#200) Permissions error", 200, status=403)
        for under in [one for one in data["comments"].values() if one["parent"] == number]:
            del data["comments"][under["id"]]
    return {"success": True}
