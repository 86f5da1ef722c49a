"""Handing kept files out: a piece at a time, from wherever one wants to begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from spilno.kernel.errors import UserError
from spilno.plan import stored
from spilno.plan.stored import StorageTrouble

YEAR = 60 * 60 * 24 * 365
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")

# A file shown by itself is a page of its own: it may load itself and nothing else. A browser's reader of PDFs does
# not work in a sandbox; it runs nothing in our name.
_POLICIES = {
    "image": "default-src 'none'; sandbox",
    "video": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
    "application": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'",
}


def part_of(said: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of what a ``Range`` header wants; ``None``: all of it.

    Several parts at once, and headers that say nothing sensible, are answered with all of it, as HTTP allows.

    :raises ValueError: what is wanted lies beyond the end.
    """
    found = _RANGE.match(said.strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        if int(last) == 0:
            raise ValueError(said)
        return max(0, size - int(last)), size
    if int(first) >= size:
        raise ValueError(said)
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def serve(
    request: HttpRequest, *, name: str, mime: str, size: int, public: bool = False, save_as: str = ""
) -> HttpResponseBase:
    """A kept file as an answer, or the part of it that is asked for; memory stays flat.

    :param name: in the storage; made from the content, so that it serves as the file's mark (ETag) as well.
    :param public: anybody may keep a copy for an hour; else only the person's own browser, for as long as it likes.
    :raises Http404: the file is gone.
    """
    mark = f'"{name.rpartition("/")[2]}"'
    status, start, end = 200, 0, size
    wanted = request.headers.get("Range", "")
    if wanted and request.headers.get("If-Range", mark) == mark:
        try:
            part = part_of(wanted, size)
        except ValueError:
            response: HttpResponseBase = HttpResponse(status=416)
            response.headers["Content-Range"] = f"bytes */{size}"
            return response
        if part is not None:
            status, (start, end) = 206, part
    if request.headers.get("If-None-Match") == mark:
        response = HttpResponse(status=304)
    else:
        response = _answer(request, name, mime, start, end, status, whole=size)
    head = response.headers
    head["ETag"] = mark
    head["Accept-Ranges"] = "bytes"
    # What a file's address stands for never changes; only those who may see it keep a copy.
    head["Cache-Control"] = "public, max-age=3600" if public else f"private, max-age={YEAR}, immutable"
    head["Content-Security-Policy"] = _POLICIES.get(mime.partition("/")[0], _POLICIES["image"])
    head["X-Content-Type-Options"] = "nosniff"
    head["X-Robots-Tag"] = "noindex"
    if save_as:
        head["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(save_as)}"
    return response


def _answer(
    request: HttpRequest, name: str, mime: str, start: int, end: int, status: int, *, whole: int
) -> HttpResponseBase:
    try:
        if request.method == "HEAD":
            if not stored.exists(name):
                raise Http404
            response: HttpResponseBase = HttpResponse(status=status, content_type=mime)
        else:
            pieces: Iterator[bytes] = stored.pieces(name, start, None if status == 200 else end)
            response = StreamingHttpResponse(pieces, status=status, content_type=mime)
    except FileNotFoundError:
        raise Http404 from None
    except (StorageTrouble, UserError):
        return HttpResponse(status=503, headers={"Retry-After": "10"})
    response.headers["Content-Length"] = str(end - start)
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{whole}"
    return response
