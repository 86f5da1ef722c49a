"""What went wrong decides what may be done: every answer and every silence has one kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Kind, NetworkError
from spilno.toolkit.networks.graph import explain as explain_graph
from spilno.toolkit.networks.graph import trusted
from spilno.toolkit.networks.http import Wire, address, before_sending, moment, redacted, secrets_of

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
        (400, {"code": 36003, "error_subcode": 2207009}, Kind.PERMANENT, "refused"),
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
