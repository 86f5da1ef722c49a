"""Speaking LinkedIn's versioned REST API: headers, addresses, and what its errors mean.

Sources below learn.microsoft.com/en-us/linkedin: marketing/versioning, shared/api-guide/concepts/error-handling,
shared/api-guide/concepts/rate-limits, shared/authentication/authorization-code-flow.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from spilno.toolkit.networks.base import Credentials, Kind, Network, NetworkError
from spilno.toolkit.networks.http import Refusal, Wire, address, http_date, secrets_of
from spilno.toolkit.networks.words import limit

DOCS = "https://learn.microsoft.com/en-us/linkedin"
API = "https://api.linkedin.com"
OAUTH = "https://www.linkedin.com/oauth/v2"
SITE = "https://www.linkedin.com"
API_VERSION = limit("api_version", "202609", "YYYYMM", f"{DOCS}/marketing/versioning")
"""The version that we speak. Each monthly version is served for at least a year and then answered with 426."""

PRACTICE_PATH = "/linkedin-api"
"""A server that stands in for LinkedIn speaks all of its interfaces below this path, and has pages of its own."""

PERSON, ORGANIZATION = "urn:li:person:", "urn:li:organization:"

_RETIRED = {"NONEXISTENT_VERSION", "VERSION_MISSING", "VERSION_DEPRECATED"}
_NOT_READY = {"MEDIA_ASSET_PROCESSING", "MEDIA_ASSET_WAITING_UPLOAD"}
_BAD_MEDIA = {"MEDIA_ASSET_PROCESSING_FAILED", "INVALID_MEDIA_ASSET", "UNSUPPORTED_MEDIA_TYPE"}
DUPLICATE = "DUPLICATE_POST"
_CERTAIN = {
    *_RETIRED, *_BAD_MEDIA, DUPLICATE, "ACCESS_DENIED", "FIELD_LENGTH_TOO_LONG", "FIELD_LENGTH_TOO_SHORT",
    "FIELD_VALUE_TOO_LOW", "ILLEGAL_ARGUMENT", "INVALID_CONTENT_OWNERSHIP", "INVALID_URN_TYPE",
    "INVALID_VALUE_FOR_FIELD", "MISSING_FIELD", "NOT_FOUND", "PARAM_INVALID", "RESOURCE_NOT_FOUND",
    "UNPROCESSABLE_ENTITY", "UNSUPPORTED_MEDIA", "VALIDATION_FAILED",
}  # fmt: skip
"""Refusals that say what was wrong with the request. One that we do not know is no proof that nothing was posted."""

STILL_WORKING = 5
"""Seconds after which to ask again whether LinkedIn has finished with a file."""


def wire(network: Network, client: httpx.Client, credentials: Credentials) -> Wire:
    """A way to the API with the account's token."""
    token = credentials.get("access_token", "").strip()
    if not token:
        raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
    version = credentials.get("api_version", "").strip() or str(API_VERSION.value)
    headers = {
        "Authorization": f"Bearer {token}",
        "LinkedIn-Version": version,
        "X-Restli-Protocol-Version": "2.0.0",
    }
    return Wire(client, base_of(credentials), headers, secrets_of(network, credentials), explain)


def base_of(credentials: Credentials) -> str:
    """Where the API is."""
    return address(credentials.get("api_url", ""), default=API)


def oauth_of(credentials: Credentials) -> str:
    """Where people allow access and tokens are given: not on the API's host, but for a stand-in."""
    base = base_of(credentials)
    return OAUTH if base == API else f"{base}/oauth/v2"


def encoded(urn: str) -> str:
    """A URN as it stands in paths and in Rest.li parameters."""
    return quote(urn, safe="")


def page_of(credentials: Credentials) -> str:
    """Address of the person's or the company's page; ``""`` if LinkedIn does not tell it (a person's, mostly)."""
    vanity, base = credentials.get("vanity", ""), httpx.URL(base_of(credentials))
    if base.path.rstrip("/").endswith(PRACTICE_PATH):
        return str(base.copy_with(raw_path=f"/linkedin/{quote(vanity)}".encode())) if vanity else ""
    author = credentials.get("author", "")
    if author.startswith(ORGANIZATION):
        return f"{SITE}/company/{vanity or author.rpartition(':')[2]}/"
    return f"{SITE}/in/{quote(vanity)}/" if vanity else ""


def post_page(credentials: Credentials, urn: str) -> str:
    """Address of a post."""
    base = httpx.URL(base_of(credentials))
    if base.path.rstrip("/").endswith(PRACTICE_PATH):
        return str(base.copy_with(raw_path=f"/linkedin/feed/{urn.rpartition(':')[2]}".encode()))
    return f"{SITE}/feed/update/{urn}/"


def posts_page(credentials: Credentials) -> str:
    """Where a person looks whether a post is there; ``""`` if there is no such address."""
    page = page_of(credentials)
    if not page or not page.startswith(SITE):
        return page
    return f"{page}posts/" if "/company/" in page else f"{page}recent-activity/all/"


def made_at(urn: str) -> datetime | None:
    """When a post was made, by its number: its upper bits are milliseconds. ``None`` if that makes no sense."""
    number = urn.rpartition(":")[2]
    if not re.fullmatch(r"\d{15,20}", number):
        return None
    return datetime.fromtimestamp((int(number) >> 22) / 1000, UTC)


def stamp(value: Any) -> datetime | None:
    """Milliseconds since 1970, as LinkedIn tells times, as aware UTC."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 32_503_680_000_000:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"status", "code", "message", "serviceErrorCode", "errorDetails": {"inputErrors": [{"code"}]}}``."""
    if not isinstance(data, dict):
        return Refusal()
    message = re.sub(r"^(?:[\w.$]+(?:Exception|Error): )+", "", str(data.get("message", "")))
    code = _input_error(data) or str(data.get("code") or data.get("serviceErrorCode") or "")
    kind, ours, seconds = None, "", None
    if status == 426 or code in _RETIRED:
        kind, ours = Kind.PERMANENT, "version_retired"
    elif code in _NOT_READY:
        kind, ours, seconds = Kind.WAIT, "media_processing", float(STILL_WORKING)
    elif code in _BAD_MEDIA:
        kind, ours = Kind.PERMANENT, "media_refused"
    elif code == DUPLICATE:
        kind, ours = Kind.PERMANENT, "duplicate_post"
    elif status == 429 and "DAY" in message.upper() and "Retry-After" not in headers:
        seconds = _until_midnight(headers)
    return Refusal(code, message, kind, seconds, ours)


def explain_oauth(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error", "error_description"}``."""
    if not isinstance(data, dict):
        return Refusal()
    error, message = str(data.get("error", "")), str(data.get("error_description", ""))
    kind, ours = None, ""
    if error in ("invalid_client", "unauthorized_client", "unauthorized_scope_error"):
        kind, ours = Kind.PERMANENT, "app_refused"
    elif error == "invalid_request":
        kind, ours = Kind.PERMANENT, "code_refused"
    elif error in ("invalid_grant", "access_denied"):
        kind = Kind.RECONNECT
    return Refusal(error, message, kind, None, ours)


def trusted(error: NetworkError) -> NetworkError:
    """An error of a *publishing* request, doubted unless LinkedIn says in a known code what was wrong."""
    if error.kind is not Kind.PERMANENT or error.status is None:
        return error
    if error.params.get("their_code") in _CERTAIN or error.status == 413:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)


def _input_error(data: dict[str, Any]) -> str:
    details = data.get("errorDetails")
    errors = details.get("inputErrors") if isinstance(details, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("code") or "") if isinstance(first, dict) else ""


def _until_midnight(headers: httpx.Headers) -> float | None:
    """Limits of a day end at midnight UTC; no header of LinkedIn's says so."""
    now = http_date(headers.get("Date"))
    if now is None:
        return None
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
