"""Connecting LinkedIn: whose token it is, for which pages it may post, and how tokens are got and renewed.

Sources below learn.microsoft.com/en-us/linkedin: shared/authentication/authorization-code-flow and
…/programmatic-refresh-tokens, consumer/integrations/self-serve/sign-in-with-linkedin-v2,
marketing/community-management/organizations/organization-access-control and …/organization-lookup-api.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlencode

import httpx

from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Account,
    Credentials,
    Kind,
    Network,
    NetworkError,
)
from spilno.toolkit.networks.http import Answer, Wire, secrets_of
from spilno.toolkit.networks.linkedin_reading import elements
from spilno.toolkit.networks.linkedin_rest import (
    API_VERSION,
    ORGANIZATION,
    PERSON,
    base_of,
    encoded,
    explain_oauth,
    oauth_of,
    page_of,
    wire,
)
from spilno.toolkit.networks.linkedin_words import PERSON_SCOPES

_POSTING_ROLES = {
    "ADMINISTRATOR",
    "CONTENT_ADMINISTRATOR",
    "CONTENT_ADMIN",
    "DIRECT_SPONSORED_CONTENT_POSTER",
}


def connect(network: Network, client: httpx.Client, credentials: Credentials) -> Account:
    """The account behind a typed token: the person, or the page that ``author`` names.

    :raises NetworkError: ``may_not_post`` if the person has no role on the page that allows posting.
    """
    kept = _kept(credentials)
    way = wire(network, client, kept)
    member = _member(way)
    kept["member"] = member.external_id
    author = _author(way, kept.get("author", ""), member.external_id)
    if author == member.external_id:
        return _account(kept, member)
    if not author.startswith(ORGANIZATION):
        raise NetworkError(Kind.RECONNECT, "may_not_post")
    roles = _roles(way)
    if roles is not None and author not in roles:
        raise NetworkError(Kind.RECONNECT, "may_not_post")
    return _account(kept, _page(way, author))


def authorization(credentials: Credentials, redirect_uri: str, state: str) -> tuple[str, Credentials]:
    """Where to send the person."""
    for key in ("client_id", "client_secret"):
        if not credentials.get(key, "").strip():
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": key})
    query = {
        "response_type": "code",
        "client_id": credentials["client_id"].strip(),
        "redirect_uri": redirect_uri,
        "state": state,
        "scope": " ".join(credentials.get("scope", "").split()) or " ".join(PERSON_SCOPES),
    }
    return f"{oauth_of(credentials)}/authorization?{urlencode(query, quote_via=quote)}", dict(credentials)


def finish(
    network: Network, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
) -> tuple[Account, ...]:
    """The person and every page that they administer, each with the same tokens."""
    kept = _kept(credentials)
    answer = _token(
        network,
        client,
        kept,
        {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri},
    )
    kept |= _tokens(answer)
    way = wire(network, client, kept)
    member = _member(way)
    kept["member"] = member.external_id
    accounts = [_account(kept, member)]
    for urn in sorted(_roles(way) or ()):
        accounts.append(_account(kept, _page(way, urn)))
    return tuple(accounts)


def refresh(network: Network, client: httpx.Client, credentials: Credentials) -> Credentials:
    """The same credentials with fresh tokens.

    :raises NetworkError: with ``Kind.RECONNECT`` if the app may not refresh: then the person connects again.
    """
    old = credentials.get("refresh_token", "")
    if not old:
        raise NetworkError(Kind.RECONNECT, "not_accepted")
    answer = _token(network, client, credentials, {"grant_type": "refresh_token", "refresh_token": old})
    return {**credentials, "refresh_token": old, **_tokens(answer, renewed=credentials)}


def looked_at(way: Wire, credentials: Credentials) -> Answer:
    """Read something small about the author: a token or version that has ended shows before a post is due."""
    author = credentials["author"]
    if author.startswith(ORGANIZATION):
        try:
            return way.get(f"/rest/organizations/{author.rpartition(':')[2]}")
        except NetworkError as error:
            if error.status != 403:  # whoever may post may not always read
                raise
    return _about_me(way)


# ---------------------------------------------------------------------------------------------- who


def _about_me(way: Wire) -> Answer:
    """Apps that sign people in read ``userinfo``; apps for company pages may only read ``me``."""
    try:
        return way.get("/v2/userinfo")
    except NetworkError as error:
        if error.status != 403:
            raise
    return way.get("/v2/me")


def _member(way: Wire) -> Account:
    me = _about_me(way)
    number = str(me.get("sub", "") or me.get("id", ""))
    if not number:
        raise NetworkError(Kind.PERMANENT, "no_account_behind_token")
    name = str(me.get("name", "")) or (
        f"{me.get('localizedFirstName', '')} {me.get('localizedLastName', '')}".strip()
    )
    return Account(f"{PERSON}{number}", name or number, credentials={"vanity": str(me.get("vanityName", ""))})


def _page(way: Wire, urn: str) -> Account:
    """A company page by its URN; known by its number only, if the token may not read about it."""
    number = urn.rpartition(":")[2]
    try:
        data = way.get(f"/rest/organizations/{number}")
    except NetworkError as error:
        if error.status != 403:
            raise
        return Account(urn, f"LinkedIn {number}", credentials={"vanity": ""})
    name = str(data.get("localizedName", "") or data.get("vanityName", "") or number)
    return Account(urn, name, credentials={"vanity": str(data.get("vanityName", ""))})


def _roles(way: Wire) -> set[str] | None:
    """Pages on which the person may post; ``None`` if the token may not ask."""
    try:
        found = list(elements(way, "/rest/organizationAcls?q=roleAssignee&state=APPROVED"))
    except NetworkError as error:
        if error.status == 403:
            return None
        raise
    return {
        str(one.get("organization") or one.get("organizationTarget"))
        for one in found
        if one and one.get("role") in _POSTING_ROLES and one.get("state") == "APPROVED"
    }


def _author(way: Wire, typed: str, member: str) -> str:
    """What a person typed as the author, as a URN.

    :raises NetworkError: ``not_found`` if it is none that LinkedIn knows.
    """
    text = typed.strip()
    if not text:
        return member
    if re.fullmatch(r"urn:li:(?:person|organization):[\w-]+", text, flags=re.ASCII):
        return text
    text = re.sub(r"^(?:(?:https?://)?[^/]*/)?(?:company|showcase|school|linkedin)/", "", text).split("/")[0]
    if re.fullmatch(r"\d+", text, flags=re.ASCII):
        return f"{ORGANIZATION}{text}"
    if not text or re.search(r"\s", text):
        raise NetworkError(Kind.PERMANENT, "not_found")
    found = way.get(f"/rest/organizations?q=vanityName&vanityName={encoded(unquote(text))}")
    for one in found["elements"]:
        if isinstance(one, dict) and one.get("id"):
            return f"{ORGANIZATION}{one['id']}"
    raise NetworkError(Kind.PERMANENT, "not_found")


def _kept(credentials: Credentials) -> dict[str, str]:
    kept = {key: str(value).strip() for key, value in credentials.items() if value is not None}
    kept["api_url"] = base_of(credentials)
    kept["api_version"] = kept.get("api_version") or str(API_VERSION.value)
    return kept


def _account(kept: Credentials, found: Account) -> Account:
    credentials = {**kept, **found.credentials, "author": found.external_id}
    return Account(found.external_id, found.name, page_of(credentials), credentials)


# ---------------------------------------------------------------------------------------------- tokens


def _token(network: Network, client: httpx.Client, credentials: Credentials, asked: dict[str, str]) -> Answer:
    app = {key: credentials.get(key, "").strip() for key in ("client_id", "client_secret")}
    hidden = (*secrets_of(network, credentials), *(value for value in app.values() if len(value) >= 4))
    way = Wire(client, oauth_of(credentials), {}, hidden, explain_oauth)
    return way.post("/accessToken", data={**asked, **app})


def _tokens(answer: Answer, renewed: Credentials | None = None) -> dict[str, str]:
    """Tokens with their ends. A refresh token's end is told as what is left of the year since it was first given."""
    found = {"access_token": str(answer["access_token"])}
    if answer.get("scope"):
        found["scopes_given"] = str(answer.get("scope")).replace(",", " ")
    if until := _end(answer, "expires_in"):
        found[ACCESS_UNTIL] = until
    if refresh_token := str(answer.get("refresh_token", "")):
        found["refresh_token"] = refresh_token
        if until := _end(answer, "refresh_token_expires_in"):
            found[REFRESH_UNTIL] = until
    elif renewed is None and ACCESS_UNTIL in found:
        # Nothing can renew it: when the access ends, the person has to come again.
        found[REFRESH_UNTIL] = found[ACCESS_UNTIL]
    return found


def _end(answer: Answer, field: str) -> str:
    seconds, now = answer.get(field), answer.date
    if not isinstance(seconds, int) or isinstance(seconds, bool) or now is None:
        return ""
    end: datetime = now + timedelta(seconds=seconds)
    return end.isoformat()
