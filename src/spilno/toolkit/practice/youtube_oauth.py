"""Google's consent page and tokens (RFC 6749, RFC 7636; developers.google.com/identity/protocols/oauth2/web-server).

Any client id is taken; the secret that comes with it first is its secret from then on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.youtube import ALL_SCOPES, PREFIX, google

CODE_LIVES = timedelta(minutes=10)
ACCESS_LIVES = timedelta(seconds=3599)
TESTING_LIVES = timedelta(days=7)
"""How long a refresh token of an app lives whose consent screen is still being tested."""

WORDS = {
    "uk": ("Навчальна мережа: хто ви?", "Застосунок просить дозволу на", "Відмовити", "Каналу ще немає."),
    "en": ("Practice network: who are you?", "The app asks for", "Refuse", "There is no channel yet."),
    "ru": ("Учебная сеть: кто вы?", "Приложение просит разрешения на", "Отказать", "Канала ещё нет."),
}


class Refused(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str = "Bad Request", status: int = 400) -> None:
        super().__init__(error)
        self.response = JSONResponse({"error": error, "error_description": description}, status)


def grant(
    state: State, account: dict[str, Any], *, client: str, scope: str = " ".join(ALL_SCOPES)
) -> dict[str, Any]:
    """Tokens as the consent page would have led to, for a demo or a test that wants no browser."""
    with state.changing() as data:
        return _issue(state, data, account["id"], client, scope, refresh=True)


def routes(state: State) -> list[Route]:
    """Consent page, tokens, and taking them back."""

    async def consent(request: Request) -> Response:
        asked = request.query_params
        back = asked.get("redirect_uri", "")
        wrong = _wrong_question(asked)
        if wrong:
            return HTMLResponse(f"<!doctype html><title>400</title><p>Error 400: {escape(wrong)}", 400)
        if "deny" in asked:
            return _back(back, {"error": "access_denied", "state": asked.get("state", "")})
        with state.reading() as data:
            channels = [one for one in data["accounts"].values() if one["network"] == "youtube"]
        chosen = next((one for one in channels if one["name"] == asked.get("choose")), None)
        if chosen is None:
            return _page(request, channels)
        allowed = " ".join(
            one for one in asked.get("scope", "").split() if one not in asked.getlist("without")
        )
        code = f"4/p-{secrets.token_urlsafe(24)}"
        with state.changing() as data:
            google(data).setdefault("codes", {})[code] = {
                "account": chosen["id"],
                "client": asked["client_id"],
                "redirect_uri": back,
                "challenge": asked.get("code_challenge", ""),
                "scope": allowed,
                "offline": asked.get("access_type") == "offline",
                "until": (state.clock() + CODE_LIVES).isoformat(),
            }
        return _back(back, {"state": asked.get("state", ""), "code": code, "scope": allowed})

    async def token(request: Request) -> Response:
        async with request.form() as form:
            given = {key: str(value) for key, value in form.items()}
        try:
            with state.changing() as data:
                _client(data, given)
                if given.get("grant_type") == "authorization_code":
                    return JSONResponse(_of_code(state, data, given))
                if given.get("grant_type") == "refresh_token":
                    return JSONResponse(_of_refresh(state, data, given))
            raise Refused("unsupported_grant_type", "Invalid grant_type")
        except Refused as refused:
            return refused.response

    async def revoke(request: Request) -> Response:
        async with request.form() as form:
            wanted = str(form.get("token") or request.query_params.get("token", ""))
        with state.changing() as data:
            tokens = google(data).setdefault("tokens", {})
            found = tokens.get(wanted)
            if found is None:
                return Refused("invalid_token", "Token expired or revoked").response
            same = (found["account"], found["client"])
            for one in [key for key, value in tokens.items() if (value["account"], value["client"]) == same]:
                del tokens[one]
        return JSONResponse({})

    return [
        Route(f"{PREFIX}/o/oauth2/v2/auth", consent),
        Route(f"{PREFIX}/token", token, methods=["POST"]),
        Route(f"{PREFIX}/revoke", revoke, methods=["POST"]),
    ]


def _wrong_question(asked: Any) -> str:
    if not asked.get("client_id"):
        return "invalid_request: Missing required parameter: client_id"
    back = urlsplit(asked.get("redirect_uri", ""))
    if back.scheme not in ("http", "https") or not back.netloc or back.fragment:
        return "redirect_uri_mismatch"
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if not asked.get("scope"):
        return "invalid_request: Missing required parameter: scope"
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        return "invalid_request: only S256 here"
    return ""


def _back(address: str, values: dict[str, str]) -> Response:
    joint = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{joint}{urlencode(values)}", 302)


def _page(request: Request, channels: list[dict[str, Any]]) -> Response:
    language = request.headers.get("accept-language", "uk")[:2]
    title, asks, refuse, nobody = WORDS.get(language, WORDS["uk"])
    here = str(request.url)
    choices = "".join(
        f'<li><a href="{escape(here)}&amp;choose={escape(one["name"])}">{escape(one["title"])}</a>'
        for one in channels
    )
    scopes = "".join(f"<li>{escape(one.rpartition('/')[2])}" for one in request.query_params["scope"].split())
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{title}</title><h1>{title}</h1><ul>{choices}</ul>'
        f"{'' if channels else f'<p>{nobody}'}<p>{asks}<ul>{scopes}</ul>"
        f'<p><a href="{escape(here)}&amp;deny=1">{refuse}</a>',
        headers={"Content-Security-Policy": "default-src 'none'"},
    )


def _client(data: dict[str, Any], given: dict[str, str]) -> None:
    name, secret = given.get("client_id", ""), given.get("client_secret", "")
    if not name or not secret:
        raise Refused("invalid_request", "Could not determine client ID from request.")
    mark = hashlib.sha256(secret.encode()).hexdigest()
    known = google(data).setdefault("clients", {}).setdefault(name, mark)
    if not hmac.compare_digest(known, mark):
        raise Refused("invalid_client", "Unauthorized", 401)


def _of_code(state: State, data: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    code = google(data).setdefault("codes", {}).pop(given.get("code", ""), None)  # for one use only
    if code is None or state.clock() >= datetime.fromisoformat(code["until"]):
        raise Refused("invalid_grant", "Malformed auth code.")
    if code["client"] != given["client_id"]:
        raise Refused("invalid_grant")
    if code["redirect_uri"] != given.get("redirect_uri"):
        raise Refused("redirect_uri_mismatch")
    if code["challenge"]:
        verifier = given.get("code_verifier", "")
        proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not verifier:
            raise Refused("invalid_grant", "Missing code verifier.")
        if not hmac.compare_digest(proof, code["challenge"]):
            raise Refused("invalid_grant", "Invalid code verifier.")
    return _issue(state, data, code["account"], code["client"], code["scope"], refresh=code["offline"])


def _of_refresh(state: State, data: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    kept = google(data).setdefault("tokens", {}).get(given.get("refresh_token", ""))
    account = data["accounts"].get(kept["account"]) if kept else None
    ended = bool(kept and kept["until"]) and state.clock() >= datetime.fromisoformat(kept["until"])
    if kept is None or kept["kind"] != "refresh" or account is None or account["revoked"] or ended:
        raise Refused("invalid_grant", "Token has been expired or revoked.")
    if kept["client"] != given["client_id"]:
        raise Refused("unauthorized_client", "Unauthorized", 401)
    return _issue(state, data, kept["account"], kept["client"], kept["scope"], refresh=False)


def _issue(
    state: State, data: dict[str, Any], account: str, client: str, scope: str, *, refresh: bool
) -> dict[str, Any]:
    now, tokens = state.clock(), google(data).setdefault("tokens", {})
    common = {"account": account, "client": client, "scope": scope}
    for old in [key for key, one in tokens.items() if one["until"] and one["until"] < now.isoformat()]:
        del tokens[old]
    access = f"ya29.p-{secrets.token_urlsafe(32)}"
    tokens[access] = {"kind": "access", "until": (now + ACCESS_LIVES).isoformat(), **common}
    answer: dict[str, Any] = {
        "access_token": access,
        "expires_in": int(ACCESS_LIVES.total_seconds()),
        "scope": scope,
        "token_type": "Bearer",
    }
    if refresh:
        testing = bool(data.get("youtube_testing"))
        until = (now + TESTING_LIVES).isoformat() if testing else ""
        answer["refresh_token"] = f"1//p-{secrets.token_urlsafe(32)}"
        tokens[answer["refresh_token"]] = {"kind": "refresh", "until": until, **common}
        if testing:
            answer["refresh_token_expires_in"] = int(TESTING_LIVES.total_seconds())
    return answer
