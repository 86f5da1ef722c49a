"""Where everything of YouTube is found on the practice server."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spilno.toolkit.practice import youtube_audience as audience
from spilno.toolkit.practice import youtube_oauth as oauth
from spilno.toolkit.practice import youtube_uploads as uploads
from spilno.toolkit.practice import youtube_videos as videos
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.youtube import PREFIX, Act, GoogleError, answered, bad, read

METHODS: Mapping[str, Mapping[str, Act]] = {
    "/youtube/v3/videos": {"GET": videos.listed, "PUT": videos.change, "DELETE": videos.delete},
    "/youtube/v3/channels": {"GET": audience.channels},
    "/youtube/v3/playlistItems": {"GET": audience.playlist_items},
    "/youtube/v3/commentThreads": {"GET": audience.threads, "POST": audience.add_thread},
    "/youtube/v3/comments": {"GET": audience.comments, "POST": audience.add_comment},
    "/v2/reports": {"GET": audience.report},
}


def routes(state: State) -> list[Route]:
    """The Data API, Analytics, uploads and consent."""

    def route(path: str, acts: Mapping[str, Act]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                call = await read(request, state)
                return answered(await run_in_threadpool(acts[request.method], call))
            except GoogleError as error:
                return error.response()

        return Route(PREFIX + path, endpoint, methods=list(acts))

    async def upload(request: Request) -> Response:
        try:
            if request.method == "PUT":
                return await uploads.go_on(request, state)
            return await run_in_threadpool(uploads.begin, await read(request, state))
        except GoogleError as error:
            return error.response()

    async def thumbnail(request: Request) -> Response:
        try:
            call = await read(request, state, with_body=False)
            if call.params.get("uploadType") != "media":
                raise bad("badRequest", "This practice network takes simple uploads of thumbnails only.")
            return answered(await videos.thumbnail(call))
        except GoogleError as error:
            return error.response()

    async def unknown(request: Request) -> Response:
        return GoogleError(404, "notFound", "Not Found", domain="global").response()

    sessions = [
        Route(f"{PREFIX}{kind}/upload/youtube/v3/videos", upload, methods=["POST", "PUT"])
        for kind in ("", "/resumable")
    ]
    return [
        *oauth.routes(state),
        *(route(path, acts) for path, acts in METHODS.items()),
        *sessions,
        Route(f"{PREFIX}/upload/youtube/v3/thumbnails/set", thumbnail, methods=["POST"]),
        Route(PREFIX + "/{path:path}", unknown, methods=["GET", "POST", "PUT", "DELETE"]),
    ]
