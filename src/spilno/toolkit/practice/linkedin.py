"""LinkedIn's versioned REST API on the practice server: who asks, in which version, and how an error reads.

A token opens a member (``urn:li:person:…``) and the company pages that this member administers: the practice accounts
with that token. What is done is in the files beside this one: posts, media, social actions, signing in.

Sources below learn.microsoft.com/en-us/linkedin: marketing/versioning, shared/api-guide/concepts/error-handling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.state import State

PREFIX = "/linkedin-api"
PERSON, ORGANIZATION = "urn:li:person:", "urn:li:organization:"
SCOPES = (
    "openid", "profile", "r_basicprofile", "rw_organization_admin", "w_organization_social", "r_organization_social",
    "w_organization_social_feed", "r_organization_social_feed", "w_member_social", "r_member_postAnalytics",
    "r_member_profileAnalytics",
)  # fmt: skip
"""What an app may be given. ``r_member_social`` is not among them: LinkedIn gives it to nobody who asks."""

MOST_JSON = 1 << 20


class RestError(Exception):
    """A refusal as the API gives it."""

    def __init__(self, status: int, code: str, message: str, *, service: int = 0, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"status": status, "code": code, "message": message}
        if service:
            self.body["serviceErrorCode"] = service
        if field:
            self.body = {
                "errorDetailType": "com.linkedin.common.error.BadRequest",
                "message": message,
                "errorDetails": {
                    "inputErrors": [
                        {"description": message, "input": {"inputPath": {"fieldPath": field}}, "code": code}
                    ]
                },
                "status": status,
            }

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.body, self.status)


def denied(what: str) -> RestError:
    """403."""
    return RestError(403, "ACCESS_DENIED", f"Not enough permissions to access: {what}", service=100)


def missing(what: str) -> RestError:
    """404."""
    return RestError(404, "RESOURCE_NOT_FOUND", f"Could not find entity {what}")


@dataclass(frozen=True)
class Call:
    """One request. ``parts``: the path below ``/rest`` or ``/v2``, decoded. ``query``: decoded as well."""

    method: str
    interface: str  # "rest" or "v2"
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    member: dict[str, Any]
    pages: tuple[dict[str, Any], ...]
    scopes: frozenset[str]
    base: str
    state: State

    def need(self, *scopes: str) -> None:
        """Any of these permissions.

        :raises RestError: 403.
        """
        if not self.scopes.intersection(scopes):
            raise denied(f"{'.'.join((self.parts or ('',))[:1])}.{self.method}")

    def page(self, urn: str) -> dict[str, Any]:
        """The company page of that URN, which the member administers.

        :raises RestError: 403.
        """
        for one in self.pages:
            if urn == f"{ORGANIZATION}{one['id']}":
                return one
        raise denied(f"{self.parts[0]} of {urn}")

    def author(self, urn: str, *, reading: bool = False) -> dict[str, Any]:
        """The account that a URN names, if the token may write (or read) its posts.

        :raises RestError: 403.
        """
        if urn.startswith(PERSON):
            self.need("r_member_social" if reading else "w_member_social")
            if urn != urn_of(self.member):
                raise denied(f"{self.parts[0]} of {urn}")
            return self.member
        self.need("r_organization_social" if reading else "w_organization_social")
        return self.page(urn)

    def listed(self, name: str) -> list[str]:
        """A Rest.li list: ``List(a,b)``."""
        found = re.fullmatch(r"List\((.*)\)", self.query.get(name, ""))
        return [one for one in found[1].split(",") if one] if found else []

    def number(self, name: str, default: int) -> int:
        """A whole number among the parameters."""
        text = self.query.get(name, str(default))
        if not text.isdigit():
            raise RestError(400, "PARAM_INVALID", f"Invalid query parameter {name}")
        return int(text)


def urn_of(account: Mapping[str, Any]) -> str:
    """An account's URN."""
    return f"{PERSON if account.get('person') else ORGANIZATION}{account['id']}"


def millis(text: str) -> int:
    """A kept time as LinkedIn tells times."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def paged(call: Call, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of a list, with a link to the next one if there is more."""
    start, count = call.number("start", 0), min(call.number("count", 10), 100)
    links = []
    if start + count < len(found):
        rest = "&".join(f"{k}={v}" for k, v in call.query.items() if k not in ("start", "count"))
        path = f"/{call.interface}/{'/'.join(call.parts)}?{rest}&start={start + count}&count={count}"
        links.append({"type": "application/json", "rel": "next", "href": path})
    return {
        "paging": {"start": start, "count": count, "links": links, "total": len(found)},
        "elements": found[start : start + count],
    }


def kept(state: State) -> dict[str, Any]:
    """What only this network remembers. Change it inside ``state.changing()``."""
    own: dict[str, Any] = state.data.setdefault("linkedin", {})
    for name in ("assets", "codes", "tokens", "comments", "gone"):
        own.setdefault(name, {})
    return own


def member_of(state: State, token: str, pages: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """The member who administers these pages; made when first asked for."""
    name = f"{pages[0]['name']}-editor"
    with state.changing():
        found = state.account_named("linkedin", name)
        if found is None:
            found = state.add_account(
                network="linkedin",
                name=name,
                title=f"{pages[0]['title']} (editor)",
                followers=310,
                token=token,
            )
            found["person"] = True
        return found


Handler: TypeAlias = Callable[[Call], Response | dict[str, Any]]


def routes(state: State) -> list[Route]:
    """Everything below :data:`PREFIX`, and addresses of posts that do not say whose they are."""
    from spilno.toolkit.practice import linkedin_media, linkedin_signing_in

    async def endpoint(request: Request) -> Response:
        try:
            call = await _read(request, state)
            answer = await run_in_threadpool(_handler(call), call)
        except RestError as error:
            return error.response()
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    async def feed(request: Request) -> Response:
        with state.reading() as data:
            post = data["posts"].get(request.path_params["post"])
            account = data["accounts"].get(post["account"]) if post else None
        name = account["name"] if account else "feed"
        return RedirectResponse(f"/linkedin/{name}/{request.path_params['post']}")

    return [
        *linkedin_signing_in.routes(state, f"{PREFIX}/oauth/v2"),
        *linkedin_media.routes(state),
        Route(PREFIX + "/{path:path}", endpoint, methods=["GET", "POST", "PUT", "DELETE"]),
        Route("/linkedin/feed/{post:str}", feed),
    ]


def _handler(call: Call) -> Handler:
    from spilno.toolkit.practice import (
        linkedin_media,
        linkedin_organizations,
        linkedin_posts,
        linkedin_social,
    )

    handlers: dict[tuple[str, str], Handler] = {
        ("rest", "posts"): linkedin_posts.handle,
        ("rest", "images"): linkedin_media.handle,
        ("rest", "documents"): linkedin_media.handle,
        ("rest", "videos"): linkedin_media.handle,
        ("rest", "socialActions"): linkedin_social.handle,
        ("rest", "people"): linkedin_social.person,
        ("rest", "organizationAcls"): linkedin_organizations.acls,
        ("rest", "organizations"): linkedin_organizations.handle,
        ("rest", "networkSizes"): linkedin_organizations.sizes,
        ("rest", "organizationalEntityShareStatistics"): linkedin_organizations.share_statistics,
        ("rest", "memberCreatorPostAnalytics"): linkedin_organizations.member_statistics,
        ("rest", "memberFollowersCount"): linkedin_organizations.member_followers,
        ("v2", "userinfo"): linkedin_organizations.userinfo,
        ("v2", "me"): linkedin_organizations.me,
    }
    found = handlers.get((call.interface, call.parts[0] if call.parts else ""))
    if found is None:
        raise RestError(404, "RESOURCE_NOT_FOUND", "No virtual resource found")
    return found


async def _read(request: Request, state: State) -> Call:
    raw = request.scope["raw_path"].decode("ascii").partition("?")[0].removeprefix(PREFIX)
    interface, *rest = [part for part in raw.split("/") if part] or [""]
    parts = tuple(unquote(part) for part in rest)
    if interface == "rest":
        check_version(request.headers.get("linkedin-version", ""), state.clock())
    if request.headers.get("x-restli-protocol-version", "2.0.0") != "2.0.0":
        raise RestError(400, "ILLEGAL_ARGUMENT", "Unsupported Rest.li protocol version")
    member, pages, scopes = signed_in(state, request.headers.get("authorization", ""))
    body: Any = {}
    if request.method in ("POST", "PUT"):
        content = await request.body() if int(request.headers.get("content-length", 0)) <= MOST_JSON else b"-"
        try:
            body = json.loads(content or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise RestError(400, "ILLEGAL_ARGUMENT", "Request body could not be converted to data map")
    query = dict(parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True))
    base = f"{request.url.scheme}://{request.url.netloc}"
    return Call(request.method, interface, parts, query, body, member, pages, scopes, base, state)


def check_version(version: str, now: datetime) -> None:
    """Every call names a version, and each version lives for a year.

    :raises RestError: 400 without one, 426 for one that is over.
    """
    if not version:
        raise RestError(
            400, "VERSION_MISSING", "A version must be present. Please specify a version by adding the LinkedIn-Version"
        )  # fmt: skip
    named = re.fullmatch(r"(20\d\d)(0[1-9]|1[0-2])(?:\.\d\d)?", version)
    months = (now.year - int(named[1])) * 12 + now.month - int(named[2]) if named else 99
    if months > 12:
        raise RestError(426, "NONEXISTENT_VERSION", f"Requested version {version}01 is not active")


def signed_in(state: State, header: str) -> tuple[dict[str, Any], tuple[dict[str, Any], ...], frozenset[str]]:
    """The member behind a token, the pages that they administer, and what the token allows.

    :raises RestError: 401.
    """
    found = re.fullmatch(r"(?i)bearer\s+(\S+)", header.strip())
    if found is None:
        raise RestError(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token", service=65604)
    token = found[1]
    with state.reading() as data:
        minted = kept(state)["tokens"].get(token)
        secret = minted["opens"] if minted else token
        own = [
            one
            for one in data["accounts"].values()
            if one["network"] == "linkedin" and one["token"] == secret and not one.get("person")
        ]
    if not own:
        raise RestError(401, "INVALID_ACCESS_TOKEN", "Invalid access token", service=65600)
    pages = tuple(sorted((one for one in own if not one["revoked"]), key=lambda one: str(one["id"])))
    if not pages or (minted and minted.get("revoked")):
        raise RestError(
            401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user", service=65601
        )  # fmt: skip
    if minted and datetime.fromisoformat(minted["until"]) <= state.clock():
        raise RestError(
            401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", service=65602
        )
    scopes = minted["scopes"] if minted else pages[0].get("scopes", SCOPES)
    return member_of(state, secret, pages), pages, frozenset(scopes)


Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
