"""Files on their way to Meta: read from the disk piece by piece, and going on where a fault broke them off.

Two protocols, as the edge wants it: the whole file in one request to a host of its own (reels, stories, Instagram),
or pieces whose ends the network chooses (videos of a page).

Sources: developers.facebook.com/docs/video-api/guides/reels-publishing, …/page-stories-api,
…/instagram-platform/content-publishing/resumable-uploads, …/video-api/reference/error-codes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Prepared
from spilno.toolkit.networks.http import Refusal, Wire

STILL_WORKING = 5
"""Seconds after which to ask again whether a video has been digested."""
WRONG_OFFSET = 1363037
MOST_PIECES = 10_000


class Piece(io.RawIOBase):
    """A part of a file, for a form: bytes from ``start`` to ``end`` of it, and no more in memory than is asked for."""

    def __init__(self, file: io.BufferedReader, start: int, end: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, max(0, end - start), 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: who sends it asks for its length that way."""
        return True

    def tell(self) -> int:
        """How far into the part."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move within the part."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = min(max(0, base + offset), self._size)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes."""
        left = self._size - self._at
        self._file.seek(self._start + self._at)
        part = self._file.read(left if size is None or size < 0 else min(size, left))
        self._at += len(part)
        return part


def opened(path: Path) -> io.BufferedReader:
    """The file, for reading.

    :raises NetworkError: ``media_unreadable``.
    """
    try:
        return path.open("rb")
    except OSError:
        raise NetworkError(Kind.PERMANENT, "media_unreadable") from None


def send_whole(way: Wire, told: Any, one: MediaFile, *, token: str, offset: int = 0) -> None:
    """Send the file, or what is missing of it, to where Meta said.

    :param told: the address in Meta's answer.
    :param offset: bytes that have arrived before.
    """
    headers = {
        "Authorization": f"OAuth {token}",
        "offset": str(offset),
        "file_size": str(one.bytes),
    }
    url = graph.upload_address(way.base, told)
    answer = way.upload(url, file=one.path, mime="application/octet-stream", start=offset, headers=headers)
    if answer.get("success") is not True:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "success"})


def send_pieces(way: Wire, path: str, one: MediaFile, so_far: Mapping[str, Any]) -> dict[str, Any]:
    """Send a page's video in pieces, unpublished; what is known of it so far goes in and comes out.

    :param so_far: ``{}``, or what an error of an earlier try carried.
    :return: ``{"video", "session", "start", "end"}``; all has arrived when ``start`` is ``end``.
    :raises NetworkError: with ``so_far``, to go on from.
    """
    data = dict(so_far)
    if not data.get("session"):
        answer = way.post(path, data={"upload_phase": "start", "file_size": str(one.bytes)})
        data = {"video": str(answer["video_id"]), "session": str(answer["upload_session_id"])}
        data |= _ends(answer.data)
    with opened(one.path) as file:
        for _ in range(MOST_PIECES):
            if data["start"] >= data["end"]:
                return data
            try:
                data |= _send_piece(way, path, file, one, data)
            except NetworkError as error:
                error.so_far = Prepared(data)
                raise
    raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "end_offset"})


def _send_piece(
    way: Wire, path: str, file: io.BufferedReader, one: MediaFile, data: Mapping[str, Any]
) -> dict[str, int]:
    """One piece; returns where the next one begins and ends. A piece that had arrived already is not sent again."""
    corrected: dict[str, Any] = {}
    form = {
        "upload_phase": "transfer",
        "upload_session_id": data["session"],
        "start_offset": str(data["start"]),
    }
    piece = Piece(file, data["start"], data["end"])
    sent = {"video_file_chunk": (one.path.name, piece, one.mime)}
    try:
        answer = replace(way, explain=_listening(corrected)).post(path, data=form, files=sent)
    except NetworkError:
        known = {"start_offset", "end_offset"} <= set(corrected)
        # An offset told anew that is the old one would send the same piece for ever.
        if not known or graph.number(corrected["start_offset"]) == data["start"]:
            raise
    else:
        corrected = dict(answer.data)
    return _ends(corrected)


def _ends(told: Mapping[str, Any]) -> dict[str, int]:
    start, end = graph.number(told.get("start_offset")), graph.number(told.get("end_offset"))
    if start is None or end is None or not 0 <= start <= end:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "start_offset"})
    return {"start": start, "end": end}


def _listening(into: dict[str, Any]) -> Callable[[int, Any, httpx.Headers], Refusal]:
    """Graph's explanation, keeping where it says that the piece should have begun."""

    def listen(status: int, data: Any, headers: httpx.Headers) -> Refusal:
        error = data.get("error") if isinstance(data, dict) else None
        if isinstance(error, dict) and graph.number(error.get("error_subcode")) == WRONG_OFFSET:
            told = error.get("error_data")
            into.update(told if isinstance(told, dict) else {})
        return graph.explain(status, data, headers)

    return listen


def arrived(phase: Any) -> int:
    """Bytes that Meta says have arrived; its documentation spells the field in two ways."""
    if not isinstance(phase, dict):
        return 0
    told = phase.get("bytes_transferred", phase.get("bytes_transfered"))
    return max(0, graph.number(told) or 0)
