"""What the page behind a link says about itself, for networks that leave drawing the card to whoever posts.

A courtesy: a page that is dead, slow, huge or inside a private network makes a card with its bare address, never an
error. Fetching says that no person looks at it, so that nobody counts a visit.

Sources: ogp.me (``og:title``, ``og:description``, ``og:image``), HTML (``title``, ``meta name=description``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from spilno.toolkit.networks import deadline

ASIDE = "spilno_aside"
"""Extension of a request that goes to somebody else than the network: who counts requests leaves it out."""

MOST_PAGE = 512 * 1024
"""Bytes: what a page says about itself stands at its beginning."""

MOST_SECONDS = 8.0
"""For a page or a picture with all its redirections."""

MOST_HOPS = 3
MOST_TITLE = 300
MOST_DESCRIPTION = 1000
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
HEADERS = {
    "User-Agent": "Spilno link preview bot",
    "DNT": "1",
    "Sec-Purpose": "prefetch",
    "Accept-Encoding": "identity",
    "Accept-Language": "uk, en;q=0.5",
}


@dataclass(frozen=True)
class Card:
    """Title and description as the page gives them (``""`` if it does not), and its picture if it could be had."""

    title: str = ""
    description: str = ""
    picture: bytes = b""
    mime: str = ""


def card(client: httpx.Client, link: str, *, most_picture: int) -> Card:
    """What to show for a link.

    :param most_picture: bytes; a larger picture is left out.
    """
    page, mime, where = _fetched(client, link, MOST_PAGE)
    if "html" not in mime:
        return Card()
    said = _Heads()
    try:
        said.feed(page.decode(_charset(mime, page), "replace"))
    except (AssertionError, LookupError, ValueError):  # html.parser gives up on some declarations
        return Card()
    picture, kind = b"", ""
    if address := said.first("og:image:secure_url", "og:image", "og:image:url", "twitter:image"):
        content, kind, _ = _fetched(client, address, most_picture + 1, where)
        if kind in PICTURES and 0 < len(content) <= most_picture:
            picture = content
    return Card(
        title=_short(said.first("og:title", "twitter:title") or said.title, MOST_TITLE),
        description=_short(
            said.first("og:description", "twitter:description", "description"), MOST_DESCRIPTION
        ),
        picture=picture,
        mime=kind if picture else "",
    )


def _short(text: str, most: int) -> str:
    text = " ".join(text.replace("\0", "").split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _fetched(client: httpx.Client, link: str, most: int, base: str = "") -> tuple[bytes, str, str]:
    """At most ``most`` bytes, their type, and where they really are; empty if it cannot be had."""
    try:
        link = urljoin(base, link)
        with deadline.within(MOST_SECONDS):
            for _ in range(MOST_HOPS + 1):
                request = client.build_request("GET", link, headers=HEADERS, timeout=MOST_SECONDS)
                request.extensions[ASIDE] = True
                answer = client.send(request, stream=True, follow_redirects=False)
                try:
                    if answer.is_redirect:  # each hop passes the client's guard anew
                        link = urljoin(link, answer.headers["Location"])
                        continue
                    if answer.status_code != 200 or answer.headers.get("Content-Encoding"):
                        return b"", "", link
                    content = _some(answer, most)
                    return content, answer.headers.get("Content-Type", "").lower(), link
                finally:
                    answer.close()
    except Exception:  # a guard's refusal is no error of httpx, and none of them keeps a post back
        return b"", "", link
    return b"", "", link


def _some(answer: httpx.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_bytes():
        parts.append(part[: most - size])
        size += len(part)
        if size >= most or deadline.over():
            break
    return b"".join(parts)


def _charset(mime: str, page: bytes) -> str:
    found = re.search(r"charset=[\"']?([\w-]+)", mime) or re.search(
        rb"<meta[^>]+charset=[\"']?([\w-]+)", page[:2048], re.IGNORECASE
    )
    if found is None:
        return "utf-8"
    name = found[1]
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


class _Heads(HTMLParser):
    """Reads ``<title>`` and ``<meta>``; the first of each name counts."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._named: dict[str, str] = {}
        self._in_title = False

    def first(self, *names: str) -> str:
        return next((self._named[one] for one in names if self._named.get(one)), "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta":
            name = (given.get("property") or given.get("name") or "").strip().lower()
            self._named.setdefault(name, given.get("content", "").strip())
        self._in_title = tag == "title" and not self.title

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
