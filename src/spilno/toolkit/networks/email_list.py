"""E-mail to a list of people, through any mail server (SMTP).

A mail server has no key of ours and cannot be asked what it has taken. Every letter carries a ``Message-ID`` made from
our key, by which a person recognises it, and many mail programs show a letter that came twice once; but nobody promises
that. So a letter that got no answer is a person's to clear up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from html import escape
from typing import Any

import httpx

from spilno.toolkit.language.counting import urls
from spilno.toolkit.networks.base import (
    Account,
    Counting,
    CredentialField,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Placement,
    Prepared,
    Published,
    Reading,
)
from spilno.toolkit.networks.smtp import SUBMISSION, Handover, Server
from spilno.toolkit.networks.words import OURS, limit

LONGEST_SUBJECT = 100
LETTER = SMTP.clone(cte_type="7bit")
"""Only signs that every server on the way passes on: not all of them take eight bits, nor long lines."""

_FOOTER = {
    "uk": "Ви отримали цього листа, бо є у списку «{name}». Відписатися: {way}",
    "en": "You got this letter because you are on the list “{name}”. Unsubscribe: {way}",
    "ru": "Вы получили это письмо, потому что вы в списке «{name}». Отписаться: {way}",
}
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[^\s@<>()\[\],;:\\\"]{1,250}")
_HOST = re.compile(r"(?P<host>[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?")


class EmailList(Network):
    key = "email_list"
    label = {"uk": "Е-пошта: розсилка", "en": "E-mail to a list", "ru": "Эл. почта: рассылка"}
    short = "Em"
    color = "oklch(0.60 0.09 300)"
    docs = "https://www.rfc-editor.org/rfc/rfc5321"
    audience_metric = "members"
    metrics = {"recipients": "members"}
    look_here = {
        "uk": "Подивіться в поштовій скриньці когось зі списку, чи прийшов лист.",
        "en": "Look in the mailbox of somebody on the list whether the letter has come.",
        "ru": "Посмотрите в почтовом ящике кого-то из списка, пришло ли письмо.",
    }
    placements = (
        Placement(
            "letter",
            label={"uk": "Лист", "en": "Letter", "ru": "Письмо"},
            counting=Counting.CODE_POINTS,
            limits=(
                limit("text", None, "characters", "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.7"),
                limit("images", 10, "count", OURS),
                limit("videos", 0, "count", OURS),
                limit("image_bytes", 5_000_000, "bytes", OURS),
                limit("image_mime", "image/jpeg image/png image/gif", "mime", OURS),
            ),
            once=Once.NONE,
            media_allowed=("image",),
        ),
    )
    credential_fields = (
        CredentialField(
            "server",
            label={"uk": "Поштовий сервер", "en": "Mail server", "ru": "Почтовый сервер"},
            help={
                "uk": "Сервер для надсилання (SMTP) і, якщо треба, порт: 587 або 465.",
                "en": "The server for sending (SMTP) and, if needed, its port: 587 or 465.",
                "ru": "Сервер для отправки (SMTP) и, если нужно, порт: 587 или 465.",
            },
            placeholder="smtp.example.org:587",
        ),
        CredentialField(
            "user",
            label={"uk": "Користувач", "en": "User", "ru": "Пользователь"},
            help={
                "uk": "Часто це повна адреса. Порожньо, якщо сервер не питає.",
                "en": "Often the whole address. Empty if the server does not ask.",
                "ru": "Часто это полный адрес. Пусто, если сервер не спрашивает.",
            },
            required=False,
        ),
        CredentialField(
            "password",
            label={"uk": "Пароль", "en": "Password", "ru": "Пароль"},
            help={
                "uk": "Краще окремий пароль для застосунків. Його буде надіслано лише зашифрованим з’єднанням.",
                "en": "Better an app password of its own. It is sent over an encrypted connection only.",
                "ru": "Лучше отдельный пароль для приложений. Он отправляется только по зашифрованному соединению.",
            },
            kind="password",
            secret=True,
            required=False,
        ),
        CredentialField(
            "sender",
            label={"uk": "Від кого", "en": "From", "ru": "От кого"},
            help={
                "uk": "Ім’я та адреса, які побачать отримувачі.",
                "en": "Name and address that the recipients see.",
                "ru": "Имя и адрес, которые увидят получатели.",
            },
            placeholder="Читачі <news@example.org>",
        ),
        CredentialField(
            "list_name",
            label={"uk": "Назва списку", "en": "Name of the list", "ru": "Название списка"},
            help={
                "uk": "Стоїть у рядку «Кому» замість адрес: отримувачі не бачать одне одного.",
                "en": "Stands in “To” instead of the addresses: recipients do not see each other.",
                "ru": "Стоит в строке «Кому» вместо адресов: получатели не видят друг друга.",
            },
        ),
        CredentialField(
            "recipients",
            label={"uk": "Отримувачі", "en": "Recipients", "ru": "Получатели"},
            help={
                "uk": "По одній адресі в рядку. Лише ті, хто погодився отримувати листи. Зберігаються зашифрованими.",
                "en": "One address in a line. Only people who agreed to get letters. Kept encrypted.",
                "ru": "По одному адресу в строке. Только те, кто согласился получать письма. Хранятся зашифрованными.",
            },
            kind="lines",
        ),
        CredentialField(
            "unsubscribe",
            label={"uk": "Відписка", "en": "Unsubscribing", "ru": "Отписка"},
            help={
                "uk": "Сторінка (https://) або адреса для відписки. Порожньо — лист на адресу відправника.",
                "en": "Page (https://) or address to unsubscribe. Empty: a letter to the sender.",
                "ru": "Страница (https://) или адрес для отписки. Пусто — письмо на адрес отправителя.",
            },
            required=False,
            placeholder="https://example.org/unsubscribe",
        ),
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Look through the addresses, sign in, and ask whether this sender may write. Nothing is sent."""
        name, address = parseaddr(credentials.get("sender", ""))
        listed = " ".join(credentials.get("list_name", "").split())
        recipients = addresses(credentials.get("recipients", ""))
        for key, value in (("sender", address), ("list_name", listed), ("recipients", recipients)):
            if not value:
                raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": key})
        kept = dict(credentials) | {
            "sender": str(Address(" ".join(name.split()), addr_spec=_one(address))),
            "list_name": listed,
            "recipients": "\n".join(recipients),
            "unsubscribe": _unsubscribe(credentials.get("unsubscribe", "")),
        }
        sender = parseaddr(kept["sender"])[1]
        Handover(client, _server(kept)).check(sender)
        return Account(f"{sender.lower()}/{listed.casefold()}", listed, "", kept)

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Nothing: a mail server takes a letter whole or not at all."""
        return so_far

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Hand over one letter for everybody on the list."""
        sender = parseaddr(credentials["sender"])[1]
        letter = self._letter(post, credentials)
        taken = Handover(client, _server(credentials)).send(
            sender, addresses(credentials["recipients"]), letter.as_bytes(policy=LETTER)
        )
        number = _message_id(post, sender)
        # Counts only: the record of an attempt is no place for people's addresses.
        told: dict[str, Any] = {"message_id": number, "accepted": taken.accepted, "refused": taken.refused}
        if taken.codes:
            told["refused_with"] = dict(taken.codes)
        return Published(number, "", None, told)

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Nothing: who opened a letter is not counted (that would take a hidden picture in it)."""
        return []

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of addresses on the list."""
        return [Reading("members", Decimal(len(addresses(credentials.get("recipients", "")))))]

    # ------------------------------------------------------------------------------------------ the letter

    def _letter(self, post: Outgoing, credentials: Credentials) -> EmailMessage:
        name, sender = parseaddr(credentials["sender"])
        subject, text = split(post.text, credentials["list_name"])
        text = self.sent_text(placement=post.placement, text=text, link=post.link, media=bool(post.media))
        letter = EmailMessage(policy=LETTER)
        letter["From"] = Address(name, addr_spec=sender)
        letter["To"] = Address(credentials["list_name"], addr_spec=sender)
        letter["Subject"] = subject
        letter["Message-ID"] = f"<{_message_id(post, sender)}>"
        # The only clock that is read in this package: a letter must say when it was written (RFC 5322, 3.6.1).
        letter["Date"] = datetime.now(UTC)
        ways = credentials.get("unsubscribe") or f"mailto:{sender}?subject=unsubscribe"
        letter["List-Unsubscribe"] = f"<{ways}>"
        if ways.startswith("https://"):
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        letter["List-Id"] = (
            f"{_plain(credentials['list_name'])} <{_list_id(credentials['list_name'], sender)}>"
        )
        letter["Precedence"] = "bulk"  # absence notes do not answer such letters
        if post.language:
            letter["Content-Language"] = post.language
        footer = _footer(credentials["list_name"], ways, post.language)
        letter.set_content(f"{text or subject}\n\n-- \n{footer}\n")
        numbers = [f"{place}.{_message_id(post, sender)}" for place in range(len(post.media))]
        letter.add_alternative(_page(subject, text, post, numbers, footer), subtype="html")
        *_, page = letter.iter_parts()
        assert isinstance(page, EmailMessage)
        for number, one in zip(numbers, post.media, strict=True):
            try:
                content = one.path.read_bytes()
            except OSError:
                raise NetworkError(Kind.PERMANENT, "media_unreadable") from None
            kind, _, form = one.mime.partition("/")
            page.add_related(content, kind, form, cid=f"<{number}>", filename=f"{number.partition('.')[0]}.{form}",
                             disposition="inline")  # fmt: skip
        return letter


def split(text: str, otherwise: str) -> tuple[str, str]:
    """Subject and body: the first line is the subject, the rest the body; a text of one line is both.

    :param otherwise: the subject of a letter without words.
    """
    lines = text.strip().splitlines()
    if not lines:
        return otherwise, ""
    first = " ".join(lines[0].split())
    rest = "\n".join(lines[1:]).strip()
    if len(first) <= LONGEST_SUBJECT:
        return first, rest or text.strip()
    # Too long to be a heading: the body keeps it, the subject is its beginning.
    return first[: LONGEST_SUBJECT - 1].rsplit(" ", 1)[0] + "…", text.strip()


def addresses(typed: str) -> list[str]:
    """Addresses, one in a line or between commas, each once, as they were first written.

    :raises NetworkError: ``address_bad`` naming the first that is none.
    """
    found: dict[str, str] = {}
    for part in re.split(r"[\r\n,;]+", typed):
        if part.strip():
            one = _one(parseaddr(part.strip())[1] or part)
            found.setdefault(one.lower(), one)
    return list(found.values())


def _one(text: str) -> str:
    """One address, its domain as mail servers write it.

    :raises NetworkError: ``address_bad``.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        one = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        one = ""
    if not _ADDRESS.fullmatch(one) or ".." in one or "." not in domain:
        raise NetworkError(Kind.PERMANENT, "address_bad", params={"address": text.strip()[:100]})
    return one


def _unsubscribe(typed: str) -> str:
    """What a person typed, as an address of the web or of mail; ``""`` if nothing."""
    text = typed.strip().removeprefix("mailto:")
    if not text or re.fullmatch(r"https://[^\s<>,]+", text):
        return text
    return f"mailto:{_one(text)}"


def _server(credentials: Credentials) -> Server:
    typed = re.sub(r"^smtps?://", "", credentials.get("server", "").strip(), flags=re.IGNORECASE).rstrip("/")
    match = _HOST.fullmatch(typed)
    port = int(match["port"] or SUBMISSION) if match else 0
    if match is None or not 0 < port < 65536:
        raise NetworkError(Kind.PERMANENT, "bad_address", params={"host": typed.rpartition("@")[2][:80]})
    name = parseaddr(credentials.get("sender", ""))[1].rpartition("@")[2] or "localhost"
    user, password = credentials.get("user", ""), credentials.get("password", "")
    return Server(match["host"].strip("[]"), port, name, user, password)


def _message_id(post: Outgoing, sender: str) -> str:
    """Made from our key alone: the same letter has the same one, however often it is sent."""
    return f"{post.key}@{sender.rpartition('@')[2].lower()}"


def _footer(name: str, way: str, language: str) -> str:
    """Why somebody got the letter and how to get no more, in the letter's language if we speak it."""
    said = _FOOTER.get(language.partition("-")[0].lower(), _FOOTER["en"])
    return said.format(name=name, way=way.removeprefix("mailto:").partition("?")[0])


def _plain(name: str) -> str:
    """A list's name as it may stand in a header beside its id."""
    return re.sub(r"[<>\"\\\r\n]", "", name)


def _list_id(name: str, sender: str) -> str:
    """An id that the list keeps (RFC 2919): programs that sort mail go by it."""
    short = hashlib.sha256(name.casefold().encode()).hexdigest()[:12]
    return f"{short}.{sender.rpartition('@')[2].lower()}"


def _page(subject: str, text: str, post: Outgoing, numbers: Sequence[str], footer: str) -> str:
    """The letter as HTML: pictures first, then paragraphs; plain enough for every mail program."""
    pictures = "".join(
        f'<p><img src="cid:{number}" alt="{escape(one.alt)}" style="max-width:100%;height:auto"></p>'
        for number, one in zip(numbers, post.media, strict=True)
    )
    paragraphs = "".join(f"<p>{_linked(one)}</p>" for one in re.split(r"\n\s*\n", text) if one.strip())
    language = f' lang="{escape(post.language)}"' if post.language else ""
    return (
        f'<!doctype html><html{language}><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        '<body style="font:16px/1.5 sans-serif;max-width:38rem;margin:0 auto;padding:16px">'
        f"{pictures}{paragraphs}"
        f'<p style="font-size:13px;opacity:.7;border-top:1px solid;padding-top:8px">{_linked(footer)}</p>'
        "</body></html>"
    )


def _linked(text: str) -> str:
    parts, last = [], 0
    for start, end in urls(text):
        address = escape(text[start:end])
        parts += [escape(text[last:start]), f'<a href="{address}">{address}</a>']
        last = end
    return "".join([*parts, escape(text[last:])]).replace("\n", "<br>\n")
