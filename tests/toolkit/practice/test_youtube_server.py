"""The practice YouTube by itself: uploads, quotas, consent, and being told what to become."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.youtube_oauth import grant
from spilno.toolkit.practice.youtube_uploads import UNIT
from tests.toolkit.networks import films

BODY = {
    "snippet": {"title": "Ярмарок", "categoryId": "22"},
    "status": {"privacyStatus": "private"},
}


class Hands:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def practice(hands: Hands) -> Iterator[Practice]:
    with start(seed="youtube-server", clock=hands) as running:
        running.state.add_account(network="youtube", name="books", title="Книги <i>")
        yield running


@pytest.fixture
def web(practice: Practice) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer practice-books"}
    with httpx.Client(base_url=practice.google_url, headers=headers, timeout=10) as client:
        yield client


def begin(web: httpx.Client, size: int, **more: Any) -> httpx.Response:
    return web.post(
        "/upload/youtube/v3/videos",
        params={"uploadType": "resumable", "part": "snippet,status", **more},
        json=BODY,
        headers={"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"},
    )


def put(where: str, content: bytes, span: str) -> httpx.Response:
    return httpx.put(where, content=content, headers={"Content-Range": f"bytes {span}"}, timeout=10)


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    return films.film(tmp_path / "a.mp4", size=2 * UNIT + 100).path.read_bytes()


def test_an_upload_needs_no_token_but_its_address(web: httpx.Client, film: bytes, practice: Practice) -> None:
    size = len(film)
    where = begin(web, size).headers["Location"]
    assert put(where, b"", f"*/{size}").headers.get("Range") is None
    first = put(where, film[:UNIT], f"0-{UNIT - 1}/{size}")
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
    again = put(where, film[:UNIT], f"0-{UNIT - 1}/{size}")  # an offset that is not the next one
    assert (again.status_code, again.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
    last = put(where, film[UNIT:], f"{UNIT}-{size - 1}/{size}")
    assert last.status_code == 200
    assert put(where, b"", f"*/{size}").json()["id"] == last.json()["id"]
    assert len(practice.state.data["posts"]) == 1
    assert not list(practice.state.folder.glob("upload-*"))


@pytest.mark.parametrize(
    ("content", "span"),
    [
        (1000, "0-999/{size}"),  # neither the last piece nor a multiple
        (10, "0-9/10"),  # not what was announced
        (10, "0-{size}/{size}"),
        (10, "9-0/{size}"),
        (10, "a-b/{size}"),
        (UNIT + 1, "0-262143/{size}"),  # more than it says
    ],
)
def test_pieces_that_are_refused(web: httpx.Client, content: int, span: str) -> None:
    size = 3 * UNIT
    where = begin(web, size).headers["Location"]
    assert reason(put(where, bytes(content), span.format(size=size))) == (400, "badRequest")


def test_a_session_ends_after_a_week(web: httpx.Client, film: bytes, hands: Hands) -> None:
    where = begin(web, len(film)).headers["Location"]
    hands.at += timedelta(days=7)
    assert put(where, b"", f"*/{len(film)}").status_code == 404
    assert put(where.replace("upload_id=", "upload_id=x"), b"", "*/1").status_code == 404


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"part": "snippet,words"}, (400, "unknownPart")),
        ({"part": ""}, (400, "missingRequiredParameter")),
        ({"uploadType": "multipart"}, (400, "badRequest")),
    ],
)
def test_sessions_that_are_not_begun(
    web: httpx.Client, change: dict[str, str], expected: tuple[int, str]
) -> None:
    assert reason(begin(web, 1000, **change)) == expected


def test_days_are_californias(web: httpx.Client, practice: Practice, hands: Hands) -> None:
    practice.state.data["youtube_uploads_a_day"] = 2
    hands.at = datetime(2026, 11, 23, 7, 59, tzinfo=UTC)  # a minute before midnight there
    assert [begin(web, 1000).status_code for _ in range(3)] == [200, 200, 403]
    assert reason(begin(web, 1000)) == (403, "quotaExceeded")
    hands.at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert begin(web, 1000).status_code == 200


def test_units(web: httpx.Client, practice: Practice) -> None:
    practice.state.data["youtube_units_a_day"] = 51
    assert web.get("/youtube/v3/channels", params={"part": "id", "mine": "true"}).status_code == 200
    assert reason(web.delete("/youtube/v3/videos", params={"id": "nothing"})) == (404, "videoNotFound")
    assert reason(web.get("/youtube/v3/channels", params={"part": "id", "mine": "true"})) == (
        403,
        "quotaExceeded",
    )


def test_what_others_have(web: httpx.Client, practice: Practice) -> None:
    other = practice.state.add_account(network="youtube", name="other")
    hidden = practice.state.add_post(account=other, text="Чуже", published=False)
    shown = practice.state.add_post(account=other, text="Видне")
    found = web.get(
        "/youtube/v3/videos", params={"part": "id,snippet", "id": f"{hidden['id']},{shown['id']}"}
    )
    assert [one["id"] for one in found.json()["items"]] == [shown["id"]]
    assert reason(web.delete("/youtube/v3/videos", params={"id": shown["id"]})) == (403, "forbidden")


def test_the_consent_page(practice: Practice) -> None:
    asked = {"client_id": "a", "response_type": "code", "scope": "x/youtube.upload", "state": "s&t",
             "redirect_uri": "https://spilno.example.org/back?x=1", "access_type": "offline"}  # fmt: skip
    page = httpx.get(
        f"{practice.google_url}/o/oauth2/v2/auth", params=asked, headers={"Accept-Language": "en"}
    )
    assert "Книги &lt;i&gt;" in page.text
    assert "youtube.upload" in page.text
    chosen = httpx.get(f"{practice.google_url}/o/oauth2/v2/auth", params={**asked, "choose": "books"})
    back = parse_qs(urlsplit(chosen.headers["Location"]).query)
    assert (back["x"], back["state"]) == (["1"], ["s&t"])
    form = {"grant_type": "authorization_code", "code": back["code"][0], "client_id": "a", "client_secret": "b",
            "redirect_uri": asked["redirect_uri"]}  # fmt: skip
    wrong = httpx.post(
        f"{practice.google_url}/token", data={**form, "redirect_uri": "https://elsewhere.example"}
    )
    assert (wrong.status_code, wrong.json()["error"]) == (400, "redirect_uri_mismatch")
    gone = httpx.post(f"{practice.google_url}/token", data=form)  # a code that was tried is spent
    assert gone.json()["error"] == "invalid_grant"
    for name in ("client_id", "redirect_uri", "response_type", "scope"):
        spoilt = {**asked, name: ""}
        assert httpx.get(f"{practice.google_url}/o/oauth2/v2/auth", params=spoilt).status_code == 400


def test_tokens_end_and_are_taken_back(practice: Practice, hands: Hands) -> None:
    account = practice.state.account_named("youtube", "books")
    assert account is not None
    given = grant(practice.state, account, client="app")

    def me() -> int:
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        params = {"part": "id", "mine": "true"}
        return httpx.get(
            f"{practice.google_url}/youtube/v3/channels", params=params, headers=headers
        ).status_code

    assert me() == 200
    form = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "s"}
    fresh = httpx.post(f"{practice.google_url}/token", data={**form, "refresh_token": given["refresh_token"]})
    assert fresh.json()["access_token"] != given["access_token"]
    other = httpx.post(f"{practice.google_url}/token", data={**form, "client_secret": "another"})
    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")
    hands.at += timedelta(hours=1)
    assert me() == 401
    assert (
        httpx.post(f"{practice.google_url}/revoke", data={"token": given["refresh_token"]}).status_code == 200
    )
    ended = httpx.post(f"{practice.google_url}/token", data={**form, "refresh_token": given["refresh_token"]})
    assert ended.json()["error"] == "invalid_grant"
    assert httpx.post(f"{practice.google_url}/revoke", data={"token": "x"}).status_code == 400


def test_being_told(practice: Practice, web: httpx.Client, film: bytes) -> None:
    def tell(path: str, **body: Any) -> int:
        return httpx.post(f"{practice.url}/control{path}", json=body).status_code

    assert tell("/youtube/fates", fate="rejected:boredom") == 422
    assert tell("/youtube/fates", fate="rejected:copyright") == 200
    where = begin(web, len(film)).headers["Location"]
    number = put(where, film, f"0-{len(film) - 1}/{len(film)}").json()["id"]
    shown = web.get("/youtube/v3/videos", params={"part": "status", "id": number}).json()["items"][0]
    assert (shown["status"]["uploadStatus"], shown["status"]["rejectionReason"]) == ("rejected", "copyright")
    assert tell("/accounts/change", network="youtube", name="books", no_channel=True) == 200
    assert tell("/accounts/change", network="youtube", name="books") == 422
    assert "items" not in web.get("/youtube/v3/channels", params={"part": "id", "mine": "true"}).json()
    assert tell("/settings", youtube_unaudited=1) == 200


def test_a_restart_keeps_uploads_and_tokens(tmp_path: Path, film: bytes) -> None:
    file, size = tmp_path / "practice.json", len(film)
    with start(state=file) as one:
        account = one.state.add_account(network="youtube", name="books")
        token = grant(one.state, account, client="app")["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=one.google_url, headers=headers) as web:
            where = httpx.URL(begin(web, size).headers["Location"])
        put(str(where), film[:UNIT], f"0-{UNIT - 1}/{size}")
    with start(state=file) as two:
        moved = str(where.copy_with(port=httpx.URL(two.url).port))
        assert put(moved, b"", f"*/{size}").headers["Range"] == f"bytes=0-{UNIT - 1}"
        made = put(moved, film[UNIT:], f"{UNIT}-{size - 1}/{size}").json()
        answer = httpx.get(
            f"{two.google_url}/youtube/v3/videos",
            params={"part": "status", "id": made["id"]},
            headers=headers,
        )
        assert answer.json()["items"][0]["status"]["privacyStatus"] == "private"


def test_what_is_nowhere(web: httpx.Client) -> None:
    assert reason(web.get("/youtube/v3/captions")) == (404, "notFound")
    assert httpx.get(f"{web.base_url}youtube/v3/videos").status_code == 401
