"""What the connector sends to LinkedIn and what the practice network answers, against the documented fields.

LinkedIn publishes no machine-readable description, and its own client's licence forbids what we would do with it. The
tables below are the field names of the reference pages (learn.microsoft.com/en-us/linkedin, posts-api, images-api,
documents-api, videos-api, comments-api, share-statistics, post-statistics, organization-access-control,
organization-lookup-api, sign-in-with-linkedin-v2, authorization-code-flow), each with the kind of its value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import MediaFile, Outgoing, Prepared
from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.linkedin_signing_in import APP

TIME, URN, TEXT = "time", "urn", "text"
Shape = Any
LIST: dict[str, Shape] = {
    "start": int,
    "count": int,
    "links": [{"type": TEXT, "rel": TEXT, "href": TEXT}],
    "total": int,
}
DISTRIBUTION = {"feedDistribution": TEXT, "targetEntities": [{}], "thirdPartyDistributionChannels": [TEXT]}
CONTENT = {
    "media": {"id": URN, "title": TEXT, "altText": TEXT},
    "multiImage": {"images": [{"id": URN, "altText": TEXT}]},
    "article": {
        "source": TEXT,
        "title": TEXT,
        "description": TEXT,
        "thumbnail": URN,
        "thumbnailAltText": TEXT,
    },
}
NEW_POST = {
    "author": URN, "commentary": TEXT, "visibility": TEXT, "distribution": DISTRIBUTION, "content": CONTENT,
    "lifecycleState": TEXT, "isReshareDisabledByAuthor": bool, "contentLandingPage": TEXT,
}  # fmt: skip
POST = NEW_POST | {
    "id": URN, "createdAt": TIME, "publishedAt": TIME, "lastModifiedAt": TIME,
    "lifecycleStateInfo": {"isEditedByAuthor": bool},
}  # fmt: skip
ASSET = {"id": URN, "owner": URN, "status": TEXT, "downloadUrl": TEXT, "downloadUrlExpiresAt": TIME}
ONE_URL = {"uploadUrlExpiresAt": TIME, "uploadUrl": TEXT}
PARTS = {
    "uploadUrlsExpireAt": TIME, "video": URN, "uploadToken": TEXT,
    "uploadInstructions": [{"uploadUrl": TEXT, "firstByte": int, "lastByte": int}],
}  # fmt: skip
ORGANIZATION = {
    "id": int, "localizedName": TEXT, "vanityName": TEXT, "primaryOrganizationType": TEXT, "organizationType": TEXT,
}  # fmt: skip
STATISTICS = {
    "uniqueImpressionsCount": int, "shareCount": int, "engagement": float, "clickCount": int, "likeCount": int,
    "impressionCount": int, "commentCount": int,
}  # fmt: skip
CHANGED = {"actor": URN, "time": TIME, "impersonator": URN}
COMMENT = {
    "actor": URN, "agent": URN, "commentUrn": URN, "created": CHANGED, "lastModified": CHANGED, "id": TEXT,
    "message": {"attributes": [{}], "text": TEXT}, "object": URN, "parentComment": URN,
    "likesSummary": {"selectedLikes": [TEXT], "aggregatedTotalLikes": int, "likedByCurrentUser": bool,
                     "totalLikes": int},
    "commentsSummary": {"selectedComments": [TEXT], "aggregatedTotalComments": int, "totalFirstLevelComments": int},
}  # fmt: skip
METRIC = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1"


def listed(shape: Shape) -> Shape:
    return {"paging": LIST, "elements": [shape]}


def begun(**more: Shape) -> Shape:
    return {"initializeUploadRequest": {"owner": URN, **more}}


KNOWN: tuple[tuple[str, str, Shape, Shape], ...] = (
    ("POST", r"/rest/posts", NEW_POST, {}),
    ("GET", r"/rest/posts", None, listed(POST)),
    ("GET", r"/rest/posts/urn:li:share:\d+", None, POST),
    ("DELETE", r"/rest/posts/urn:li:share:\d+", None, {}),
    ("POST", r"/rest/images", begun(), {"value": ONE_URL | {"image": URN}}),
    ("POST", r"/rest/documents", begun(), {"value": ONE_URL | {"document": URN}}),
    ("POST", r"/rest/videos",
     begun(fileSizeBytes=int, uploadCaptions=bool, uploadThumbnail=bool)
     | {"finalizeUploadRequest": {"video": URN, "uploadToken": TEXT, "uploadedPartIds": [TEXT]}}, {"value": PARTS}),
    ("PUT", r"/dms-uploads/.*", None, {}),
    ("GET", r"/rest/(images|documents|videos)/urn:li:\w+:\w+", None, ASSET),
    ("GET", r"/rest/organizationAcls", None,
     listed({"roleAssignee": URN, "state": TEXT, "role": TEXT, "organization": URN})),
    ("GET", r"/rest/organizations", None, listed(ORGANIZATION)),
    ("GET", r"/rest/organizations/\d+", None, ORGANIZATION),
    ("GET", r"/rest/networkSizes/urn:li:organization:\d+", None, {"firstDegreeSize": int}),
    ("GET", r"/rest/organizationalEntityShareStatistics", None,
     listed({"totalShareStatistics": STATISTICS, "share": URN, "organizationalEntity": URN})),
    ("GET", r"/rest/memberCreatorPostAnalytics", None, listed({"count": int, "metricType": {METRIC: TEXT}})),
    ("GET", r"/rest/memberFollowersCount", None, listed({"memberFollowersCount": int})),
    ("GET", r"/rest/socialActions/urn:li:[^/]+/comments", None, listed(COMMENT)),
    ("GET", r"/rest/socialActions/urn:li:[^/]+/comments/\d+", None, COMMENT),
    ("POST", r"/rest/socialActions/urn:li:[^/]+/comments",
     {"actor": URN, "object": URN, "parentComment": URN, "message": {"text": TEXT}}, COMMENT),
    ("GET", r"/rest/people/\(id:\w+\)", None, {"id": TEXT, "localizedFirstName": TEXT, "localizedLastName": TEXT}),
    ("GET", r"/v2/userinfo", None,
     {"sub": TEXT, "name": TEXT, "given_name": TEXT, "family_name": TEXT,
      "locale": {"country": TEXT, "language": TEXT}}),
    ("GET", r"/v2/me", None, {"id": TEXT, "localizedFirstName": TEXT, "localizedLastName": TEXT, "vanityName": TEXT}),
    ("POST", r"/oauth/v2/accessToken", None,
     {"access_token": TEXT, "expires_in": int, "refresh_token": TEXT, "refresh_token_expires_in": int, "scope": TEXT,
      "token_type": TEXT}),
)  # fmt: skip
ERROR = {
    "status": int, "code": TEXT, "message": TEXT, "serviceErrorCode": int, "errorDetailType": TEXT,
    "errorDetails": {"inputErrors": [{"description": TEXT, "code": TEXT, "input": {"inputPath": {"fieldPath": TEXT}}}]},
}  # fmt: skip


def wrong(value: Any, shape: Shape, at: str) -> Iterator[str]:
    """Where a value is not what is documented."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{at} is no object"
            return
        for key, inner in value.items():
            if key not in shape:
                yield f"{at}.{key} is not documented"
            else:
                yield from wrong(inner, shape[key], f"{at}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{at} is no list"
            return
        for number, inner in enumerate(value):
            yield from wrong(inner, shape[0], f"{at}[{number}]")
    elif shape == TIME:
        if not isinstance(value, int) or not 1_000_000_000_000 < value < 10_000_000_000_000:
            yield f"{at} is no time in milliseconds"
    elif shape == URN:
        if not isinstance(value, str) or not value.startswith("urn:li:"):
            yield f"{at} is no URN"
    else:
        kind: type = str if shape == TEXT else shape
        good = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not good or (isinstance(value, bool) and kind is not bool):
            yield f"{at} is not {kind.__name__}"


class Judging(httpx.BaseTransport):
    """Passes on, and judges every request and every answer."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.met: set[tuple[str, str]] = set()
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._real.handle_request(request)
        response.read()
        path = unquote(request.url.raw_path.decode().partition("?")[0]).removeprefix("/linkedin-api")
        line = f"{request.method} {path}"
        row = next((one for one in KNOWN if request.method == one[0] and re.fullmatch(one[1], path)), None)
        if row is None:
            self.found.append(f"{line} is not documented")
            return response
        self.met.add(row[:2])
        if row[2] is not None:
            self.found += wrong(json.loads(request.content), row[2], line)
        if path.startswith("/rest/"):
            self.found += [f"{line} lacks {name}" for name in ("LinkedIn-Version", "X-Restli-Protocol-Version")
                           if name not in request.headers]  # fmt: skip
        body = json.loads(response.content or b"{}")
        self.found += wrong(
            body, row[3] if response.status_code < 300 else ERROR, f"{line} {response.status_code}"
        )
        return response

    def close(self) -> None:
        self._real.close()


@pytest.fixture
def practice() -> Iterator[Practice]:
    with start(seed="conformance") as server:
        server.state.add_account(network="linkedin", name="books", title="Книги", followers=2000)
        yield server


def test_every_request_and_every_answer_is_as_documented(practice: Practice, tmp_path: Path) -> None:
    network: Any = get("linkedin")
    judge, back = Judging(), "http://127.0.0.1:8000/networks/back/"
    pictures = []
    for number in range(2):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (80, 60), (9, 9, 90 * number)).save(path)
        pictures.append(MediaFile(path, "image/png", path.stat().st_size, alt="Знімок"))
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "a.mp4").write_bytes(bytes(4) + b"ftypisom" + bytes(90_000))
    document = MediaFile(tmp_path / "a.pdf", "application/pdf", 9)
    film = MediaFile(tmp_path / "a.mp4", "video/mp4", 90_012)
    posts = (
        Outgoing("1", "post", "Текст (так) #тег"),
        Outgoing("2", "post", "Картка", link="https://example.org/"),
        Outgoing("3", "post", "Один", (pictures[0],)),
        Outgoing("4", "post", "Два", tuple(pictures)),
        Outgoing("5", "document", "Каталог", (document,)),
        Outgoing("6", "video", "Фільм", (film,)),
    )
    with httpx.Client(transport=judge, timeout=20) as client:
        for scope in ("openid profile w_member_social r_member_postAnalytics r_member_profileAnalytics",
                      "r_basicprofile rw_organization_admin w_organization_social r_organization_social"):  # fmt: skip
            app = {
                "client_id": APP[0],
                "client_secret": APP[1],
                "scope": scope,
                "api_url": practice.linkedin_url,
            }
            address, kept = network.authorization(
                client=client, credentials=app, redirect_uri=back, state="s"
            )
            allowed = httpx.post(address, data={"opens": "practice-books", "do": "allow"})
            code = httpx.URL(allowed.headers["location"]).params["code"]
            account = network.finish(client=client, credentials=kept, code=code, redirect_uri=back)[-1]
            credentials = network.refresh(client=client, credentials=account.credentials)
            network.connect(client=client, credentials={**credentials, "author": credentials["author"]})
            urn = ""
            for post in posts:
                ready = network.prepare(client=client, credentials=credentials, post=post, so_far=Prepared())
                urn = network.commit(
                    client=client, credentials=credentials, post=post, prepared=ready
                ).external_id
                assert (
                    network.commit(
                        client=client, credentials=credentials, post=post, prepared=ready
                    ).external_id
                    == urn
                )
                began = practice.state.clock()
                network.find(
                    client=client, credentials=credentials, post=post, prepared=ready, not_before=began
                )
            asking = {"client": client, "credentials": credentials}
            network.post_readings(**asking, external_id=urn)
            network.account_readings(**asking)
            if account.external_id.startswith("urn:li:organization:"):
                network.connect(client=client, credentials={**credentials, "author": "books"})
                below = network.reply(**asking, in_reply_to=urn, text="Перше", key="a")
                network.reply(**asking, in_reply_to=below.external_id, text="Друге", key="b")
                history = practice.state.add_post(
                    account=dict(practice.state.account_named("linkedin", "books") or {}), text="Давно",
                    published_at=practice.state.clock().replace(year=2025),
                )  # fmt: skip
                assert network.replies(**asking, external_id=f"urn:li:share:{history['id']}")
            network.delete(**asking, external_id=urn)
    assert judge.found == []
    assert {row[:2] for row in KNOWN} - judge.met == set()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"status": "AVAILABLE", "extra": 1}, "a.extra is not documented"),
        ({"id": 5}, "a.id is no URN"),
        ({"downloadUrlExpiresAt": 1_700_000_000}, "a.downloadUrlExpiresAt is no time in milliseconds"),
        ([], "a is no object"),
    ],
)
def test_the_judge_finds_what_is_wrong(value: Any, said: str) -> None:
    assert list(wrong(value, ASSET, "a")) == [said]
