"""Meta's Graph API: what a Facebook page and an Instagram account have in common.

Sources: developers.facebook.com/docs/graph-api/guides/error-handling and …/overview/rate-limiting.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import httpx

from spilno.toolkit.networks.base import (
    CredentialField,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Reading,
)
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN

GRAPH = "https://graph.facebook.com/v23.0"

_TOKEN = {102, 190, 463, 467}
_RATE = {4, 17, 32, 341, 613, *range(80000, 80015)}
_RATE_SUBCODES = {2207042}  # the account's publishing limit of 24 hours
_TRANSIENT = {-2, -1, 1, 2}
_NOT_READY = 9007
_GONE = {803}
_GONE_SUBCODE = 33
_BLOCKED_SUBCODES = {2207050, 2207051}  # the account is restricted, the action looks like spam
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
        "uk": "Токен сторінки з дозволами на публікацію та статистику (Meta for Developers → Graph API Explorer).",
        "en": "A page token that may publish and read insights (Meta for Developers → Graph API Explorer).",
        "ru": "Токен страницы с правами на публикацию и статистику (Meta for Developers → Graph API Explorer).",
    },
    kind="password",
    secret=True,
)


def wire(network: Network, client: httpx.Client, credentials: Credentials) -> Wire:
    """A way to the Graph API with the account's token (in a header, so that no log of addresses has it)."""
    return Wire(
        client,
        address(credentials.get("graph_url", ""), default=GRAPH),
        {"Authorization": f"Bearer {credentials['access_token'].strip()}"},
        secrets_of(network, credentials),
        explain,
    )


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": {"message", "type", "code", "error_subcode", "is_transient", …}}``."""
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return Refusal()
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    message = str(error.get("error_user_msg") or error.get("message") or "")
    kind, ours, seconds = None, "", None
    if code in _TOKEN:
        kind = Kind.RECONNECT
    elif subcode in _BLOCKED_SUBCODES:
        kind, ours = Kind.PERMANENT, "account_blocked"
    elif code in _RATE or subcode in _RATE_SUBCODES:
        kind, seconds = Kind.WAIT, _regain(headers)
    elif code == _NOT_READY:
        kind, ours, seconds = Kind.WAIT, "media_processing", 5.0
    elif code in _TRANSIENT or error.get("is_transient") is True:
        kind = Kind.UNCERTAIN
    elif code in _GONE or (code == 100 and subcode == _GONE_SUBCODE):
        kind, ours = Kind.PERMANENT, "not_found"
    elif code == 10 or (code is not None and 200 <= code < 300):
        kind, ours = Kind.PERMANENT, "forbidden"
    elif 400 <= status < 500:
        kind = Kind.PERMANENT
    their = "" if code is None else f"{code}.{subcode}" if subcode else str(code)
    return Refusal(their, message, kind, seconds, ours)


def trusted(error: NetworkError) -> NetworkError:
    """An error of a *publishing* request, doubted where it must be.

    Posts have been seen to exist after a 400 and after a 500. A refusal is believed only if its code says that the
    request itself was wrong; any other becomes uncertain, and is looked up.
    """
    if error.kind is not Kind.PERMANENT or error.status is None or not 400 <= error.status < 500:
        return error
    code = _number(str(error.params.get("their_code", "")).partition(".")[0])
    if code in _VALIDATION or code in _GONE:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)


def insight_readings(network: Network, answer: Answer) -> list[Reading]:
    """Readings from an ``/insights`` answer: ``{"data": [{"name", "values": [{"value"}]}]}``."""
    readings = []
    for one in answer.get("data", []):
        values = one.get("values") or [one.get("total_value") or {}]
        value = values[-1].get("value")
        ours = network.metrics.get(str(one.get("name", "")))
        if ours and isinstance(value, int) and not isinstance(value, bool):
            readings.append(Reading(ours, Decimal(value), answer.date))
    return readings


def count_readings(network: Network, answer: Answer, names: Iterable[str]) -> list[Reading]:
    """Readings from plain number fields of a node; a field that is not there gives none."""
    return [
        Reading(network.metrics[name], Decimal(value), answer.date)
        for name in names
        if isinstance(value := answer.get(name), int) and not isinstance(value, bool)
    ]


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _regain(headers: httpx.Headers) -> float | None:
    """Seconds until the limit is lifted: ``X-Business-Use-Case-Usage`` gives minutes per business and kind of call."""
    try:
        usage = json.loads(headers.get("X-Business-Use-Case-Usage", "{}"))
        minutes = [
            entry["estimated_time_to_regain_access"]
            for entries in usage.values()
            for entry in entries
            if entry.get("estimated_time_to_regain_access")
        ]
    except (ValueError, AttributeError, TypeError):
        return None
    return max(minutes) * 60.0 if minutes else None
