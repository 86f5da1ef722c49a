"""Pages that show what was posted. They look like what they are: a place to practise, and nothing public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from spilno.toolkit.language.counting import urls
from spilno.toolkit.practice.bot_api import message_id
from spilno.toolkit.practice.graph_instagram import LIVES
from spilno.toolkit.practice.linkedin import PREFIX
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.youtube import PREFIX as GOOGLE

LANGUAGES = ("uk", "en", "ru")
TITLES = {
    "instagram": "Instagram",
    "facebook": "Facebook",
    "telegram": "Telegram",
    "linkedin": "LinkedIn",
    "youtube": "YouTube",
}

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"
ICON = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#ee9c2c" d="M2 2h12v12H2z"/></svg>'
)

SHOWN = {
    "instagram": (
        "reach",
        "views",
        "likes",
        "comments",
        "replies",
        "shares",
        "saved",
        "follows",
        "profile_visits",
    ),
    "telegram": ("views",),
    "facebook": ("reach", "views", "clicks", "likes", "comments", "shares"),
    "linkedin": ("reach", "views", "clicks", "likes", "comments", "shares"),
    "youtube": ("views", "likes", "comments"),
}
"""Counters that a network's own page shows, in this order."""

WORDS: dict[str, dict[str, str]] = {
    "banner": {
        "uk": "Навчальна мережа — тут нічого не публікується насправді",
        "en": "Practice network — nothing here is public",
        "ru": "Учебная сеть — здесь ничего не публикуется на самом деле",
    },
    "banner_more": {
        "uk": "Дописи бачать лише ті, хто має доступ до цього компʼютера. Цифри вигадані.",
        "en": "Only people with access to this computer see the posts. The numbers are made up.",
        "ru": "Публикации видят только те, у кого есть доступ к этому компьютеру. Цифры вымышлены.",
    },
    "title": {"uk": "Навчальна мережа", "en": "Practice network", "ru": "Учебная сеть"},
    "accounts": {"uk": "Акаунти", "en": "Accounts", "ru": "Аккаунты"},
    "no_accounts": {
        "uk": "Поки жодного акаунта. Запустіть сервер із --instagram НАЗВА, --facebook НАЗВА або --telegram НАЗВА.",
        "en": "No account yet. Start the server with --instagram NAME, --facebook NAME or --telegram NAME.",
        "ru": "Пока ни одного аккаунта. Запустите сервер с --instagram ИМЯ, --facebook ИМЯ или --telegram ИМЯ.",
    },
    "connect": {
        "uk": "Щоб підʼєднати цей акаунт у Spilno: адреса {address}, токен {token}",
        "en": "To connect this account in Spilno: address {address}, token {token}",
        "ru": "Чтобы подключить этот аккаунт в Spilno: адрес {address}, токен {token}",
    },
    "connect_by_consent": {
        "uk": "Щоб підʼєднати цей акаунт у Spilno: адреса {address}; застосунок реєструють із будь-яким "
        "ідентифікатором і секретом, дозвіл дають на сторінці згоди.",
        "en": "To connect this account in Spilno: address {address}; register the app with any id and secret, and say "
        "yes on the consent page.",
        "ru": "Чтобы подключить этот аккаунт в Spilno: адрес {address}; приложение регистрируют с любым "
        "идентификатором и секретом, разрешение дают на странице согласия.",
    },
    "followers": {"uk": "Підписники", "en": "Followers", "ru": "Подписчики"},
    "posts": {"uk": "Дописи", "en": "Posts", "ru": "Публикации"},
    "stories": {"uk": "Сторіс", "en": "Stories", "ru": "Сторис"},
    "over": {"uk": "завершена", "en": "ended", "ru": "завершена"},
    "feed": {"uk": "Дописи", "en": "Posts", "ru": "Публикации"},
    "nothing": {
        "uk": "Тут ще нічого не публікували.",
        "en": "Nothing has been posted here yet.",
        "ru": "Здесь ещё ничего не публиковали.",
    },
    "gone": {
        "uk": "Такої сторінки тут немає.",
        "en": "There is no such page here.",
        "ru": "Такой страницы здесь нет.",
    },
    "reach": {"uk": "охоплення", "en": "reach", "ru": "охват"},
    "views": {"uk": "перегляди", "en": "views", "ru": "просмотры"},
    "likes": {"uk": "вподобання", "en": "likes", "ru": "отметки «нравится»"},
    "comments": {"uk": "коментарі", "en": "comments", "ru": "комментарии"},
    "shares": {"uk": "поширення", "en": "shares", "ru": "репосты"},
    "saved": {"uk": "збереження", "en": "saves", "ru": "сохранения"},
    "clicks": {"uk": "кліки", "en": "clicks", "ru": "клики"},
    "replies": {"uk": "відповіді", "en": "replies", "ru": "ответы"},
    "follows": {"uk": "нові підписники", "en": "new followers", "ru": "новые подписчики"},
    "profile_visits": {"uk": "відвідування профілю", "en": "profile visits", "ru": "посещения профиля"},
}


@cache
def _style() -> str:
    return (Path(__file__).parent / "style.css").read_text("utf-8")


class Page:
    """One page in the visitor's language; every text that comes from outside is escaped here."""

    def __init__(self, request: Request, state: State) -> None:
        self.state = state
        asked = request.query_params.get("lang", "")
        self.language = asked if asked in LANGUAGES else _accepted(request)
        self.path = request.url.path

    def word(self, key: str) -> str:
        """A word of ours."""
        return escape(WORDS[key][self.language])

    def to(self, path: str) -> str:
        """An address on this server, in the same language."""
        return escape(f"{quote(path)}?lang={self.language}")

    def moment(self, text: str) -> str:
        """A time, in UTC and said so."""
        at = datetime.fromisoformat(text).astimezone(UTC)
        return f'<time datetime="{at.isoformat()}">{at:%d.%m.%Y %H:%M} UTC</time>'

    def response(self, title: str, body: str, status: int = 200) -> HTMLResponse:
        """The whole document."""
        languages = "".join(
            f'<a href="{escape(quote(self.path))}?lang={one}" hreflang="{one}"'
            f"{' aria-current=true' if one == self.language else ''}>{one}</a>"
            for one in LANGUAGES
        )
        return HTMLResponse(
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="robots" content="noindex"><link rel="icon" href="{ICON}">'
            f"<title>{escape(title)} · {self.word('title')}</title><style>{_style()}</style></head><body>"
            f'<div class="banner" role="note">{self.word("banner")}<small>{self.word("banner_more")}</small></div>'
            f'<main><nav><a href="{self.to("/")}">{self.word("title")}</a>'
            f'<span class="languages">{languages}</span></nav>{body}</main></body></html>',
            status,
            {"Content-Security-Policy": POLICY},
        )

    # ------------------------------------------------------------------------------------------ parts

    def head(self, account: dict[str, Any], count: int) -> str:
        """An account: its face, name and numbers."""
        followers = self.state.followers(account, self.state.clock())
        return (
            f'<div class="head">{self.face(account)}<div><h1>{escape(account["title"])}</h1>'
            f'<div class="soft">{TITLES[account["network"]]} · @{escape(account["name"])}</div>'
            f'<ul class="numbers"><li>{self.word("followers")}: <b>{followers}</b></li>'
            f"<li>{self.word('posts')}: <b>{count}</b></li></ul></div></div>"
        )

    def face(self, account: dict[str, Any]) -> str:
        """A letter in a shape."""
        letter = escape(account["title"][:1].upper())
        return f'<span class="face {account["network"]}" aria-hidden="true">{letter}</span>'

    def counters(self, post: dict[str, Any]) -> str:
        """Counters of a post now."""
        counters = self.state.counters(post)
        network = self.state.data["accounts"][post["account"]]["network"]
        # A number after its word needs no plural, which Ukrainian has three of.
        items = "".join(
            f"<li>{self.word(name)}: <b>{counters[name]}</b></li>"
            for name in SHOWN[network]
            if name in counters
        )
        return f'<ul class="numbers soft">{items}</ul>'

    def picture(self, post: dict[str, Any]) -> str:
        """The first picture or film."""
        return self.medium(post["pictures"][0], post)

    def remarks(self, post: dict[str, Any]) -> str:
        """Comments under a post."""
        items = "".join(
            f"<li><b>{escape(one.name)}</b> {escape(one.text)}</li>" for one in self.state.remarks(post)
        )
        return f'<ul class="remarks">{items}</ul>' if items else ""

    def card(self, post: dict[str, Any], account: dict[str, Any], *, whole: bool = False) -> str:
        """A post of a page."""
        pictures = "".join(self.medium(number, post) for number in post["pictures"])
        address = self.to(f"/{account['network']}/{account['name']}/{post['id']}")
        link = escape(post["link"])
        safe = post["link"].startswith(("http://", "https://"))
        parts = [
            f'<p class="soft"><a href="{address}">{self.moment(post["published_at"])}</a></p>',
            f'<p class="text">{escape(post["text"])}</p>' if post["text"] else "",
            f'<div class="pictures">{pictures}</div>' if pictures else "",
            f'<a class="link" href="{link}" rel="noopener nofollow">{link}</a>' if safe else "",
            self.counters(post),
            self.remarks(post) if whole else "",
        ]
        return f'<li class="card">{"".join(parts)}</li>'

    def bubble(self, post: dict[str, Any], account: dict[str, Any]) -> str:
        """A post of a channel, as messengers draw it: media first, the hour and the views in the corner."""
        media = "".join(self.medium(number, post) for number in post["pictures"])
        number = str(message_id(post))
        address = self.to(f"/{account['network']}/{account['name']}/{number}")
        text = "".join(
            f'<a href="{escape(part)}" rel="noopener nofollow">{escape(part)}</a>'
            if is_link
            else escape(part)
            for part, is_link in _parts(post["text"])
        )
        link = escape(post["link"]) if post["link"].startswith(("http://", "https://")) else ""
        parts = [
            f'<div class="pictures">{media}</div>' if media else "",
            f'<p class="text">{text}</p>' if text else "",
            f'<a class="link preview" href="{link}" rel="noopener nofollow">{link}</a>' if link else "",
            f'<p class="corner soft"><span>{self.word("views")}: <b>{self.state.counters(post)["views"]}</b></span>'
            f'<a href="{address}">{self.moment(post["published_at"])}</a></p>',
        ]
        return f'<li class="card bubble" id="m{number}">{"".join(parts)}</li>'

    def medium(self, number: str, post: dict[str, Any]) -> str:
        """One picture, film or document of a post."""
        kept = self.state.data["pictures"][number]
        if kept["mime"].startswith("video/"):
            return f'<video src="/pictures/{number}" controls preload="metadata"></video>'
        alt = escape(post["alt"] or post["text"][:80])
        if not kept["mime"].startswith("image/"):
            title = escape(post.get("title") or kept["mime"])
            return f'<a class="link" href="/pictures/{number}">{title}</a>'
        return f'<img src="/pictures/{number}" alt="{alt}" loading="lazy">'

    def story(self, post: dict[str, Any], account: dict[str, Any]) -> str:
        """A story in the row of stories."""
        over = self.state.clock() - datetime.fromisoformat(post["published_at"]) >= LIVES
        address = self.to(f"/{account['network']}/{account['name']}/{post['id']}")
        below = self.word("over") if over else self.moment(post["published_at"])
        image = self.picture(post) if post["pictures"] else ""
        kind = "over" if over else "running"
        return f'<li class="{kind}"><a href="{address}">{image}<span class="soft">{below}</span></a></li>'


def _accepted(request: Request) -> str:
    """The best of our languages by ``Accept-Language``; Ukrainian if none fits."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, name[:2].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(wanted) if name in LANGUAGES), "uk")


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """A text cut where its addresses begin and end; with each part, whether it is one."""
    last = 0
    for start, end in urls(text):
        yield text[last:start], False
        yield text[start:end], True
        last = end
    yield text[last:], False


def _list(kind: str, items: Iterable[str]) -> str:
    return f'<ul class="{kind}">{"".join(items)}</ul>'


def routes(state: State, *, graph: str, bots: str) -> list[Route]:
    """The pages. ``graph`` and ``bots``: where the two interfaces begin on this server, e.g. ``/bot-api``."""

    async def index(request: Request) -> Response:
        page = Page(request, state)
        with state.reading() as data:
            accounts = sorted(data["accounts"].values(), key=lambda one: (one["network"], one["title"]))
        cards = [
            f'<li class="card"><a href="{page.to("/" + one["network"] + "/" + one["name"])}">{page.face(one)}'
            f'<span><b>{escape(one["title"])}</b><br><span class="soft">{TITLES[one["network"]]} · '
            f"{page.word('posts')}: {len(state.posts_of(one))}</span></span></a></li>"
            for one in accounts
        ]
        body = _list("accounts", cards) if cards else f'<p class="card empty">{page.word("no_accounts")}</p>'
        return page.response(WORDS["accounts"][page.language], f"<h1>{page.word('accounts')}</h1>{body}")

    async def account(request: Request) -> Response:
        page = Page(request, state)
        found = state.account_named(request.path_params["network"], request.path_params["name"])
        if found is None:
            return _gone(page)
        posts = [one for one in state.posts_of(found) if one["kind"] != "story"]
        stories = state.posts_of(found, kind="story")
        body = page.head(found, len(posts))
        if stories:
            body += f"<h2>{page.word('stories')}</h2>" + _list(
                "stories", (page.story(s, found) for s in stories)
            )
        if posts:
            body += f"<h2>{page.word('feed')}</h2>"
            if found["network"] == "instagram":
                home = f"/instagram/{found['name']}"
                tiles = (
                    f'<li><a href="{page.to(home + "/" + p["id"])}">{page.picture(p)}</a></li>'
                    for p in posts
                    if p["pictures"]
                )
                body += _list("grid", tiles)
            elif found["network"] == "telegram":
                body += _list("chat", (page.bubble(p, found) for p in reversed(posts)))
            else:
                body += _list("feed", (page.card(p, found) for p in posts))
        if not posts and not stories:
            body += f'<p class="card empty">{page.word("nothing")}</p>'
        path = {"telegram": bots, "linkedin": PREFIX, "youtube": GOOGLE}.get(found["network"], graph)
        address = f"<code>{escape(str(request.base_url).rstrip('/') + path)}</code>"
        token = f"<code>{escape(found['token'])}</code>"
        how = "connect_by_consent" if found["network"] == "youtube" else "connect"
        body += f'<p class="soft">{page.word(how).format(address=address, token=token)}</p>'
        return page.response(found["title"], body)

    async def one(request: Request) -> Response:
        page = Page(request, state)
        found = state.account_named(request.path_params["network"], request.path_params["name"])
        wanted = request.path_params["post"]
        if (
            found is not None and found["network"] == "telegram"
        ):  # its addresses have the message's number only
            wanted = f"{found['id']}_{wanted:0>9}"
        with state.reading() as data:
            post = data["posts"].get(wanted)
        if found is None or post is None or post["account"] != found["id"] or not post["published_at"]:
            return _gone(page)
        if found["network"] in ("facebook", "linkedin", "youtube"):
            body = page.head(found, len(state.posts_of(found, kind="post")))
            return page.response(found["title"], body + _list("feed", [page.card(post, found, whole=True)]))
        if found["network"] == "telegram":
            body = page.head(found, len(state.posts_of(found, kind="post")))
            return page.response(found["title"], body + _list("chat", [page.bubble(post, found)]))
        image = "".join(page.medium(number, post) for number in post["pictures"])
        back = page.to(f"/instagram/{found['name']}")
        text = f'<p class="text">{escape(post["text"])}</p>' if post["text"] else ""
        body = (
            f'<article class="one picture">{image}<div class="card"><p><a href="{back}"><b>@{escape(found["name"])}'
            f'</b></a> <span class="soft">{page.moment(post["published_at"])}</span></p>{text}'
            f"{page.counters(post)}{page.remarks(post)}</div></article>"
        )
        return page.response(found["title"], body)

    async def picture(request: Request) -> Response:
        with state.reading() as data:
            found = data["pictures"].get(request.path_params["picture"])
        if found is None:
            return Response(status_code=404)
        headers = {"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"}
        return FileResponse(state.folder / found["id"], media_type=found["mime"], headers=headers)

    return [
        Route("/", index),
        Route("/pictures/{picture:str}", picture),
        Route("/{network:str}/{name:str}", account),
        Route("/{network:str}/{name:str}/{post:str}", one),
    ]


def _gone(page: Page) -> Response:
    text = WORDS["gone"][page.language]
    return page.response(text, f'<p class="card empty">{escape(text)}</p>', 404)
