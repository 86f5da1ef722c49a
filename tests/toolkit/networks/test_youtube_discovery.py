"""YouTube's connector and its practice server against Google's own description, and driven by Google's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import google.oauth2.credentials
import googleapiclient.discovery
import googleapiclient.discovery_cache
import googleapiclient.errors
import googleapiclient.http
import httplib2
import httpx
import pytest

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import MediaFile, NetworkError, Prepared
from spilno.toolkit.networks.youtube_upload import UNIT
from spilno.toolkit.practice import Practice
from spilno.toolkit.practice.uploads import digest

from . import films
from .contract import World, until_prepared
from .discovery import Held, document, find
from .youtube_world import (
    CLOCK,
    YouTubeBench,
    bench,
    connect,
    picture,
    post_of,
    practice,
    running,
    upright,
    video,
    videos_of,
    world,
)

__all__ = ["bench", "picture", "practice", "running", "upright", "video", "world"]

APIS = ("youtube.v3", "youtubeAnalytics.v2")
YOUTUBE: Any = get("youtube")


# ------------------------------------------------------------------------------------------------ the description


@pytest.fixture
def held() -> Iterator[Held]:
    transport = Held(APIS, "/google", ("/token", "/revoke"))
    yield transport
    assert transport.problems == []


def test_everything_the_connector_asks_and_hears_is_described(
    practice: Practice, world: World, held: Held, video: MediaFile, upright: MediaFile, picture: MediaFile
) -> None:
    practice.state.data["processing_polls"] = 2
    with httpx.Client(transport=held, timeout=20) as client:
        account = connect(dict(world.typed), client)
        speak: dict[str, Any] = {"client": client, "credentials": account.credentials}
        YOUTUBE.live_limits(placement="video", **speak)
        made = []
        for post in (post_of(video, picture), post_of(upright, placement="short")):
            prepared, _ = until_prepared(
                lambda so_far, post=post: YOUTUBE.prepare(post=post, so_far=so_far, **speak)  # type: ignore[misc]
            )
            now = datetime.now(UTC) - timedelta(minutes=1)
            assert YOUTUBE.find(post=post, prepared=prepared, not_before=now, **speak).published is None
            made.append(YOUTUBE.commit(post=post, prepared=prepared, **speak))
            assert YOUTUBE.find(post=post, prepared=Prepared(), not_before=now, **speak).published
        number = made[0].external_id
        YOUTUBE.reply(in_reply_to=number, text="Слово", key="k", **speak)
        CLOCK.ahead = timedelta(days=4)
        fresh = {"client": client, "credentials": YOUTUBE.refresh(**speak)}
        (heard, *_) = YOUTUBE.replies(external_id=number, **fresh)
        YOUTUBE.reply(in_reply_to=heard.external_id, text="Дякуємо", key="k", **fresh)
        assert YOUTUBE.post_readings(external_id=number, **fresh)
        assert YOUTUBE.account_readings(**fresh)
        for _ in range(2):
            YOUTUBE.delete(external_id=number, **fresh)
    asked = set(held.methods)
    assert asked == {
        "youtube.channels.list", "youtube.videos.insert", "youtube.videos.list", "youtube.videos.update",
        "youtube.videos.delete", "youtube.thumbnails.set", "youtube.playlistItems.list",
        "youtube.commentThreads.list", "youtube.commentThreads.insert", "youtube.comments.list",
        "youtube.comments.insert", "youtubeAnalytics.reports.query",
    }  # fmt: skip


def test_what_the_practice_server_refuses_has_the_described_form(
    practice: Practice, world: World, held: Held, video: MediaFile
) -> None:
    with httpx.Client(transport=held, timeout=20) as client:
        account = connect(dict(world.typed), client)
        speak: dict[str, Any] = {"client": client, "credentials": account.credentials}
        practice.state.data["google"]["fates"] = ["rejected:legal"]
        with pytest.raises(NetworkError):
            YOUTUBE.prepare(post=post_of(video), so_far=Prepared(), **speak)
        practice.state.data["youtube_uploads_a_day"] = 1
        with pytest.raises(NetworkError):
            YOUTUBE.prepare(post=post_of(video), so_far=Prepared(), **speak)
        next(iter(practice.state.data["accounts"].values()))["revoked"] = True
        with pytest.raises(NetworkError):
            YOUTUBE.account_readings(**speak)
    assert held.methods.count("youtube.videos.insert") >= 3


@pytest.mark.parametrize(
    ("method", "value", "wrong"),
    [
        ("youtube/v3/videos", {"kind": "youtube#videoListResponse", "items": []}, False),
        ("youtube/v3/videos", {"items": [{"id": "x", "statistics": {"viewCount": "12"}}]}, False),
        ("youtube/v3/videos", {"items": [{"id": "x", "statistics": {"viewCount": 12}}]}, True),
        ("youtube/v3/videos", {"items": [{"id": "x", "statistics": {"viewCount": "-1"}}]}, True),
        ("youtube/v3/videos", {"items": [{"id": "x", "views": "12"}]}, True),
        ("youtube/v3/videos", {"items": {"id": "x"}}, True),
        ("youtube/v3/videos", {"items": [{"status": {"privacyStatus": "hidden"}}]}, True),
        ("youtube/v3/videos", {"items": [{"snippet": {"publishedAt": "2026-11-22"}}]}, True),
        ("youtube/v3/videos", {"items": [{"snippet": {"tags": "books"}}]}, True),
        ("youtube/v3/channels", {"items": [{"contentDetails": {"relatedPlaylists": {"uploads": "UU"}}}]}, False),
        ("v2/reports", {"rows": [[1, "x"]], "columnHeaders": [{"name": "views"}]}, False),
        ("v2/reports", {"rows": [1]}, True),
    ],
)  # fmt: skip
def test_the_validator_itself_finds_what_is_wrong(method: str, value: Any, wrong: bool) -> None:
    found = find(APIS, "GET", method)
    assert found is not None
    problems = found.of_value(value, found.described["response"], "answer")
    assert bool(problems) is wrong, problems


def test_the_validator_looks_at_parameters_too() -> None:
    found = find(APIS, "GET", "youtube/v3/commentThreads")
    assert found is not None
    assert found.of_request(httpx.QueryParams("part=snippet&maxResults=100"), b"") == []
    for query in ("maxResults=5", "part=snippet&maxResults=500", "part=snippet&order=best", "part=a&words=b"):
        assert found.of_request(httpx.QueryParams(query), b"")
    assert found.of_answer(403, b'{"error": "no"}')
    assert find(APIS, "GET", "youtube/v3/nothing") is None


# ------------------------------------------------------------------------------------------------ Google's own client


@pytest.fixture
def service(practice: Practice) -> Iterator[Any]:
    described = {**document("youtube.v3"), "rootUrl": f"{practice.google_url}/"}
    credentials = google.oauth2.credentials.Credentials(token="practice-books")  # type: ignore[no-untyped-call]
    with googleapiclient.discovery.build_from_document(described, credentials=credentials) as made:
        yield made


def insert(service: Any, film: MediaFile, chunk: int, **body: Any) -> Any:
    media = googleapiclient.http.MediaFileUpload(
        str(film.path), mimetype=film.mime, chunksize=chunk, resumable=True
    )
    snippet = {"title": "Клієнт", "description": "Google", "categoryId": "22", "tags": ["a b", "c"]}
    given = {"snippet": snippet, "status": {"privacyStatus": "private"}, **body}
    return service.videos().insert(part="snippet,status", body=given, media_body=media)


def test_an_upload_in_pieces(service: Any, practice: Practice, tmp_path: Any) -> None:
    film = films.film(tmp_path / "a.mp4", width=1280, height=720, size=5 * UNIT + 777)
    request, answer, progress = insert(service, film, UNIT), None, []
    while answer is None:
        status, answer = request.next_chunk()
        if status:
            progress.append(status.resumable_progress)
    assert progress == [UNIT * number for number in range(1, 6)]
    assert answer["snippet"]["title"] == "Клієнт"
    (made,) = videos_of(practice)
    assert digest(practice.state.folder / made["pictures"][0]) == digest(film.path)


def test_an_upload_that_breaks_off(service: Any, practice: Practice, tmp_path: Any) -> None:
    film = films.film(tmp_path / "a.mp4", width=1280, height=720, size=9 * UNIT)
    practice.faults.add("reset_during", "PUT /google/", bytes=3 * UNIT + 5)
    request = insert(service, film, 4 * UNIT)
    answer, broken = None, 0
    while answer is None:
        try:
            _, answer = request.next_chunk()
        except (OSError, httplib2.HttpLib2Error):
            broken += 1
    assert broken == 1
    (session,) = practice.state.data["google"]["uploads"].values()
    assert session["arrived"] == [[0, 3 * UNIT], [3 * UNIT, 7 * UNIT], [7 * UNIT, 9 * UNIT]]


def test_changing_reading_and_deleting(
    service: Any, practice: Practice, video: MediaFile, picture: MediaFile
) -> None:
    answer = insert(service, video, UNIT).execute()
    number = answer["id"]
    media = googleapiclient.http.MediaFileUpload(str(picture.path), mimetype="image/jpeg")
    shown = service.thumbnails().set(videoId=number, media_body=media).execute()
    assert shown["items"][0]["default"]["url"].startswith(practice.url)
    body = {"id": number, "status": {"privacyStatus": "public", "selfDeclaredMadeForKids": False}}
    assert service.videos().update(part="status", body=body).execute()["status"]["privacyStatus"] == "public"
    listed = (
        service.videos()
        .list(part="snippet,status,contentDetails,statistics,fileDetails", id=number)
        .execute()
    )
    assert listed["items"][0]["contentDetails"]["duration"] == "PT12S"
    assert listed["items"][0]["snippet"]["tags"] == ["a b", "c"]
    mine = service.channels().list(part="snippet,contentDetails,statistics,status", mine=True).execute()
    uploads = mine["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"]
    items = service.playlistItems().list(part="snippet,status,contentDetails", playlistId=uploads).execute()
    assert [one["contentDetails"]["videoId"] for one in items["items"]] == [number]
    assert service.videos().delete(id=number).execute() == ""
    with pytest.raises(googleapiclient.errors.HttpError) as caught:
        service.videos().delete(id=number).execute()
    assert caught.value.status_code == 404
    assert caught.value.error_details[0]["reason"] == "videoNotFound"


def test_comments_page_by_page(service: Any, practice: Practice) -> None:
    account = next(iter(practice.state.data["accounts"].values()))
    post = practice.state.add_post(
        account=account, text="Тема", published_at=datetime.now(UTC) - timedelta(days=9)
    )
    request, seen = (
        service.commentThreads().list(part="snippet,replies", videoId=post["id"], maxResults=2),
        [],
    )
    while request is not None:
        answer = request.execute()
        seen += answer["items"]
        request = service.commentThreads().list_next(request, answer)
    assert len(seen) == practice.state.counters(post)["comments"] > 2
    body = {"snippet": {"parentId": seen[0]["id"], "textOriginal": "Дякуємо"}}
    said = service.comments().insert(part="snippet", body=body).execute()
    below = service.comments().list(part="snippet", parentId=seen[0]["id"]).execute()
    assert [one["id"] for one in below["items"]] == [said["id"]]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"snippet": {"title": "", "categoryId": "22"}}, "invalidTitle"),
        ({"snippet": {"title": "a" * 101, "categoryId": "22"}}, "invalidTitle"),
        ({"snippet": {"title": "a < b", "categoryId": "22"}}, "invalidTitle"),
        ({"snippet": {"title": "a", "description": "ж" * 2501}}, "invalidDescription"),
        ({"snippet": {"title": "a", "tags": ["a" * 501]}}, "invalidTags"),
        ({"status": {"privacyStatus": "secret"}}, "invalidVideoMetadata"),
    ],
)
def test_what_is_refused_at_once(
    service: Any, video: MediaFile, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(googleapiclient.errors.HttpError) as caught:
        insert(service, video, UNIT, **changed).execute()
    assert caught.value.status_code == 400
    assert caught.value.error_details[0]["reason"] == reason


def test_reports(practice: Practice) -> None:
    account = next(iter(practice.state.data["accounts"].values()))
    post = practice.state.add_post(
        account=account, text="Тема", published_at=datetime.now(UTC) - timedelta(days=9)
    )
    described = {**document("youtubeAnalytics.v2"), "rootUrl": f"{practice.google_url}/"}
    credentials = google.oauth2.credentials.Credentials(token="practice-books")  # type: ignore[no-untyped-call]
    with googleapiclient.discovery.build_from_document(described, credentials=credentials) as service:
        answer = (
            service.reports()
            .query(
                ids="channel==MINE", startDate="2020-01-01", endDate="2100-01-01",
                metrics="views,averageViewDuration,estimatedMinutesWatched,shares", filters=f"video=={post['id']}",
            )
            .execute()
        )  # fmt: skip
    assert [one["name"] for one in answer["columnHeaders"]][:2] == ["views", "averageViewDuration"]
    ((views, mean, minutes, _),) = answer["rows"]
    assert views > 0
    assert minutes == pytest.approx(views * mean / 60, abs=2)


def test_the_static_document_is_the_one_that_the_client_uses() -> None:
    text = googleapiclient.discovery_cache.get_static_doc("youtube", "v3")
    assert text
    assert document("youtube.v3")["id"] == "youtube:v3"


def test_googles_own_way_of_tokens(practice: Practice, bench: YouTubeBench) -> None:
    import google.auth.transport.requests as transport

    kept = bench.credentials
    credentials = google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=kept["refresh_token"],
        token_uri=f"{practice.google_url}/token",
        client_id=kept["client_id"],
        client_secret=kept["client_secret"],
    )
    credentials.refresh(transport.Request())  # type: ignore[no-untyped-call]
    assert credentials.token.startswith("ya29.")
    described = {**document("youtube.v3"), "rootUrl": f"{practice.google_url}/"}
    with googleapiclient.discovery.build_from_document(described, credentials=credentials) as service:
        mine = service.channels().list(part="snippet", mine=True).execute()
    assert mine["items"][0]["snippet"]["title"] == "Книги"
