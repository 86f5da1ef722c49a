"""What stands around a PDS: pages that are linked to, and the service that makes videos ready."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from spilno.toolkit.networks.base import MediaFile

from .contract import Bench


def clip(folder: Path) -> MediaFile:
    path = folder / "ролик.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(range(256)) * 40)
    return MediaFile(path, "video/mp4", path.stat().st_size, 1280, 720, alt="Стос книжок падає")


def with_credentials(bench: Bench, **changed: str) -> Bench:
    return replace(bench, account=replace(bench.account, credentials={**bench.credentials, **changed}))


@contextlib.contextmanager
def serving(answer: Any) -> Iterator[str]:
    """A small web server: ``answer(method, path, headers, body)`` gives status, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has seen enough
                self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *said: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Site:
    """A page with a picture, reached over a redirection; or ``always`` the same answer."""

    picture: bytes = b""
    always: Any = None
    heads: list[Any] = field(default_factory=list)

    def running(self) -> Any:
        return serving(self._answer)

    def _answer(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        self.heads.append(headers)
        if self.always:
            return self.always
        if path == "/moved":
            return 301, {"Location": "/books/"}, b""
        if path == "/books/cover.jpg":
            return 200, {"Content-Type": "image/jpeg"}, self.picture
        page = (
            "<!doctype html><html><head><title>Інше</title>"
            "<meta property='og:title' content='Ярмарок &amp; книжки'>"
            "<meta name=description content='Усе   про\nкнижки.'><meta property='og:image' content='cover.jpg'>"
        )
        return 200, {"Content-Type": "text/html; charset=cp1251"}, page.encode("cp1251")


@dataclass
class VideoService:
    """What video.bsky.app does: takes a video in the account's name, and lays it down at the account's server."""

    pds: str
    busy: int = 0
    known: bool = False
    fails: str = ""
    uploads: int = 0
    blobs: dict[str, Any] = field(default_factory=dict)

    def running(self) -> Any:
        return serving(self._answer)

    def _answer(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        status, said = self._upload(path, headers, body) if method == "POST" else self._status(path)
        return status, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def _upload(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        asked = parse_qs(urlsplit(path).query)
        assert urlsplit(path).path == "/xrpc/app.bsky.video.uploadVideo"
        assert asked["name"][0].endswith(".mp4")
        self.uploads += 1
        answer = httpx.post(
            f"{self.pds}/xrpc/com.atproto.repo.uploadBlob",
            content=body,
            headers={"Authorization": headers["Authorization"], "Content-Type": headers["Content-Type"]},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        number = hashlib.sha256(body).hexdigest()[:12]
        self.blobs[number] = answer.json()["blob"]
        job = {"jobId": number, "did": asked["did"][0], "state": "JOB_STATE_CREATED"}
        if self.known:
            return 409, {**job, "error": "already_exists", "message": "Video already processed"}
        return 200, job

    def _status(self, path: str) -> tuple[int, Any]:
        number = parse_qs(urlsplit(path).query)["jobId"][0]
        if number not in self.blobs:
            return 400, {"error": "InvalidRequest", "message": "No such job"}
        job = {"jobId": number, "did": "did:plc:x", "state": "JOB_STATE_ENCODING", "progress": 40}
        if self.fails:
            job |= {"state": "JOB_STATE_FAILED", "message": self.fails}
        elif self.busy:
            self.busy -= 1
        else:
            job |= {"state": "JOB_STATE_COMPLETED", "blob": self.blobs[number]}
        return 200, {"jobStatus": job}
