"""The practice network as a server: what it keeps, what it shows, what it refuses, and how it is told to fail."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spilno.toolkit.practice import Practice, State, start
from spilno.toolkit.practice.__main__ import main
from spilno.toolkit.practice.graph import split_fields

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def picture(width: int = 1080, height: int = 1080, form: str = "JPEG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), (30, 120, 90)).save(content, form)
    return content.getvalue()


@pytest.fixture
def practice() -> Iterator[Practice]:
    with start(seed="server", clock=lambda: NOW) as running:
        running.state.add_account(network="instagram", name="books", title="Книги")
        running.state.add_account(network="facebook", name="books", title="Книги для всіх")
        yield running


@pytest.fixture
def web(practice: Practice) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=practice.url, timeout=10) as client:
        yield client


def graph(practice: Practice, method: str, path: str, token: str = "practice-books", **kwargs: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if "content" in kwargs:
        headers["Content-Type"] = "application/json"
    return httpx.request(method, f"{practice.graph_url}{path}", headers=headers, timeout=10, **kwargs)


def code(answer: httpx.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(error)
    return error["code"], error.get("error_subcode")


# ------------------------------------------------------------------------------------------ what it keeps


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    file = tmp_path / "state" / "practice.json"
    with start(state=file, seed="first", clock=lambda: NOW) as one:
        account = one.state.add_account(network="instagram", name="books", followers=3000)
        shot = one.state.add_picture(picture())
        one.state.add_post(
            account=account, text="Було", pictures=(shot["id"],), published_at=NOW - timedelta(days=3)
        )
        before = httpx.get(f"{one.url}/instagram/books").text.replace(one.url, "")
    with start(state=file, seed="another", clock=lambda: NOW) as two:
        assert two.state.seed == "first"  # counters must not jump because somebody started it otherwise
        assert httpx.get(f"{two.url}/instagram/books").text.replace(two.url, "") == before
        assert httpx.get(f"{two.url}/pictures/{shot['id']}").content == picture()


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "practice.json"
    state = State(file)
    state.add_account(network="facebook", name="one")
    before = file.read_text("utf-8")

    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        state.add_account(network="facebook", name="two")
    assert file.read_text("utf-8") == before
    assert [one.name for one in tmp_path.iterdir()] == ["practice.json"]


def test_an_account_is_added_once() -> None:
    state = State()
    first = state.add_account(network="instagram", name="books", followers=10)
    assert state.add_account(network="instagram", name="books", followers=99) == first
    with pytest.raises(ValueError, match="no practice network"):
        state.add_account(network="orkut", name="books")
    state.close()


# ------------------------------------------------------------------------------------------ what it shows


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("uk", "Навчальна мережа — тут нічого не публікується насправді"),
        ("en", "Practice network — nothing here is public"),
        ("ru", "Учебная сеть — здесь ничего не публикуется на самом деле"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/instagram/books", "/facebook/books", "/instagram/nobody"])
def test_every_page_says_what_it_is(web: httpx.Client, path: str, language: str, said: str) -> None:
    for ask in ({"params": {"lang": language}}, {"headers": {"Accept-Language": f"fr, {language};q=0.8"}}):
        answer = web.get(path, **ask)  # type: ignore[arg-type]
        assert said in answer.text
        assert f'<html lang="{language}">' in answer.text
        assert "<script" not in answer.text
        assert not re.search(r'(src|href)="(https?:)?//', answer.text)  # self-contained
        assert "width=device-width" in answer.text
    assert answer.status_code == (404 if "nobody" in path else 200)


def test_an_account_says_how_it_is_connected(practice: Practice, web: httpx.Client) -> None:
    shown = web.get("/instagram/books?lang=en").text
    assert f"address <code>{practice.graph_url}</code>, token <code>practice-books</code>" in shown


def test_what_was_posted_is_shown_and_nothing_else_is_done_with_it(
    practice: Practice, web: httpx.Client
) -> None:
    state = practice.state
    page = state.account_named("facebook", "books")
    gram = state.account_named("instagram", "books")
    assert page
    assert gram
    shot = state.add_picture(picture())
    text = "<script>alert(1)</script> & “книги”"
    post = state.add_post(
        account=page, text=text, link="javascript:alert(1)", published_at=NOW - timedelta(days=2)
    )
    state.add_post(account=page, text="Ще не видно", published=False)
    state.add_post(account=gram, kind="story", pictures=(shot["id"],), published_at=NOW - timedelta(hours=2))
    old = state.add_post(
        account=gram, kind="story", pictures=(shot["id"],), published_at=NOW - timedelta(hours=30)
    )
    shown = web.get("/facebook/books").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; “книги”" in shown
    assert "<script" not in shown
    assert "javascript:" not in shown
    assert "Ще не видно" not in shown
    assert "20.11.2026 12:00 UTC" in shown
    assert web.get(f"/facebook/books/{post['id']}").status_code == 200
    assert web.get(f"/instagram/books/{post['id']}").status_code == 404
    stories = web.get("/instagram/books?lang=en").text
    assert stories.count('<li class="running">') == 1
    assert stories.count('<li class="over">') == 1
    assert web.get(f"/instagram/books/{old['id']}").status_code == 200
    assert web.get(f"/pictures/{shot['id']}").headers["content-type"] == "image/jpeg"
    assert web.get("/pictures/../practice.json").status_code == 404


def test_an_empty_network_says_what_to_do() -> None:
    with start(seed="empty") as running:
        assert "--instagram" in httpx.get(running.url).text


# ------------------------------------------------------------------------------------------ what it refuses


def test_tokens(practice: Practice) -> None:
    assert code(graph(practice, "GET", "/me", token="")) == (104, None)
    assert code(graph(practice, "GET", "/me", token="practice-nobody")) == (190, 460)
    by_address = httpx.get(f"{practice.graph_url}/me", params={"access_token": "practice-books"})
    assert by_address.json()["name"] == "Книги для всіх"
    other = practice.state.add_account(network="facebook", name="other")
    assert code(graph(practice, "GET", f"/{other['id']}")) == (100, 33)


def test_requests_that_graph_does_not_know(practice: Practice) -> None:
    gram = practice.state.account_named("instagram", "books")
    assert gram
    assert code(graph(practice, "GET", f"/{gram['id']}?fields=shoe_size")) == (100, None)
    assert code(graph(practice, "GET", f"/{gram['id']}/shoes")) == (100, 33)
    assert code(graph(practice, "POST", f"/{gram['id']}/media", content=b"{")) == (100, None)
    assert code(graph(practice, "GET", "/")) == (100, None)


@pytest.mark.parametrize(
    ("content", "more", "expected"),
    [
        (picture(600, 1200), {}, (36003, 2207009)),
        (picture(1200, 600), {}, (36003, 2207009)),
        (picture(form="PNG"), {}, (36001, 2207005)),
        (b"not a picture", {}, (36001, 2207005)),
        (picture(200, 200), {}, (36003, 2207009)),
        (picture(), {"caption": "а" * 2201}, (36004, 2207010)),
        (picture(), {"caption": "#а " * 31}, (36004, 2207040)),
        (picture(), {"media_type": "REELS"}, (100, None)),
        (picture(), {"image_url": ""}, (100, None)),
        (picture(), {"image_url": "file:///etc/passwd"}, (9004, 2207052)),
        (picture(), {"image_url": "http://127.0.0.1:1/a.jpg"}, (9004, 2207052)),
    ],
)
def test_containers_that_are_refused(
    practice: Practice, content: bytes, more: dict[str, str], expected: tuple[int, int | None], tmp_path: Path
) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    (tmp_path / "a.jpg").write_bytes(content)
    gram = practice.state.account_named("instagram", "books")
    assert gram
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    Thread(target=files.serve_forever, args=(0.01,), daemon=True).start()
    try:
        body = {"image_url": f"http://127.0.0.1:{files.server_port}/a.jpg", **more}
        assert code(graph(practice, "POST", f"/{gram['id']}/media", json=body)) == expected
    finally:
        files.shutdown()
        files.server_close()
    assert practice.state.data["containers"] == {}


def test_a_hundred_posts_a_day(practice: Practice) -> None:
    gram = practice.state.account_named("instagram", "books")
    assert gram
    shot = practice.state.add_picture(picture())
    for hour in range(100):
        practice.state.add_post(
            account=gram, pictures=(shot["id"],), published_at=NOW - timedelta(minutes=hour)
        )
    body = {"image_url": f"{practice.url}/pictures/{shot['id']}"}
    container = graph(practice, "POST", f"/{gram['id']}/media", json=body).json()["id"]
    answer = graph(practice, "POST", f"/{gram['id']}/media_publish", json={"creation_id": container})
    assert code(answer) == (9, 2207042)


def test_a_container_is_published_once(practice: Practice) -> None:
    gram = practice.state.account_named("instagram", "books")
    assert gram
    shot = practice.state.add_picture(picture())
    body = {"image_url": f"{practice.url}/pictures/{shot['id']}"}
    container = graph(practice, "POST", f"/{gram['id']}/media", json=body).json()["id"]
    publish = {"creation_id": container}
    assert graph(practice, "POST", f"/{gram['id']}/media_publish", json=publish).status_code == 200
    assert graph(practice, "POST", f"/{gram['id']}/media_publish", json=publish).status_code == 400
    assert len(practice.state.posts_of(gram)) == 1
    unknown = graph(practice, "POST", f"/{gram['id']}/media_publish", json={"creation_id": "1"})
    assert code(unknown) == (24, 2207006)


def test_a_page_takes_form_json_and_upload(practice: Practice) -> None:
    page = practice.state.account_named("facebook", "books")
    assert page
    photo = graph(
        practice,
        "POST",
        f"/{page['id']}/photos",
        data={"published": "false"},
        files={"source": ("a.png", picture(form="PNG"), "image/png")},
    ).json()["id"]
    attached = json.dumps([{"media_fbid": photo}])
    made = graph(
        practice, "POST", f"/{page['id']}/feed", data={"message": "Раз", "attached_media": attached}
    ).json()
    fields = "message,is_published,full_picture,permalink_url,comments.limit(0).summary(total_count)"
    seen = graph(practice, "GET", f"/{made['id']}?fields={fields}").json()
    assert seen["is_published"] is True
    assert httpx.get(seen["full_picture"]).content == picture(form="PNG")
    assert "Раз" in httpx.get(seen["permalink_url"]).text
    assert seen["comments"]["summary"] == {"total_count": 0}
    assert code(graph(practice, "POST", f"/{page['id']}/feed", json={})) == (100, None)
    strange = {"message": "x", "attached_media": [{"media_fbid": "1"}]}
    assert code(graph(practice, "POST", f"/{page['id']}/feed", json=strange)) == (100, None)
    assert code(graph(practice, "POST", f"/{page['id']}/photos", json={})) == (324, None)
    assert code(graph(practice, "GET", f"/{made['id']}/insights?metric=shoes")) == (100, None)
    assert code(graph(practice, "GET", f"/{made['id']}/insights")) == (100, None)


def test_fields_are_read_as_graph_reads_them() -> None:
    assert split_fields("a,b{c,d{e}},f.limit(0).summary(x,y),g") == {
        "a": "",
        "b": "c,d{e}",
        "f": "limit(0).summary(x,y)",
        "g": "",
    }


# ------------------------------------------------------------------------------------------ control


def test_control_adds_accounts_and_posts_of_the_past(practice: Practice, web: httpx.Client) -> None:
    since = (NOW - timedelta(days=60)).isoformat()
    account = web.post(
        "/control/accounts",
        json={"network": "instagram", "name": "old", "title": "Давня", "followers": 5000, "since": since},
    ).json()
    assert account["token"] == "practice-old"
    body = {
        "network": "instagram",
        "name": "old",
        "text": "У травні",
        "published_at": (NOW - timedelta(days=30)).isoformat(),
        "picture": base64.b64encode(picture()).decode(),
    }
    post = web.post("/control/posts", json=body).json()
    path = f"/{post['id']}/insights?metric=reach,likes"
    values = {
        one["name"]: one["values"][0]["value"]
        for one in graph(practice, "GET", path, token="practice-old").json()["data"]
    }
    assert values["reach"] > values["likes"] > 10
    followers = graph(
        practice, "GET", f"/{account['id']}?fields=followers_count", token="practice-old"
    ).json()
    assert followers["followers_count"] > 5000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/accounts", {"network": "orkut", "name": "x"}),
        ("/control/accounts", {"network": "facebook"}),
        ("/control/posts", {"network": "facebook", "name": "nobody"}),
        ("/control/posts", {"network": "facebook", "name": "books", "published_at": "2026-11-01T10:00"}),
        ("/control/posts", {"network": "facebook", "name": "books", "picture": "!!!"}),
        ("/control/posts", {"network": "facebook", "name": "books", "picture": "aGVsbG8="}),
        ("/control/faults", {"kind": "earthquake"}),
        ("/control/faults", {"kind": "reset_after", "match": "("}),
        ("/control/faults", []),
    ],
)
def test_control_says_what_is_wrong(web: httpx.Client, path: str, body: Any) -> None:
    answer = web.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_faults_wait_for_their_request_and_are_over_then(practice: Practice, web: httpx.Client) -> None:
    rule = {"kind": "error_500_before", "match": "POST .*/feed", "times": 2}
    web.post("/control/faults", json=rule).raise_for_status()
    page = practice.state.account_named("facebook", "books")
    assert page
    assert graph(practice, "GET", f"/{page['id']}").status_code == 200
    statuses = [
        graph(practice, "POST", f"/{page['id']}/feed", json={"message": "x"}).status_code for _ in range(3)
    ]
    assert statuses == [500, 500, 200]
    assert len(web.request("DELETE", "/control/faults").json()["happened"]) == 2
    assert web.get("/").status_code == 200  # its own pages never fail by script


def test_a_revoked_token_can_be_given_back(practice: Practice, web: httpx.Client) -> None:
    body = {"network": "facebook", "name": "books"}
    web.post("/control/accounts/revoke", json=body).raise_for_status()
    web.post("/control/accounts/revoke", json={**body, "network": "instagram"}).raise_for_status()
    assert graph(practice, "GET", "/me").status_code == 401
    web.post("/control/accounts/revoke", json={**body, "revoked": False}).raise_for_status()
    assert graph(practice, "GET", "/me").status_code == 200


def test_without_control_there_is_none() -> None:
    with start(with_control=False) as running:
        answer = httpx.post(f"{running.url}/control/accounts", json={"network": "facebook", "name": "x"})
        assert answer.status_code in (404, 405)
        assert running.state.data["accounts"] == {}


# ------------------------------------------------------------------------------------------ the process


def test_the_process_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spilno.toolkit.practice", "--port", str(port)]
    file = tmp_path / "practice.json"
    source = str(Path(__file__).parents[3] / "src")
    process = subprocess.Popen(
        [*command, "--state", str(file), "--seed", "s", "--instagram", "books", "--facebook", "books"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        with httpx.Client(
            transport=httpx.HTTPTransport(retries=5), base_url=f"http://127.0.0.1:{port}"
        ) as client:
            me = client.get("/graph/v23.0/me", headers={"Authorization": "Bearer practice-books"})
            assert me.json()["name"] == "books"
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    kept = json.loads(file.read_text("utf-8"))["accounts"]
    assert {one["network"] for one in kept.values()} == {"instagram", "facebook"}
    assert me.json()["id"] in kept


def test_a_file_that_is_no_state_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "practice.json"
    file.write_text("not json")
    assert main(["--port", "1", "--state", str(file)]) == 2
    assert capsys.readouterr().err.startswith(str(file))
