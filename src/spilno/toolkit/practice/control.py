"""Control endpoints, for tests and for loading a demo: only there if the server was started with ``--control``.

===========  ==================================  =================================================================
method       path                                body (JSON)
===========  ==================================  =================================================================
``POST``     ``/control/accounts``               ``network``, ``name``, ``title``, ``followers``, ``since``, ``token``
``POST``     ``/control/accounts/revoke``        ``network``, ``name``, ``revoked`` (default true)
``POST``     ``/control/posts``                  ``network``, ``name``, ``kind``, ``text``, ``link``, ``published_at``,
                                                 ``picture`` (base64), ``alt``
``POST``     ``/control/faults``                 ``kind``, ``match``, ``times``, ``seconds``, ``bytes``
``DELETE``   ``/control/faults``
``POST``     ``/control/settings``               ``processing_polls``: how often a new container reads IN_PROGRESS;
                                                 ``publishing_polls``: the same for a reel that is published;
                                                 ``calls_an_hour``: how many Graph takes of an account;
                                                 ``messages_a_minute``: how many a chat takes before 429;
                                                 ``youtube_uploads_a_day``, ``youtube_units_a_day``: quotas;
                                                 ``youtube_unaudited``, ``youtube_testing``: 1 for such an app
``POST``     ``/control/accounts/change``        ``network``, ``name``, and one of the flags below
``POST``     ``/control/youtube/fates``          ``fate``: what becomes of the next video, ``failed:codec`` or
                                                 ``rejected:copyright``, once it is processed
===========  ==================================  =================================================================
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.faults import Faults
from spilno.toolkit.practice.state import State, UnreadablePicture
from spilno.toolkit.practice.youtube import google
from spilno.toolkit.practice.youtube_videos import REASONS

SETTINGS = (
    "processing_polls", "publishing_polls", "calls_an_hour", "messages_a_minute",
    "youtube_uploads_a_day", "youtube_units_a_day", "youtube_unaudited", "youtube_testing",
)  # fmt: skip
FLAGS = (
    "no_channel", "hidden_subscribers", "comments_disabled", "no_thumbnails", "long_uploads",
    "gone", "lacks", "token_until",
)  # fmt: skip
"""What an account can be made to be: without a channel, with a hidden number of subscribers, with closed comments,
without thumbnails of its own, without long videos (``"disallowed"``); of a page or an Instagram account: deleted,
without the permissions of a list, with a token that ends (ISO 8601)."""


def routes(state: State, faults: Faults) -> list[Route]:
    """The endpoints in the table above."""

    def account(body: dict[str, Any]) -> dict[str, Any]:
        found = state.account_named(str(body.get("network", "")), str(body.get("name", "")))
        if found is None:
            raise ValueError(f"no account {body.get('network')}/{body.get('name')}")
        return found

    def add_account(body: dict[str, Any]) -> dict[str, Any]:
        return state.add_account(
            network=str(body["network"]),
            name=str(body["name"]),
            title=str(body.get("title", "")),
            followers=int(body.get("followers", 1200)),
            since=_moment(body.get("since")),
            token=str(body.get("token", "")),
        )

    def revoke(body: dict[str, Any]) -> dict[str, Any]:
        with state.changing():
            found = account(body)
            found["revoked"] = bool(body.get("revoked", True))
        return found

    def add_post(body: dict[str, Any]) -> dict[str, Any]:
        picture = body.get("picture")
        content = base64.b64decode(picture, validate=True) if picture else b""
        return state.add_post(
            account=account(body),
            kind=str(body.get("kind", "post")),
            text=str(body.get("text", "")),
            link=str(body.get("link", "")),
            alt=str(body.get("alt", "")),
            pictures=(state.add_picture(content)["id"],) if content else (),
            published_at=_moment(body.get("published_at")),
        )

    def add_fault(body: dict[str, Any]) -> dict[str, Any]:
        faults.add(
            str(body["kind"]),
            str(body.get("match", "")),
            times=int(body.get("times", 1)),
            seconds=int(body.get("seconds", 60)),
            bytes=int(body.get("bytes", 0)),
        )
        return {"waiting": len(faults.waiting)}

    def clear_faults(body: dict[str, Any]) -> dict[str, Any]:
        faults.clear()
        return {"happened": list(faults.happened)}

    def settings(body: dict[str, Any]) -> dict[str, Any]:
        with state.changing() as data:
            given = {name: int(body[name]) for name in SETTINGS if name in body}
            if not given:
                raise ValueError(f"one of {', '.join(SETTINGS)} is missing")
            data |= given
            return given

    def change_account(body: dict[str, Any]) -> dict[str, Any]:
        given = {name: body[name] for name in FLAGS if name in body}
        if not given:
            raise ValueError(f"one of {', '.join(FLAGS)} is missing")
        with state.changing():
            found = account(body)
            found |= given
        return found

    def set_fate(body: dict[str, Any]) -> dict[str, Any]:
        fate = str(body["fate"])
        kind, _, reason = fate.partition(":")
        if reason not in REASONS.get(kind, ()):
            raise ValueError(f"no such fate of a video: {fate}")
        with state.changing() as data:
            google(data).setdefault("fates", []).append(fate)
            return {"fates": list(google(data)["fates"])}

    return [
        Route("/control/accounts/change", _endpoint(change_account), methods=["POST"]),
        Route("/control/youtube/fates", _endpoint(set_fate), methods=["POST"]),
        Route("/control/accounts", _endpoint(add_account), methods=["POST"]),
        Route("/control/accounts/revoke", _endpoint(revoke), methods=["POST"]),
        Route("/control/posts", _endpoint(add_post), methods=["POST"]),
        Route("/control/faults", _endpoint(add_fault), methods=["POST"]),
        Route("/control/faults", _endpoint(clear_faults), methods=["DELETE"]),
        Route("/control/settings", _endpoint(settings), methods=["POST"]),
    ]


def _endpoint(act: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        content = await request.body()
        try:
            body = json.loads(content) if content.strip() else {}
            if not isinstance(body, dict):
                raise ValueError("a JSON object is expected")
            return JSONResponse(act(body))
        except KeyError as error:
            return JSONResponse({"error": f"{error.args[0]} is missing"}, 422)
        except (ValueError, TypeError, binascii.Error, UnreadablePicture) as error:
            return JSONResponse({"error": str(error)}, 422)

    return endpoint


def _moment(value: Any) -> datetime | None:
    if not value:
        return None
    read = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    if read.tzinfo is None:
        raise ValueError(f"a time needs its zone: {value}")
    return read
