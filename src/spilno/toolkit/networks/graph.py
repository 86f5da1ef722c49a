"""Meta's Graph API: what a Facebook page and an Instagram account have in common.

Sources: developers.facebook.com/docs/graph-api/guides/error-handling, …/overview/rate-limiting,
…/docs/instagram-platform/instagram-graph-api/reference/error-codes, …/docs/video-api/reference/error-codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import httpx

from spilno.toolkit.networks.base import (
    CredentialField,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Per,
    Quota,
    Reading,
)
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN

GRAPH = "https://graph.facebook.com/v23.0"
MOST_PAGES = 20
"""Pages of a list that are read at most; with a hundred entries on each that is more than anybody answers."""

_TOKEN = {102, 190, 463, 467}
_RATE = {4, 17, 32, 341, 613, *range(80000, 80015)}
_RATE_SUBCODES = {2207042}  # the account's publishing limit of 24 hours
_TRANSIENT = {-2, -1, 1, 2}
_NOT_READY = 9007
_GONE = {803}
_GONE_SUBCODE = 33
_BLOCKED_SUBCODES = {2207050, 2207051}  # the account is restricted, the action looks like spam
_DUPLICATE = 506
_CODE_SUBCODES = {36007, 36008, 36009}  # the login's code: expired, for another address, used
_UNFETCHED = {2207003, 2207052}  # too slow, not there
_UNFETCHED_CODES = {9004}
_FORMAT_CODES = {36001, 352}
_SHAPE_CODES = {36003}
_LARGE_CODES = {36000}
_LARGE_SUBCODES = {1363023}
_VALIDATION = {3, 9, 10, 24, 25, 100, 324, 352, 368, 506, 36000, 36001, 36003, 36004, *range(200, 300)}

GRAPH_URL = CredentialField(
    "graph_url",
    label={"uk": "Адреса Graph API", "en": "Graph API address", "ru": "Адрес Graph API"},
    help={
        "uk": "Змінюйте, лише щоб підʼєднати навчальну мережу або іншу версію API.",
        "en": "Change it only to connect a practice network or another version of the API.",
        "ru": "Меняйте, только чтобы подключить учебную сеть или другую версию API.",
    },
    kind="url",
    required=False,
    default=GRAPH,
)
PAGE_TOKEN = CredentialField(
    "access_token",
    label=ACCESS_TOKEN,
    help={
        "uk": "Необовʼязково: без нього ви підтвердите доступ у Facebook. Токен сторінки з дозволами на "
        "публікацію та статистику (Meta for Developers → Graph API Explorer).",
        "en": "Optional: without it you allow access on Facebook. A page token that may publish and read insights "
        "(Meta for Developers → Graph API Explorer).",
        "ru": "Необязательно: без него вы подтвердите доступ в Facebook. Токен страницы с правами на публикацию "
        "и статистику (Meta for Developers → Graph API Explorer).",
    },
    kind="password",
    secret=True,
    required=False,
)


# ------------------------------------------------------------------------------------------------ where


def wire(network: Network, client: httpx.Client, credentials: Credentials, *, video: bool = False) -> Wire:
    """A way to the Graph API with the account's token (in a header, so that no log of addresses has it).

    :param video: the host that takes the parts of videos.
    :raises NetworkError: ``credentials_missing``, ``bad_address``.
    """
    token = credentials.get("access_token", "").strip()
    if not token:
        raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
    base = address(credentials.get("graph_url", ""), default=GRAPH)
    if video:
        base = elsewhere(base, "graph-video")
    headers = {"Authorization": f"Bearer {token}"}
    return Wire(client, base, headers, secrets_of(network, credentials), explain)


def elsewhere(base: str, name: str) -> str:
    """The same at Meta's host of another name; a server that stands in for Meta is one for all."""
    url = httpx.URL(base)
    return str(url.copy_with(host=f"{name}.facebook.com")) if _is_meta(url) else base


def dialog(base: str) -> str:
    """Where a person allows an app access."""
    return f"{elsewhere(base, 'www')}/dialog/oauth"


def public_page(graph_url: str, *, real: str, here: str) -> str:
    """An account's public address; a server that stands in for Meta shows its accounts on its own pages."""
    url = httpx.URL(graph_url)
    return real if _is_meta(url) else str(url.copy_with(raw_path=here.encode()))


def upload_address(base: str, told: Any) -> str:
    """Where an answer says that a file goes: believed only if it is Meta's own host, for the token goes there too.

    :raises NetworkError: ``unexpected_answer`` for any other host.
    """
    try:
        url, home = httpx.URL(str(told)), httpx.URL(base)
    except httpx.InvalidURL:
        url, home = httpx.URL(""), httpx.URL(base)
    ours = (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port)
    meta = _is_meta(home) and url.scheme == "https" and url.host == "rupload.facebook.com"
    if not ours and not meta:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "upload_url"})
    return str(url)


def _is_meta(url: httpx.URL) -> bool:
    return url.host.endswith((".facebook.com", ".instagram.com"))


# ------------------------------------------------------------------------------------------------ errors


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": {"message", "type", "code", "error_subcode", "is_transient", …}}``.

    The host for uploads has another form: ``{"debug_info": {"retriable", "type", "message"}}``.
    """
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return _of_upload(data)
    code, subcode = number(error.get("code")), number(error.get("error_subcode"))
    message = str(error.get("error_user_msg") or error.get("message") or "")
    kind, ours, seconds = None, "", None
    if code in _TOKEN:
        kind = Kind.RECONNECT
    elif subcode in _CODE_SUBCODES:
        kind, ours = Kind.PERMANENT, "code_refused"
    elif subcode in _BLOCKED_SUBCODES:
        kind, ours = Kind.PERMANENT, "account_blocked"
    elif code in _RATE or subcode in _RATE_SUBCODES:
        kind, seconds = Kind.WAIT, _regain(headers)
    elif code == _NOT_READY:
        kind, ours, seconds = Kind.WAIT, "media_processing", 5.0
    elif subcode in _UNFETCHED or code in _UNFETCHED_CODES:
        kind, ours = Kind.PERMANENT, "media_unreachable"
    elif code in _TRANSIENT or error.get("is_transient") is True:
        kind = Kind.UNCERTAIN
    elif code in _GONE or (code == 100 and subcode == _GONE_SUBCODE):
        kind, ours = Kind.PERMANENT, "not_found"
    elif code == 10 or (code is not None and 200 <= code < 300):
        kind, ours = Kind.PERMANENT, "forbidden"
    elif code == _DUPLICATE:
        kind, ours = Kind.PERMANENT, "duplicate_post"
    elif code in _FORMAT_CODES:
        kind, ours = Kind.PERMANENT, "media_wrong_format"
    elif code in _SHAPE_CODES:
        kind, ours = Kind.PERMANENT, "media_wrong_shape"
    elif code in _LARGE_CODES or subcode in _LARGE_SUBCODES:
        kind, ours = Kind.PERMANENT, "media_too_large"
    elif 400 <= status < 500:
        kind = Kind.PERMANENT
    their = "" if code is None else f"{code}.{subcode}" if subcode else str(code)
    return Refusal(their, message, kind, seconds, ours)


def _of_upload(data: Any) -> Refusal:
    info = data.get("debug_info") if isinstance(data, dict) else None
    if not isinstance(info, dict):
        return Refusal()
    kind, name = None, str(info.get("type") or "")
    if name == "NotAuthorizedError":
        kind = Kind.RECONNECT
    elif info.get("retriable") is True:
        kind = Kind.UNCERTAIN
    return Refusal(name, str(info.get("message") or ""), kind)


def trusted(error: NetworkError) -> NetworkError:
    """An error of a *publishing* request, doubted where it must be.

    Posts have been seen to exist after a 400 and after a 500. A refusal is believed only if its code says that the
    request itself was wrong; any other becomes uncertain, and is looked up.
    """
    if error.kind is not Kind.PERMANENT or error.status is None or not 400 <= error.status < 500:
        return error
    code = their_code(error)
    if code in _VALIDATION or code in _GONE:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)


def their_code(error: NetworkError) -> int | None:
    """Graph's number of an error; ``None`` if it had none."""
    return number(str(error.params.get("their_code", "")).partition(".")[0])


# ------------------------------------------------------------------------------------------------ limits


def quotas(headers: httpx.Headers) -> tuple[Quota, ...]:
    """What is left, in hundredths, as the headers of almost every answer tell.

    ``X-App-Usage`` speaks of the app, ``X-Page-Usage`` and ``X-Business-Use-Case-Usage`` of the page or account. Each
    counts calls, time and processor time; the fullest of them is what one runs into.
    """
    found = []
    for key, name, per in (
        ("app_usage", "X-App-Usage", Per.APP),
        ("page_usage", "X-Page-Usage", Per.CHANNEL),
    ):
        usage = _header(headers, name)
        if isinstance(usage, dict) and (used := _fullest(usage)) is not None:
            found.append(Quota(key, max(0, 100 - used), 100, None, per))
    entries = [one for one in _of_business(headers) if _fullest(one) is not None]
    if entries:
        used = max(_fullest(one) or 0 for one in entries)
        left = 0 if _minutes(entries) else max(0, 100 - used)
        found.append(Quota("business_usage", left, 100, _regain(headers), Per.CHANNEL))
    return tuple(found)


def _header(headers: httpx.Headers, name: str) -> Any:
    try:
        return json.loads(headers.get(name, "null"))
    except ValueError:
        return None


def _of_business(headers: httpx.Headers) -> list[dict[str, Any]]:
    """Entries of the header of use cases: a list for each business."""
    usage = _header(headers, "X-Business-Use-Case-Usage")
    if not isinstance(usage, dict):
        return []
    lists = [entries for entries in usage.values() if isinstance(entries, list)]
    return [one for entries in lists for one in entries if isinstance(one, dict)]


def _fullest(usage: Mapping[str, Any]) -> int | None:
    told = [number(usage.get(name)) for name in ("call_count", "total_time", "total_cputime")]
    return max((one for one in told if one is not None), default=None)


def _minutes(entries: Iterable[Mapping[str, Any]]) -> int:
    return max((number(one.get("estimated_time_to_regain_access")) or 0 for one in entries), default=0)


def _regain(headers: httpx.Headers) -> float | None:
    """Seconds until the limit is lifted: the header gives minutes for each business and kind of call."""
    minutes = _minutes(_of_business(headers))
    return minutes * 60.0 if minutes else None


# ------------------------------------------------------------------------------------------------ reading


def listed(way: Wire, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Entries of a list over all its pages, at most :data:`MOST_PAGES` of them."""
    after = ""
    for _ in range(MOST_PAGES):
        answer = way.get(path, params={**params, **({"after": after} if after else {})})
        yield from (one for one in answer.get("data", []) if isinstance(one, dict))
        paging = answer.get("paging", {})
        after = str((paging.get("cursors") or {}).get("after") or "")
        if not paging.get("next") or not after:
            return


def insight_readings(network: Network, answer: Answer) -> list[Reading]:
    """Readings from an ``/insights`` answer: ``{"data": [{"name", "values": [{"value"}]}]}``.

    Of several of the network's counters with one meaning for us, the first that it tells counts. A value whose time
    is the beginning of time means that Facebook has not counted yet.
    """
    readings: dict[str, Reading] = {}
    told = {str(one.get("name", "")).lower(): one for one in answer.get("data", []) if isinstance(one, dict)}
    for theirs, ours in network.metrics.items():
        one = told.get(theirs)
        if one is None or ours in readings:
            continue
        values = one.get("values") or [one.get("total_value") or {}]
        value = values[-1].get("value")
        uncounted = str(values[-1].get("end_time", "")).startswith("1970-")
        if isinstance(value, int) and not isinstance(value, bool) and not uncounted:
            readings[ours] = Reading(ours, Decimal(value), answer.date)
    return list(readings.values())


def count_readings(network: Network, answer: Answer, names: Iterable[str]) -> list[Reading]:
    """Readings from plain number fields of a node; a field that is not there gives none."""
    return [
        Reading(network.metrics[name], Decimal(value), answer.date)
        for name in names
        if isinstance(value := answer.get(name), int) and not isinstance(value, bool)
    ]


def number(value: Any) -> int | None:
    """A whole number, given as such or as text; ``None`` if it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
