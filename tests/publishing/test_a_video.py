"""The whole way of a video: an app registered, a channel connected by consent, handed over unseen, made public once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from spilno.channels import oauth, registration
from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.plan import services as plan
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks import registry
from spilno.toolkit.practice import Practice, start
from tests.publishing.stage import Stage
from tests.toolkit.media.films import film

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "GOCSPX-nobody-may-see-this"


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    with start(seed="video") as server:
        yield server


@pytest.fixture
def practice(running: Practice, settings: Any) -> Practice:
    data = running.state.data
    for kept in ("accounts", "posts", "google"):
        data[kept] = {}
    data["processing_polls"] = 0
    running.faults.clear()
    running.state.add_account(network="youtube", name="books", title="Книги")
    settings.SPILNO_PRACTICE_URL = running.url
    settings.SPILNO_ALLOWED_PRIVATE_HOSTS = (
        *settings.SPILNO_ALLOWED_PRIVATE_HOSTS,
        urlsplit(running.url).netloc,
    )
    return running


@pytest.fixture
def today(stage: Stage) -> Stage:
    stage.clock.at = clock.now()
    return stage


@pytest.fixture
def channel(today: Stage, practice: Practice) -> Channel:
    cast = today.cast
    registration.keep_app(
        workspace=cast.workspace, by=cast.owner, now=today.clock.at, network=registry.get("youtube"),
        values={"client_id": "spilno", "client_secret": SECRET},
    )  # fmt: skip
    url, state = oauth.begin_oauth(
        workspace=cast.workspace, by=cast.owner, now=today.clock.at, network="youtube", name="", purpose="brand",
        credentials={"api_url": practice.google_url}, redirect_uri="https://spilno.example.org/networks/back/",
    )  # fmt: skip
    back = httpx.get(f"{url}&choose=books").headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    user = cast.owner.user
    assert user is not None
    made = oauth.finish_oauth(state=state, code=code, user=user, now=today.clock.at)
    assert isinstance(made, Channel)
    return made


def scheduled(today: Stage, channel: Channel, folder: Path) -> Delivery:
    with film(folder / "ярмарок.mp4").open("rb") as content:
        media = plan.store_media(
            workspace=today.cast.workspace, by=today.cast.owner, now=today.clock.at, name="ярмарок.mp4",
            content=content, alt="Смуга рухається",
        )  # fmt: skip
    return today.delivery(
        channel, due=today.clock.at, text="Ярмарок\n\nПриходьте #книги", placement="video", media=[media]
    )


def public(practice: Practice) -> int:
    return sum(1 for one in practice.state.data["posts"].values() if one["published_at"])


def test_a_video_goes_out_once(today: Stage, channel: Channel, practice: Practice, tmp_path: Path) -> None:
    assert (channel.practice, channel.name) == (True, "Книги")
    delivery = scheduled(today, channel, tmp_path)
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, public(practice)) == (S.PUBLISHED, 1), delivery.error_params
    assert delivery.external_url == f"{practice.url}/youtube/books/{delivery.external_id}"
    records = json.dumps(list(delivery.attempts.values()), default=str)
    assert SECRET not in records
    assert "upload_id" not in records
    assert "upload_token" not in delivery.prepared


@pytest.mark.parametrize(
    "fault",
    ["reset_before", "reset_after", "error_500_before", "error_500_after", "error_400_after"],
)
def test_an_answer_that_got_lost_is_cleared_up_by_itself(
    today: Stage, channel: Channel, practice: Practice, tmp_path: Path, fault: str
) -> None:
    practice.faults.add(fault, "PUT /google/youtube/v3/videos")
    delivery = scheduled(today, channel, tmp_path)
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, public(practice)) == (S.PUBLISHED, 1)
    assert len(practice.state.data["posts"]) == 1


def test_a_video_is_waited_for(today: Stage, channel: Channel, practice: Practice, tmp_path: Path) -> None:
    practice.state.data["processing_polls"] = 4
    delivery = scheduled(today, channel, tmp_path)
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, public(practice)) == (S.PUBLISHED, 1)
    codes = list(delivery.attempts.order_by("number").values_list("code", flat=True))
    assert codes.count("network_media_processing") == 3


def test_a_rejected_video_says_why(
    today: Stage, channel: Channel, practice: Practice, tmp_path: Path
) -> None:
    practice.state.data["google"]["fates"] = ["rejected:copyright"]
    delivery = scheduled(today, channel, tmp_path)
    today.play(until=timedelta(minutes=10))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (S.FAILED, "network_video_rejected")
    assert practice.state.data["posts"] == {}


def test_an_app_without_audit(today: Stage, channel: Channel, practice: Practice, tmp_path: Path) -> None:
    practice.state.data["youtube_unaudited"] = 1
    try:
        delivery = scheduled(today, channel, tmp_path)
        today.play(until=timedelta(minutes=10))
    finally:
        del practice.state.data["youtube_unaudited"]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (S.FAILED, "network_app_unaudited")
    assert public(practice) == 0
