from __future__ import annotations

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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.7", "169.254.169.254", "[::1]"])
def test_private_addresses_are_refused(host: str) -> None:
    with outgoing_client() as client, pytest.raises(PrivateHost):
        client.get(f"http://{host}:9/")


def test_a_private_address_on_the_list_is_tried() -> None:
    with outgoing_client(allowed_private=["127.0.0.1:9"]) as client, pytest.raises(httpx.ConnectError):
        client.get("http://127.0.0.1:9/")
