"""Where the Graph protocol lives on the practice server: the dialog of its login, its host for uploads, and itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spilno.toolkit.practice import (
    graph_answer,
    graph_containers,
    graph_facebook,
    graph_instagram,
    graph_login,
    graph_video,
)
from spilno.toolkit.practice.graph_media import take_upload
from spilno.toolkit.practice.state import State

HANDLERS = {
    "instagram": graph_instagram.handle,
    "facebook": graph_facebook.handle,
    "user": graph_login.handle,
}


def routes(state: State) -> list[Route]:
    """All below ``/graph/``."""

    async def endpoint(request: Request) -> Response:
        return await graph_answer.answered(request, state, HANDLERS, graph_login.without_account)

    async def reel(request: Request) -> Response:
        return await take_upload(request, state, "videos", graph_video.finished)

    async def container(request: Request) -> Response:
        return await take_upload(request, state, "containers", graph_containers.finished)

    return [
        *graph_login.routes(state),
        Route("/graph/rupload/video-upload/{version}/{number}", reel, methods=["POST"]),
        Route("/graph/rupload/ig-api-upload/{version}/{number}", container, methods=["POST"]),
        Route("/graph/{version}/{path:path}", endpoint, methods=["GET", "POST", "DELETE"]),
    ]
