from __future__ import annotations

import socket
import threading
from pathlib import Path

import httpx
import pytest

from spilno.kernel.errors import InvalidTransition, UserError
from spilno.kernel.http import PrivateHost, outgoing_client
from spilno.kernel.ids import new_id
from spilno.kernel.secrets import ensure_key, seal, unseal
from spilno.kernel.states import StateGraph


def test_ids_are_uuid7_and_never_repeat() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}


def test_a_state_that_cannot_be_reached_is_found_at_import() -> None:
    with pytest.raises(ValueError, match="never reached"):
        StateGraph(initial="a", moves={"a": ["b"], "b": [], "c": ["a"]}, final=["b"])


def test_a_dead_end_is_found_at_import() -> None:
    with pytest.raises(ValueError, match="no way out"):
        StateGraph(initial="a", moves={"a": ["b"], "b": []}, final=[])


def test_moves_that_are_not_declared_are_refused() -> None:
    graph = StateGraph(initial="a", moves={"a": ["b"], "b": []}, final=["b"])
    graph.check("a", "b")
    with pytest.raises(InvalidTransition):
        graph.check("b", "a")


def test_secrets_come_back_only_with_their_key(tmp_path: Path) -> None:
    keys, others = ensure_key(tmp_path / "one"), ensure_key(tmp_path / "two")
    sealed = seal({"password": "пароль"}, keys=keys)
    assert "пароль".encode() not in sealed
    assert unseal(sealed, keys=keys) == {"password": "пароль"}
    with pytest.raises(UserError, match="secret_key_changed"):
        unseal(sealed, keys=others)
    assert unseal(sealed, keys=f"{others}\n{keys}") == {"password": "пароль"}
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


PRIVATE = [
    "127.0.0.1",
    "localhost",
    "10.0.0.7",
    "100.64.0.1",  # between providers
    "169.254.169.254",  # metadata of cloud machines
    "0.0.0.0",
    "2130706433",  # 127.0.0.1 as one number
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",  # gateways turn it back into 127.0.0.1
    "[2002:7f00:1::]",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused(host: str) -> None:
    with outgoing_client() as client, pytest.raises((PrivateHost, httpx.InvalidURL)):
        client.get(f"http://{host}:9/")
    with outgoing_client() as client, pytest.raises(PrivateHost):
        client.open_socket(host.strip("[]"), 9, 1.0)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_open_internet_is_not(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name's address is what is connected to, so that it cannot become another one in between."""
    asked = []

    def connect(where: tuple[str, int], timeout: float) -> object:
        asked.append(where)
        raise ConnectionRefusedError

    def resolve(host: str, port: int, **values: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with outgoing_client() as client, pytest.raises(ConnectionRefusedError):
        client.open_socket("network.example", 9, 1.0)
    assert asked == [(address, 9)]


def test_a_name_with_one_private_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, **values: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("8.8.8.8", "192.168.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with outgoing_client() as client, pytest.raises(PrivateHost):
        client.get("http://network.example/")


def test_redirects_are_not_followed() -> None:
    """An open address cannot lead on to a private one; whoever wants to follow asks again, and is checked again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
                )

        thread = threading.Thread(target=answer)
        thread.start()
        with outgoing_client(allowed_private=[f"127.0.0.1:{port}"]) as client:
            assert client.get(f"http://127.0.0.1:{port}/").status_code == 302
        thread.join(10)


def test_a_private_address_on_the_list_is_tried() -> None:
    with outgoing_client(allowed_private=["127.0.0.1:9"]) as client, pytest.raises(httpx.ConnectError):
        client.get("http://127.0.0.1:9/")
