"""What every network must keep, whichever it is. Inherit once per network; declared capabilities choose the tests.

A subclass names the network, and for one with an API gives a ``world``: a real (or practice) server with an account.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import httpx
import pytest
from PIL import Image

from spilno.toolkit.language.counting import length
from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import (
    Account,
    Connects,
    ConnectsByOAuth,
    Deletes,
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
    Verdict,
    can,
)
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.http import secrets_of
from spilno.toolkit.networks.words import OURS

from . import faulty
from .bad_input import BadInput, needs

LANGUAGES = {"uk", "en", "ru"}
METRICS = {
    "likes", "reposts", "replies", "quotes", "reactions", "reach", "impressions", "clicks", "shares", "saves",
    "follows", "profile_visits", "followers", "members",
}  # fmt: skip
LOST = [
    pytest.param({"after": faulty.lost_after}, id="timeout"),
    pytest.param({"after": faulty.reset_after}, id="reset"),
    pytest.param({"after": faulty.status_after(502)}, id="502"),
    pytest.param({"after": faulty.status_after(200)}, id="page-instead-of-json"),
    pytest.param({"after": faulty.status_after(200, b"[]")}, id="not-the-answer"),
    pytest.param({"after": faulty.status_after(200, b" " * 3_000_000)}, id="huge"),
    pytest.param({"after": faulty.status_after(400)}, id="page-400"),
    pytest.param({"after": faulty.status_after(404)}, id="page-404"),
]
"""What happens to an answer after the network has acted."""
SECRET_NAME = re.compile(r"token|password|secret")


@dataclass
class World:
    """A server to try a network on.

    ``typed``: what a person types to connect. ``wrong``: the same with a secret that is not accepted. ``count``: how
    many posts others can see, asked without the connector. ``harmless``: paths of requests that change something
    but publish nothing (signing in). ``picture``: turns a file into one that the network can take. ``counters``:
    names in answers that hold numbers, beside the declared metrics. ``secret_in_address``: the network leaves no other
    place for a token. ``has_page``: its accounts have an address that a browser opens. ``taken_back``: credentials as
    they are once the network accepts their secrets no longer (by default those of ``wrong`` stand in their place).
    """

    typed: dict[str, str]
    wrong: dict[str, str]
    count: Callable[[], int]
    harmless: tuple[str, ...] = ()
    picture: Callable[[MediaFile], MediaFile] = field(default=lambda one: one)
    counters: tuple[str, ...] = ()
    secret_in_address: bool = False
    has_page: bool = True
    taken_back: Callable[[dict[str, str]], dict[str, str]] = field(default=dict)

    def __post_init__(self) -> None:
        if self.taken_back is dict:
            other = {key: value for key, value in self.wrong.items() if value != self.typed.get(key)}
            self.taken_back = lambda credentials: credentials | other


@dataclass
class Bench:
    """A network connected to its world."""

    network: Any
    world: World
    account: Account

    @property
    def credentials(self) -> dict[str, str]:
        return dict(self.account.credentials)

    def client(self, **fault: Any) -> httpx.Client:
        """A client; with ``before`` or ``after``, that happens to every publishing request."""
        fault.setdefault("wanted", faulty.changes(self.world.harmless))
        return httpx.Client(transport=faulty.Faulty(**fault), timeout=20)

    def prepare(self, post: Outgoing, so_far: Prepared | None = None) -> Prepared:
        with self.client() as client:
            return self.network.prepare(
                client=client, credentials=self.credentials, post=post, so_far=so_far or Prepared()
            )

    def commit(self, post: Outgoing, prepared: Prepared, **fault: Any) -> Any:
        with self.client(**fault) as client:
            return self.network.commit(
                client=client, credentials=self.credentials, post=post, prepared=prepared
            )

    def find(self, post: Outgoing, prepared: Prepared) -> Any:
        with self.client() as client:
            return self.network.find(
                client=client,
                credentials=self.credentials,
                post=post,
                prepared=prepared,
                not_before=datetime.now(UTC) - timedelta(seconds=30),
            )


class NetworkContract(BadInput):
    """Inherit as ``class TestName(NetworkContract): network_key = "name"``."""

    network_key: ClassVar[str]
    speaks_http: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        network = get(cls.network_key)
        for name in dir(cls):
            test = getattr(cls, name)
            no_http = getattr(test, "needs_http", False) and (network.by_hand or not cls.speaks_http)
            if no_http or not all(can(network, one) for one in getattr(test, "needs", ())):
                setattr(cls, name, None)

    # ------------------------------------------------------------------------------------------ fixtures

    @pytest.fixture
    def network(self) -> Any:
        return get(self.network_key)

    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError("a network with an API needs a world to be tried in")

    @pytest.fixture
    def bench(self, network: Any, world: World) -> Bench:
        with httpx.Client(transport=faulty.Faulty(), timeout=20) as client:
            return Bench(network, world, network.connect(client=client, credentials=world.typed))

    @pytest.fixture
    def image(self, world: World, tmp_path: Any) -> MediaFile:
        path = tmp_path / "книги.jpg"
        Image.new("RGB", (1080, 1080), (200, 90, 40)).save(path, "JPEG")
        return world.picture(
            MediaFile(path, "image/jpeg", path.stat().st_size, 1080, 1080, alt="Стос паперових книжок")
        )

    @pytest.fixture
    def posts(self, network: Network, image: MediaFile) -> list[Outgoing]:
        """One post for each placement and shape that the API takes."""
        made = []
        for place in network.placements:
            if place.once is Once.HAND:
                continue
            text = (
                f"Приходьте на книжковий ярмарок! 📚 #книги {uuid.uuid4().hex}" if place.text_allowed else ""
            )
            key = str(uuid.uuid4())
            if not place.media_required:
                made.append(Outgoing(key, place.key, text, link="https://example.org/ярмарок", language="uk"))
            if "image" in place.media_allowed:
                link = "" if place.link_by_hand else "https://example.org/ярмарок"
                made.append(Outgoing(f"{key}-i", place.key, text, (image,), link, "uk"))
        assert made
        return made

    # ------------------------------------------------------------------------------------------ declared data

    def test_every_label_is_in_three_languages(self, network: Network) -> None:
        texts = [network.label, *(place.label for place in network.placements)]
        for one in network.credential_fields:
            texts += [one.label, one.help]
        if network.look_here or not network.by_hand:
            texts.append(network.look_here)
        for text in texts:
            assert set(text) == LANGUAGES
            assert all(value.strip() for value in text.values())

    def test_mark_and_documentation(self, network: Network) -> None:
        assert network.key == self.network_key
        assert len(network.short) == 2
        assert network.color.startswith("oklch(")
        assert network.docs.startswith("https://")
        assert network.audience_metric in METRICS

    def test_placements_have_dated_text_limits_with_a_source(self, network: Network) -> None:
        assert network.placements
        assert len({place.key for place in network.placements}) == len(network.placements)
        for place in network.placements:
            assert "text" in {one.key for one in place.limits}
            assert len({one.key for one in place.limits}) == len(place.limits)
            for one in place.limits:
                assert one.source == OURS or one.source.startswith("https://")
                assert one.checked_on.year >= 2026
                assert one.unit

    def test_way_of_publishing_fits_the_capabilities(self, network: Network) -> None:
        for place in network.placements:
            if network.by_hand:
                assert place.once is Once.HAND
            if place.once is Once.LOOKUP:
                assert can(network, Finds)
            if place.once is not Once.HAND:
                assert can(network, Publishes)
        if network.by_hand:
            assert not can(network, Publishes)
        else:
            assert can(network, Connects) or can(network, ConnectsByOAuth)

    def test_credential_fields_flag_their_secrets(self, network: Network) -> None:
        for one in network.credential_fields:
            assert one.secret == bool(SECRET_NAME.search(one.key)), one.key
            if one.secret:
                assert one.kind == "password"
                assert not one.default

    def test_metrics_are_ours(self, network: Network) -> None:
        assert set(network.metrics.values()) <= METRICS
        if can(network, ReadsInsights):
            assert network.audience_metric in network.metrics.values()

    def test_the_check_counts_as_the_placement_says(self, network: Network) -> None:
        for place in network.placements:
            most = place.limit("text")
            if most is None or not place.text_allowed:
                continue
            fits = check(network=network, placement=place.key, text="a" * int(most))
            over = check(network=network, placement=place.key, text="a" * (int(most) + 1))
            assert (fits.length, fits.limit) == (most, most)
            assert "text_too_long" not in {one.code for one in fits.problems}
            assert "text_too_long" in {one.code for one in over.problems}
            assert length("їжак 👍🏽", place.counting) > 0

    # ------------------------------------------------------------------------------------------ connecting

    @needs(Connects)
    def test_connecting_tells_who_we_are(self, bench: Bench) -> None:
        assert bench.account.external_id
        assert bench.account.name
        if bench.world.has_page:
            assert bench.account.url.startswith(("https://", "http://127.0.0.1"))
        else:
            assert bench.account.url == ""
        assert json.loads(json.dumps(bench.account.credentials)) == bench.credentials
        assert all(isinstance(value, str) for value in bench.credentials.values())

    @needs(Connects)
    def test_connecting_again_with_what_was_kept_is_the_same_account(self, bench: Bench) -> None:
        with bench.client() as client:
            again = bench.network.connect(client=client, credentials=bench.credentials)
        assert again.external_id == bench.account.external_id

    @needs(Connects)
    def test_a_wrong_secret_means_reconnect_and_is_not_told(self, network: Any, world: World) -> None:
        client = httpx.Client(transport=faulty.Faulty(), timeout=20)
        with client, pytest.raises(NetworkError) as caught:
            network.connect(client=client, credentials=world.wrong)
        assert caught.value.kind is Kind.RECONNECT
        said = repr(caught.value) + str(caught.value) + json.dumps(caught.value.params, default=str)
        for secret in secrets_of(network, world.wrong):
            assert secret not in said
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    # ------------------------------------------------------------------------------------------ publishing

    @needs(Publishes)
    def test_preparation_is_harmless_and_repeatable(self, bench: Bench, posts: list[Outgoing]) -> None:
        before = bench.world.count()
        for post in posts:
            once = bench.prepare(post)
            again = bench.prepare(post, once)
            anew = bench.prepare(post)
            assert dict(again.data) == dict(once.data)
            assert set(anew.data) == set(once.data)
            kept = json.dumps(dict(once.data))
            assert json.loads(kept) == dict(once.data)
            assert not any(secret in kept for secret in secrets_of(bench.network, bench.credentials))
        assert bench.world.count() == before

    @needs(Publishes)
    def test_committing_twice_is_one_post(self, bench: Bench, posts: list[Outgoing]) -> None:
        before = bench.world.count()
        for number, post in enumerate(posts, 1):
            prepared = bench.prepare(post)
            first = bench.commit(post, prepared)
            assert first.external_id
            if bench.network.placement(post.placement).once is not Once.NONE:
                assert bench.commit(post, prepared).external_id == first.external_id
            assert bench.world.count() == before + number
            kept = json.dumps(dict(first.answer))
            assert not any(secret in kept for secret in secrets_of(bench.network, bench.credentials))

    @needs(Publishes)
    def test_a_key_survives_the_loss_of_what_was_prepared(self, bench: Bench, posts: list[Outgoing]) -> None:
        for post in posts:
            if bench.network.placement(post.placement).once is not Once.KEY:
                continue
            before = bench.world.count()
            first = bench.commit(post, bench.prepare(post))
            second = bench.commit(post, bench.prepare(post))
            assert second.external_id == first.external_id
            assert bench.world.count() == before + 1

    @needs(Publishes)
    def test_committing_is_one_changing_request(self, bench: Bench, posts: list[Outgoing]) -> None:
        for post in posts:
            prepared = bench.prepare(post)
            transport = faulty.Faulty()
            with httpx.Client(transport=transport, timeout=20) as client:
                bench.network.commit(
                    client=client, credentials=bench.credentials, post=post, prepared=prepared
                )
            changing = [one for one in transport.asked if faulty.changes(bench.world.harmless)(one)]
            assert len(changing) == 1, changing
            assert bench.world.secret_in_address or all(
                secret not in str(one.url)
                for one in transport.asked
                for secret in secrets_of(bench.network, bench.credentials)
            )

    @needs(Publishes, Finds)
    @pytest.mark.parametrize("fault", LOST)
    def test_an_answer_lost_after_acceptance(
        self, bench: Bench, posts: list[Outgoing], fault: dict[str, Any]
    ) -> None:
        before = bench.world.count()
        for number, post in enumerate(posts, 1):
            prepared = bench.prepare(post)
            with pytest.raises(NetworkError) as caught:
                bench.commit(post, prepared, **fault)
            assert caught.value.kind is Kind.UNCERTAIN
            sighting = bench.find(post, prepared)
            assert sighting.verdict is Verdict.FOUND
            again = bench.commit(post, prepared)
            assert again.external_id == sighting.published.external_id
            assert bench.world.count() == before + number

    @needs(Publishes, Finds)
    def test_a_request_lost_before_acceptance(self, bench: Bench, posts: list[Outgoing]) -> None:
        before = bench.world.count()
        for number, post in enumerate(posts, 1):
            prepared = bench.prepare(post)
            with pytest.raises(NetworkError) as caught:
                bench.commit(post, prepared, before=faulty.lost_before)
            assert caught.value.kind is Kind.UNCERTAIN
            assert bench.find(post, prepared).verdict is Verdict.ABSENT
            bench.commit(post, prepared)
            assert bench.world.count() == before + number

    @needs(Publishes)
    @pytest.mark.parametrize("fault", LOST)
    def test_an_answer_lost_is_never_a_refusal(
        self, bench: Bench, posts: list[Outgoing], fault: dict[str, Any]
    ) -> None:
        before = bench.world.count()
        for number, post in enumerate(posts, 1):
            with pytest.raises(NetworkError) as caught:
                bench.commit(post, bench.prepare(post), **fault)
            assert caught.value.kind is Kind.UNCERTAIN
            assert bench.world.count() == before + number

    @needs(Publishes)
    def test_nobody_listening_is_safe_to_repeat(self, bench: Bench, posts: list[Outgoing]) -> None:
        for post in posts:
            prepared = bench.prepare(post)
            with pytest.raises(NetworkError) as caught:
                bench.commit(post, prepared, wanted=lambda request: True, before=faulty.refused)
            assert caught.value.kind is Kind.UNREACHABLE

    @needs(Publishes)
    def test_a_rate_limit_says_how_long(self, bench: Bench, posts: list[Outgoing]) -> None:
        post = posts[0]
        prepared = bench.prepare(post)
        headers = {"Retry-After": "30", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared, before=faulty.answering(429, {}, headers))
        assert caught.value.kind is Kind.WAIT
        assert caught.value.params["seconds"] == 30
        assert caught.value.retry_at == datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)

    @needs(Finds)
    def test_what_was_never_sent_is_not_found(self, bench: Bench, posts: list[Outgoing]) -> None:
        for post in posts:
            assert bench.find(post, Prepared()).verdict in (Verdict.ABSENT, Verdict.CANNOT_TELL)
            assert bench.find(post, bench.prepare(post)).verdict is Verdict.ABSENT

    @needs(Finds, Publishes)
    def test_what_was_published_is_found(self, bench: Bench, posts: list[Outgoing]) -> None:
        for post in posts:
            prepared = bench.prepare(post)
            published = bench.commit(post, prepared)
            sighting = bench.find(post, prepared)
            assert sighting.verdict is Verdict.FOUND
            assert sighting.published.external_id == published.external_id

    @needs(Deletes, Publishes)
    def test_deleting_twice_is_no_error(self, bench: Bench, posts: list[Outgoing]) -> None:
        before = bench.world.count()
        published = bench.commit(posts[0], bench.prepare(posts[0]))
        for _ in range(2):
            with bench.client() as client:
                bench.network.delete(
                    client=client, credentials=bench.credentials, external_id=published.external_id
                )
        assert bench.world.count() == before

    # ------------------------------------------------------------------------------------------ reading

    @needs(ReadsInsights, Publishes)
    def test_readings_are_whole_numbers_of_known_metrics(self, bench: Bench, posts: list[Outgoing]) -> None:
        published = bench.commit(posts[0], bench.prepare(posts[0]))
        with bench.client() as client:
            of_post = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
            of_account = bench.network.account_readings(client=client, credentials=bench.credentials)
        for one in (*of_post, *of_account):
            assert one.metric in METRICS
            assert isinstance(one.value, Decimal)
            assert one.value == one.value.to_integral_value() >= 0
        assert len({one.metric for one in of_post}) == len(of_post)
        assert bench.network.audience_metric in {one.metric for one in of_account}

    @needs(ReadsInsights, Publishes)
    def test_a_counter_that_is_not_told_is_not_nought(self, bench: Bench, posts: list[Outgoing]) -> None:
        published = bench.commit(posts[0], bench.prepare(posts[0]))
        silent = faulty.without([*bench.network.metrics, "chunk", *bench.world.counters])
        for ask in (
            lambda client: bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=published.external_id
            ),
            lambda client: bench.network.account_readings(client=client, credentials=bench.credentials),
        ):
            with bench.client(wanted=lambda request: request.method == "GET", after=silent) as client:
                # An answer without its heart may be refused as a whole, but only as "no trustworthy answer".
                assert _readings_or_kind(lambda ask=ask, client=client: ask(client)) in ([], Kind.UNCERTAIN)

    @needs(ReadsConversations, Publishes)
    def test_nobody_has_said_anything_yet(self, bench: Bench, posts: list[Outgoing]) -> None:
        published = bench.commit(posts[0], bench.prepare(posts[0]))
        with bench.client() as client:
            said = bench.network.replies(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
        assert list(said) == []


def _readings_or_kind(ask: Callable[[], Any]) -> Any:
    try:
        return list(ask())
    except NetworkError as error:
        return error.kind


def until_prepared(prepare: Callable[[Prepared], Prepared]) -> tuple[Prepared, list[NetworkError]]:
    """Prepare again and again with what was achieved so far, as the engine does; the errors on the way."""
    so_far, waits = Prepared(), []
    while True:
        try:
            return prepare(so_far), waits
        except NetworkError as error:
            if error.so_far is None:
                raise
            waits.append(error)
            so_far = error.so_far
