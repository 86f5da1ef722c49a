"""YouTube: uploads that break off, videos that are digested or refused, quotas, and what happens once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Prepared, Verdict
from spilno.toolkit.networks.http import secrets_of
from spilno.toolkit.networks.youtube_upload import PIECE, UNIT
from spilno.toolkit.networks.youtube_video import MARK, PATIENCE
from spilno.toolkit.networks.youtube_wire import shown_at, until_midnight
from spilno.toolkit.practice import Practice
from spilno.toolkit.practice.uploads import digest

from . import faulty, films, flat
from .contract import until_prepared
from .youtube_world import (
    YouTubeBench,
    bench,
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

PACIFIC = ZoneInfo("America/Los_Angeles")


def error_of(ask: Callable[[], Any]) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        ask()
    return caught.value


@pytest.fixture
def long(tmp_path: Path) -> MediaFile:
    """A film of two and a half pieces whose every byte tells where it belongs."""
    made = films.film(
        tmp_path / "довге.mp4", width=1280, height=720, seconds=90, size=2 * PIECE + PIECE // 2 + 12_345
    )
    with made.path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(8).randbytes(made.bytes - 4096))
    return made


def arrived(practice: Practice) -> list[list[int]]:
    """First byte and end of each piece that arrived, in order, of the only upload."""
    (session,) = practice.state.data["google"]["uploads"].values()
    return list(session["arrived"])


def assert_whole(practice: Practice, film: MediaFile) -> None:
    """The one video is the film, byte by byte, and no byte came twice."""
    (made,) = videos_of(practice)
    assert digest(practice.state.folder / made["pictures"][0]) == digest(film.path)
    pieces = arrived(practice)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == film.bytes
    assert all(end == start for (_, end), (start, _) in pairwise(pieces))


# ------------------------------------------------------------------------------------------------ uploads


def test_a_long_film_goes_in_pieces(bench: YouTubeBench, practice: Practice, long: MediaFile) -> None:
    post = post_of(long)
    prepared = bench.prepare(post)
    assert len(arrived(practice)) == 3
    assert_whole(practice, long)
    assert bench.world.count() == 0
    bench.commit(post, prepared)
    assert bench.world.count() == 1


@pytest.mark.parametrize("broken", [0, 1, UNIT - 1, UNIT, 5_000_000, PIECE - 1])
def test_an_upload_that_breaks_off_goes_on_where_it_was(
    bench: YouTubeBench, practice: Practice, long: MediaFile, broken: int
) -> None:
    practice.faults.add("reset_during", "PUT /google/upload/", bytes=broken)
    post = post_of(long)
    prepared, errors = until_prepared(lambda so_far: bench.once(post, so_far))
    assert [(one.kind, one.code) for one in errors] == [
        (Kind.WAIT, "media_uploading"),
        (Kind.UNCERTAIN, "connection_lost"),
    ]
    assert set(prepared.data) == {"video", "ready"}
    assert arrived(practice)[0] == [0, broken - broken % UNIT]
    assert_whole(practice, long)


def test_the_answer_to_the_last_piece_gets_lost(
    bench: YouTubeBench, practice: Practice, long: MediaFile
) -> None:
    def lose(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "PUT" and response.status_code == 200:
            raise httpx.ReadTimeout("lost", request=request)
        return response

    post, lost = post_of(long), []

    def prepare(so_far: Prepared) -> Prepared:
        fault = {} if lost else {"wanted": lambda request: True, "after": lose}
        try:
            with bench.client(**fault) as client:
                speak = {"client": client, "credentials": bench.credentials, "post": post}
                return bench.network.prepare(**speak, so_far=so_far)  # type: ignore[no-any-return]
        except NetworkError as error:
            if error.kind is Kind.UNCERTAIN:
                lost.append(error)
            raise

    until_prepared(prepare)
    assert len(lost) == 1
    assert_whole(practice, long)


def test_killed_in_the_middle(bench: YouTubeBench, practice: Practice, long: MediaFile) -> None:
    """What was achieved since the last saving is lost with the process; the upload's address was saved before."""
    post = post_of(long)
    kept = error_of(lambda: bench.once(post)).so_far
    assert kept is not None
    practice.faults.add("reset_during", "PUT /google/upload/", bytes=3_000_000)
    error_of(lambda: bench.once(post, kept))  # this error's so_far is what a killed process never saves
    prepared = bench.once(post, kept)
    assert prepared.data["ready"]
    assert_whole(practice, long)


def test_an_upload_that_the_network_forgot(bench: YouTubeBench, practice: Practice, long: MediaFile) -> None:
    post = post_of(long)
    kept = error_of(lambda: bench.once(post)).so_far
    practice.state.data["google"]["uploads"].clear()
    error = error_of(lambda: bench.once(post, kept))
    assert (error.kind, error.code, error.so_far) == (Kind.WAIT, "preparation_expired", Prepared())
    assert error.__context__ is None or isinstance(error.__context__, NetworkError)
    assert bench.prepare(post).data["ready"]


def test_the_file_is_gone_in_the_middle(bench: YouTubeBench, long: MediaFile) -> None:
    post = post_of(long)
    kept = error_of(lambda: bench.once(post)).so_far
    long.path.unlink()
    error = error_of(lambda: bench.once(post, kept))
    assert (error.kind, error.code) == (Kind.PERMANENT, "media_unreadable")


def test_the_uploads_address_is_a_secret_and_kept_no_longer_than_needed(
    bench: YouTubeBench, practice: Practice, long: MediaFile
) -> None:
    post = post_of(long)
    error = error_of(lambda: bench.once(post))
    assert error.so_far is not None
    (session,) = practice.state.data["google"]["uploads"]
    assert session in str(error.so_far.data)
    assert session in "".join(
        secrets_of(bench.network, {key: str(one) for key, one in error.so_far.data.items()})
    )
    assert session not in repr(error) + str(error.params)
    assert session not in str(bench.prepare(post, error.so_far).data)


@pytest.mark.parametrize(
    "where",
    ["http://127.0.0.1:1/upload?upload_id=x", "https://example.org/upload", "", "/upload", "http://["],
)
def test_the_token_goes_along_to_no_other_server(
    bench: YouTubeBench, practice: Practice, video: MediaFile, where: str
) -> None:
    def elsewhere(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        headers = {"Location": where} if where else {}
        return httpx.Response(200, headers=headers, request=request)

    with bench.client(
        wanted=lambda one: one.method == "POST" and "/upload/" in one.url.path, after=elsewhere
    ) as client:
        speak = {"client": client, "credentials": bench.credentials, "post": post_of(video)}
        error = error_of(lambda: bench.network.prepare(**speak, so_far=Prepared()))
        assert all(one.url.host == "127.0.0.1" and one.method != "PUT" for one in client._transport.asked)  # type: ignore[attr-defined]
    assert (error.kind, error.code) == (Kind.UNCERTAIN, "unexpected_answer")


def test_two_hundred_megabytes_go_through_and_memory_stays_flat(
    bench: YouTubeBench, practice: Practice, tmp_path: Path
) -> None:
    film = films.film(tmp_path / "large.mp4", width=1920, height=1080, seconds=900, size=flat.SIZE)
    grown = flat.sent("youtube", bench.credentials, "video", film.path)
    assert grown.outcome.startswith("YT"), grown.outcome
    assert grown.memory < 40_000_000
    kept = practice.state.data["pictures"][practice.state.data["posts"][grown.outcome]["pictures"][0]]
    assert kept["bytes"] == flat.SIZE
    assert bench.world.count() == 1


# ------------------------------------------------------------------------------------------------ processing


def test_a_video_is_digested_before_it_leaves(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    practice.state.data["processing_polls"] = 3
    post = post_of(video)
    prepared, waits = until_prepared(lambda so_far: bench.once(post, so_far))
    assert [(one.kind, one.code) for one in waits] == [(Kind.WAIT, "media_processing")] * 2
    assert [one.params["seconds"] for one in waits] == [5, 10]
    assert set(prepared.data) == {"video", "ready"}
    assert len(videos_of(practice)) == 1


def test_a_video_that_is_never_digested_leaves_all_the_same(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    practice.state.data["processing_polls"] = 10_000
    post = post_of(video)
    prepared, waits = until_prepared(lambda so_far: bench.once(post, so_far))
    assert PATIENCE <= sum(one.params["seconds"] for one in waits) < PATIENCE + 30
    assert bench.commit(post, prepared).url.startswith(practice.url)
    assert bench.world.count() == 1


@pytest.mark.parametrize(
    ("fate", "code"),
    [
        ("failed:codec", "video_failed"),
        ("failed:invalidFile", "video_failed"),
        ("rejected:copyright", "video_rejected"),
        ("rejected:duplicate", "video_duplicate"),
        ("rejected:length", "video_too_long_for_channel"),
        ("rejected:uploaderAccountSuspended", "account_blocked"),
    ],
)
def test_a_video_that_is_not_taken_leaves_nothing_behind(
    bench: YouTubeBench, practice: Practice, video: MediaFile, fate: str, code: str
) -> None:
    practice.state.data["processing_polls"] = 2
    practice.state.data["google"]["fates"] = [fate]
    post = post_of(video)
    kept = error_of(lambda: bench.once(post)).so_far
    error = error_of(lambda: bench.once(post, kept))
    assert (error.kind, error.code, error.so_far) == (Kind.PERMANENT, code, Prepared())
    assert error.params["reason"] == fate.partition(":")[2]
    assert videos_of(practice) == []


def test_what_is_no_film_is_told(bench: YouTubeBench, practice: Practice, tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_bytes(b"this is a letter " * 100)
    error = error_of(lambda: bench.prepare(post_of(MediaFile(path, "video/mp4", path.stat().st_size))))
    assert (error.code, error.params["reason"]) == ("video_failed", "invalidFile")


def test_leftovers_of_the_same_post_are_cleared_and_nothing_else(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    other, out, post = post_of(video), post_of(video), post_of(video)
    of_other = bench.prepare(other)
    bench.commit(out, bench.prepare(out))
    account = practice.state.account_named("youtube", "books")
    assert account is not None
    draft = practice.state.add_post(account=account, text="Чернетка людини", published=False)
    bench.prepare(post)
    assert len(videos_of(practice)) == 4
    again = bench.prepare(replace(post, text=f"Інша назва\n{post.text}"))
    assert len(videos_of(practice)) == 4
    assert draft["id"] in practice.state.data["posts"]
    bench.commit(post, again)
    bench.prepare(post)  # the published one carries no mark: it stays
    bench.commit(other, of_other)
    assert bench.world.count() == 3


# ------------------------------------------------------------------------------------------------ once


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ("timeout_before", False),
        ("timeout_after", True),
        ("reset_before", False),
        ("reset_after", True),
        ("error_500_before", False),
        ("error_500_after", True),
        ("error_400_after", True),
        ("html_after", True),
    ],
)
def test_the_networks_own_faults(
    bench: YouTubeBench, practice: Practice, video: MediaFile, fault: str, there: bool
) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    practice.faults.add(fault, "PUT /google/youtube/v3/videos")
    with httpx.Client(timeout=0.5) as client:
        speak = {"client": client, "credentials": bench.credentials, "post": post}
        error = error_of(lambda: bench.network.commit(**speak, prepared=prepared))
    assert error.kind is Kind.UNCERTAIN
    assert bench.find(post, prepared).verdict is (Verdict.FOUND if there else Verdict.ABSENT)
    bench.commit(post, prepared)
    assert bench.world.count() == 1


def test_the_mark_is_gone_once_people_see_the_video(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    post = post_of(video, text="Назва\nОпис #книги")
    prepared = bench.prepare(post)
    (made,) = videos_of(practice)
    assert made["video"]["tags"] == [MARK + post.key]
    bench.commit(post, prepared)
    shown = practice.state.data["posts"][made["id"]]["video"]
    assert shown["tags"] == ["книги"]
    assert (shown["title"], shown["description"]) == ("Назва", f"Опис #книги\n\n{post.link}")


def test_a_video_that_stays_locked(bench: YouTubeBench, practice: Practice, video: MediaFile) -> None:
    practice.state.data["youtube_unaudited"] = 1
    post = post_of(video)
    prepared = bench.prepare(post)
    error = error_of(lambda: bench.commit(post, prepared))
    assert (error.kind, error.code) == (Kind.PERMANENT, "app_unaudited")
    assert bench.world.count() == 0
    # The mark is gone, so somebody did publish it: whether it was ever seen cannot be told.
    assert bench.find(post, prepared).verdict is Verdict.CANNOT_TELL


def test_deleted_by_hand(bench: YouTubeBench, practice: Practice, video: MediaFile) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    practice.state.data["posts"].clear()
    error = error_of(lambda: bench.commit(post, prepared))
    assert (error.kind, error.code, error.so_far) == (Kind.WAIT, "preparation_expired", Prepared())
    sighting = bench.find(post, prepared)
    assert (sighting.verdict, sighting.look_at) == (Verdict.CANNOT_TELL, f"{practice.url}/youtube/books")


def test_found_by_its_words_when_its_number_is_lost(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    post = post_of(video)
    account = practice.state.account_named("youtube", "books")
    assert account is not None
    sent = bench.network.sent_text(placement="video", text=post.text, link=post.link)
    ago = datetime.now(UTC) - timedelta(hours=1)
    practice.state.add_post(account=account, text=sent, published_at=ago)  # the same words, an hour before
    assert bench.find(post, Prepared()).verdict is Verdict.ABSENT
    made = bench.commit(post, bench.prepare(post))
    sighting = bench.find(post, Prepared())
    assert sighting.verdict is Verdict.FOUND
    assert sighting.published.external_id == made.external_id
    for number in range(101):
        practice.state.add_post(account=account, text=f"Відео {number}")
    sighting = bench.find(replace(post, text="Інше"), Prepared())
    assert sighting.verdict is Verdict.CANNOT_TELL
    assert sighting.look_at


# ------------------------------------------------------------------------------------------------ pictures


def test_a_picture_beside_the_video_is_its_thumbnail(
    bench: YouTubeBench, practice: Practice, video: MediaFile, picture: MediaFile
) -> None:
    post = post_of(video, picture)
    prepared = bench.prepare(post)
    (made,) = videos_of(practice)
    assert digest(practice.state.folder / made["video"]["thumbnail"]) == digest(picture.path)
    assert bench.commit(post, prepared).answer["thumbnail"] == "set"


def test_a_channel_that_may_have_no_thumbnails_of_its_own(
    bench: YouTubeBench, practice: Practice, video: MediaFile, picture: MediaFile
) -> None:
    next(iter(practice.state.data["accounts"].values()))["no_thumbnails"] = True
    post = post_of(video, picture)
    published = bench.commit(post, bench.prepare(post))
    assert published.answer["thumbnail"] == "refused"
    assert bench.world.count() == 1


def test_a_picture_that_is_none(bench: YouTubeBench, video: MediaFile, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    error = error_of(lambda: bench.prepare(post_of(video, MediaFile(path, "image/jpeg", 10))))
    assert (error.kind, error.code, error.params["their_code"]) == (Kind.PERMANENT, "refused", "invalidImage")
    assert error.so_far is not None
    assert error.so_far.data["video"]  # handed over already: not again


def test_a_picture_that_is_too_large(bench: YouTubeBench, video: MediaFile, tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    Image.frombytes("RGB", (1200, 700), random.Random(3).randbytes(1200 * 700 * 3)).save(path, "PNG")
    large = MediaFile(path, "image/png", path.stat().st_size, 1200, 700)
    assert large.bytes > 2 * 1024**2
    error = error_of(lambda: bench.prepare(post_of(video, large)))
    assert (error.kind, error.code) == (Kind.PERMANENT, "media_too_large")


# ------------------------------------------------------------------------------------------------ quotas


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-11-22T12:00:00+00:00", 20.0),  # four in the morning in California
        ("2026-07-01T06:59:00+00:00", 1 / 60),  # a minute before midnight there
        ("2026-07-01T07:00:00+00:00", 24.0),
        ("2026-03-08T09:30:00+00:00", 21.5),  # half past one: this day has 23 hours
        ("2026-11-01T07:30:00+00:00", 24.5),  # half past midnight: this one has 25
    ],
)
def test_midnight_in_california(now: str, hours: float) -> None:
    assert until_midnight(datetime.fromisoformat(now)) == pytest.approx(hours * 3600)


def test_a_day_has_so_many_uploads(bench: YouTubeBench, practice: Practice, video: MediaFile) -> None:
    practice.state.data["youtube_uploads_a_day"] = 1
    first, second = post_of(video), post_of(video)
    bench.commit(first, bench.prepare(first))
    error = error_of(lambda: bench.prepare(second))
    assert (error.kind, error.code) == (Kind.WAIT, "quota_spent")
    assert error.retry_at is not None
    midnight = error.retry_at.astimezone(PACIFIC)
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert 0 < (error.retry_at - datetime.now(UTC)).total_seconds() <= 25 * 3600
    assert len(videos_of(practice)) == 1


def test_a_day_has_so_many_units(bench: YouTubeBench, practice: Practice, video: MediaFile) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    practice.state.data["youtube_units_a_day"] = 40  # a change costs fifty
    error = error_of(lambda: bench.commit(post, prepared))
    assert (error.kind, error.code) == (Kind.WAIT, "quota_spent")
    assert error.so_far is None  # the video waits, handed over
    practice.state.data["youtube_units_a_day"] = 10_000
    bench.commit(post, prepared)
    assert bench.world.count() == 1


def test_a_channels_own_limit(bench: YouTubeBench, video: MediaFile) -> None:
    reason = {"message": "The user has exceeded the number of videos they may upload.", "domain": "youtube.video",
              "reason": "uploadLimitExceeded"}  # fmt: skip
    body = {"error": {"code": 400, "message": reason["message"], "errors": [reason]}}
    answer = faulty.answering(400, body, {"Date": "Sun, 22 Nov 2026 12:00:00 GMT"})
    with bench.client(before=answer) as client:
        speak = {"client": client, "credentials": bench.credentials, "post": post_of(video)}
        error = error_of(lambda: bench.network.prepare(**speak, so_far=Prepared()))
    assert (error.kind, error.code, error.params["seconds"]) == (Kind.WAIT, "upload_limit", 20 * 3600)
    assert error.retry_at == datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "expected"), [(120, 120), (0, 0)])
def test_too_fast(
    bench: YouTubeBench, practice: Practice, video: MediaFile, seconds: int, expected: int
) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    practice.faults.add("rate_limited", "PUT /google/youtube/v3/videos", seconds=seconds)
    error = error_of(lambda: bench.commit(post, prepared))
    assert (error.kind, error.code, error.params["seconds"]) == (Kind.WAIT, "rate_limited", expected)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (401, "youtubeSignupRequired", Kind.PERMANENT, "no_channel"),
        (401, "authError", Kind.RECONNECT, "not_accepted"),
        (403, "authenticatedUserAccountSuspended", Kind.PERMANENT, "account_blocked"),
        (403, "insufficientPermissions", Kind.RECONNECT, "rights_missing"),
        (403, "accessNotConfigured", Kind.PERMANENT, "api_not_enabled"),
        (403, "forbidden", Kind.PERMANENT, "forbidden"),
        (403, "rateLimitExceeded", Kind.WAIT, "rate_limited"),
        (400, "invalidTitle", Kind.PERMANENT, "refused"),
        (400, "nobodyKnows", Kind.UNCERTAIN, "refused"),
        (403, "nobodyKnows", Kind.UNCERTAIN, "forbidden"),
        (500, "backendError", Kind.UNCERTAIN, "server_error"),
    ],
)
def test_refusals_in_googles_words(
    bench: YouTubeBench, video: MediaFile, status: int, reason: str, kind: Kind, code: str
) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    one = {"message": "Said <b>so</b>", "domain": "youtube", "reason": reason}
    body = {"error": {"code": status, "message": one["message"], "errors": [one]}}
    error = error_of(lambda: bench.commit(post, prepared, before=faulty.answering(status, body)))
    assert (error.kind, error.code) == (kind, code)
    assert error.params["message"] == "Said so"
    assert error.params["their_code"] == reason


def test_the_newer_form_of_an_error(bench: YouTubeBench, video: MediaFile) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    ]
    body = {"error": {"code": 403, "message": "No", "status": "PERMISSION_DENIED", "details": details}}
    error = error_of(lambda: bench.commit(post, prepared, before=faulty.answering(403, body)))
    assert (error.kind, error.code) == (Kind.RECONNECT, "rights_missing")


def test_where_people_see_a_video() -> None:
    real = {"api_url": ""}
    assert shown_at(real, "abc", short=True) == "https://www.youtube.com/shorts/abc"
    assert shown_at(real, "abc") == "https://www.youtube.com/watch?v=abc"


def test_a_short_is_an_upload_like_any_other(
    bench: YouTubeBench, practice: Practice, upright: MediaFile
) -> None:
    post = post_of(upright, placement="short")
    published = bench.commit(post, bench.prepare(post))
    assert published.url == f"{practice.url}/youtube/books/{published.external_id}"
    with httpx.Client() as client:
        assert "<video" in client.get(published.url).text
