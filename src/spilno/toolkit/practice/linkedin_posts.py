"""The Posts API: creating, reading, finding by author, deleting.

Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api and …/little-text-format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from spilno.toolkit.language.counting import utf16
from spilno.toolkit.practice.linkedin import (
    PERSON,
    Call,
    RestError,
    denied,
    kept,
    millis,
    missing,
    paged,
    urn_of,
)

MOST_TEXT = 3000
MULTI = (2, 20)
A_DAY = 100
DAY = timedelta(days=1)
RESERVED = "|{}@[]()<>#*_~"
REQUIRED = ("author", "commentary", "visibility", "distribution", "lifecycleState")
KNOWN = {*REQUIRED, "content", "isReshareDisabledByAuthor", "contentLandingPage", "reshareContext"}


def handle(call: Call) -> Response | dict[str, Any]:
    """``/rest/posts``."""
    match (call.method, *call.parts[1:]):
        case ("POST",):
            return create(call)
        case ("GET",) if call.query.get("q") == "author":
            account = call.author(call.query.get("author", ""), reading=True)
            posts = sorted(call.state.posts_of(account), key=lambda one: _changed(one), reverse=True)
            return paged(call, [shown(call, one) for one in posts])
        case ("GET", urn):
            post = find(call, urn)
            call.author(urn_of(call.state.data["accounts"][post["account"]]), reading=True)
            return shown(call, post)
        case ("DELETE", urn):
            return delete(call, urn)
    raise RestError(400, "ILLEGAL_ARGUMENT", "Unsupported request")


def find(call: Call, urn: str) -> dict[str, Any]:
    """The post of that URN.

    :raises RestError: 404.
    """
    with call.state.reading() as data:
        post = data["posts"].get(urn.rpartition(":")[2])
        if post is None or data["accounts"][post["account"]]["network"] != "linkedin":
            raise missing(urn)
        return dict(post)


def little(text: str) -> str:
    """What readers will see of little text: it ends, without a word, at the first reserved character that is neither
    escaped nor part of an element.
    """
    seen, place = [], 0
    while place < len(text):
        letter = text[place]
        if letter == "\\" and place + 1 < len(text):
            seen.append(text[place + 1])
            place += 2
            continue
        if letter in RESERVED or letter == "\\":
            element = _element(text, place)
            if element is None:
                break
            name, place = element
            seen.append(name)
            continue
        seen.append(letter)
        place += 1
    return "".join(seen)


def _element(text: str, place: int) -> tuple[str, int] | None:
    """A hashtag, hashtag template or mention that begins here: what is seen of it, and where it ends."""
    if text.startswith("{hashtag|", place):
        sign, _, rest = text[place + 9 :].partition("|")
        word, end = _until(rest, "}")
        if sign in ("#", "\\#", "\uff03") and word and end is not None:
            return f"#{word}", place + 9 + len(sign) + 1 + end
    if text.startswith("@[", place):
        name, end = _until(text[place + 2 :], "]")
        if name and end is not None and text.startswith("(urn:li:", place + 2 + end):
            urn, close = _until(text[place + 3 + end :], ")")
            if urn and close is not None:
                return name, place + 3 + end + close
    if text[place] == "#":
        word = ""
        for letter in text[place + 1 :]:
            if not letter.isalnum():
                break
            word += letter
        return (f"#{word}", place + 1 + len(word)) if word else None
    return None


def _until(text: str, end: str) -> tuple[str, int | None]:
    """The unescaped text before an end sign, and where what follows it begins; ``None`` if it never ends."""
    seen, place = "", 0
    while place < len(text):
        if text[place] == "\\" and place + 1 < len(text):
            seen += text[place + 1]
            place += 2
            continue
        if text[place] == end:
            return seen, place + 1
        if text[place] in "|{}[]<>":
            break
        seen += text[place]
        place += 1
    return seen, None


def create(call: Call) -> Response:
    """Make a post visible."""
    body = call.body
    wrong = [
        f"ERROR :: /{name} :: unrecognized field found but not allowed\n"
        for name in body
        if name not in KNOWN
    ]
    wrong += [
        f"ERROR :: /{name} :: field is required but not found and has no default value\n"
        for name in REQUIRED
        if name not in body
    ]
    if wrong:
        raise RestError(422, "UNPROCESSABLE_ENTITY", "".join(wrong))
    account = call.author(str(body["author"]))
    if (
        body["visibility"] not in ("PUBLIC", "CONNECTIONS", "LOGGED_IN")
        or body["lifecycleState"] != "PUBLISHED"
    ):
        raise RestError(
            400, "INVALID_VALUE_FOR_FIELD", "Unsupported visibility or lifecycleState", field="visibility"
        )
    text, content = little(str(body["commentary"])), body.get("content") or {}
    if utf16(text) > MOST_TEXT:
        message = f"Commentary is too long: at most {MOST_TEXT} characters"
        raise RestError(400, "FIELD_LENGTH_TOO_LONG", message, field="commentary")
    files, alts = _files(call, content, str(body["author"]))
    if not text.strip() and not content:
        raise RestError(422, "UNPROCESSABLE_ENTITY", "A post needs commentary or content", field="commentary")
    with call.state.changing() as data:
        now = call.state.clock()
        print_ = _print(body, text, content)
        _refuse_duplicate(call, account, print_, now)
        recent = [
            p for p in call.state.posts_of(account) if datetime.fromisoformat(p["published_at"]) > now - DAY
        ]
        if len(recent) >= int(data.get("linkedin_posts_a_day", A_DAY)):
            message = "Resource level throttle MEMBER DAY limit for calls to this resource is reached."
            raise RestError(429, "TOO_MANY_REQUESTS", message, service=101)
        post = call.state.add_post(
            account=account,
            text=text,
            link=str((content.get("article") or {}).get("source", "")),
            pictures=tuple(files),
            alt=" ".join(filter(None, alts)),
        )
        post |= {"commentary": body["commentary"], "content": content, "print": print_,
                 "title": str((content.get("media") or content.get("article") or {}).get("title", ""))}  # fmt: skip
    urn = f"urn:li:share:{post['id']}"
    return Response(status_code=201, headers={"x-restli-id": urn, "x-linkedin-id": urn})


def _files(call: Call, content: Mapping[str, Any], author: str) -> tuple[list[str], list[str]]:
    """Kept files of a post's content, and how they are described."""
    if len(content) > 1:
        raise RestError(400, "INVALID_VALUE_FOR_FIELD", "Only one kind of content in a post", field="content")
    if "article" in content:
        article = content["article"]
        if not str(article.get("source", "")).startswith(("http://", "https://")) or not article.get("title"):
            raise RestError(
                400, "MISSING_FIELD", "An article needs its source and title", field="content/article"
            )
        return [], []
    if "multiImage" in content:
        entries = content["multiImage"].get("images", [])
        if not MULTI[0] <= len(entries) <= MULTI[1]:
            message = f"A MultiImage post has {MULTI[0]} to {MULTI[1]} images"
            raise RestError(400, "INVALID_VALUE_FOR_FIELD", message, field="content/multiImage/images")
        if not all(str(one.get("id", "")).startswith("urn:li:image:") for one in entries):
            raise RestError(
                400, "INVALID_URN_TYPE", "Only images in a MultiImage post", field="content/multiImage"
            )
    elif "media" in content:
        entries = [content["media"]]
    elif content:
        raise RestError(400, "INVALID_VALUE_FOR_FIELD", "Unknown kind of content", field="content")
    else:
        entries = []
    files = []
    for one in entries:
        urn = str(one.get("id", ""))
        asset = kept(call.state)["assets"].get(urn)
        if asset is None:
            raise RestError(400, "INVALID_VALUE_FOR_FIELD", f"{urn} does not exist", field="content/media/id")
        if asset["owner"] != author:
            message = "One or more of the contents is not owned by the author"
            raise RestError(400, "INVALID_CONTENT_OWNERSHIP", message, field="content/media/id")
        if asset["status"] != "AVAILABLE":
            code = f"MEDIA_ASSET_{asset['status']}"
            raise RestError(
                400, code, f"The media asset {urn} is {asset['status']}", field="content/media/id"
            )
        if asset["kind"] == "document" and not one.get("title"):
            raise RestError(400, "MISSING_FIELD", "A document needs a title", field="content/media/title")
        if asset["kind"] != "image" and one.get("altText"):
            raise RestError(
                400, "INVALID_VALUE_FOR_FIELD", "altText is for images", field="content/media/altText"
            )
        files.append(asset["file"])
    return files, [str(one.get("altText", "")) for one in entries]


def _print(body: Mapping[str, Any], text: str, content: Mapping[str, Any]) -> str:
    """What makes two posts the same in LinkedIn's eyes."""
    known = json.dumps([body["author"], " ".join(text.split()), content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(known.encode()).hexdigest()


def _refuse_duplicate(call: Call, account: Mapping[str, Any], print_: str, now: datetime) -> None:
    """The same words once a day, also after they were deleted: then LinkedIn names a post that is not there."""
    posts = [*call.state.posts_of(dict(account)), *kept(call.state)["gone"].values()]
    for post in posts:
        if post.get("print") == print_ and datetime.fromisoformat(post["published_at"]) > now - DAY:
            error = RestError(
                422, "DUPLICATE_POST",
                "com.linkedin.content.common.exception.BadRequestResponseException: "
                f"Content is a duplicate of urn:li:share:{post['id']}",
                field="commentary",
            )  # fmt: skip
            error.body["errorDetails"]["inputErrors"] = [
                {"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}
            ]
            raise error


def delete(call: Call, urn: str) -> Response:
    """Idempotent: what is gone already answers the same."""
    with call.state.changing() as data:
        post = data["posts"].get(urn.rpartition(":")[2])
        if post is not None:
            author = urn_of(data["accounts"][post["account"]])
            if not author.startswith(PERSON) and author not in {urn_of(one) for one in call.pages}:
                raise denied(f"posts.DELETE of {urn}")
            call.author(author)
            kept(call.state)["gone"][post["id"]] = data["posts"].pop(post["id"])
    return Response(status_code=204)


def _changed(post: Mapping[str, Any]) -> str:
    return str(post.get("changed_at") or post["published_at"])


def shown(call: Call, post: Mapping[str, Any]) -> dict[str, Any]:
    """A post as the API tells it."""
    account = call.state.data["accounts"][post["account"]]
    answer = {
        "id": f"urn:li:share:{post['id']}",
        "author": urn_of(account),
        "commentary": post.get("commentary") or _escaped(post["text"]),
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "lifecycleStateInfo": {"isEditedByAuthor": False},
        "isReshareDisabledByAuthor": False,
        "createdAt": millis(post["created_at"]),
        "publishedAt": millis(post["published_at"]),
        "lastModifiedAt": millis(_changed(post)),
    }
    return answer | ({"content": post["content"]} if post.get("content") else {})


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in RESERVED or one == "\\" else one for one in text)
