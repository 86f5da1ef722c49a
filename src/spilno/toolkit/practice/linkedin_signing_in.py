"""Signing in: the page on which a person allows access, and tokens for codes.

Source: learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow and
…/programmatic-refresh-tokens.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.linkedin import SCOPES, kept
from spilno.toolkit.practice.pages import Page
from spilno.toolkit.practice.state import State

APP = ("practice", "practice-app-secret")
"""Client id and secret of the app that is registered here."""

CODE_LIVES = timedelta(minutes=30)
ACCESS_LIVES = timedelta(days=60)
REFRESH_LIVES = timedelta(days=365)

WORDS = {
    "title": {"uk": "Дозволити доступ?", "en": "Allow access?", "ru": "Разрешить доступ?"},
    "who": {
        "uk": "Програма просить дозволи: {scopes}. Від чийого імені?",
        "en": "The app asks for: {scopes}. As whom?",
        "ru": "Приложение просит разрешения: {scopes}. От чьего имени?",
    },
    "allow": {"uk": "Дозволити", "en": "Allow", "ru": "Разрешить"},
    "cancel": {"uk": "Скасувати", "en": "Cancel", "ru": "Отменить"},
    "editor": {"uk": "редакція сторінки {name}", "en": "editor of {name}", "ru": "редакция страницы {name}"},
}


def routes(state: State, prefix: str) -> list[Route]:
    """``authorization`` and ``accessToken``."""

    async def authorization(request: Request) -> Response:
        asked = request.query_params
        page = Page(request, state)
        wrong = _wrong_request(asked.get("client_id", ""), asked.get("redirect_uri", ""))
        if wrong or asked.get("response_type") != "code":
            return page.response(
                "LinkedIn", f'<p class="card empty">{escape(wrong or "unsupported_response_type")}</p>', 400
            )
        if unknown := [one for one in asked.get("scope", "").split() if one not in SCOPES]:
            return _back(
                asked,
                error="unauthorized_scope_error",
                error_description=f'Scope "{unknown[0]}" is not authorized for your application',
            )
        if request.method == "GET":
            return _consent(page, state, asked)
        form = await request.form()
        token = str(form.get("opens", ""))
        if form.get("do") != "allow" or not token:
            return _back(
                asked,
                error="user_cancelled_authorize",
                error_description="The user cancelled the authorization",
            )
        code = secrets.token_urlsafe(32)
        with state.changing():
            kept(state)["codes"][code] = {
                "opens": token,
                "redirect_uri": asked.get("redirect_uri"),
                "scopes": asked.get("scope", "").split(),
                "until": (state.clock() + CODE_LIVES).isoformat(),
            }
        return _back(asked, code=code)

    async def access_token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if (form.get("client_id"), form.get("client_secret")) != APP:
            return _refused(401, "invalid_client", "Client authentication failed")
        with state.changing():
            own, now = kept(state), state.clock()
            match form.get("grant_type"):
                case "authorization_code":
                    found = own["codes"].pop(form.get("code", ""), None)
                    if (
                        found is None
                        or found["redirect_uri"] != form.get("redirect_uri")
                        or datetime.fromisoformat(found["until"]) <= now
                    ):
                        message = (
                            "Unable to retrieve access token: appid/redirect uri/code verifier does not match "
                            "authorization code. Or authorization code expired."
                        )
                        return _refused(400, "invalid_request", message)
                    return JSONResponse(_mint(own, found, now, now + REFRESH_LIVES))
                case "refresh_token":
                    given = form.get("refresh_token", "")
                    found = next((one for one in own["tokens"].values() if one["refresh"] == given), None)
                    if not given or found is None or datetime.fromisoformat(found["refresh_until"]) <= now:
                        return _refused(
                            400, "invalid_grant", "The provided refresh token is invalid, expired or revoked"
                        )
                    return JSONResponse(
                        _mint(own, found, now, datetime.fromisoformat(found["refresh_until"]))
                    )
        return _refused(400, "unsupported_grant_type", "Unknown grant type")

    return [
        Route(f"{prefix}/authorization", authorization, methods=["GET", "POST"]),
        Route(f"{prefix}/accessToken", access_token, methods=["POST"]),
    ]


def _wrong_request(client_id: str, redirect_uri: str) -> str:
    if client_id != APP[0]:
        return "The passed in client_id is invalid"
    if not redirect_uri.startswith(("http://127.0.0.1", "http://localhost", "https://")):
        return "The redirect_uri does not match the registered value"
    return ""


def _mint(
    own: dict[str, Any], found: dict[str, Any], now: datetime, refresh_until: datetime
) -> dict[str, Any]:
    token, until = secrets.token_urlsafe(40), now + ACCESS_LIVES
    refresh = found.get("refresh") or secrets.token_urlsafe(40)
    own["tokens"][token] = {
        "opens": found["opens"], "scopes": found["scopes"], "until": until.isoformat(), "refresh": refresh,
        "refresh_until": refresh_until.isoformat(), "revoked": False,
    }  # fmt: skip
    return {
        "access_token": token,
        "expires_in": int(ACCESS_LIVES.total_seconds()),
        "refresh_token": refresh,
        "refresh_token_expires_in": int((refresh_until - now).total_seconds()),
        "scope": ",".join(found["scopes"]),
        "token_type": "Bearer",
    }


def _refused(status: int, error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status)


def _back(asked: Any, **more: str) -> RedirectResponse:
    address = asked.get("redirect_uri", "")
    query = urlencode({**more, "state": asked.get("state", "")})
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", 302)


def _consent(page: Page, state: State, asked: Any) -> Response:
    words = {name: text[page.language] for name, text in WORDS.items()}
    with state.reading() as data:
        tokens: dict[str, str] = {}
        for one in data["accounts"].values():
            if one["network"] == "linkedin" and not one.get("person") and not one["revoked"]:
                tokens.setdefault(one["token"], one["title"])
    choices = "".join(
        f'<li class="card"><label><input type="radio" name="opens" value="{escape(token)}"'
        f"{' checked' if not at else ''}> {escape(words['editor'].format(name=title))}</label></li>"
        for at, (token, title) in enumerate(tokens.items())
    )
    said = escape(words["who"].format(scopes=asked.get("scope", "")))
    body = (
        f"<h1>{escape(words['title'])}</h1><p>{said}</p>"
        f'<form method="post"><ul class="accounts">{choices}</ul>'
        f'<p><button name="do" value="allow">{escape(words["allow"])}</button> '
        f'<button name="do" value="cancel">{escape(words["cancel"])}</button></p></form>'
    )
    return page.response(words["title"], body)
