"""YouTube: the contract against the practice network; connecting, texts, what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Kind,
    MediaFile,
    NetworkError,
    Once,
    Outgoing,
)
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.youtube_oauth import SCOPES
from spilno.toolkit.networks.youtube_video import split, tags
from spilno.toolkit.practice import Practice

from . import faulty
from .contract import NetworkContract, World
from .youtube_world import (
    BACK,
    CLOCK,
    YouTubeBench,
    bench,
    connect,
    consent,
    picture,
    post_of,
    practice,
    running,
    typed,
    upright,
    video,
    videos_of,
    world,
)

__all__ = ["bench", "picture", "practice", "running", "upright", "video", "world"]

YOUTUBE: Any = get("youtube")


def error_of(ask: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        ask()
    assert caught.value.__cause__ is None
    return caught.value


class TestYouTube(NetworkContract):
    network_key = "youtube"

    @pytest.fixture
    def world(self, practice: Practice) -> World:
        account = practice.state.account_named("youtube", "books")
        assert account is not None
        return World(
            typed=typed(practice),
            wrong={},
            count=lambda: len(practice.state.posts_of(account)),
            counters=("rows",),
            taken_back=lambda credentials: credentials | {"access_token": "ya29.taken-back"},
        )

    @pytest.fixture
    def bench(self, network: Any, world: World) -> YouTubeBench:
        with httpx.Client(transport=faulty.Faulty(), timeout=20) as client:
            return YouTubeBench(network, world, connect(dict(world.typed), client))

    @pytest.fixture
    def posts(self, video: MediaFile, upright: MediaFile, picture: MediaFile) -> list[Outgoing]:
        return [post_of(video), post_of(upright, placement="short"), post_of(video, picture)]


# ------------------------------------------------------------------------------------------------ connecting


@pytest.fixture
def client() -> Any:
    with httpx.Client(timeout=20) as made:
        yield made


def test_the_consent_page_is_asked_for_what_is_needed_and_no_more(practice: Practice) -> None:
    url = consent(typed(practice)).url
    asked = {key: one[0] for key, one in parse_qs(urlsplit(url).query).items()}
    assert asked["scope"].split() == list(SCOPES)
    assert (asked["access_type"], asked["prompt"], asked["code_challenge_method"]) == (
        "offline", "consent", "S256",
    )  # fmt: skip
    assert asked["state"] == "xyz"
    assert "client_secret" not in asked
    assert "code_verifier" not in asked


def test_real_addresses_are_googles(client: httpx.Client) -> None:
    url, _ = YOUTUBE.authorization(
        client=client,
        credentials={"client_id": "a", "client_secret": "b"},
        redirect_uri=BACK,
        state="s",
    )
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")


def test_who_was_let_in(practice: Practice, client: httpx.Client) -> None:
    account = connect(typed(practice), client)
    assert (account.name, account.url) == ("Книги", f"{practice.url}/youtube/books")
    assert account.external_id.startswith("UC")
    assert len(account.external_id) == 24
    kept = account.credentials
    assert kept["uploads"] == f"UU{account.external_id[2:]}"
    assert "code_verifier" not in kept
    until = datetime.fromisoformat(kept[ACCESS_UNTIL])
    assert timedelta(minutes=55) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert REFRESH_UNTIL not in kept
    assert client.get(account.url).status_code == 200


def test_an_app_that_is_being_tested_has_a_week(practice: Practice, client: httpx.Client) -> None:
    practice.state.data["youtube_testing"] = 1
    kept = connect(typed(practice), client).credentials
    left = datetime.fromisoformat(kept[REFRESH_UNTIL]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    CLOCK.ahead = timedelta(days=8)
    error = error_of(lambda: YOUTUBE.refresh(client=client, credentials=kept))
    assert error.kind is Kind.RECONNECT


def test_a_fresh_token_opens_and_the_old_one_ends(practice: Practice, client: httpx.Client) -> None:
    kept = connect(typed(practice), client).credentials
    CLOCK.ahead = timedelta(hours=2)
    error = error_of(lambda: YOUTUBE.account_readings(client=client, credentials=kept))
    assert error.kind is Kind.RECONNECT
    fresh = YOUTUBE.refresh(client=client, credentials=kept)
    assert set(kept) <= set(fresh)
    assert fresh["access_token"] != kept["access_token"]
    assert fresh["refresh_token"] == kept["refresh_token"]
    assert YOUTUBE.account_readings(client=client, credentials=fresh)


@pytest.mark.parametrize(
    ("spoilt", "kind", "code"),
    [
        ({"client_secret": "GOCSPX-other"}, Kind.PERMANENT, "app_refused"),
        ({"refresh_token": "1//unknown"}, Kind.RECONNECT, "not_accepted"),
        ({"refresh_token": ""}, Kind.PERMANENT, "credentials_missing"),
        ({"client_id": ""}, Kind.PERMANENT, "credentials_missing"),
    ],
)
def test_tokens_that_are_not_given(
    practice: Practice, client: httpx.Client, spoilt: dict[str, str], kind: Kind, code: str
) -> None:
    kept = {**connect(typed(practice), client).credentials, **spoilt}
    error = error_of(lambda: YOUTUBE.refresh(client=client, credentials=kept))
    assert (error.kind, error.code) == (kind, code)
    said = str(error) + str(error.params)
    assert not any(kept[key] in said for key in ("access_token", "client_secret") if kept[key])


def test_a_code_opens_once_and_only_with_its_verifier(practice: Practice, client: httpx.Client) -> None:
    said = consent(typed(practice))
    stolen = {**said.kept, "code_verifier": "x" * 64}
    finish = {"client": client, "code": said.back["code"], "redirect_uri": BACK}
    assert error_of(lambda: YOUTUBE.finish(credentials=stolen, **finish)).code == "code_refused"
    error = error_of(lambda: YOUTUBE.finish(credentials=said.kept, **finish))
    assert (error.kind, error.code) == (Kind.PERMANENT, "code_refused")
    assert said.back["code"] not in str(error.params)


def test_a_box_left_unticked(practice: Practice, client: httpx.Client) -> None:
    error = error_of(lambda: connect(typed(practice), client, choose="books", without=SCOPES[0]))
    assert (error.kind, error.code) == (Kind.RECONNECT, "rights_missing")
    # Without Analytics it works; only some counters are not told.
    assert connect(typed(practice), client, choose="books", without=SCOPES[3]).name == "Книги"


def test_an_account_without_a_channel(practice: Practice, client: httpx.Client) -> None:
    next(iter(practice.state.data["accounts"].values()))["no_channel"] = True
    error = error_of(lambda: connect(typed(practice), client))
    assert (error.kind, error.code) == (Kind.PERMANENT, "no_channel")


def test_a_refusal_on_the_consent_page(practice: Practice) -> None:
    assert consent(typed(practice), deny="1").back == {"error": "access_denied", "state": "xyz"}


def test_revoked_means_reconnect(bench: YouTubeBench, practice: Practice, video: MediaFile) -> None:
    post = post_of(video)
    prepared = bench.prepare(post)
    with httpx.Client() as web:
        answer = web.post(f"{practice.google_url}/revoke", data={"token": bench.credentials["access_token"]})
    assert answer.status_code == 200
    assert error_of(lambda: bench.commit(post, prepared)).kind is Kind.RECONNECT


def test_a_channel_without_a_confirmed_number_takes_a_quarter_of_an_hour(
    bench: YouTubeBench, practice: Practice
) -> None:
    def limits(placement: str) -> list[tuple[str, Any]]:
        with bench.client() as web:
            found = YOUTUBE.live_limits(client=web, credentials=bench.credentials, placement=placement)
        return [(one.key, one.value) for one in found]

    assert limits("video") == []
    next(iter(practice.state.data["accounts"].values()))["long_uploads"] = "disallowed"
    assert limits("video") == [("video_seconds", 900)]
    assert limits("short") == []


# ------------------------------------------------------------------------------------------------ texts


def test_the_first_line_is_the_title() -> None:
    sent = YOUTUBE.sent_text(
        placement="video", text="Назва\nОпис у\nдва рядки", link="https://a.ua/x", media=True
    )
    assert split(sent) == ("Назва", "Опис у\nдва рядки\n\nhttps://a.ua/x")
    assert split("Лише назва") == ("Лише назва", "")


def test_angle_brackets_are_replaced_where_everybody_sees_it(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    text = "Як <b> стає > жирним\nОпис: 1 < 2"
    assert "<" not in YOUTUBE.sent_text(placement="video", text=text)
    post = post_of(video, text=text)
    bench.commit(post, bench.prepare(post))
    assert videos_of(practice)[0]["video"]["title"] == "Як ‹b› стає › жирним"


def test_hashtags_become_tags_as_far_as_they_fit() -> None:
    assert tags("Слово #книги і #Київ та #книги") == ["книги", "Київ"]
    many = tags(" ".join(f"#слово{number:03d}довге" for number in range(200)))
    assert len(",".join(many)) <= 500 < len(",".join(many)) + 14


def test_what_the_check_says(video: MediaFile, upright: MediaFile, picture: MediaFile) -> None:
    def problems(placement: str, text: str, *media: MediaFile) -> list[str]:
        checked = check(network="youtube", placement=placement, text=text, media=media)
        return [one.code for one in checked.problems]

    assert problems("video", "Назва", video) == []
    assert problems("video", "Назва", video, picture) == []
    assert problems("short", "Назва", upright) == []
    assert problems("video", "x" * 101, video) == ["title_too_long"]
    assert problems("video", "", video) == ["text_empty"]
    assert problems("video", "Назва\n" + "ж" * 2500, video) == ["text_too_long"]  # bytes, not letters
    assert problems("video", "Назва") == ["media_required"]
    assert problems("video", "Назва", picture) == ["media_required"]
    assert problems("video", "Назва", video, video) == ["media_too_many"]
    assert problems("short", "Назва", video) == ["video_ratio_out_of_range", "video_ratio_not_best"]
    long = MediaFile(video.path, "video/mp4", 1, 1080, 1920, seconds=Decimal(181))
    assert problems("short", "Назва", long) == ["video_too_long"]


@pytest.mark.parametrize(("text", "code"), [("", "title_missing"), ("  \n\n ", "title_missing")])
def test_a_video_without_a_title_is_not_begun(
    bench: YouTubeBench, practice: Practice, video: MediaFile, text: str, code: str
) -> None:
    post = Outgoing("k", "video", text, (video,))
    assert error_of(lambda: bench.once(post)).code == code
    assert videos_of(practice) == []


def test_a_post_without_a_video(bench: YouTubeBench, picture: MediaFile) -> None:
    error = error_of(lambda: bench.once(Outgoing("k", "video", "Назва", (picture,))))
    assert (error.kind, error.code) == (Kind.PERMANENT, "media_required")


# ------------------------------------------------------------------------------------------------ what comes back


def readings(bench: YouTubeBench, number: str) -> dict[str, int]:
    with bench.client() as client:
        found = YOUTUBE.post_readings(client=client, credentials=bench.credentials, external_id=number)
    return {one.metric: int(one.value) for one in found}


def test_counters_grow_and_analytics_come_later(
    bench: YouTubeBench, practice: Practice, video: MediaFile
) -> None:
    post = post_of(video)
    number = bench.commit(post, bench.prepare(post)).external_id
    seen = []
    for days in (1, 3, 10):
        CLOCK.ahead = timedelta(days=days)
        fresh = YOUTUBE.refresh(client=bench.client(), credentials=bench.credentials)
        later = YouTubeBench(bench.network, bench.world, bench.account.__class__("", "", "", fresh))
        # The practice server's clock is ahead of its Date header, by which "today" is told.
        seen.append(readings(later, number))
    for earlier, following in pairwise(seen):
        assert all(following[metric] >= value for metric, value in earlier.items())
    assert set(seen[0]) == {"impressions", "likes", "replies"}
    assert set(seen[2]) == {"impressions", "likes", "replies", "shares", "follows"}
    assert seen[2]["impressions"] > seen[2]["likes"] > 0


def test_without_analytics_the_rest_is_still_told(practice: Practice, world: World, video: MediaFile) -> None:
    with httpx.Client(timeout=20) as client:
        account = connect(dict(world.typed), client, choose="books", without=SCOPES[3])
    bench = YouTubeBench(YOUTUBE, world, account)
    post = post_of(video)
    number = bench.commit(post, bench.prepare(post)).external_id
    assert set(readings(bench, number)) == {"impressions", "likes", "replies"}


def test_a_hidden_number_of_subscribers_is_no_number(bench: YouTubeBench, practice: Practice) -> None:
    def told() -> list[tuple[str, int]]:
        with bench.client() as client:
            found = YOUTUBE.account_readings(client=client, credentials=bench.credentials)
        return [(one.metric, int(one.value)) for one in found]

    assert told() == [("followers", 4320)]  # YouTube rounds to three digits
    next(iter(practice.state.data["accounts"].values()))["hidden_subscribers"] = True
    assert told() == []


def test_a_video_that_is_gone(bench: YouTubeBench) -> None:
    error = error_of(lambda: readings(bench, "YT000000404"))
    assert (error.kind, error.code) == (Kind.PERMANENT, "not_found")


def talk(bench: YouTubeBench, number: str) -> list[Any]:
    with bench.client() as client:
        return list(YOUTUBE.replies(client=client, credentials=bench.credentials, external_id=number))


def say(bench: YouTubeBench, to: str, text: str, **fault: Any) -> str:
    with bench.client(**fault) as client:
        made = YOUTUBE.reply(client=client, credentials=bench.credentials, in_reply_to=to, text=text, key="k")
    return str(made.external_id)


def test_comments_replies_and_answers(bench: YouTubeBench, practice: Practice) -> None:
    account = next(iter(practice.state.data["accounts"].values()))
    post = practice.state.add_post(
        account=account, text="Хто прийде?\n\nОпис", published_at=datetime.now(UTC) - timedelta(days=5)
    )
    heard = talk(bench, post["id"])
    assert len(heard) == practice.state.counters(post)["comments"] > 3
    assert all(
        one.author_name.startswith("@") and one.text and one.in_reply_to == post["id"] for one in heard
    )
    assert [one.said_at for one in heard] == sorted(one.said_at for one in heard)

    assert YOUTUBE.reply_once is Once.LOOKUP
    first = say(bench, heard[0].external_id, "Дякуємо!")
    assert say(bench, heard[0].external_id, "Дякуємо!") == first  # said already: the same answer
    assert say(bench, first, "І ще") != first  # an answer to a reply goes into its thread
    under = say(bench, post["id"], "Чекаємо на всіх")
    assert say(bench, post["id"], "Чекаємо на всіх") == under
    assert len(practice.state.data["google"]["comments"][post["id"]]) == 3
    assert len(talk(bench, post["id"])) == len(heard)  # our own words are no news


def test_an_answer_whose_answer_got_lost_is_said_once(bench: YouTubeBench, practice: Practice) -> None:
    account = next(iter(practice.state.data["accounts"].values()))
    post = practice.state.add_post(account=account, text="Тема")
    for number, fault in enumerate(
        (faulty.lost_after, faulty.status_after(502), faulty.status_after(404)), 1
    ):
        text = f"Слово {number}"
        error = error_of(lambda fault=fault, text=text: say(bench, post["id"], text, after=fault))
        assert error.kind is Kind.UNCERTAIN
        say(bench, post["id"], text)
        assert len(practice.state.data["google"]["comments"][post["id"]]) == number


def test_more_replies_than_come_along_and_more_threads_than_a_page(
    bench: YouTubeBench, practice: Practice
) -> None:
    other = practice.state.add_account(network="youtube", name="guest", title="Гість")
    account = practice.state.account_named("youtube", "books")
    assert account is not None
    post = practice.state.add_post(account=account, text="Тема")
    at = datetime.now(UTC).isoformat()
    said = practice.state.data["google"].setdefault("comments", {}).setdefault(post["id"], [])
    for number in range(130):
        top = {"id": f"Ugtop{number:021d}", "parent": "", "text": f"тред {number}"}
        said.append({**top, "author": other["id"], "handle": "@guest", "at": at})
    for number in range(7):
        reply = {"id": f"{said[0]['id']}.r{number}", "parent": said[0]["id"], "text": f"відповідь {number}"}
        said.append({**reply, "author": other["id"], "handle": "@guest", "at": at})
    heard = talk(bench, post["id"])
    assert len(heard) == len({one.external_id for one in heard}) == 137
    assert sum(1 for one in heard if one.in_reply_to == said[0]["id"]) == 7


def test_closed_comments_are_none(bench: YouTubeBench, practice: Practice) -> None:
    account = next(iter(practice.state.data["accounts"].values()))
    post = practice.state.add_post(account=account, text="Тема")
    account["comments_disabled"] = True
    assert talk(bench, post["id"]) == []
    error = error_of(lambda: say(bench, post["id"], "Слово"))
    assert (error.kind, error.code) == (Kind.PERMANENT, "comments_closed")
