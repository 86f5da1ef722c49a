"""E-mail to a list: the contract against a real mail server, and what only mail servers do."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spilno.kernel.http import PrivateHost, outgoing_client
from spilno.toolkit.networks import get, smtp
from spilno.toolkit.networks.base import Finds, Kind, MediaFile, NetworkError, Once, Outgoing, Prepared, can
from spilno.toolkit.networks.email_list import LONGEST_SUBJECT, addresses, split

from . import wild
from .bad_input import in_words
from .contract import Bench, NetworkContract, World

PASSWORD = "right horse"
READERS = ["olena@readers.example", "taras@readers.example"]


@dataclass
class Post:
    """A mail server's head: what it does next, and what it has got."""

    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)  # command, or command and address → another reply
    most: int = 1000
    silent: str = ""  # "before" or "after" it has taken the letter: no reply to it
    reset: str = ""  # the same, and the connection breaks

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        self.lines.append(f"MAIL {address}")
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 Fine"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if said := self.replies.get(f"RCPT {address}", self.replies.get("RCPT")):
            return said
        if len(envelope.rcpt_tos) >= self.most:
            return "452 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 Fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.lines.append("DATA")
        if self.reset == "before":
            server.transport.abort()
        elif self.silent == "before":
            await asyncio.Event().wait()
        elif "DATA" not in self.replies:
            self.raw.append(envelope.original_content or b"")
            letter = BytesParser(policy=modern).parsebytes(envelope.original_content or b"")
            self.letters.append(
                (envelope.mail_from or "", list(envelope.rcpt_tos), cast(EmailMessage, letter))
            )
        if self.reset == "after":
            server.transport.abort()
        elif self.silent == "after":
            await asyncio.Event().wait()
        return self.replies.get("DATA", "250 Kept")


def signed_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def running(certificate: Path) -> Iterator[tuple[Post, Controller]]:
    head = Post()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    controller = Controller(
        head,
        hostname="127.0.0.1",
        port=_free(),
        tls_context=context,
        authenticator=signed_in,
        auth_require_tls=True,
    )
    controller.start()
    yield head, controller
    controller.stop()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture
def post(running: tuple[Post, Controller], certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    head, _ = running
    vars(head).update(vars(Post()))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return head


class TestEmailList(NetworkContract):
    network_key = "email_list"
    speaks_http = False

    @pytest.fixture
    def world(self, post: Post, running: tuple[Post, Controller]) -> World:
        typed = {
            "server": f"localhost:{running[1].port}",
            "user": "news",
            "password": PASSWORD,
            "sender": "Читачі <news@books.example>",
            "list_name": "Друзі книжок",
            "recipients": "Olena@readers.example\r\nТарас <taras@readers.example>; olena@Readers.example",
        }
        return World(
            typed=typed,
            wrong={**typed, "password": "wrong horse"},
            count=lambda: len(post.letters),
            has_page=False,
        )

    @pytest.fixture
    def credentials(self, bench: Bench) -> dict[str, str]:
        return bench.credentials

    def failing(self, bench: Bench, text: str = "Лист") -> NetworkError:
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k-1", "letter", text), Prepared())
        assert caught.value.__context__ is None
        return caught.value

    # The contract's own faults happen to HTTP requests; these are the same for SMTP.

    @pytest.mark.parametrize(
        ("fault", "code", "there"),
        [
            ({"silent": "before"}, "timeout", 0),
            ({"silent": "after"}, "timeout", 1),
            ({"reset": "before"}, "connection_lost", 0),
            ({"reset": "after"}, "connection_lost", 1),
        ],
    )
    def test_an_answer_lost_is_never_a_refusal(  # type: ignore[override]
        self,
        bench: Bench,
        post: Post,
        monkeypatch: pytest.MonkeyPatch,
        fault: dict[str, str],
        code: str,
        there: int,
    ) -> None:
        monkeypatch.setattr(smtp, "TIMEOUT", 0.4)
        monkeypatch.setattr(smtp, "DIGESTING", 0.4)
        vars(post).update(fault)
        error = self.failing(bench)
        assert (error.kind, error.code, len(post.letters)) == (Kind.UNCERTAIN, code, there)

    def test_committing_is_one_changing_request(
        self, bench: Bench, post: Post, posts: list[Outgoing]
    ) -> None:  # type: ignore[override]
        for one in posts:
            post.lines.clear()
            bench.commit(one, bench.prepare(one))
            assert post.lines == ["MAIL news@books.example", "DATA"]

    def test_nobody_listening_is_safe_to_repeat(self, bench: Bench) -> None:  # type: ignore[override]
        bench.account = type(bench.account)(
            "x", "x", "", {**bench.credentials, "server": f"localhost:{_free()}"}
        )
        assert self.failing(bench).kind is Kind.UNREACHABLE
        bench.account = type(bench.account)(
            "x", "x", "", {**bench.credentials, "server": "no-such-host.invalid"}
        )
        assert self.failing(bench).kind is Kind.UNREACHABLE

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_a_rate_limit_says_how_long(self, bench: Bench, post: Post, command: str) -> None:  # type: ignore[override]
        """A mail server does not say how long, only that it is not for ever."""
        post.replies[command] = "451 Come again later"
        assert self.failing(bench).kind is Kind.WAIT
        assert not post.letters

    test_a_counter_that_is_not_told_is_not_nought = None  # type: ignore[assignment]  # our own list is always told

    def test_nobody_but_a_person_can_tell(self, network: Any) -> None:
        assert {one.once for one in network.placements} == {Once.NONE}
        assert not can(network, Finds)

    # ------------------------------------------------------------------------------------------ connecting

    def test_connecting_sends_nothing(self, bench: Bench, post: Post) -> None:
        assert post.lines == ["MAIL news@books.example"]
        assert bench.account.name == "Друзі книжок"
        assert bench.credentials["recipients"].split("\n") == [
            "Olena@readers.example",
            "taras@readers.example",
        ]

    def connecting(self, world: World, **typed: str) -> NetworkError:
        network: Any = get("email_list")
        with httpx.Client() as client, pytest.raises(NetworkError) as caught:
            network.connect(client=client, credentials={**world.typed, **typed})
        return caught.value

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ({"recipients": "olena@readers.example\nне адреса"}, "address_bad"),
            ({"recipients": "a@b\r\nRCPT TO:<x@y.example>"}, "address_bad"),
            ({"recipients": " \n"}, "credentials_missing"),
            ({"sender": "nobody"}, "address_bad"),
            ({"unsubscribe": "http://books.example"}, "address_bad"),
            ({"server": "smtp.example.org:99999"}, "bad_address"),
            ({"server": "a b"}, "bad_address"),
            ({"server": ""}, "bad_address"),
        ],
    )
    def test_what_cannot_be_is_not_tried(
        self, world: World, post: Post, typed: dict[str, str], code: str
    ) -> None:
        error = self.connecting(world, **typed)
        assert (error.kind, error.code) == (Kind.PERMANENT, code)
        assert not post.lines

    def test_a_certificate_of_nobody_is_not_trusted(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        assert self.connecting(world).code == "certificate_refused"

    def test_a_certificate_for_another_name_is_not_trusted(self, world: World) -> None:
        error = self.connecting(world, server=world.typed["server"].replace("localhost", "127.0.0.1"))
        assert error.code == "certificate_refused"

    def test_a_password_never_travels_in_the_clear(self, world: World, mail: Any) -> None:
        error = self.connecting(world, server=f"{mail.host}:{mail.port}")
        assert (error.kind, error.code) == (Kind.PERMANENT, "no_encryption")

    def test_without_a_password_a_relay_of_ones_own_will_do(self, world: World, mail: Any) -> None:
        network: Any = get("email_list")
        typed = {**world.typed, "server": f"{mail.host}:{mail.port}", "password": ""}
        with httpx.Client() as client:
            kept = network.connect(client=client, credentials=typed).credentials
            network.commit(
                client=client, credentials=kept, post=Outgoing("k-1", "letter", "Лист"), prepared=Prepared()
            )
        (letter,) = mail.received
        assert letter.recipients == ["Olena@readers.example", "taras@readers.example"]

    def test_something_else_that_listens(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            other.settimeout(5)
            import threading

            def answer() -> None:
                with other.accept()[0] as caller:
                    caller.sendall(b"<html>Hello</html>\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            error = self.connecting(world, server=f"localhost:{other.getsockname()[1]}")
            thread.join()
        assert (error.kind, error.code) == (Kind.UNREACHABLE, "not_json")

    def test_the_guard_comes_with_the_client(self, world: World) -> None:
        network: Any = get("email_list")
        with outgoing_client() as client, pytest.raises(PrivateHost):
            network.connect(client=client, credentials=world.typed)
        with outgoing_client(allowed_private=[world.typed["server"]]) as client:
            assert network.connect(client=client, credentials=world.typed).name == "Друзі книжок"

    def test_the_guard_looks_at_the_address_behind_a_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def resolve(host: str, port: int, **kwargs: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with outgoing_client() as client, pytest.raises(PrivateHost):
            client.open_socket("smtp.example.org", 25, 1)

    # ------------------------------------------------------------------------------------------ servers that are none

    @pytest.mark.parametrize(
        ("script", "kind", "code"),
        [
            (lambda line: line.over.wait(), Kind.UNREACHABLE, "timeout"),
            (lambda line: line.drip(b"220-wait\r\n"), Kind.UNREACHABLE, "timeout"),
            (lambda line: line.drip(b"2"), Kind.UNREACHABLE, "timeout"),
            (lambda line: line.send(b"220-more\r\n" * 100_000), Kind.UNREACHABLE, "unreachable"),
            (lambda line: line.send(b"220 " + b"x" * 1_000_000), Kind.UNREACHABLE, "unreachable"),
            (lambda line: line.send(b"\x16\x03\x01\x02\x00\x01\xff\xfe\r\n"), Kind.UNREACHABLE, "not_json"),
            (lambda line: line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Kind.UNREACHABLE, "not_json"),
            (lambda line: line.send(b""), Kind.UNREACHABLE, "unreachable"),
            (lambda line: line.send(b"554 5.7.1 No \xff\xfe mail\r\n"), Kind.PERMANENT, "refused"),
            (lambda line: line.send(b"421 4.3.2 Come later\r\n"), Kind.WAIT, "rate_limited"),
            (
                lambda line: (line.send(b"220 here\r\n"), line.drip(b"250-ONE MORE\r\n")),
                Kind.UNREACHABLE, "timeout",
            ),
            (
                lambda line: (line.send(b"220 here\r\n250 fine\r\n250 fine\r\n"), line.over.wait()),
                Kind.UNREACHABLE, "timeout",
            ),
        ],
    )  # fmt: skip
    def test_whatever_listens_there_nothing_was_sent(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, script: Any, kind: Kind, code: str
    ) -> None:
        monkeypatch.setattr(smtp, "PATIENCE", 0.5)
        monkeypatch.setattr(smtp, "PER_RECIPIENT", 0.0)
        monkeypatch.setattr(smtp, "GOODBYE", 0.1)
        with wild.running(script, speaks_first=True) as server:
            address = server.url.removeprefix("http://")
            bench.account = type(bench.account)(
                "x", "x", "", {**bench.credentials, "server": address, "password": ""}
            )
            error = self.failing(bench)
        assert (error.kind, error.code) == (kind, code)
        assert in_words(error)
        json.dumps(error.params).encode()

    # ------------------------------------------------------------------------------------------ refusals

    @pytest.mark.parametrize(
        ("replies", "kind", "code"),
        [
            ({"MAIL": "550 Not your address"}, Kind.PERMANENT, "refused"),
            ({"MAIL": "552 Too large"}, Kind.PERMANENT, "media_too_large"),
            ({"MAIL": "530 Sign in first"}, Kind.RECONNECT, "not_accepted"),
            ({"MAIL": "421 Closing"}, Kind.WAIT, "rate_limited"),
            ({"RCPT": "550 No such person"}, Kind.PERMANENT, "recipients_refused"),
            ({"DATA": "554 Looks like spam"}, Kind.PERMANENT, "refused"),
        ],
    )
    def test_refusals_are_certain(
        self, bench: Bench, post: Post, replies: dict[str, str], kind: Kind, code: str
    ) -> None:
        post.replies.update(replies)
        error = self.failing(bench)
        assert (error.kind, error.code) == (kind, code)
        assert not post.letters

    def test_one_bad_address_does_not_keep_the_others_from_their_letter(
        self, bench: Bench, post: Post
    ) -> None:
        post.replies["RCPT taras@readers.example"] = "550 5.1.1 No such person"
        published = bench.commit(Outgoing("k-1", "letter", "Лист"), Prepared())
        assert dict(published.answer) == {
            "message_id": "k-1@books.example", "accepted": 1, "refused": 1, "refused_with": {"550 5.1.1": 1},
        }  # fmt: skip
        assert post.letters[0][1] == ["Olena@readers.example"]

    def test_a_server_that_takes_fewer_gets_nothing(self, bench: Bench, post: Post) -> None:
        post.most = 1
        error = self.failing(bench)
        assert (error.kind, error.code, error.params) == (Kind.PERMANENT, "too_many_recipients", {"limit": 1})
        assert not post.letters

    # ------------------------------------------------------------------------------------------ the letter

    def test_the_letter(self, bench: Bench, post: Post, image: MediaFile) -> None:
        text = "Ярмарок у неділю <3\n\nПриходьте! Усе про це:\nhttps://example.org/a?b=1&c=2"
        outgoing = Outgoing("k-7", "letter", text, (image,), "https://example.org/b", "uk")
        assert bench.commit(outgoing, Prepared()).external_id == "k-7@books.example"
        ((sender, recipients, letter),) = post.letters
        assert (sender, recipients) == (
            "news@books.example",
            ["Olena@readers.example", "taras@readers.example"],
        )
        assert letter["Subject"] == "Ярмарок у неділю <3"
        assert letter["From"] == "Читачі <news@books.example>"
        assert letter["To"] == "Друзі книжок <news@books.example>"
        assert letter["Message-ID"] == "<k-7@books.example>"
        assert letter["List-Unsubscribe"] == "<mailto:news@books.example?subject=unsubscribe>"
        assert abs(letter["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
        plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
        assert plain is not None
        assert html is not None
        said = plain.get_content().replace("\r\n", "\n").strip()
        said, footer = said.split("\n\n-- \n")
        assert said == "Приходьте! Усе про це:\nhttps://example.org/a?b=1&c=2\n\nhttps://example.org/b"
        assert (
            footer == "Ви отримали цього листа, бо є у списку «Друзі книжок». Відписатися: news@books.example"
        )
        assert footer in html.get_content()
        assert letter["Precedence"] == "bulk"
        assert re.fullmatch(r"Друзі книжок <[0-9a-f]{12}\.books\.example>", letter["List-Id"])
        page = html.get_content()
        assert 'lang="uk"' in page
        assert '<a href="https://example.org/a?b=1&amp;c=2">' in page
        assert "<title>Ярмарок у неділю &lt;3</title>" in page
        (picture,) = (one for one in letter.walk() if one.get_content_maintype() == "image")
        assert f'src="cid:{picture["Content-ID"].strip("<>")}" alt="{image.alt}"' in page
        assert picture.get_content() == image.path.read_bytes()
        assert picture.get_content_disposition() == "inline"
        assert all(reader not in letter.as_string() for reader in recipients)

    def test_a_line_that_begins_with_a_dot(self, bench: Bench, post: Post) -> None:
        bench.commit(Outgoing("k-1", "letter", "Subject\n.\n..dots\nend"), Prepared())
        body = post.letters[0][2].get_body(("plain",))
        assert body is not None
        assert body.get_content().splitlines()[:3] == [".", "..dots", "end"]

    def test_nothing_in_a_text_becomes_a_header(self, bench: Bench, post: Post) -> None:
        bench.commit(Outgoing("k-1", "letter", "Тема\rBcc: x@y.example\n\nТекст"), Prepared())
        assert post.letters[0][2]["Bcc"] is None

    def test_unsubscribing_in_one_click(self, bench: Bench, post: Post) -> None:
        kept = {**bench.credentials, "unsubscribe": "https://books.example/bye"}
        bench.account = type(bench.account)("x", "x", "", kept)
        bench.commit(Outgoing("k-1", "letter", "Лист"), Prepared())
        letter = post.letters[0][2]
        assert letter["List-Unsubscribe"] == "<https://books.example/bye>"
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        page = letter.get_body(("html",))
        assert page is not None
        assert '<a href="https://books.example/bye">' in page.get_content()

    @pytest.mark.parametrize(
        ("language", "begins"),
        [("ru", "Вы получили"), ("en-GB", "You got"), ("pl", "You got"), ("", "You got")],
    )
    def test_the_footer_speaks_the_letters_language(
        self, bench: Bench, post: Post, language: str, begins: str
    ) -> None:
        bench.commit(Outgoing("k-1", "letter", "Лист", language=language), Prepared())
        body = post.letters[0][2].get_body(("plain",))
        assert body is not None
        assert body.get_content().splitlines()[3].startswith(begins)

    def test_what_leaves_is_plain_ascii_in_short_lines(
        self, bench: Bench, post: Post, image: MediaFile
    ) -> None:
        """Whatever server is on the way: not all take eight bits, none has to take more than 998 in a line."""
        text = "Ґанок " * 400 + "\n\n" + "x" * 5000 + "\n\nსაქართველო 📚 \u202eзнак\n" + "Їжак " * 20
        bench.commit(Outgoing("k-1", "letter", text, (image,), language="uk"), Prepared())
        raw = post.raw[0]
        raw.decode("ascii")
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
        assert b"\n" not in raw.replace(b"\r\n", b"")
        body = post.letters[0][2].get_body(("plain",))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").startswith(text.strip())

    def test_a_picture_that_is_gone_was_not_sent(self, bench: Bench, image: MediaFile) -> None:
        image.path.unlink()
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k-1", "letter", "Лист", (image,)), Prepared())
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_unreadable")

    def test_the_list_is_counted(self, bench: Bench) -> None:
        with bench.client() as client:
            (reading,) = bench.network.account_readings(client=client, credentials=bench.credentials)
        assert (reading.metric, int(reading.value)) == ("members", 2)


@pytest.mark.parametrize(
    ("text", "subject", "body"),
    [
        ("Лише рядок", "Лише рядок", "Лише рядок"),
        ("Тема\n\nПерший абзац\n\nДругий", "Тема", "Перший абзац\n\nДругий"),
        ("", "Список", ""),
        ("слово " * 40, "слово " * 15 + "слово…", ("слово " * 40).strip()),
    ],
)
def test_the_first_line_is_the_subject(text: str, subject: str, body: str) -> None:
    assert split(text, "Список") == (subject, body)
    assert len(split(text, "Список")[0]) <= LONGEST_SUBJECT


def test_addresses_may_be_written_in_many_ways() -> None:
    typed = "a@x.example, Б <b@x.example>;c@x.example\r\n\nA@X.example\nd@книги.укр"
    assert addresses(typed) == ["a@x.example", "b@x.example", "c@x.example", "d@xn--c1ajbfp.xn--j1amh"]
