"""What Facebook pages and Instagram share: the login, tokens that are made anew, limits in headers, errors, uploads."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from spilno.toolkit.networks import get, graph
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Account,
    Counts,
    Kind,
    NetworkError,
    Per,
    Quota,
)
from spilno.toolkit.networks.graph_upload import Piece
from spilno.toolkit.networks.http import secrets_of
from spilno.toolkit.practice import Practice

from .graph_world import APP, Moving, clock_, practice_, running_  # noqa: F401

BACK = "https://spilno.example/channels/back/"
NETWORKS = ["facebook_page", "instagram"]


def allowed(
    practice: Practice, network: Any, *, keep: str = "", answer: str = "allow", **app: str
) -> tuple[dict[str, list[str]], Any]:
    """Go through the dialog as a browser does; what the network sent back, and what we kept meanwhile."""
    typed = {"graph_url": practice.graph_url, **APP, **app}
    with httpx.Client() as client:
        url, kept = network.authorization(client=client, credentials=typed, redirect_uri=BACK, state="st&te")
        asked = client.get(url)
        assert asked.status_code == 200, asked.text
        fields = [
            (html.unescape(name), html.unescape(value))
            for name, value in re.findall(
                r'<input type="(?:hidden|checkbox)" name="(.*?)" value="(.*?)"', asked.text
            )
            if name != "account" or keep in ("", value)
        ]
        body: dict[str, Any] = {}
        for name, value in [*fields, ("answer", answer)]:
            body.setdefault(name, []).append(value)
        sent_back = client.post(url, data=body)
    assert sent_back.status_code == 302
    location = sent_back.headers["location"]
    assert location.startswith(BACK)
    return parse_qs(urlsplit(location).query), kept


def finished(practice: Practice, network: Any, **more: Any) -> tuple[Account, ...]:
    query, kept = allowed(practice, network, **more)
    assert query["state"] == ["st&te"]
    with httpx.Client() as client:
        return tuple(
            network.finish(client=client, credentials=kept, code=query["code"][0], redirect_uri=BACK)
        )


# ------------------------------------------------------------------------------------------------ login


@pytest.mark.parametrize("key", NETWORKS)
def test_the_login_gives_an_account_for_every_page(practice: Practice, key: str) -> None:
    network = get(key)
    state = practice.state
    state.add_account(network="facebook", name="second", title="Друга")
    state.add_account(network="instagram", name="alone", title="Сама по собі")
    accounts = finished(practice, network)
    expected = {"facebook_page": {"Книги для всіх", "Друга"}, "instagram": {"@books", "@alone"}}[key]
    assert {one.name for one in accounts} == expected
    assert len({one.external_id for one in accounts}) == 2
    for one in accounts:
        assert one.url.startswith(practice.url)
        assert not set(APP) & set(one.credentials), (
            "the app's secret is kept with the app, not with a channel"
        )
        assert all(isinstance(value, str) for value in one.credentials.values())
        # A page's token does not end by itself; the right to read data does.
        assert ACCESS_UNTIL not in one.credentials
        until = datetime.fromisoformat(one.credentials[REFRESH_UNTIL])
        assert timedelta(days=89) < until - datetime.now(UTC) <= timedelta(days=90)
        hidden = secrets_of(network, one.credentials)
        assert {one.credentials["access_token"], one.credentials["user_token"]} <= set(hidden)
        with httpx.Client() as client:
            again = network.connect(client=client, credentials=one.credentials)  # type: ignore[attr-defined]
        assert (again.external_id, again.name) == (one.external_id, one.name)


@pytest.mark.parametrize("key", NETWORKS)
def test_only_what_was_allowed_comes_back(practice: Practice, key: str) -> None:
    practice.state.add_account(network="facebook", name="second", title="Друга")
    page = practice.state.account_named("facebook", "second")
    assert page is not None
    if key == "facebook_page":
        assert [one.name for one in finished(practice, get(key), keep=page["id"])] == ["Друга"]
        return
    with pytest.raises(NetworkError) as caught:
        finished(practice, get(key), keep=page["id"])
    assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "no_account_behind_token")


def test_the_dialog_asks_for_the_permissions_that_are_declared(practice: Practice) -> None:
    for key in NETWORKS:
        network: Any = get(key)
        with httpx.Client() as client:
            url, _ = network.authorization(
                client=client,
                credentials={"graph_url": practice.graph_url, **APP},
                redirect_uri=BACK,
                state="s",
            )
            shown = client.get(url, headers={"Accept-Language": "en"}).text
        for scope in network.app_scopes:
            assert f"<code>{scope}</code>" in shown
        assert "Practice network" in shown
        assert APP["client_secret"] not in url
    # Without a typed address it is Meta's own dialog.
    with httpx.Client() as client:
        real, _ = network.authorization(client=client, credentials=APP, redirect_uri=BACK, state="s")
    assert real.startswith("https://www.facebook.com/v23.0/dialog/oauth?")


def test_the_app_is_described_to_whoever_registers_it() -> None:
    for key in NETWORKS:
        network = get(key)
        assert [one.key for one in network.app_fields] == ["client_id", "client_secret"]
        assert [one.secret for one in network.app_fields] == [False, True]
        assert network.app_docs.startswith("https://")
        assert len(network.app_steps) >= 4
        for step in (*network.app_steps, *(one.label for one in network.app_fields)):
            assert set(step) == {"uk", "en", "ru"}
            assert all(text.strip() for text in step.values())


def test_saying_no_comes_back_without_a_code(practice: Practice) -> None:
    query, _ = allowed(practice, get("facebook_page"), answer="deny")
    assert query["error"] == ["access_denied"]
    assert "code" not in query


def test_an_app_that_is_unknown_or_has_another_secret(practice: Practice) -> None:
    network: Any = get("facebook_page")
    query, kept = allowed(practice, network, client_secret="another-secret-value")
    with httpx.Client() as client, pytest.raises(NetworkError) as caught:
        network.finish(client=client, credentials=kept, code=query["code"][0], redirect_uri=BACK)
    assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "app_refused")
    assert "another-secret-value" not in json.dumps(caught.value.params)
    assert caught.value.__context__ is None
    typed = {"graph_url": practice.graph_url, **APP, "client_id": "12345"}
    with httpx.Client() as client:
        url, _ = network.authorization(client=client, credentials=typed, redirect_uri=BACK, state="s")
        assert client.get(url).status_code == 400
    for missing in APP:
        with httpx.Client() as client, pytest.raises(NetworkError) as caught:
            network.authorization(
                client=client, credentials={**APP, missing: " "}, redirect_uri=BACK, state="s"
            )
        assert (caught.value.code, caught.value.params["field"]) == ("credentials_missing", missing)


def test_a_code_is_good_once_for_its_own_address_and_not_for_long(practice: Practice, clock: Moving) -> None:
    network: Any = get("facebook_page")

    def refused(back: str = BACK, *, twice: bool = False) -> str:
        query, kept = allowed(practice, network)
        given = {"credentials": kept, "code": query["code"][0]}
        with httpx.Client() as client:
            if twice:
                network.finish(client=client, **given, redirect_uri=BACK)
            clock.ahead += late
            with pytest.raises(NetworkError) as caught:
                network.finish(client=client, **given, redirect_uri=back)
        assert caught.value.kind is Kind.PERMANENT
        return caught.value.code

    late = timedelta()
    assert refused(twice=True) == "code_refused"
    assert refused("https://spilno.example/elsewhere/") == "code_refused"
    late = timedelta(minutes=11)
    assert refused() == "code_refused"


# ------------------------------------------------------------------------------------------------ tokens


@pytest.mark.parametrize("key", NETWORKS)
def test_tokens_are_made_anew_and_nothing_is_lost(practice: Practice, clock: Moving, key: str) -> None:
    network: Any = get(key)
    for account in practice.state.data["accounts"].values():  # an app whose pages' tokens do end
        account["token_until"] = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    (before,) = finished(practice, network)
    assert ACCESS_UNTIL in before.credentials
    clock.ahead = timedelta(days=50)
    for account in practice.state.data["accounts"].values():
        account["token_until"] = (clock() + timedelta(days=60)).isoformat()
    with httpx.Client() as client:
        after = network.refresh(client=client, credentials={**before.credentials, **APP})
    assert set(before.credentials) <= set(after)
    assert all(after.values())
    assert after["user_token"] != before.credentials["user_token"]
    assert after[ACCESS_UNTIL] > before.credentials[ACCESS_UNTIL]
    with httpx.Client() as client:
        assert network.connect(client=client, credentials=after).external_id == before.external_id


def test_tokens_that_ended_ask_to_connect_again(practice: Practice, clock: Moving) -> None:
    network: Any = get("facebook_page")
    (account,) = finished(practice, network)
    clock.ahead = timedelta(days=61)
    with httpx.Client() as client, pytest.raises(NetworkError) as caught:
        network.refresh(client=client, credentials={**account.credentials, **APP})
    assert caught.value.kind is Kind.RECONNECT
    said = repr(caught.value) + json.dumps(caught.value.params)
    assert account.credentials["user_token"] not in said


def test_a_typed_token_is_not_made_anew_and_says_when_it_ends(practice: Practice) -> None:
    network: Any = get("facebook_page")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    for one in practice.state.data["accounts"].values():
        one["token_until"] = until.isoformat()
    typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
    with httpx.Client() as client:
        account = network.connect(client=client, credentials=typed)
        assert account.credentials[ACCESS_UNTIL] == account.credentials[REFRESH_UNTIL] == until.isoformat()
        with pytest.raises(NetworkError) as caught:
            network.refresh(client=client, credentials={**account.credentials, **APP})
    assert caught.value.code == "credentials_missing"


# ------------------------------------------------------------------------------------------------ limits


def test_what_is_left_stands_in_the_headers_of_every_answer(practice: Practice) -> None:
    practice.state.data["calls_an_hour"] = 10
    network = get("facebook_page")
    typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
    seen = []
    with httpx.Client() as client:
        way = graph.wire(network, client, typed)
        for _ in range(10):
            seen.append({one.key: one for one in network.quotas(way.get("/me").headers)})
        with pytest.raises(NetworkError) as caught:
            way.get("/me")
    assert [one["app_usage"].left for one in seen] == [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]
    assert {name: one.per for name, one in seen[0].items()} == {
        "app_usage": Per.APP, "page_usage": Per.CHANNEL, "business_usage": Per.CHANNEL,
    }  # fmt: skip
    assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "rate_limited")
    assert 0 < caught.value.params["seconds"] <= 3600


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ()),
        ({"X-App-Usage": "?"}, ()),
        ({"X-App-Usage": "[]", "X-Business-Use-Case-Usage": '{"1": 2, "2": [3, {}]}'}, ()),
        (
            {"X-App-Usage": '{"call_count": 28, "total_time": 25, "total_cputime": 31}'},
            (Quota("app_usage", 69, 100, None, Per.APP, Counts.REQUEST),),
        ),
        ({"X-Page-Usage": '{"call_count": 130}'}, (Quota("page_usage", 0, 100),)),
        (
            {
                "X-Business-Use-Case-Usage": json.dumps(
                    {
                        "1": [{"type": "pages", "call_count": 40, "total_time": 1, "total_cputime": 1}],
                        "2": [{"call_count": 100, "estimated_time_to_regain_access": 12}],
                    }
                )
            },
            (Quota("business_usage", 0, 100, 720.0),),
        ),
    ],
)
def test_usage_headers(headers: dict[str, str], expected: tuple[Quota, ...]) -> None:
    for key in NETWORKS:
        assert get(key).quotas(httpx.Headers(headers)) == expected


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("code", "subcode", "kind", "ours"),
    [
        (190, 463, Kind.RECONNECT, ""),
        (4, 0, Kind.WAIT, ""),
        (17, 0, Kind.WAIT, ""),
        (32, 0, Kind.WAIT, ""),
        (613, 0, Kind.WAIT, ""),
        (80001, 0, Kind.WAIT, ""),
        (9, 2207042, Kind.WAIT, ""),
        (4, 2207051, Kind.PERMANENT, "account_blocked"),
        (9007, 2207027, Kind.WAIT, "media_processing"),
        (9004, 2207052, Kind.PERMANENT, "media_unreachable"),
        (-2, 2207003, Kind.PERMANENT, "media_unreachable"),
        (-2, 2207020, Kind.UNCERTAIN, ""),
        (1, 0, Kind.UNCERTAIN, ""),
        (2, 0, Kind.UNCERTAIN, ""),
        (100, 33, Kind.PERMANENT, "not_found"),
        (803, 0, Kind.PERMANENT, "not_found"),
        (10, 0, Kind.PERMANENT, "forbidden"),
        (200, 0, Kind.PERMANENT, "forbidden"),
        (506, 1455006, Kind.PERMANENT, "duplicate_post"),
        (36000, 2207004, Kind.PERMANENT, "media_too_large"),
        (36001, 2207005, Kind.PERMANENT, "media_wrong_format"),
        (352, 2207026, Kind.PERMANENT, "media_wrong_format"),
        (36003, 2207009, Kind.PERMANENT, "media_wrong_shape"),
        (100, 1363023, Kind.PERMANENT, "media_too_large"),
        (100, 36009, Kind.PERMANENT, "code_refused"),
        (100, 0, Kind.PERMANENT, ""),
    ],
)
def test_errors_are_what_they_mean(code: int, subcode: int, kind: Kind, ours: str) -> None:
    error: dict[str, Any] = {"message": "why", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
    if subcode:
        error["error_subcode"] = subcode
    found = graph.explain(400, {"error": error}, httpx.Headers())
    assert (found.kind, found.ours, found.message) == (kind, ours, "why")


def test_the_same_again_is_refused_by_graph_itself(practice: Practice) -> None:
    network = get("facebook_page")
    page = practice.state.account_named("facebook", "books")
    assert page is not None
    typed = {"access_token": "practice-books", "graph_url": practice.graph_url}
    with httpx.Client() as client:
        way = graph.wire(network, client, typed)
        way.post(f"/{page['id']}/feed", json={"message": "Двічі"})
        with pytest.raises(NetworkError) as caught:
            way.post(f"/{page['id']}/feed", json={"message": "Двічі"})
    assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "duplicate_post")
    assert caught.value.params["their_code"] == "506.1455006"


# ------------------------------------------------------------------------------------------------ uploads


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        ("https://rupload.facebook.com/video-upload/v23.0/1", True),
        ("http://rupload.facebook.com/video-upload/v23.0/1", False),
        ("https://rupload.facebook.com.evil.example/1", False),
        ("https://evil.example/rupload.facebook.com", False),
        ("http://127.0.0.1/1", False),
        (None, False),
        ("http://[", False),
    ],
)
def test_a_file_and_its_token_go_to_meta_alone(told: Any, believed: bool) -> None:
    if believed:
        assert graph.upload_address(graph.GRAPH, told) == told
        return
    with pytest.raises(NetworkError) as caught:
        graph.upload_address(graph.GRAPH, told)
    assert (caught.value.kind, caught.value.code) == (Kind.UNCERTAIN, "unexpected_answer")


def test_a_stand_in_takes_the_files_itself() -> None:
    here = "http://127.0.0.1:8100/graph/v23.0"
    assert graph.upload_address(here, "http://127.0.0.1:8100/graph/rupload/video-upload/v23.0/1")
    for other in ("http://127.0.0.1:8101/x", "https://127.0.0.1:8100/x", "https://rupload.facebook.com/x"):
        with pytest.raises(NetworkError):
            graph.upload_address(here, other)


def test_hosts_of_meta() -> None:
    assert graph.elsewhere(graph.GRAPH, "graph-video") == "https://graph-video.facebook.com/v23.0"
    assert graph.dialog(graph.GRAPH) == "https://www.facebook.com/v23.0/dialog/oauth"
    assert graph.dialog("http://127.0.0.1:1/graph/v23.0") == "http://127.0.0.1:1/graph/v23.0/dialog/oauth"


def test_a_part_of_a_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        part = Piece(file, 10, 30)
        assert part.seek(0, 2) == 20
        assert part.seek(-5, 1) == 15
        assert part.read() == bytes(range(25, 30))
        part.seek(0)
        assert (part.read(7), part.tell(), part.read(-1)) == (bytes(range(10, 17)), 7, bytes(range(17, 30)))
        assert part.read(5) == b""
