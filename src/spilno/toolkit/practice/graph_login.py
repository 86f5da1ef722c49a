"""Facebook Login as the practice network has it: a page that asks, codes, tokens, and who they belong to.

One person manages all accounts here. The app is always the same; its number and secret are shown on the page that
asks, for whoever has to type them somewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.graph import Call, GraphError, missing, page_of, split_fields
from spilno.toolkit.practice.graph_answer import accounts_of_login, login_of
from spilno.toolkit.practice.graph_facebook import page_node
from spilno.toolkit.practice.graph_instagram import linked_page
from spilno.toolkit.practice.state import State

APP_ID = "990000000000001"
APP_SECRET = "practice-app-secret"  # noqa: S105 - it protects nothing, and is shown to whoever asks
USER = "700000000000001"
GRAMS = "instagram_basic"
"""The permission without which an app sees no Instagram accounts."""
CODE_LIVES = timedelta(minutes=10)
SHORT = timedelta(hours=1)
LONG = timedelta(days=60)
DATA_ACCESS = timedelta(days=90)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

WORDS = {
    "uk": {
        "title": "Дозволити застосунку доступ?",
        "practice": "Навчальна мережа — тут нічого не публікується насправді",
        "asks": "Застосунок {app} просить доступ до ваших сторінок:",
        "may": "Він зможе:",
        "allow": "Дозволити",
        "deny": "Скасувати",
        "unknown": "Такого застосунку тут немає. Номер застосунку: {app}, секрет: {secret}",
        "back": "Адреса повернення не починається з http:// або https://",
    },
    "en": {
        "title": "Allow the app access?",
        "practice": "Practice network — nothing here is public",
        "asks": "The app {app} asks for access to your pages:",
        "may": "It may:",
        "allow": "Allow",
        "deny": "Cancel",
        "unknown": "There is no such app here. The app's number: {app}, its secret: {secret}",
        "back": "The return address does not begin with http:// or https://",
    },
    "ru": {
        "title": "Разрешить приложению доступ?",
        "practice": "Учебная сеть — здесь ничего не публикуется на самом деле",
        "asks": "Приложение {app} просит доступ к вашим страницам:",
        "may": "Оно сможет:",
        "allow": "Разрешить",
        "deny": "Отмена",
        "unknown": "Такого приложения здесь нет. Номер приложения: {app}, секрет: {secret}",
        "back": "Адрес возврата не начинается с http:// или https://",
    },
}


# ------------------------------------------------------------------------------------------------ the page


def routes(state: State) -> list[Route]:
    """The page that asks, to be put before Graph's own route."""

    async def dialog(request: Request) -> Response:
        words = WORDS[_language(request)]
        if request.method == "POST":
            async with request.form() as form:
                given = {name: str(value) for name, value in form.multi_items() if name != "account"}
                chosen = [str(value) for name, value in form.multi_items() if name == "account"]
        else:
            given, chosen = dict(request.query_params), []
        back = given.get("redirect_uri", "")
        if given.get("client_id") != APP_ID:
            return _page(words, words["unknown"].format(app=APP_ID, secret=APP_SECRET), 400)
        if urlsplit(back).scheme not in ("http", "https"):
            return _page(words, words["back"], 400)
        if request.method == "GET":
            return _asking(state, words, given)
        if given.get("answer") != "allow" or not chosen:
            refused = {
                "error": "access_denied",
                "error_code": "200",
                "error_reason": "user_denied",
                "error_description": "Permissions error",
            }
            return _to(back, {**refused, "state": given.get("state", "")})
        code = _code(state, given, chosen)
        return _to(back, {"code": code, "state": given.get("state", "")})

    return [Route("/graph/{version}/dialog/oauth", dialog, methods=["GET", "POST"])]


def _to(back: str, more: Mapping[str, str]) -> Response:
    joint = "&" if urlsplit(back).query else "?"
    return RedirectResponse(f"{back}{joint}{urlencode(more)}", 302)


def _code(state: State, given: Mapping[str, str], chosen: list[str]) -> str:
    code = f"AQ{secrets.token_urlsafe(32)}"
    with state.changing() as data:
        accounts = [one for one in chosen if one in data["accounts"]]
        data["logins"][f"code {code}"] = {
            "user": USER,
            "accounts": accounts,
            "redirect_uri": given["redirect_uri"],
            "scopes": [one for one in given.get("scope", "").replace(" ", ",").split(",") if one],
            "until": (state.clock() + CODE_LIVES).isoformat(),
            "used": False,
        }
    return code


def _asking(state: State, words: Mapping[str, str], given: Mapping[str, str]) -> Response:
    networks = ("facebook", "instagram") if GRAMS in given.get("scope", "") else ("facebook",)
    with state.reading() as data:
        accounts = [one for one in data["accounts"].values() if one["network"] in networks]
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(given.get(name, ""))}">'
        for name in ("client_id", "redirect_uri", "state", "scope")
    )
    boxes = "".join(
        f'<li><label><input type="checkbox" name="account" value="{escape(one["id"])}" checked> '
        f"{escape(one['title'])} <small>{escape(one['network'].capitalize())}</small></label></li>"
        for one in sorted(accounts, key=lambda one: (one["network"], one["title"]))
    )
    scopes = "".join(
        f"<li><code>{escape(one)}</code></li>" for one in given.get("scope", "").split(",") if one
    )
    body = (
        f'<form method="post"><p>{escape(words["asks"].format(app="Spilno"))}</p>{hidden}<ul>{boxes}</ul>'
        f"<details><summary>{escape(words['may'])}</summary><ul>{scopes}</ul></details>"
        f'<p><button name="answer" value="allow">{escape(words["allow"])}</button> '
        f'<button name="answer" value="deny">{escape(words["deny"])}</button></p></form>'
    )
    return _page(words, body, 200, html=True)


def _page(words: Mapping[str, str], text: str, status: int, *, html: bool = False) -> HTMLResponse:
    body = text if html else f"<p>{escape(text)}</p>"
    return HTMLResponse(
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(words['title'])}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;"
        "margin:3rem auto;padding:0 1rem}ul{list-style:none;padding:0}button{font:inherit;padding:.5rem 1rem}"
        f'.banner{{background:#ffe9c2;color:#402a00;padding:.5rem 1rem}}</style></head><body><div class="banner" '
        f'role="note">{escape(words["practice"])}</div><main><h1>{escape(words["title"])}</h1>{body}</main></body></html>',
        status,
        {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )


def _language(request: Request) -> str:
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    found = [one.strip()[:2].lower() for one in wanted.split(",")]
    return next((one for one in found if one in WORDS), "uk")


# ------------------------------------------------------------------------------------------------ tokens


def without_account(path: str, params: Mapping[str, Any], state: State) -> dict[str, Any] | None:
    """What an app asks for itself; ``None`` for all other paths."""
    if path == "oauth/access_token":
        return _exchange(params, state)
    if path == "debug_token":
        return {"data": _debugged(params, state)}
    return None


def _exchange(params: Mapping[str, Any], state: State) -> dict[str, Any]:
    if str(params.get("client_id")) != APP_ID:
        raise GraphError(
            "Error validating application. Cannot get application info due to a system error.", 101
        )
    if str(params.get("client_secret")) != APP_SECRET:
        raise GraphError("Error validating client secret.", 1)
    if params.get("grant_type") == "fb_exchange_token":
        login = login_of(state, str(params.get("fb_exchange_token", "")))
        if login is None:
            raise GraphError("Invalid OAuth access token - Cannot parse access token", 190)
        return _given(state, login, LONG)
    code = f"code {params.get('code', '')}"
    with state.changing() as data:
        kept = data["logins"].get(code)
        if kept is None:
            raise GraphError("Invalid verification code format.", 100, subcode=36007)
        if kept["used"]:
            raise GraphError("This authorization code has been used.", 100, subcode=36009)
        if datetime.fromisoformat(kept["until"]) <= state.clock():
            raise GraphError("This authorization code has expired.", 100, subcode=36007)
        if kept["redirect_uri"] != params.get("redirect_uri"):
            raise GraphError(
                "Error validating verification code. Please make sure your redirect_uri is identical to the one "
                "you used in the OAuth dialog request",
                100,
                subcode=36008,
            )
        kept["used"] = True
    return _given(state, kept, SHORT)


def _given(state: State, login: Mapping[str, Any], lives: timedelta) -> dict[str, Any]:
    token = f"EAAG{secrets.token_hex(24)}"
    now = state.clock()
    with state.changing() as data:
        data["logins"][token] = {
            "user": login["user"],
            "accounts": login["accounts"],
            "scopes": login["scopes"],
            "since": login.get("since") or now.isoformat(),
            "until": (now + lives).isoformat(),
        }
    return {"access_token": token, "token_type": "bearer", "expires_in": int(lives.total_seconds())}


def _debugged(params: Mapping[str, Any], state: State) -> dict[str, Any]:
    asks, token = str(params.get("access_token", "")), str(params.get("input_token", ""))
    if asks not in (f"{APP_ID}|{APP_SECRET}", token):
        raise GraphError(
            "(#100) You must provide an app access token, or a user access token that is an owner or developer of "
            "the app",
            100,
        )
    login, accounts = login_of(state, token), state.accounts_of_token(token)
    if login is None and not accounts:
        message = "The access token could not be decrypted"
        return {"is_valid": False, "error": {"code": 190, "message": message}, "scopes": []}
    since = datetime.fromisoformat(login["since"]) if login else state.clock()
    until = int(datetime.fromisoformat(login["until"]).timestamp()) if login else _ends(accounts)
    return {
        "app_id": APP_ID,
        "type": "USER" if login else "PAGE",
        "application": "Spilno",
        "expires_at": until,
        "data_access_expires_at": int((since + DATA_ACCESS).timestamp()),
        "is_valid": True,
        "scopes": login["scopes"] if login else [],
        "user_id": USER,
    }


def _ends(accounts: list[dict[str, Any]]) -> int:
    """When a page's token ends: never (0), unless the account says so."""
    told = [one["token_until"] for one in accounts if one.get("token_until")]
    return int(min(datetime.fromisoformat(one) for one in told).timestamp()) if told else 0


# ------------------------------------------------------------------------------------------------ the person


def handle(call: Call) -> dict[str, Any]:
    """Answer one request about the person themselves."""
    match (call.method, *call.parts[1:]):
        case ("GET",):
            return {"id": call.account["id"], "name": "Практика"}
        case ("GET", "accounts"):
            return page_of(_pages(call), call)
        case ("GET", "permissions"):
            scopes = call.account["login"]["scopes"]
            return {"data": [{"permission": one, "status": "granted"} for one in scopes]}
    raise missing("/".join(call.parts))


def _pages(call: Call) -> list[dict[str, Any]]:
    """The pages that were allowed. An Instagram account whose page is none of ours comes with one of its own."""
    accounts = accounts_of_login(call.state, call.account["login"])
    with_page = {one["token"] for one in accounts if one["network"] == "facebook"}
    grams = {one["id"] for one in accounts if one["network"] == "instagram"}
    pages = []
    for one in sorted(accounts, key=lambda one: (one["network"], one["title"])):
        if one["network"] == "facebook":
            node = page_node(call, one)
            linked = node["instagram_business_account"]
            if linked is not None and linked["id"] not in grams:
                node["instagram_business_account"] = None  # it was not allowed
            pages.append(node)
        elif one["network"] == "instagram" and one["token"] not in with_page:
            pages.append(linked_page(call, one))
    asked = call.fields() or dict.fromkeys(("id", "name", "access_token"), "")
    return [{**_cut(node, asked), "id": node["id"]} for node in pages]


def _cut(node: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, inner in asked.items():
        value = node.get(name)
        if isinstance(value, dict) and inner:
            value = {key: value[key] for key in value if key in ("id", *split_fields(inner))}
        if value is not None:
            found[name] = value
    return found
