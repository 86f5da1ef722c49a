"""The practice network's Graph protocol, driven by Meta's own client: what it sends and reads is not our idea of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from facebook_business.adobjects.advideo import AdVideo
from facebook_business.adobjects.comment import Comment
from facebook_business.adobjects.igcomment import IGComment
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.pagepost import PagePost
from facebook_business.adobjects.photo import Photo
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from PIL import Image

from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.graph_answer import forget_calls
from spilno.toolkit.practice.graph_login import APP_ID, APP_SECRET
from spilno.toolkit.practice.graph_video import PIECE
from tests.toolkit.networks.films import film

TOKEN = "practice-books"


class Moving:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


CLOCK = Moving()


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    with start(seed="sdk", clock=CLOCK) as server:
        yield server


@pytest.fixture
def practice(running: Practice) -> Practice:
    CLOCK.ahead = timedelta()
    data = running.state.data
    for kept in ("accounts", "containers", "photos", "videos", "comments", "logins", "posts", "pictures"):
        data[kept].clear()
    for setting in ("calls_an_hour", "publishing_polls"):
        data.pop(setting, None)
    forget_calls(running.state)
    data |= {"next": 1, "processing_polls": 0}
    running.state.add_account(network="instagram", name="books", title="Книги", followers=9000)
    running.state.add_account(network="facebook", name="books", title="Книги для всіх", followers=9000)
    return running


def api(practice: Practice, token: str = TOKEN, secret: str | None = None) -> FacebookAdsApi:
    """The client, which asks our server in the version that it was made for."""
    session = FacebookSession(APP_ID, secret, token)
    session.GRAPH = f"{practice.url}/graph"
    return FacebookAdsApi(session)


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """The client warns where a value is not of the type that it knows: then our test is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # … but for names of counters, which it takes as text and still calls objects.
        warnings.filterwarnings(
            "ignore", message=r"value of metric might not be compatible\.\s+Expect list<Object>"
        )
        yield


@pytest.fixture
def page(practice: Practice) -> Page:
    account = practice.state.account_named("facebook", "books")
    assert account is not None
    return Page(account["id"], api=api(practice))


@pytest.fixture
def gram(practice: Practice) -> IGUser:
    account = practice.state.account_named("instagram", "books")
    assert account is not None
    return IGUser(account["id"], api=api(practice))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (1080, 1080), (200, 90, 40)).save(path, "JPEG")
    return path


def there(practice: Practice, path: Path) -> str:
    """The picture's address."""
    return f"{practice.url}/pictures/{practice.state.add_picture(path.read_bytes())['id']}"


def refused(act: Callable[[], Any]) -> tuple[int, int | None, str]:
    """Code, subcode and type of the error, as the client reads them."""
    with pytest.raises(FacebookRequestError) as caught:
        act()
    error = caught.value
    assert error.api_error_message()
    assert error.body()["error"]["fbtrace_id"]
    return error.api_error_code(), error.api_error_subcode(), error.api_error_type()


def send(practice: Practice, address: str, path: Path, offset: int = 0) -> requests.Response:
    """A file to the host for uploads, which the client has no method for."""
    headers = {
        "Authorization": f"OAuth {TOKEN}",
        "offset": str(offset),
        "file_size": str(path.stat().st_size),
    }
    assert address.startswith(practice.url)
    with path.open("rb") as file:
        file.seek(offset)
        return requests.post(address, headers=headers, data=file, timeout=30)


# ------------------------------------------------------------------------------------------------ page


def test_the_page_and_what_belongs_to_it(page: Page, gram: IGUser) -> None:
    page.api_get(fields=["name", "username", "link", "followers_count", "instagram_business_account"])
    assert (page["name"], page["username"], page["followers_count"]) == ("Книги для всіх", "books", 9000)
    assert page["instagram_business_account"]["id"] == gram["id"]
    gram.api_get(fields=["username", "followers_count", "media_count"])
    assert (gram["username"], gram["followers_count"], gram["media_count"]) == ("books", 9000, 0)


def test_posts_with_photos_that_nobody_saw_before(page: Page, picture: Path, practice: Practice) -> None:
    api_ = page.get_api_assured()
    photos = []
    for number in range(3):
        with picture.open("rb") as file:
            path = (page["id"], "photos")
            params = {"published": False, "alt_text_custom": f"Знімок {number}"}
            photos.append(api_.call("POST", path, params=params, files={"source": file}).json()["id"])
    by_address = page.create_photo(params={"url": there(practice, picture), "published": False})
    attached = [{"media_fbid": one} for one in (*photos, by_address["id"])]
    post = page.create_feed(params={"message": "Книги", "attached_media": attached, "published": False})
    made = PagePost(post["id"], api=api_)
    made.api_get(fields=["message", "is_published", "created_time"])
    assert (made["message"], made["is_published"]) == ("Книги", False)
    assert [one["id"] for one in page.get_feed()] == []
    made.api_update(params={"is_published": True})
    assert [one["message"] for one in page.get_feed(fields=["message"])] == ["Книги"]
    photo = Photo(photos[0], api=api_).api_get(fields=["width", "height", "page_story_id"])
    assert (photo["width"], photo["height"], photo["page_story_id"]) == (1080, 1080, post["id"])
    made.api_delete()
    assert list(page.get_published_posts()) == []
    assert refused(lambda: made.api_get()) == (100, 33, "OAuthException")


def test_lists_go_on_where_the_cursor_says(page: Page, practice: Practice) -> None:
    account = practice.state.account_named("facebook", "books")
    assert account is not None
    for number in range(60):
        at = datetime.now(UTC) - timedelta(minutes=number)
        practice.state.add_post(account=account, text=f"{number}", published_at=at)
    assert [one["message"] for one in page.get_posts(fields=["message"])] == [str(n) for n in range(60)]


def test_insights_and_comments(page: Page) -> None:
    post = PagePost(page.create_feed(params={"message": "Хто прийде?"})["id"], api=page.get_api_assured())
    assert [dict(one) for one in post.get_comments()] == []
    CLOCK.ahead = timedelta(hours=70)
    names = ["post_media_view", "post_total_media_view_unique", "post_clicks"]
    found = {one["name"]: one["values"][0]["value"] for one in post.get_insights(params={"metric": names})}
    assert list(found) == names
    assert found["post_media_view"] > found["post_clicks"] > 0
    fields = ["id", "message", "from", "created_time", "parent"]
    heard = list(post.get_comments(fields=fields, params={"filter": "stream", "order": "chronological"}))
    assert heard
    first = Comment(heard[0]["id"], api=page.get_api_assured())
    answer = first.create_comment(params={"message": "Ласкаво просимо!"})
    assert [one["message"] for one in first.get_comments(fields=["message"])] == ["Ласкаво просимо!"]
    under = Comment(answer["id"], api=page.get_api_assured()).api_get(fields=["message", "from", "parent"])
    assert (under["from"]["id"], under["parent"]["id"]) == (page["id"], heard[0]["id"])
    stream = post.get_comments(fields=fields, params={"filter": "stream"})
    assert len(list(stream)) == len(heard) + 1
    assert len(list(post.get_comments(params={"filter": "toplevel"}))) == len(heard)
    Comment(answer["id"], api=page.get_api_assured()).api_delete()
    assert list(first.get_comments()) == []
    assert refused(lambda: first.api_delete())[0] == 200  # it is somebody else's


# ------------------------------------------------------------------------------------------------ films


def test_a_video_in_pieces(page: Page, tmp_path: Path, practice: Practice) -> None:
    one = film(tmp_path / "a.mp4", width=1280, height=720, seconds=30, size=2 * PIECE + 77)
    api_, path = page.get_api_assured(), (page["id"], "videos")
    begun = api_.call("POST", path, params={"upload_phase": "start", "file_size": one.bytes}).json()
    assert {"upload_session_id", "video_id", "start_offset", "end_offset"} == set(begun)
    session, told = begun["upload_session_id"], begun
    with one.path.open("rb") as file:
        while told["start_offset"] != told["end_offset"]:
            begin, end = int(told["start_offset"]), int(told["end_offset"])
            file.seek(begin)
            params = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": begin}
            files = {"video_file_chunk": ("a.mp4", file.read(end - begin), "multipart/form-data")}
            told = api_.call("POST", path, params=params, files=files).json()
    again = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": 0}
    with pytest.raises(FacebookRequestError) as caught:
        api_.call("POST", path, params=again, files={"video_file_chunk": ("a.mp4", b"xx", "video/mp4")})
    assert caught.value.api_error_subcode() == 1363037
    assert caught.value.body()["error"]["error_data"] == {"start_offset": one.bytes, "end_offset": one.bytes}
    ending = {
        "upload_phase": "finish",
        "upload_session_id": session,
        "description": "Запис",
        "published": False,
    }
    assert api_.call("POST", path, params=ending).json() == {"success": True}
    video = AdVideo(begun["video_id"], api=api_)
    video.api_get(fields=["status", "length", "published", "description"])
    assert (video["published"], video["length"], video["description"]) == (False, 30.0, "Запис")
    assert video["status"]["video_status"] == "ready"
    assert page.get_videos(params={})[0]["id"] == video["id"]
    video.api_update(params={"published": True})
    assert video.api_get(fields=["published"])["published"] is True
    CLOCK.ahead = timedelta(hours=70)
    told_of = {one["name"]: one["values"][0]["value"] for one in video.get_video_insights()}
    assert told_of["total_video_views"] > 0
    assert list(video.get_comments(fields=["message"]))
    video.api_delete()
    assert list(page.get_videos()) == []


def test_a_reel_from_start_to_finish(page: Page, tmp_path: Path, practice: Practice) -> None:
    practice.state.data |= {"publishing_polls": 1, "processing_polls": 1}
    one = film(tmp_path / "a.mp4", size=900_000)
    api_ = page.get_api_assured()
    begun = api_.call("POST", (page["id"], "video_reels"), params={"upload_phase": "START"}).json()
    video = AdVideo(begun["video_id"], api=api_)

    def phases() -> list[str]:
        status = video.api_get(fields=["status"])["status"]
        names = ("uploading_phase", "processing_phase", "publishing_phase")
        return [status["video_status"], *(status[name]["status"] for name in names)]

    assert phases() == ["uploading", "not_started", "not_started", "not_started"]
    finish = {
        "upload_phase": AdVideo.UploadPhase.finish,
        "video_id": video["id"],
        "video_state": "PUBLISHED",
        "description": "Так",
    }
    assert refused(lambda: page.create_video_reel(params=finish))[:2] == (100, 1363019)
    half = tmp_path / "half.mp4"
    half.write_bytes(one.path.read_bytes()[:400_000])
    with half.open("rb") as file:
        headers = {"Authorization": f"OAuth {TOKEN}", "offset": "0", "file_size": str(one.bytes)}
        partly = requests.post(begun["upload_url"], headers=headers, data=file, timeout=30)
    assert partly.json()["debug_info"]["type"] == "PartialRequestError"
    status = video.api_get(fields=["status"])["status"]
    assert dict(status["uploading_phase"]) == {"status": "in_progress", "bytes_transferred": 400_000}
    wrong = send(practice, begun["upload_url"], one.path, 5)
    assert (wrong.status_code, wrong.json()["debug_info"]["type"]) == (400, "OffsetInvalidError")
    assert send(practice, begun["upload_url"], one.path, 400_000).json()["success"] is True
    assert phases() == ["processing", "complete", "not_started", "not_started"]
    assert page.create_video_reel(params=finish)["post_id"]
    assert phases() == ["processing", "complete", "in_progress", "not_started"]
    assert phases() == ["processing", "complete", "complete", "in_progress"]
    assert phases() == ["ready", "complete", "complete", "complete"]
    assert [reel["description"] for reel in page.get_video_reels(fields=["description"])] == ["Так"]
    page.create_video_reel(params=finish)  # ended twice, it is one
    assert len(page.get_video_reels()) == 1


def test_somebody_elses_token_uploads_nothing(page: Page, tmp_path: Path, practice: Practice) -> None:
    one = film(tmp_path / "a.mp4")
    practice.state.add_account(network="facebook", name="others")
    begun = (
        page.get_api_assured()
        .call("POST", (page["id"], "video_reels"), params={"upload_phase": "start"})
        .json()
    )
    headers = {"Authorization": "OAuth practice-others", "offset": "0", "file_size": str(one.bytes)}
    answer = requests.post(begun["upload_url"], headers=headers, data=b"x" * one.bytes, timeout=30)
    assert (answer.status_code, answer.json()["debug_info"]["type"]) == (400, "NotAuthorizedError")


def test_stories_of_a_photo_and_of_a_film(
    page: Page, picture: Path, tmp_path: Path, practice: Practice
) -> None:
    api_ = page.get_api_assured()
    photo = page.create_photo(params={"url": there(practice, picture), "published": False})["id"]
    story = api_.call("POST", (page["id"], "photo_stories"), params={"photo_id": photo}).json()
    assert story["success"] is True
    assert refused(lambda: page.create_photo_story(params={"photo_id": photo}))[0] == 100  # it was used
    begun = api_.call("POST", (page["id"], "video_stories"), params={"upload_phase": "start"}).json()
    one = film(tmp_path / "a.mp4", seconds=20)
    send(practice, begun["upload_url"], one.path)
    finish = {"upload_phase": "FINISH", "video_id": begun["video_id"]}
    film_story = api_.call("POST", (page["id"], "video_stories"), params=finish).json()
    names = ["post_id", "media_id", "media_type", "status", "creation_time", "url"]
    seen = {each["media_id"]: each for each in page.get_stories(fields=names)}
    assert {seen[photo]["post_id"], seen[begun["video_id"]]["post_id"]} == {
        story["post_id"], film_story["post_id"],
    }  # fmt: skip
    assert {each["media_type"] for each in seen.values()} == {"photo", "video"}
    CLOCK.ahead = timedelta(hours=20)
    metrics = ["story_media_view", "story_total_media_view_unique", "pages_fb_story_replies"]
    told = PagePost(story["post_id"], api=api_).get_insights(params={"metric": metrics})
    assert [each["name"] for each in told] == metrics
    CLOCK.ahead = timedelta(hours=24)
    assert list(page.get_stories()) == []


# ------------------------------------------------------------------------------------------------ Instagram


def test_media_of_every_kind(gram: IGUser, picture: Path, tmp_path: Path, practice: Practice) -> None:
    address = there(practice, picture)
    upright = film(tmp_path / "a.mp4", seconds=10)
    copy = practice.state.folder / "copy"
    copy.write_bytes(upright.path.read_bytes())
    moving = f"{practice.url}/pictures/{practice.state.keep_file(copy, 'video/mp4', 1080, 1920)['id']}"
    api_ = gram.get_api_assured()
    parts = [
        gram.create_media(params={"image_url": address, "is_carousel_item": True, "alt_text": f"{number}"})[
            "id"
        ]
        for number in range(2)
    ]
    sent = api_.call(
        "POST",
        (gram["id"], "media"),
        params={"media_type": "REELS", "upload_type": "resumable", "caption": "Файл"},
    ).json()
    assert set(sent) == {"id", "uri"}
    assert (
        api_.call("GET", (sent["id"],), params={"fields": "status_code"}).json()["status_code"]
        == "IN_PROGRESS"
    )
    assert send(practice, sent["uri"], upright.path).json()["success"] is True
    made = {
        "IMAGE": gram.create_media(params={"image_url": address, "caption": "Знімок"})["id"],
        "CAROUSEL_ALBUM": gram.create_media(
            params={"media_type": "CAROUSEL", "children": parts, "caption": "Кілька"}
        )["id"],
        "REEL": gram.create_media(params={"media_type": "REELS", "video_url": moving, "caption": "Рух"})[
            "id"
        ],
        "SENT": sent["id"],
        "STORY": gram.create_media(params={"media_type": "STORIES", "image_url": address})["id"],
        "MOVING STORY": gram.create_media(params={"media_type": "STORIES", "video_url": moving})["id"],
    }
    out = {}
    for name, container in made.items():
        answer = api_.call("GET", (container,), params={"fields": "status_code,status"}).json()
        assert answer["status_code"] == "FINISHED", name
        out[name] = gram.create_media_publish(params={"creation_id": int(container)})["id"]
        assert (
            api_.call("GET", (container,), params={"fields": "status_code"}).json()["status_code"]
            == "PUBLISHED"
        )
    kinds = {
        name: tuple(IGMedia(one, api=api_).api_get(fields=["media_type", "media_product_type"])[field]
                    for field in ("media_type", "media_product_type"))
        for name, one in out.items()
    }  # fmt: skip
    assert kinds == {
        "IMAGE": ("IMAGE", "FEED"), "CAROUSEL_ALBUM": ("CAROUSEL_ALBUM", "FEED"),
        "REEL": ("VIDEO", "REELS"), "SENT": ("VIDEO", "REELS"), "STORY": ("IMAGE", "STORY"),
        "MOVING STORY": ("VIDEO", "STORY"),
    }  # fmt: skip
    assert len(IGMedia(out["CAROUSEL_ALBUM"], api=api_).get_children(fields=["media_type"])) == 2
    assert {one["id"] for one in gram.get_media()} == {
        out[name] for name in ("IMAGE", "CAROUSEL_ALBUM", "REEL", "SENT")
    }
    assert {one["id"] for one in gram.get_stories()} == {out["STORY"], out["MOVING STORY"]}
    (limit,) = gram.get_content_publishing_limit(fields=["config", "quota_usage"])
    assert (limit["quota_usage"], limit["config"]["quota_total"]) == (6, 100)
    for one in out.values():
        IGMedia(one, api=api_).api_delete()
    assert list(gram.get_media()) == []


def test_insights_comments_and_answers(gram: IGUser, picture: Path, practice: Practice) -> None:
    container = gram.create_media(params={"image_url": there(practice, picture), "caption": "Хто прийде?"})
    number = gram.create_media_publish(params={"creation_id": int(container["id"])})["id"]
    media = IGMedia(number, api=gram.get_api_assured())
    CLOCK.ahead = timedelta(hours=70)
    names = ["reach", "views", "likes", "comments", "shares", "saved"]
    assert [one["name"] for one in media.get_insights(params={"metric": names})] == names
    assert refused(lambda: media.get_insights(params={"metric": ["navigation"]}))[0] == 100
    heard = list(media.get_comments(fields=["text", "username", "timestamp"]))
    first = IGComment(heard[0]["id"], api=gram.get_api_assured())
    made = first.create_reply(params={"message": "Ласкаво просимо!"})
    assert [one["text"] for one in first.get_replies(fields=["text"])] == ["Ласкаво просимо!"]
    with_answers = {"fields": "text,replies{id,text,username}"}
    path = (number, "comments")
    shown = media.get_api_assured().call("GET", path, params=with_answers).json()["data"][0]
    assert shown["replies"]["data"] == [{"id": made["id"], "text": "Ласкаво просимо!", "username": "books"}]
    beside = media.create_comment(params={"message": "До зустрічі"})
    path = (number,)
    assert (
        refused(lambda: media.get_api_assured().call("GET", path, params={"fields": "parent_id"}))[0] == 100
    )
    under = IGComment(made["id"], api=gram.get_api_assured()).api_get(fields=["parent_id"])
    assert under["parent_id"] == heard[0]["id"]
    IGComment(beside["id"], api=gram.get_api_assured()).api_delete()
    assert len(list(media.get_comments())) == len(heard)


def test_what_instagram_refuses(gram: IGUser, picture: Path, tmp_path: Path, practice: Practice) -> None:
    address = there(practice, picture)
    tall = tmp_path / "tall.jpg"
    Image.new("RGB", (600, 1200)).save(tall, "JPEG")

    def make(**params: Any) -> tuple[int, int | None, str]:
        return refused(lambda: gram.create_media(params=params))

    assert make(image_url=there(practice, tall))[:2] == (36003, 2207009)
    assert make(image_url=f"{practice.url}/pictures/none")[:2] == (9004, 2207052)
    assert make(image_url=address, media_type="HOLOGRAM")[:2] == (100, 2207023)
    assert make(media_type="CAROUSEL", children=["1", "2"])[:2] == (100, 2207028)
    assert make(image_url=address, caption="а" * 2201)[:2] == (36004, 2207010)
    bad = gram.create_media(params={"media_type": "REELS", "video_url": address})["id"]
    answer = gram.get_api_assured().call("GET", (bad,), params={"fields": "status_code,status"}).json()
    assert answer["status_code"] == "ERROR"
    assert "2207026" in answer["status"]

    def publish(number: str) -> tuple[int, int | None, str]:
        return refused(lambda: gram.create_media_publish(params={"creation_id": int(number)}))

    assert publish(bad)[:2] == (352, 2207026)
    assert publish("1")[:2] == (24, 2207006)
    practice.state.data["processing_polls"] = 1
    slow = gram.create_media(params={"image_url": address})["id"]
    assert publish(slow)[:2] == (9007, 2207027)
    CLOCK.ahead = timedelta(hours=24)
    assert publish(slow)[:2] == (24, 2207008)


# ------------------------------------------------------------------------------------------------ tokens and limits


def test_a_person_and_their_pages(practice: Practice) -> None:
    state = practice.state
    account = state.account_named("facebook", "books")
    assert account is not None
    with state.changing() as data:
        data["logins"]["EAAperson"] = {
            "user": "7", "accounts": [account["id"]], "scopes": ["pages_show_list"],
            "since": CLOCK().isoformat(), "until": (CLOCK() + timedelta(hours=1)).isoformat(),
        }  # fmt: skip
    me = User("me", api=api(practice, "EAAperson"))
    assert me.api_get(fields=["name"])["name"]
    (only,) = me.get_accounts(fields=["name", "access_token"])
    assert (only["name"], only["access_token"]) == ("Книги для всіх", TOKEN)
    assert [one["permission"] for one in me.get_permissions()] == ["pages_show_list"]
    CLOCK.ahead = timedelta(hours=2)
    assert refused(lambda: me.api_get()) == (190, 463, "OAuthException")


def test_tokens_permissions_and_limits(page: Page, practice: Practice) -> None:
    account = practice.state.account_named("facebook", "books")
    assert account is not None
    nobody = Page(page["id"], api=api(practice, "nobody"))
    assert refused(lambda: nobody.api_get())[:2] == (190, 460)
    account["lacks"] = ["pages_manage_posts"]
    assert refused(lambda: page.create_feed(params={"message": "т"}))[0] == 200
    account["lacks"] = []
    page.create_feed(params={"message": "Двічі"})
    assert refused(lambda: page.create_feed(params={"message": "Двічі"}))[0] == 506
    practice.state.data["calls_an_hour"] = 1
    page.api_get()
    with pytest.raises(FacebookRequestError) as caught:
        page.api_get()
    assert caught.value.api_error_code() == 32
    assert '"call_count": 100' in caught.value.http_headers()["x-app-usage"]
    assert "estimated_time_to_regain_access" in caught.value.http_headers()["x-business-use-case-usage"]


def test_the_secret_of_the_app_is_checked(practice: Practice) -> None:
    url = f"{practice.url}/graph/v26.0/debug_token"
    app = f"{APP_ID}|{APP_SECRET}"
    told = requests.get(url, params={"input_token": TOKEN, "access_token": app}, timeout=10).json()["data"]
    assert (told["is_valid"], told["type"], told["expires_at"]) == (True, "PAGE", 0)
    unknown = requests.get(url, params={"input_token": "x", "access_token": app}, timeout=10).json()["data"]
    assert unknown["is_valid"] is False
    foreign = requests.get(url, params={"input_token": TOKEN, "access_token": "y"}, timeout=10)
    assert foreign.json()["error"]["code"] == 100


def test_all_of_this_can_be_scripted(page: Page, practice: Practice) -> None:
    def control(path: str, **body: Any) -> None:
        requests.post(f"{practice.url}/control/{path}", json=body, timeout=10).raise_for_status()

    whom = {"network": "facebook", "name": "books"}
    control("accounts/change", **whom, lacks=["pages_read_engagement"])
    assert refused(lambda: list(page.get_feed()))[0] == 200
    control("accounts/change", **whom, lacks=[], gone=True)
    assert refused(lambda: page.api_get())[:2] == (100, 33)
    control("accounts/change", **whom, gone=False)
    control("settings", calls_an_hour=1)
    page.api_get()
    assert refused(lambda: page.api_get())[0] == 32
