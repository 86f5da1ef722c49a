"""What every network must survive: answers that are none, too late, too long, or of another shape.

Part of the contract. Whatever is answered, a connector gives its result or one :class:`NetworkError` whose code has
words; a publishing request that was answered by anything but the network itself stays uncertain; and "it is not there"
is said only if the network said so.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from spilno.interfaces.web.messages import TEXTS, text_of
from spilno.kernel.errors import UserError
from spilno.toolkit.networks import http as wires
from spilno.toolkit.networks.base import (
    Connects,
    Finds,
    Kind,
    MediaFile,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Prepared,
    Publishes,
    ReadsConversations,
    ReadsInsights,
    ReadsLimits,
    ReadsQuotas,
    Replies,
    Verdict,
    can,
)
from spilno.toolkit.networks.check import check

from . import faulty

if TYPE_CHECKING:
    from .contract import Bench, World

Read = Callable[[httpx.Client], Any]
MOST_NODES = 40
"""Places of one answer that are spoiled one after the other."""
INSTEAD: tuple[Any, ...] = (None, [], {}, "odd", -1, [None], {"": None})


def needs(*capabilities: type, http: bool = False) -> Callable[[Any], Any]:
    """The test is only there for networks that have these capabilities (and speak HTTP, if ``http``)."""

    def mark(test: Any) -> Any:
        test.needs = capabilities
        test.needs_http = http
        return test

    return mark


def in_words(error: NetworkError) -> str:
    """The error as a person reads it."""
    assert f"network_{error.code}" in TEXTS, f"nobody says what {error.code} means"
    text = text_of(UserError(f"network_{error.code}", **error.params))
    assert "%(" not in text
    return text


def reads(bench: Bench, post: Outgoing, prepared: Prepared, external_id: str) -> Iterator[tuple[str, Read]]:
    """Everything that a network can be asked without changing anything."""
    network, credentials = bench.network, bench.credentials
    if can(network, Connects):
        yield "connect", lambda client: network.connect(client=client, credentials=bench.world.typed)
    if can(network, ReadsInsights):
        yield (
            "post_readings",
            lambda client: network.post_readings(
                client=client, credentials=credentials, external_id=external_id
            ),
        )
        yield (
            "account_readings",
            lambda client: network.account_readings(client=client, credentials=credentials),
        )
    if can(network, ReadsConversations):
        yield (
            "replies",
            lambda client: network.replies(client=client, credentials=credentials, external_id=external_id),
        )
    if can(network, ReadsLimits):
        yield (
            "live_limits",
            lambda client: network.live_limits(
                client=client, credentials=credentials, placement=post.placement
            ),
        )
    if can(network, ReadsQuotas):
        yield "live_quotas", lambda client: network.live_quotas(client=client, credentials=credentials)
    if can(network, Finds):
        yield (
            "find",
            lambda client: network.find(
                client=client,
                credentials=credentials,
                post=post,
                prepared=prepared,
                not_before=datetime.now(UTC) - timedelta(minutes=1),
            ),
        )


def recorded(read: Read) -> list[httpx.Response]:
    """The answers that the real server gives."""
    transport = faulty.Recording()
    with httpx.Client(transport=transport, timeout=20) as client:
        read(client)
    return transport.answers


def outcome(read: Read, transport: httpx.BaseTransport) -> Any:
    """What comes of it: a result or a :class:`NetworkError`; anything else fails the test."""
    with httpx.Client(transport=transport, timeout=20) as client:
        try:
            return read(client)
        except NetworkError as error:
            found = error
    in_words(found)
    assert found.__context__ is None or isinstance(found.__context__, NetworkError)
    json.dumps(found.params, default=str)
    return found


def spoiled(data: Any) -> Iterator[Any]:
    """The answer with another shape at one place."""
    places = list(_places(data, ()))
    step = max(1, len(places) // MOST_NODES)
    for number, place in enumerate(places[::step]):
        for shift in range(3):
            yield _with(data, place, INSTEAD[(number + shift) % len(INSTEAD)])


def _places(data: Any, here: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield here
    if isinstance(data, dict | list):
        inside = data.items() if isinstance(data, dict) else enumerate(data[:3])
        for key, value in inside:
            yield from _places(value, (*here, key))


def _with(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    made = copy.deepcopy(data)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


class BadInput:
    """Inherited by the contract."""

    # ------------------------------------------------------------------------------------------ what people give

    def test_a_post_of_nothing_is_told_before(self, network: Network) -> None:
        for place in network.placements:
            found = {one.code for one in check(network=network, placement=place.key, text=" \n").problems}
            assert found & {"text_empty", "media_required"}, place.key

    def test_a_file_that_is_neither_picture_nor_video_is_told_before(
        self, network: Network, tmp_path: Any
    ) -> None:
        odd = MediaFile(tmp_path / "a.exe", "application/x-msdownload", 10)
        for place in network.placements:
            problems = check(network=network, placement=place.key, text="т", media=(odd,)).problems
            assert "media_wrong_type" in {one.code for one in problems}, place.key

    @needs(Publishes)
    def test_a_file_that_is_gone_is_told_and_nothing_is_posted(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        if bench.network.public_media:
            return  # nothing of it is read here: the network fetches it
        before = bench.world.count()
        for post in posts:
            if not post.media:
                continue
            gone = tuple(replace(one, path=one.path.with_name("gone.jpg")) for one in post.media)
            with pytest.raises(NetworkError) as caught:
                bench.commit(
                    replace(post, media=gone), bench.prepare(replace(post, key=f"{post.key}-g", media=gone))
                )
            assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_unreadable")
        assert bench.world.count() == before

    @needs(Publishes)
    def test_a_token_that_was_taken_back_means_reconnect(self, bench: Bench, posts: list[Outgoing]) -> None:
        before = bench.world.count()
        credentials = bench.world.taken_back(bench.credentials)
        prepared = [bench.prepare(one) for one in posts]
        for post, ready in zip(posts, prepared, strict=True):
            with bench.client() as client, pytest.raises(NetworkError) as caught:
                bench.network.commit(client=client, credentials=credentials, post=post, prepared=ready)
            assert caught.value.kind is Kind.RECONNECT
            assert in_words(caught.value)
        assert bench.world.count() == before

    # ------------------------------------------------------------------------------------------ what networks give

    @needs(Publishes, http=True)
    def test_a_publishing_request_answered_badly_stays_uncertain(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        for post in posts:
            prepared = bench.prepare(post)
            for name, answer in faulty.BAD.items():
                with pytest.raises(NetworkError) as caught:
                    bench.commit(post, prepared, before=answer)
                # Nothing that a redirection leads to is the network's: that it did nothing may be believed.
                allowed = (Kind.UNCERTAIN, Kind.PERMANENT) if name == "inside" else (Kind.UNCERTAIN,)
                assert caught.value.kind in allowed, name
                assert in_words(caught.value)
                assert caught.value.__context__ is None or isinstance(caught.value.__context__, NetworkError)

    @needs(Publishes, Replies, http=True)
    def test_an_answer_of_ours_answered_badly_stays_uncertain(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        _, _, external_id = _published(bench, posts)
        changing = faulty.changes(bench.world.harmless)
        for name, answer in faulty.BAD.items():
            transport = faulty.Faulty(wanted=changing, before=answer)
            with (
                httpx.Client(transport=transport, timeout=20) as client,
                pytest.raises(NetworkError) as caught,
            ):
                bench.network.reply(
                    client=client,
                    credentials=bench.credentials,
                    in_reply_to=external_id,
                    text="Так",
                    key="k-1",
                )
            allowed = (Kind.UNCERTAIN, Kind.PERMANENT) if name == "inside" else (Kind.UNCERTAIN,)
            assert caught.value.kind in allowed, name
            assert len([one for one in transport.asked if changing(one)]) == 1, name
            assert in_words(caught.value)

    @needs(Publishes, Replies, http=True)
    def test_nobody_listening_for_an_answer_is_safe_to_repeat(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        _, _, external_id = _published(bench, posts)
        transport = faulty.Faulty(wanted=lambda request: True, before=faulty.refused)
        with httpx.Client(transport=transport, timeout=20) as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=external_id, text="Так", key="k-1"
            )
        assert caught.value.kind is Kind.UNREACHABLE

    @needs(http=True)
    def test_a_question_answered_badly_is_an_error_that_has_words(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        post, prepared, external_id = _published(bench, posts)
        for name, read in reads(bench, post, prepared, external_id):
            absent: list[str] = []
            for number in range(len(recorded(read))):
                for how, answer in faulty.BAD.items():
                    transport = faulty.Faulty(wanted=faulty.nth(number), before=answer)
                    found = outcome(read, transport)
                    if name == "find" and getattr(found, "verdict", None) is Verdict.ABSENT:
                        absent.append(how)
            # One of the two may be what the network says when it has nothing; the other is another shape.
            assert absent in ([], ["list"], ["object"]), (name, absent)

    @needs(Publishes, http=True)
    def test_preparing_answered_badly_is_an_error_that_has_words(
        self, bench: Bench, posts: list[Outgoing]
    ) -> None:
        before = bench.world.count()
        for post in posts:

            def prepare(client: httpx.Client, post: Outgoing = post) -> Any:
                return bench.network.prepare(
                    client=client, credentials=bench.credentials, post=post, so_far=Prepared()
                )

            for number in range(len(recorded(prepare))):
                for answer in faulty.BAD.values():
                    found = outcome(prepare, faulty.Faulty(wanted=faulty.nth(number), before=answer))
                    kept = found if isinstance(found, Prepared) else found.so_far
                    assert kept is None or json.loads(json.dumps(dict(kept.data))) == dict(kept.data)
        assert bench.world.count() == before

    @needs(http=True)
    def test_an_answer_of_another_shape_is_no_crash(
        self, bench: Bench, posts: list[Outgoing], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.CRITICAL)
        post, prepared, external_id = _published(bench, posts)
        for _, read in reads(bench, post, prepared, external_id):
            answers = recorded(read)
            for number, real in enumerate(answers):
                for data in spoiled(json.loads(real.content or b"{}")):
                    changed = httpx.Response(real.status_code, json=data)
                    replay = faulty.Replay([*answers[:number], changed, *answers[number + 1 :]])
                    outcome(read, replay)

    @needs(Connects, http=True)
    def test_a_server_that_is_never_done_is_left_in_time(
        self, network: Any, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wires, "MOST_SECONDS", 0.0)
        with (
            httpx.Client(transport=faulty.Faulty(), timeout=20) as client,
            pytest.raises(NetworkError) as late,
        ):
            network.connect(client=client, credentials=world.typed)
        assert late.value.kind in (Kind.UNCERTAIN, Kind.UNREACHABLE)
        assert in_words(late.value)


def _published(bench: Bench, posts: list[Outgoing]) -> tuple[Outgoing, Prepared, str]:
    if not can(bench.network, Publishes):
        return Outgoing("k", bench.network.placements[0].key, "т"), Prepared(), "1"
    post = next(one for one in posts if bench.network.placement(one.placement).once is not Once.HAND)
    prepared = bench.prepare(post)
    return post, prepared, bench.commit(post, prepared).external_id
