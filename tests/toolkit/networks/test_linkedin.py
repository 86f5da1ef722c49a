"""LinkedIn against the practice network: the contract for a company page, and what is special."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Kind,
    MediaFile,
    NetworkError,
    Outgoing,
    Prepared,
    Verdict,
)
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.linkedin_rest import API_VERSION
from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.linkedin_signing_in import APP

from .contract import Bench, NetworkContract, World, until_prepared

PART = 4 << 20


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


CLOCK = Moving()


@pytest.fixture
def clock() -> Iterator[Moving]:
    CLOCK.ahead = timedelta()
    yield CLOCK
    CLOCK.ahead = timedelta()


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    """One server for all: starting and stopping one takes longer than a test."""
    with start(seed="linkedin", clock=CLOCK) as server:
        yield server


@pytest.fixture
def practice(running: Practice, clock: Moving) -> Practice:
    """The server with one new company page and nothing else."""
    data = running.state.data
    for kept in ("accounts", "posts", "pictures", "linkedin"):
        data.setdefault(kept, {}).clear()
    data |= {"next": 1, "processing_polls": 0, "linkedin_posts_a_day": 1000}
    running.faults.clear()
    running.state.add_account(network="linkedin", name="books", title="Книги для всіх", followers=1900)
    return running


def typed(practice: Practice, **more: str) -> dict[str, str]:
    return {"access_token": "practice-books", "author": "books", "api_url": practice.linkedin_url, **more}


def connected(practice: Practice, **more: str) -> Bench:
    """A bench connected by a typed token; ``author=""`` is the person."""
    network: Any = get("linkedin")
    world = World(typed(practice, **more), {}, lambda: count_posts(practice))
    with httpx.Client() as client:
        return Bench(network, world, network.connect(client=client, credentials=world.typed))


def count_posts(practice: Practice) -> int:
    with practice.state.reading() as data:
        return len(data["posts"])


def file_of(path: Path, mime: str, content: bytes, **more: Any) -> MediaFile:
    path.write_bytes(content)
    return MediaFile(path, mime, len(content), **more)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[MediaFile, ...]:
    made = []
    for number, color in enumerate(((200, 90, 40), (20, 90, 140), (90, 160, 40))):
        buffer = io.BytesIO()
        Image.new("RGB", (640, 480), color).save(buffer, "JPEG")
        path = tmp_path / f"{number}.jpg"
        made.append(
            file_of(path, "image/jpeg", buffer.getvalue(), width=640, height=480, alt=f"Знімок {number}")
        )
    return tuple(made)


@pytest.fixture
def document(tmp_path: Path) -> MediaFile:
    return file_of(
        tmp_path / "a81f.pdf", "application/pdf", b"%PDF-1.7\n" + bytes(3000), alt="Каталог книг", pages=3
    )


@pytest.fixture
def clip(tmp_path: Path) -> MediaFile:
    """One part."""
    content = bytes(4) + b"ftypisom" + bytes(100_000)
    return file_of(tmp_path / "clip.mp4", "video/mp4", content, width=1280, height=720)


@pytest.fixture
def video(tmp_path: Path) -> MediaFile:
    """Three parts, the last one short."""
    content = bytes(4) + b"ftypisom" + bytes(range(256)) * 40_000
    return file_of(tmp_path / "film.mp4", "video/mp4", content, width=1280, height=720)


class TestLinkedIn(NetworkContract):
    network_key = "linkedin"

    @pytest.fixture
    def world(self, practice: Practice) -> World:
        given = typed(practice)
        return World(
            typed=given,
            wrong={**given, "access_token": "practice-somebody-else"},
            count=lambda: count_posts(practice),
            counters=("count",),
        )

    @pytest.fixture
    def posts(
        self, network: Any, image: MediaFile, pictures: Any, document: MediaFile, clip: MediaFile
    ) -> list[Outgoing]:
        made = super().posts.__wrapped__(self, network, image)  # type: ignore[attr-defined]
        text = f"Приходьте (у суботу)! #книги {uuid.uuid4().hex}"
        return [
            *made,
            Outgoing(f"{uuid.uuid4()}", "post", text, pictures[:2]),
            Outgoing(f"{uuid.uuid4()}", "document", f"{text} каталог", (document,), "https://example.org/d"),
            Outgoing(f"{uuid.uuid4()}", "video", f"{text} фільм", (clip,)),
        ]

    # ------------------------------------------------------------------------------------------ what is sent

    def test_readers_see_what_was_typed(self, bench: Bench, practice: Practice) -> None:
        text = (
            "Ціна: 5*3 = 15 (грн) [так] {ні} <b>! | a_b ~ c\\d @нам, пишіть на a_b@example.org #книги2026 C# #1\n"
            "Дякуємо @[Фонд «Читай»](urn:li:organization:77)! https://example.org/a_(b)?x=1#частина"
        )
        post = Outgoing("k", "post", text)
        bench.commit(post, bench.prepare(post))
        (there,) = practice.state.data["posts"].values()
        assert there["text"] == text.replace("@[Фонд «Читай»](urn:li:organization:77)", "Фонд «Читай»")
        assert "{hashtag|\\#|книги2026}" in there["commentary"]
        assert "@[Фонд «Читай»](urn:li:organization:77)" in there["commentary"]

    def test_an_unescaped_text_would_have_been_cut_off_without_a_word(
        self, bench: Bench, practice: Practice
    ) -> None:
        body = {
            "author": bench.account.external_id,
            "commentary": "Приходьте (у суботу)",
            "visibility": "PUBLIC",
            "distribution": {"feedDistribution": "MAIN_FEED"},
            "lifecycleState": "PUBLISHED",
        }
        headers = {"Authorization": "Bearer practice-books", "LinkedIn-Version": str(API_VERSION.value)}
        assert (
            httpx.post(f"{practice.linkedin_url}/rest/posts", json=body, headers=headers).status_code == 201
        )
        assert [one["text"] for one in practice.state.data["posts"].values()] == ["Приходьте "]

    def test_escapes_are_not_counted(self, bench: Bench) -> None:
        fits = Outgoing("a", "post", "(" * 2999 + "!")
        assert check(network="linkedin", placement="post", text=fits.text).ok
        assert bench.commit(fits, bench.prepare(fits)).external_id
        over = replace(fits, text="(" * 3001)
        assert not check(network="linkedin", placement="post", text=over.text).ok
        with pytest.raises(NetworkError) as caught:
            bench.commit(over, bench.prepare(over))
        assert (caught.value.kind, caught.value.params["their_code"]) == (
            Kind.PERMANENT,
            "FIELD_LENGTH_TOO_LONG",
        )

    def test_pictures_carry_their_descriptions(self, bench: Bench, practice: Practice, pictures: Any) -> None:
        post = Outgoing("k", "post", "Три знімки", (replace(pictures[0], alt=""), *pictures[1:]))
        bench.commit(post, bench.prepare(post))
        (there,) = practice.state.data["posts"].values()
        entries = there["content"]["multiImage"]["images"]
        assert [one.get("altText") for one in entries] == [None, "Знімок 1", "Знімок 2"]
        assert len({one["id"] for one in entries}) == 3

    def test_a_link_is_a_card_and_beside_pictures_a_part_of_the_text(
        self, bench: Bench, practice: Practice, pictures: Any
    ) -> None:
        card = Outgoing("a", "post", "Каталог відкрито\nДля всіх", link="https://example.org/books")
        beside = replace(card, key="b", media=pictures[:1])
        for post in (card, beside):
            bench.commit(post, bench.prepare(post))
        first, second = practice.state.data["posts"].values()
        assert first["content"] == {"article": {"source": card.link, "title": "Каталог відкрито"}}
        assert card.link not in first["text"]
        assert second["text"].endswith(f"\n\n{card.link}")

    @pytest.mark.parametrize(
        ("alt", "text", "title"),
        [
            ("Каталог книг", "Текст", "Каталог книг"),
            ("", "Перший рядок\nдругий", "Перший рядок"),
            ("", "", "a81f"),
        ],
    )
    def test_a_document_has_a_title(
        self, bench: Bench, practice: Practice, document: MediaFile, alt: str, text: str, title: str
    ) -> None:
        post = Outgoing("k", "document", text, (replace(document, alt=alt),))
        bench.commit(post, bench.prepare(post))
        (there,) = practice.state.data["posts"].values()
        assert there["content"]["media"]["title"] == title

    @pytest.mark.parametrize("placement", ["post", "document", "video"])
    def test_wrong_files_are_refused_by_us_and_by_them(
        self, bench: Bench, placement: str, tmp_path: Path
    ) -> None:
        kinds = {"post": "image/jpeg", "document": "application/pdf", "video": "video/mp4"}
        wrong = file_of(tmp_path / "wrong", kinds[placement], b"something else" * 9000)
        post = Outgoing("k", placement, "Не те", (wrong,))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")
        other = replace(wrong, mime="audio/mpeg")
        codes = [
            one.code
            for one in check(network="linkedin", placement=placement, text="t", media=(other,)).problems
        ]
        assert "media_wrong_type" in codes

    def test_limits_of_files_and_no_mixture(
        self, document: MediaFile, video: MediaFile, pictures: Any
    ) -> None:
        def codes(placement: str, *media: MediaFile) -> set[str]:
            found = check(network="linkedin", placement=placement, text="t", media=media).problems
            return {one.code for one in found if one.level == "error"}

        assert codes("post", *pictures) == codes("document", document) == codes("video", video) == set()
        assert codes("post", *(pictures[0] for _ in range(21))) == {"media_too_many"}
        assert codes("document", replace(document, bytes=100_000_001)) == {"media_too_large"}
        assert codes("document", replace(document, pages=301)) == {"document_too_long"}
        assert codes("document", document, document) == {"media_too_many"}
        assert codes("document") == codes("video") == {"media_required"}
        assert codes("video", video, pictures[0]) == {"media_wrong_type"}
        assert codes("video", replace(video, seconds=2)) == {"video_too_short"}
        assert codes("video", replace(video, seconds=1801)) == {"video_too_long"}
        assert codes("video", replace(video, width=300, height=1000)) == {"video_ratio_out_of_range"}

    # ------------------------------------------------------------------------------------------ files on their way

    def test_a_video_goes_in_parts_and_goes_on_after_a_break(
        self, bench: Bench, practice: Practice, video: MediaFile
    ) -> None:
        practice.faults.add("reset_during", "PUT .*/dms-uploads/.*/1", bytes=100_000)
        post = Outgoing("k", "video", "Фільм", (video,))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        so_far = caught.value.so_far
        assert caught.value.kind is Kind.UNCERTAIN
        assert so_far is not None
        assert len(so_far.data["upload"]["receipts"]) == 1
        with bench.client() as client:
            done = bench.network.prepare(
                client=client, credentials=bench.credentials, post=post, so_far=so_far
            )
            asked = [one.url.path for one in client._transport.asked if one.method == "PUT"]  # type: ignore[attr-defined]
        assert [path.rpartition("/")[2] for path in asked] == ["1", "2"]
        bench.commit(post, done)
        (there,) = practice.state.data["posts"].values()
        assert (practice.state.folder / there["pictures"][0]).read_bytes() == video.path.read_bytes()

    def test_a_lost_answer_to_finishing_is_looked_at_not_repeated(
        self, bench: Bench, practice: Practice, video: MediaFile
    ) -> None:
        practice.faults.add(
            "error_500_after", "POST /linkedin-api/rest/videos$"
        )  # beginning: a second one is made
        post = Outgoing("k", "video", "Фільм", (video,))
        with pytest.raises(NetworkError):
            bench.prepare(post)
        with bench.client() as client:
            transport: Any = client._transport
            lost = {"left": 1}

            def spoil(request: httpx.Request, response: httpx.Response) -> httpx.Response:
                lost["left"] -= 1
                raise httpx.ReadError("reset", request=request)

            transport.wanted = lambda request: "finalizeUpload" in str(request.url) and lost["left"] > 0
            transport.after = spoil
            with pytest.raises(NetworkError) as caught:
                bench.network.prepare(
                    client=client, credentials=bench.credentials, post=post, so_far=Prepared()
                )
            so_far = caught.value.so_far
            assert so_far is not None
            done = bench.network.prepare(
                client=client, credentials=bench.credentials, post=post, so_far=so_far
            )
            finished = [one for one in transport.asked if "finalizeUpload" in str(one.url)]
        assert len(finished) == 1
        assert bench.commit(post, done).external_id

    def test_addresses_that_are_over_are_asked_for_anew(
        self, bench: Bench, practice: Practice, video: MediaFile, clock: Moving
    ) -> None:
        practice.faults.add("reset_before", "PUT .*/dms-uploads/.*/2")
        post = Outgoing("k", "video", "Фільм", (video,))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        clock.ahead = timedelta(hours=25)
        done = bench.prepare(post, caught.value.so_far)
        assert len(practice.state.data["linkedin"]["assets"]) == 2
        assert bench.commit(post, done).external_id

    def test_files_that_are_being_digested_are_waited_for_and_not_sent_again(
        self, bench: Bench, practice: Practice, pictures: Any
    ) -> None:
        practice.state.data["processing_polls"] = 2
        post = Outgoing("k", "post", "Повільно", pictures[:2])
        done, waits = until_prepared(lambda so_far: bench.prepare(post, so_far))
        assert {(one.kind, one.code) for one in waits} == {(Kind.WAIT, "media_processing")}
        assert len(practice.state.data["linkedin"]["assets"]) == 2
        assert bench.commit(post, done).external_id

    def test_an_unfinished_video_waits_also_at_the_last_moment(
        self, bench: Bench, practice: Practice, video: MediaFile
    ) -> None:
        post = Outgoing("k", "video", "Ще ні", (video,))
        done = bench.prepare(post)
        practice.state.data["linkedin"]["assets"][done.data["media"][0]]["status"] = "PROCESSING"
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, done)
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "media_processing")
        assert count_posts(practice) == 0

    def test_the_token_goes_only_to_linkedins_own_house(
        self, bench: Bench, practice: Practice, pictures: Any
    ) -> None:
        elsewhere: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.host == "evil.example":
                elsewhere.append(request)
                return httpx.Response(201)
            value = {"uploadUrl": "https://evil.example/take", "image": "urn:li:image:1"}
            body: dict[str, Any] = {"value": value, "status": "AVAILABLE"}
            return httpx.Response(200, json=body)

        post = Outgoing("k", "post", "t", pictures[:1])
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            bench.network.prepare(client=client, credentials=bench.credentials, post=post, so_far=Prepared())
        assert len(elsewhere) == 1
        assert "authorization" not in elsewhere[0].headers

    # ------------------------------------------------------------------------------------------ once

    def test_files_make_it_certain_which_post_it_is(self, bench: Bench, pictures: Any) -> None:
        first, second = (Outgoing(key, "post", "Двічі те саме", pictures[:1]) for key in ("a", "b"))
        ready = [bench.prepare(one) for one in (first, second)]
        there = [bench.commit(one, prepared) for one, prepared in zip((first, second), ready, strict=True)]
        assert there[0].external_id != there[1].external_id
        for post, prepared, published in zip((first, second), ready, there, strict=True):
            assert bench.find(post, prepared).published.external_id == published.external_id

    def test_a_duplicate_of_an_older_post_is_not_taken_for_ours(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing("a", "post", "Щопонеділка о шостій")
        old = bench.commit(post, bench.prepare(post))
        clock.ahead = timedelta(hours=3)
        again = replace(post, key="b")
        prepared = bench.prepare(again)
        # The practice network's time runs ahead; LinkedIn's own time of beginning counts.
        prepared = Prepared({**prepared.data, "since": (datetime.now(UTC) + timedelta(hours=3)).isoformat()})
        with pytest.raises(NetworkError) as caught:
            bench.commit(again, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "duplicate_post")
        assert caught.value.params["url"] == old.url
        assert count_posts(practice) == 1

    def test_the_words_of_a_deleted_post_are_refused_for_a_day(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing("a", "post", "Видалене")
        prepared = bench.prepare(post)
        published = bench.commit(post, prepared)
        with bench.client() as client:
            bench.network.delete(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert caught.value.code == "duplicate_post"
        assert bench.find(post, prepared).verdict is Verdict.ABSENT
        clock.ahead = timedelta(hours=25)
        assert bench.commit(post, prepared).external_id != published.external_id

    @pytest.mark.parametrize(
        ("fault", "there"),
        [
            ("timeout_before", False), ("timeout_after", True), ("reset_before", False), ("reset_after", True),
            ("error_500_before", False), ("error_500_after", True), ("error_400_after", True), ("html_after", True),
        ],
    )  # fmt: skip
    def test_the_networks_own_faults(self, bench: Bench, practice: Practice, fault: str, there: bool) -> None:
        post = Outgoing("k", "post", f"Збій {fault}")
        prepared = bench.prepare(post)
        practice.faults.add(fault, "POST .*/rest/posts$")
        client = httpx.Client(timeout=0.5)
        with client, pytest.raises(NetworkError) as caught:
            bench.network.commit(client=client, credentials=bench.credentials, post=post, prepared=prepared)
        assert caught.value.kind is Kind.UNCERTAIN
        assert bench.find(post, prepared).verdict is (Verdict.FOUND if there else Verdict.ABSENT)
        bench.commit(post, prepared)
        assert count_posts(practice) == 1

    def test_found_on_a_later_page_of_the_list(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing("k", "post", "Дуже давно, пʼять хвилин тому")
        prepared = bench.prepare(post)
        published = bench.commit(post, prepared)
        page = practice.state.account_named("linkedin", "books")
        assert page is not None
        for number in range(120):
            practice.state.add_post(account=page, text=f"Інше {number}")
        assert bench.find(post, prepared).published.external_id == published.external_id

    # ------------------------------------------------------------------------------------------ refusals

    def test_a_version_that_is_over_says_so(self, bench: Bench, practice: Practice, clock: Moving) -> None:
        post = Outgoing("k", "post", "Застаріла версія")
        prepared = bench.prepare(post)
        clock.ahead = timedelta(days=420)
        for ask in (lambda: bench.prepare(post), lambda: bench.commit(post, prepared)):
            with pytest.raises(NetworkError) as caught:
                ask()
            assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "version_retired")
            assert str(API_VERSION.value) in caught.value.params["message"]
        assert count_posts(practice) == 0

    def test_the_version_is_set_by_a_field_and_sent_with_every_call(self, practice: Practice) -> None:
        with pytest.raises(NetworkError) as caught:
            connected(practice, api_version="202501")
        assert caught.value.code == "version_retired"
        bench = connected(practice, api_version="202608")
        with bench.client() as client:
            bench.network.account_readings(client=client, credentials=bench.credentials)
            asked = client._transport.asked  # type: ignore[attr-defined]
        assert {one.headers["linkedin-version"] for one in asked} == {"202608"}
        assert {one.headers["x-restli-protocol-version"] for one in asked} == {"2.0.0"}

    def test_the_declared_version_is_young_enough(self) -> None:
        """LinkedIn serves a version for a year: three months before that a release of ours has to raise it."""
        year, month = divmod(int(str(API_VERSION.value)), 100)
        checked = API_VERSION.checked_on
        assert 0 <= (checked.year - year) * 12 + checked.month - month <= 9

    def test_the_limit_of_a_day_ends_at_midnight(self, bench: Bench, practice: Practice) -> None:
        practice.state.data["linkedin_posts_a_day"] = 1
        for number in range(2):
            post = Outgoing(str(number), "post", f"Сьогодні {number}")
            prepared = bench.prepare(post)
            if number == 0:
                bench.commit(post, prepared)
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "rate_limited")
        assert caught.value.retry_at is not None
        assert (caught.value.retry_at.hour, caught.value.retry_at.minute) == (0, 0)
        assert 0 < caught.value.params["seconds"] <= 86_400

    @pytest.mark.parametrize("reason", ["revoked", "expired", "unknown"])
    def test_a_token_that_opens_nothing_means_reconnect(
        self, bench: Bench, practice: Practice, reason: str
    ) -> None:
        credentials = bench.credentials
        if reason == "revoked":
            for account in practice.state.data["accounts"].values():
                account["revoked"] = True
        else:
            credentials["access_token"] = "nobodys-token"
        if reason == "expired":
            practice.state.data["linkedin"]["tokens"]["nobodys-token"] = {
                "opens": "practice-books", "scopes": [], "until": "2026-01-01T00:00:00+00:00", "refresh": "",
            }  # fmt: skip
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.commit(
                client=client, credentials=credentials, post=Outgoing("k", "post", "t"), prepared=Prepared()
            )
        assert caught.value.kind is Kind.RECONNECT
        expected = {"revoked": "REVOKED", "expired": "EXPIRED", "unknown": "INVALID"}[reason]
        assert caught.value.params["their_code"] == f"{expected}_ACCESS_TOKEN"

    def test_without_the_permission_it_is_forbidden(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing("k", "post", "Без права")
        prepared = bench.prepare(post)
        practice.state.data["accounts"][bench.account.external_id.rpartition(":")[2]]["scopes"] = ["openid"]
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "forbidden")

    # ------------------------------------------------------------------------------------------ reading

    def test_insights_grow_and_comments_are_heard_and_answered(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing("k", "post", "Хто прийде?")
        urn = bench.commit(post, bench.prepare(post)).external_id
        seen = []
        for hours in (1, 12, 72):
            clock.ahead = timedelta(hours=hours)
            with bench.client() as client:
                found = bench.network.post_readings(
                    client=client, credentials=bench.credentials, external_id=urn
                )
            seen.append({one.metric: int(one.value) for one in found})
        for earlier, later in pairwise(seen):
            assert all(later[metric] >= value for metric, value in earlier.items())
        assert set(seen[-1]) == {"reach", "impressions", "clicks", "likes", "replies", "shares"}
        assert seen[-1]["impressions"] >= seen[-1]["reach"] > seen[-1]["likes"] > 0
        with bench.client() as client:
            kept = {"client": client, "credentials": bench.credentials}
            said = bench.network.replies(**kept, external_id=urn)
            assert len(said) == seen[-1]["replies"] > 0
            assert all(one.text and one.author_name for one in said)
            answer = bench.network.reply(
                **kept, in_reply_to=said[0].external_id, text="Так (о 18:00) #1", key="r"
            )
            assert answer.external_id.startswith("urn:li:comment:")
            below = bench.network.reply(**kept, in_reply_to=answer.external_id, text="І ще", key="s")
            own = bench.network.reply(**kept, in_reply_to=urn, text="До всіх", key="t")
            assert len(bench.network.replies(**kept, external_id=urn)) == len(said)  # ours are not news
        comments = practice.state.data["linkedin"]["comments"][urn.rpartition(":")[2]]
        assert [one["text"] for one in comments] == ["Так (о 18:00) #1", "І ще", "До всіх"]  # nothing escaped
        assert comments[0]["parent"] == comments[1]["parent"] != ""
        assert comments[2]["parent"] == ""
        assert below.external_id != own.external_id

    def test_many_comments_come_page_by_page(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing("k", "post", "Багато слів")
        urn = bench.commit(post, bench.prepare(post)).external_id
        said = [
            {"number": f"{number:05d}", "actor": "urn:li:person:fan", "text": f"№{number}",
             "at": 1_790_000_000_000 + number, "parent": ""}
            for number in range(230)
        ]  # fmt: skip
        practice.state.data["linkedin"]["comments"][urn.rpartition(":")[2]] = said
        with bench.client() as client:
            heard = bench.network.replies(client=client, credentials=bench.credentials, external_id=urn)
        assert [one.text for one in heard] == [one["text"] for one in said]
        assert {(one.author, one.author_name) for one in heard} == {("fan", "")}

    # ------------------------------------------------------------------------------------------ connecting

    def test_a_page_is_named_in_any_way(self, practice: Practice) -> None:
        page = practice.state.account_named("linkedin", "books")
        assert page is not None
        urn = f"urn:li:organization:{page['id']}"
        for author in (
            urn,
            page["id"],
            "books",
            "https://www.linkedin.com/company/books/",
            "company/books/about/",
        ):
            assert connected(practice, author=author).account.external_id == urn, author
        for author, code in (("nobody", "not_found"), ("two words", "not_found"), ("999", "may_not_post")):
            with pytest.raises(NetworkError) as caught:
                connected(practice, author=author)
            assert caught.value.code == code

    def test_a_page_where_one_may_only_look(self, practice: Practice) -> None:
        page = practice.state.account_named("linkedin", "books")
        assert page is not None
        page["role"] = "ANALYST"
        with pytest.raises(NetworkError) as caught:
            connected(practice)
        assert (caught.value.kind, caught.value.code) == (Kind.RECONNECT, "may_not_post")


class TestAPerson:
    """A member's posts can be made, and hardly ever be read."""

    @pytest.fixture
    def bench(self, practice: Practice) -> Bench:
        return connected(practice, author="")

    def test_the_person_posts_for_themselves(self, bench: Bench, practice: Practice) -> None:
        assert bench.account.external_id.startswith("urn:li:person:")
        post = Outgoing("k", "post", "Від себе")
        published = bench.commit(post, bench.prepare(post))
        shown = httpx.get(published.url, follow_redirects=True)
        assert "Від себе" in shown.text

    def test_whether_it_is_there_cannot_be_told(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing("k", "post", "Чи є?")
        prepared = bench.prepare(post)
        bench.commit(post, prepared)
        sighting = bench.find(post, prepared)
        assert (sighting.verdict, sighting.published) == (Verdict.CANNOT_TELL, None)
        assert sighting.look_at

    def test_sent_again_linkedin_itself_names_what_is_there(self, bench: Bench, practice: Practice) -> None:
        """What a person sends again after looking is not a second post: the refusal tells which one it is."""
        post = Outgoing("k", "post", "Двічі")
        prepared = bench.prepare(post)
        practice.faults.add("error_500_after", "POST .*/rest/posts$")
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert caught.value.kind is Kind.UNCERTAIN
        (there,) = practice.state.data["posts"]
        assert bench.commit(post, prepared).external_id == f"urn:li:share:{there}"
        assert count_posts(practice) == 1

    def test_an_older_post_of_the_same_words_is_not_ours(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing("a", "post", "Щопонеділка")
        bench.commit(post, bench.prepare(post))
        later = Prepared({"since": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
        with pytest.raises(NetworkError) as caught:
            bench.commit(replace(post, key="b"), later)
        assert caught.value.code == "duplicate_post"

    def test_counters_as_far_as_the_app_may(self, bench: Bench, practice: Practice, clock: Moving) -> None:
        post = Outgoing("k", "post", "Скільки бачили?")
        urn = bench.commit(post, bench.prepare(post)).external_id
        clock.ahead = timedelta(hours=48)

        def readings() -> dict[str, int]:
            with bench.client() as client:
                kept = {"client": client, "credentials": bench.credentials}
                found = [
                    *bench.network.post_readings(**kept, external_id=urn),
                    *bench.network.account_readings(**kept),
                ]
                assert list(bench.network.replies(**kept, external_id=urn)) == []  # partners only
            return {one.metric: int(one.value) for one in found}

        seen = readings()
        assert set(seen) == {"impressions", "reach", "likes", "replies", "shares", "followers"}
        assert seen["impressions"] >= seen["reach"] > 0
        page = practice.state.account_named("linkedin", "books")
        assert page is not None
        page["scopes"] = ["openid", "profile", "w_member_social"]
        assert readings() == {}


class TestSigningIn:
    """OAuth: allowed on LinkedIn's page, and back."""

    BACK = "http://127.0.0.1:8000/networks/back/"

    def begin(self, practice: Practice, **more: str) -> tuple[Any, str, dict[str, str]]:
        network: Any = get("linkedin")
        scope = (
            "r_basicprofile w_member_social rw_organization_admin w_organization_social r_organization_social"
        )
        app = {
            "client_id": APP[0],
            "client_secret": APP[1],
            "scope": scope,
            "api_url": practice.linkedin_url,
            **more,
        }
        with httpx.Client() as client:
            address, kept = network.authorization(
                client=client, credentials=app, redirect_uri=self.BACK, state="s3"
            )
        return network, address, dict(kept)

    def allowed(self, address: str, **form: str) -> dict[str, str]:
        shown = httpx.get(address)
        assert shown.status_code == 200
        answer = httpx.post(address, data={"opens": "practice-books", "do": "allow"} | form)
        assert answer.headers["location"].startswith(self.BACK)
        return dict(httpx.URL(answer.headers["location"]).params)

    def test_the_person_and_every_page_of_theirs(self, practice: Practice) -> None:
        other = practice.state.add_account(
            network="linkedin", name="tea", title="Чай", token="practice-books"
        )
        hidden = practice.state.add_account(
            network="linkedin", name="look", title="Лише видно", token="practice-books"
        )
        hidden["role"] = "ANALYST"
        practice.state.add_account(network="linkedin", name="foreign")
        network, address, kept = self.begin(practice)
        assert kept["client_secret"] not in address
        back = self.allowed(address)
        assert back["state"] == "s3"
        with httpx.Client() as client:
            accounts = network.finish(
                client=client, credentials=kept, code=back["code"], redirect_uri=self.BACK
            )
            assert accounts[0].external_id.startswith("urn:li:person:")
            assert {one.name for one in accounts[1:]} == {"Книги для всіх", "Чай"}
            tea = next(one for one in accounts if one.name == "Чай")
            assert tea.external_id == f"urn:li:organization:{other['id']}"
            for one in accounts:
                assert (
                    network.connect(client=client, credentials=one.credentials).external_id == one.external_id
                )
            with pytest.raises(NetworkError) as caught:  # a code opens once
                network.finish(client=client, credentials=kept, code=back["code"], redirect_uri=self.BACK)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "code_refused")
        access = datetime.fromisoformat(tea.credentials[ACCESS_UNTIL])
        refresh = datetime.fromisoformat(tea.credentials[REFRESH_UNTIL])
        assert timedelta(days=59) < access - datetime.now(UTC) <= timedelta(days=60)
        assert timedelta(days=364) < refresh - datetime.now(UTC) <= timedelta(days=365)

    def test_tokens_are_made_anew(self, practice: Practice, clock: Moving) -> None:
        network, address, kept = self.begin(practice)
        code = self.allowed(address)["code"]
        with httpx.Client() as client:
            account = network.finish(client=client, credentials=kept, code=code, redirect_uri=self.BACK)[1]
            clock.ahead = timedelta(days=61)
            with pytest.raises(NetworkError) as caught:
                network.account_readings(client=client, credentials=account.credentials)
            assert caught.value.params["their_code"] == "EXPIRED_ACCESS_TOKEN"
            fresh = network.refresh(client=client, credentials=account.credentials)
            assert set(fresh) >= set(account.credentials)
            assert fresh["access_token"] != account.credentials["access_token"]
            assert network.account_readings(client=client, credentials=fresh)
            clock.ahead = timedelta(days=366)
            with pytest.raises(NetworkError) as caught:
                network.refresh(client=client, credentials=fresh)
            assert caught.value.kind is Kind.RECONNECT

    def test_without_a_refresh_token_the_person_comes_again(self, practice: Practice) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/accessToken"):
                headers = {"Date": "Sun, 22 Nov 2026 10:00:00 GMT"}
                return httpx.Response(
                    200, json={"access_token": "t0ken", "expires_in": 5_184_000}, headers=headers
                )
            if request.url.path.endswith("/userinfo"):
                return httpx.Response(200, json={"sub": "abc", "name": "Олена"})
            return httpx.Response(403, json={"status": 403, "code": "ACCESS_DENIED", "message": "no"})

        network, _, kept = self.begin(practice)
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            (account,) = network.finish(client=client, credentials=kept, code="c", redirect_uri=self.BACK)
            assert account.credentials[ACCESS_UNTIL] == "2027-01-21T10:00:00+00:00"
            assert account.credentials[REFRESH_UNTIL] == account.credentials[ACCESS_UNTIL]
            with pytest.raises(NetworkError) as caught:
                network.refresh(client=client, credentials=account.credentials)
        assert caught.value.kind is Kind.RECONNECT

    def test_cancelled_wrong_scope_and_wrong_app(self, practice: Practice) -> None:
        network, address, kept = self.begin(practice)
        assert self.allowed(address, do="cancel")["error"] == "user_cancelled_authorize"
        _, greedy, _ = self.begin(practice, scope="r_member_social")
        assert httpx.get(greedy).headers["location"].startswith(f"{self.BACK}?error=unauthorized_scope_error")
        code = self.allowed(address)["code"]
        with httpx.Client() as client, pytest.raises(NetworkError) as caught:
            network.finish(
                client=client,
                credentials={**kept, "client_secret": "guessed-it"},
                code=code,
                redirect_uri=self.BACK,
            )
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "app_refused")
        assert "guessed-it" not in str(caught.value.params)
        with httpx.Client() as client, pytest.raises(NetworkError) as caught:
            network.authorization(client=client, credentials={}, redirect_uri=self.BACK, state="s")
        assert caught.value.params == {"field": "client_id"}
