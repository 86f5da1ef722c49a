"""What went wrong decides what may be done: every answer and every silence has one kind."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.kernel.http import outgoing_client
from spilno.toolkit.networks import get
from spilno.toolkit.networks import http as wires
from spilno.toolkit.networks.base import Kind, Network, NetworkError
from spilno.toolkit.networks.graph import explain as explain_graph
from spilno.toolkit.networks.graph import trusted
from spilno.toolkit.networks.http import (
    MOST_BYTES,
    Wire,
    address,
    before_sending,
    doubted,
    moment,
    quota_of,
    redacted,
    secrets_of,
)

from . import wild

TOKEN = "EAAB-secret-token-1234"


def asked(handler: Callable[[httpx.Request], httpx.Response], **wire: Any) -> NetworkError:
    """The error of one POST to a server that answers so."""
    with (
        httpx.Client(transport=httpx.MockTransport(handler)) as client,
        pytest.raises(NetworkError) as caught,
    ):
        Wire(client, "https://api.test/v1", {"Authorization": f"Bearer {TOKEN}"}, (TOKEN,), **wire).post("/x")
    return caught.value


def raising(error: type[httpx.HTTPError]) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error(f"failed with {TOKEN}", request=request)  # type: ignore[call-arg]

    return handler


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (httpx.ConnectError, Kind.UNREACHABLE, "unreachable"),
        (httpx.ConnectTimeout, Kind.UNREACHABLE, "unreachable"),
        (httpx.PoolTimeout, Kind.UNREACHABLE, "unreachable"),
        (httpx.ProxyError, Kind.UNREACHABLE, "unreachable"),
        (httpx.ReadTimeout, Kind.UNCERTAIN, "timeout"),
        (httpx.WriteTimeout, Kind.UNCERTAIN, "timeout"),
        (httpx.ReadError, Kind.UNCERTAIN, "connection_lost"),
        (httpx.WriteError, Kind.UNCERTAIN, "connection_lost"),
        (httpx.RemoteProtocolError, Kind.UNCERTAIN, "connection_lost"),
        (httpx.DecodingError, Kind.UNCERTAIN, "connection_lost"),
        (httpx.UnsupportedProtocol, Kind.PERMANENT, "bad_address"),
    ],
)
def test_silence(error: type[httpx.HTTPError], kind: Kind, code: str) -> None:
    caught = asked(raising(error))
    assert (caught.kind, caught.code) == (kind, code)
    assert TOKEN not in f"{caught!r}{caught.params}"
    assert caught.__context__ is None  # httpx's own error holds the request with its token


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (302, Kind.PERMANENT, "redirected"),
        (400, Kind.PERMANENT, "refused"),
        (401, Kind.RECONNECT, "not_accepted"),
        (403, Kind.PERMANENT, "forbidden"),
        (404, Kind.PERMANENT, "not_found"),
        (408, Kind.UNCERTAIN, "timeout"),
        (413, Kind.PERMANENT, "media_too_large"),
        (422, Kind.PERMANENT, "refused"),
        (429, Kind.WAIT, "rate_limited"),
        (500, Kind.UNCERTAIN, "server_error"),
        (503, Kind.UNCERTAIN, "server_error"),
    ],
)
@pytest.mark.parametrize("body", [b"{}", b"<html>No</html>", b""])
def test_statuses(status: int, kind: Kind, code: str, body: bytes) -> None:
    caught = asked(lambda request: httpx.Response(status, content=body))
    assert (caught.kind, caught.code, caught.status) == (kind, code, status)


def test_a_redirection_says_where_to_without_its_query() -> None:
    headers = {"Location": f"https://elsewhere.test/x?access_token={TOKEN}"}
    caught = asked(lambda request: httpx.Response(301, headers=headers))
    assert caught.params["to"] == "https://elsewhere.test/x"


@pytest.mark.parametrize("content", [b"<html>Welcome</html>", b"{", b"[" * 100_000])
def test_a_page_instead_of_json_is_uncertain(content: bytes) -> None:
    caught = asked(lambda request: httpx.Response(200, content=content))
    assert (caught.kind, caught.code) == (Kind.UNCERTAIN, "not_json")


def test_reading_stops_at_two_megabytes() -> None:
    given = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            nonlocal given
            while True:
                given += 1
                yield b" " * 65536

    caught = asked(lambda request: httpx.Response(200, stream=Endless()))
    assert (caught.kind, caught.code) == (Kind.UNCERTAIN, "answer_too_large")
    assert given <= 34


NOW = "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds", "at"),
    [
        ({"Retry-After": "90", "Date": NOW}, 90, datetime(2026, 11, 22, 10, 1, 30, tzinfo=UTC)),
        ({"Retry-After": "90"}, 90, None),
        (
            {"Retry-After": "Sun, 22 Nov 2026 10:05:00 GMT", "Date": NOW},
            300,
            datetime(2026, 11, 22, 10, 5, tzinfo=UTC),
        ),
        ({"RateLimit-Reset": "1795343400", "Date": NOW}, 1800, datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        (
            {"X-RateLimit-Reset": "2026-11-22T10:05:00.000Z", "Date": NOW},
            300,
            datetime(2026, 11, 22, 10, 5, tzinfo=UTC),
        ),
        ({"RateLimit-Reset": "60", "Date": NOW}, 60, datetime(2026, 11, 22, 10, 1, tzinfo=UTC)),
        ({"Retry-After": "soon", "Date": "yesterday"}, None, None),
        ({}, None, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: int | None, at: datetime | None) -> None:
    caught = asked(lambda request: httpx.Response(429, json={}, headers=headers))
    assert caught.kind is Kind.WAIT
    assert caught.params.get("seconds") == seconds
    assert caught.retry_at == at


def test_a_networks_message_is_kept_short_and_without_secrets() -> None:
    body = {
        "error": {"code": 190, "message": f"Invalid token {TOKEN}\nfor ?access_token=abc123&x=1 " + "х" * 500}
    }
    caught = asked(lambda request: httpx.Response(400, json=body), explain=explain_graph)
    assert caught.kind is Kind.RECONNECT
    message = caught.params["message"]
    assert len(message) <= 200
    assert TOKEN not in message
    assert "abc123" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, {"code": 100, "error_subcode": 33}, Kind.PERMANENT, "not_found"),
        (400, {"code": 36003, "error_subcode": 2207009}, Kind.PERMANENT, "media_wrong_shape"),
        (400, {"code": 9007, "error_subcode": 2207027}, Kind.WAIT, "media_processing"),
        (403, {"code": 9, "error_subcode": 2207042}, Kind.WAIT, "rate_limited"),
        (400, {"code": 4, "error_subcode": 2207051}, Kind.PERMANENT, "account_blocked"),
        (400, {"code": 80002}, Kind.WAIT, "rate_limited"),
        (400, {"code": 2, "is_transient": True}, Kind.UNCERTAIN, "server_error"),
        (500, {"code": 1}, Kind.UNCERTAIN, "server_error"),
        (403, {"code": 200}, Kind.PERMANENT, "forbidden"),
        (400, {"code": "?"}, Kind.PERMANENT, "refused"),
        (400, "no object", Kind.PERMANENT, "refused"),
    ],
)
def test_graph_errors(status: int, error: Any, kind: Kind, code: str) -> None:
    caught = asked(lambda request: httpx.Response(status, json={"error": error}), explain=explain_graph)
    assert (caught.kind, caught.code) == (kind, code)


def test_an_unknown_refusal_of_a_publishing_request_is_doubted() -> None:
    unknown = NetworkError(Kind.PERMANENT, "refused", params={"their_code": "99999.7"}, status=400)
    known = NetworkError(Kind.PERMANENT, "refused", params={"their_code": "36003.2207009"}, status=400)
    assert trusted(unknown).kind is Kind.UNCERTAIN
    assert trusted(known) is known


def test_before_sending_even_a_timeout_is_safe() -> None:
    assert before_sending(NetworkError(Kind.UNCERTAIN, "timeout")).kind is Kind.UNREACHABLE
    refused = NetworkError(Kind.RECONNECT, "not_accepted")
    assert before_sending(refused) is refused


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("mastodon.social", "https://mastodon.social"),
        (" https://mastodon.social/ ", "https://mastodon.social"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://localhost:3000/graph/v23.0", "http://localhost:3000/graph/v23.0"),
        ("", "https://default.test"),
    ],
)
def test_addresses_as_people_type_them(typed: str, made: str) -> None:
    assert address(typed, default="https://default.test") == made


@pytest.mark.parametrize("typed", ["ftp://a.test", "https://", "://", "http://[", "javascript:alert(1)"])
def test_addresses_that_are_none(typed: str) -> None:
    with pytest.raises(NetworkError) as caught:
        address(typed)
    assert caught.value.code == "bad_address"


def test_secrets_are_the_flagged_fields_and_what_is_named_like_one() -> None:
    given = {
        "handle": "a.test",
        "app_password": "pass-word",
        "refresh_token": "tok-en",
        "did": "did:plc:x",
        "x": "",
    }
    assert set(secrets_of(get("bluesky"), given)) == {"pass-word", "tok-en"}
    assert redacted("a pass-word b", ("pass-word",)) == "a … b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01T09:30:00+0000", datetime(2026, 6, 1, 9, 30, tzinfo=UTC)),
        ("2026-06-01T12:30:00.123456789+03:00", datetime(2026, 6, 1, 9, 30, 0, 123456, tzinfo=UTC)),
        ("2026-06-01T09:30:00Z", datetime(2026, 6, 1, 9, 30, tzinfo=UTC)),
        ("2026-06-01T09:30:00", datetime(2026, 6, 1, 9, 30, tzinfo=UTC)),
        ("soon", None),
        (None, None),
        (5, None),
    ],
)
def test_moments(text: Any, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_a_traceback_with_local_variables_shows_no_token() -> None:
    with httpx.Client() as client:
        assert TOKEN not in repr(Wire(client, "https://a.test", {"Authorization": TOKEN}, (TOKEN,)))


# ------------------------------------------------------------------------------------------------ over real connections


def spoken_to(script: wild.Script, **kwargs: Any) -> tuple[NetworkError, wild.Wild]:
    """The error of one POST over a real connection, as the application makes them."""
    with (
        wild.running(script) as server,
        outgoing_client(allowed_private=("127.0.0.1",)) as client,
        pytest.raises(NetworkError) as caught,
    ):
        Wire(client, server.url, {"Authorization": TOKEN}, (TOKEN,)).post("/x", **kwargs)
    assert caught.value.__context__ is None
    return caught.value, server


def dripping_head(line: wild.Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n")
    line.drip(b"X-More: of this\r\n")


def dripping_body(line: wild.Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    line.drip(b" ")


def dripping_patience(line: wild.Line) -> None:
    line.drip(b"HTTP/1.1 102 Processing\r\n\r\n")


def silent(line: wild.Line) -> None:
    line.over.wait()


def chunks_without_end(line: wild.Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(800):
        line.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


def heads_without_end(line: wild.Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n")
    for _ in range(800):
        line.send(b"X-More: " + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize("script", [silent, dripping_head, dripping_body, dripping_patience])
def test_a_request_as_a_whole_ends_in_time(script: wild.Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading brings something before its own time-out is over; all together take for ever."""
    monkeypatch.setattr(wires, "MOST_SECONDS", 0.5)
    caught, server = spoken_to(script)
    assert (caught.kind, caught.code) == (Kind.UNCERTAIN, "timeout")
    assert len(server.asked) == 1


def test_a_server_that_reads_slowly_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(wires, "DIGESTING", 0.5)
    monkeypatch.setattr(wires, "SLOWEST", 1_000_000_000)
    with wild.socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never reads
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with (
            outgoing_client(allowed_private=("127.0.0.1",)) as client,
            pytest.raises(NetworkError) as caught,
        ):
            Wire(client, url).post("/x", content=b"x" * 50_000_000)
    assert (caught.value.kind, caught.value.code) == (Kind.UNCERTAIN, "timeout")


def test_a_large_file_has_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wires, "MOST_SECONDS", 0.0)  # what a small request gets would not do
    (tmp_path / "a.mp4").write_bytes(b"x" * 2_000_000)
    with (
        wild.running(wild.answer(b"{}")) as server,
        outgoing_client(allowed_private=("127.0.0.1",)) as client,
    ):
        Wire(client, server.url).upload("/x", file=tmp_path / "a.mp4", mime="video/mp4", start=500_000)
    head, _, body = server.asked[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 1500000" in head
    assert b"Content-Type: video/mp4" in head
    assert len(body) == 1_500_000


def test_a_file_that_is_gone_is_not_sent(tmp_path: Path) -> None:
    with httpx.Client() as client, pytest.raises(NetworkError) as caught:
        Wire(client, "http://127.0.0.1:1").upload("/x", file=tmp_path / "gone.mp4", mime="video/mp4")
    assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_unreadable")


BOMB = gzip.compress(b" " * 50_000_000)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (wild.answer(b"<html>Welcome</html>", Content_Type="text/html"), "not_json"),
        (wild.answer(b"<html>Bad gateway</html>", "502 Bad Gateway"), "server_error"),
        (wild.answer(b" " * 3_000_000), "answer_too_large"),
        (chunks_without_end, "answer_too_large"),
        (heads_without_end, "connection_lost"),
        (wild.answer(BOMB, Content_Encoding="gzip"), "answer_too_large"),
        (wild.answer(gzip.compress(b'{"id": 1}')[:-6], Content_Encoding="gzip"), "connection_lost"),
        (wild.answer(b"no gzip at all", Content_Encoding="gzip"), "not_json"),
        (wild.answer(b"{}", Content_Encoding="br"), "not_json"),
        (wild.answer(b"{}", Content_Encoding="gzip, gzip"), "not_json"),
        (wild.answer(b'{"id": "7"', Content_Length="4000"), "connection_lost"),
        (wild.answer(b'{"id": "7"}', Content_Length="5"), "not_json"),
        (wild.answer(b'{"id": "7"}', Content_Length="-5"), "connection_lost"),
        (wild.answer(b'{"id": "\xff\xfe"}'), "not_json"),
        (wild.answer(b'{"id": NaN}'), "not_json"),
        (wild.answer(b"[" * 200_000), "not_json"),
        (wild.answer(b'{"id": ' + b"9" * 5000 + b"}"), "not_json"),
        (lambda line: line.send(b"SSH-2.0-OpenSSH_9.2\r\n"), "connection_lost"),
        (lambda line: line.send(b""), "connection_lost"),
    ],
)  # fmt: skip
def test_whatever_is_answered_is_one_kind_of_error(script: wild.Script, code: str) -> None:
    tracemalloc.start()
    try:
        caught, server = spoken_to(script)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (caught.kind, caught.code) == (Kind.UNCERTAIN, code)
    assert len(server.asked) == 1
    assert peak < 20_000_000


def test_of_fifty_megabytes_only_the_beginning_is_taken() -> None:
    _, server = spoken_to(chunks_without_end)
    # What was sent stands in the buffers of both sides; most of it was never asked for.
    assert MOST_BYTES < server.lines[0].sent < 30_000_000


def test_a_redirection_is_not_followed_wherever_it_leads() -> None:
    with wild.running(wild.answer(b"{}")) as inside:
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Again", "308 For Ever"):
            caught, _ = spoken_to(wild.answer(b"", status, Location=f"{inside.url}/?token={TOKEN}"))
            assert (caught.kind, caught.code) == (Kind.PERMANENT, "redirected")
            assert caught.params["to"] == f"{inside.url}/"
        assert not inside.asked


def test_packed_answers_are_read() -> None:
    body = gzip.compress(b'{"id": "' + b"7" * 5000 + b'"}')
    with (
        wild.running(wild.answer(body, Content_Encoding="gzip")) as server,
        outgoing_client(allowed_private=("127.0.0.1",)) as client,
    ):
        assert Wire(client, server.url).get("/x")["id"] == "7" * 5000
    assert b"Accept-Encoding: gzip\r\n" in server.asked[0]


# ------------------------------------------------------------------------------------------------ any answer at all

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HEADS = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "RateLimit-Remaining", "RateLimit-Limit", "Date",
         "Location"]
    ),
    st.sampled_from(["", "-1", "1e999", "nan", "99999999999999999999", "9999999999", "0", "5.5", "\u00b2", "5;w=60",
                     "Sun, 22 Nov 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200", "2026-11-22T10:00:00Z",
                     "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)  # fmt: skip


@given(
    st.integers(200, 599),
    ANY_JSON | st.binary(max_size=50),
    HEADS,
    st.sampled_from(["", "bluesky", "mastodon"]),
)
def test_no_answer_is_anything_but_an_answer_or_an_error(
    status: int, body: Any, headers: dict[str, str], whose: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content, headers=raw, request=request)

    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        wire = Wire(client, "https://api.test", explain=explain_graph)
        if whose:
            wire = getattr(get(whose), "_wire" if whose == "mastodon" else "_pds")(
                client, {"instance": "https://api.test", "service": "https://api.test"}
            )
        try:
            answer = wire.post("/x")
            assert "\0" not in json.dumps(answer.data, ensure_ascii=False)
            json.dumps(answer.data, ensure_ascii=False).encode()
            quota_of(answer.headers)
        except NetworkError as error:
            json.dumps(error.params).encode()
            seconds = error.params.get("seconds", 0.0)
            assert 0 <= seconds <= wires.LONGEST_WAIT


def test_half_characters_and_nothing_are_not_passed_on() -> None:
    body = b'{"text": "a\\ud83db\\u0000c\\ud83d\\ude00", "\\udfff": [1]}'
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body))) as client:
        assert Wire(client, "https://a.test").get("/").data == {"text": "a?bc😀", "?": [1]}


def test_a_publishing_request_believes_only_the_network_itself() -> None:
    page = NetworkError(Kind.PERMANENT, "not_found", params={"host": "a.test"}, status=404)
    said = NetworkError(Kind.PERMANENT, "refused", params={"message": "Text too long"}, status=422)
    large = NetworkError(Kind.PERMANENT, "media_too_large", status=413)
    typed = NetworkError(Kind.PERMANENT, "bad_address")
    assert doubted(page).kind is Kind.UNCERTAIN
    assert all(doubted(one) is one for one in (said, large, typed))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"RateLimit-Limit": "5000", "RateLimit-Remaining": "12", "RateLimit-Reset": "1795343400", "Date": NOW},
         (12, 5000, 1800.0)),
        ({"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-11-22T10:05:00.000Z",
          "Date": NOW}, (0, 300, 300.0)),
        ({"RateLimit-Limit": "5000;w=3600", "RateLimit-Remaining": "7"}, (7, 5000, None)),
        ({"RateLimit-Remaining": "many"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_is_left_stands_in_headers(headers: dict[str, str], expected: Any) -> None:
    assert quota_of(httpx.Headers(headers)) == expected


def test_an_answer_that_makes_a_connector_stumble_is_told_as_such() -> None:
    class Stumbling(Network):
        key = "stumbling"

        def account_readings(self, *, client: Any, credentials: Any) -> Any:
            return credentials["nobody"].upper()

    network = Stumbling()
    with pytest.raises(NetworkError) as caught:
        network.account_readings(client=None, credentials={})
    assert (caught.value.kind, caught.value.code) == (Kind.UNCERTAIN, "unexpected_answer")
    assert caught.value.__context__ is None
    with pytest.raises(TypeError):  # a mistake of the caller stays one
        network.account_readings(None)  # type: ignore[call-arg]
