"""What is declared about LinkedIn: where content can appear, what is typed to connect, how an app is registered."""

from __future__ import annotations

from decimal import Decimal

from spilno.toolkit.networks.base import (
    Counting,
    Counts,
    CredentialField,
    LocalText,
    Once,
    Per,
    Placement,
)
from spilno.toolkit.networks.linkedin_rest import API, API_VERSION, DOCS
from spilno.toolkit.networks.words import ACCESS_TOKEN, OURS, POST, limit, rate

SHARES = f"{DOCS}/marketing/community-management/shares"
POSTS = f"{SHARES}/posts-api"
_MULTI, _IMAGES = f"{SHARES}/multiimage-post-api", f"{SHARES}/images-api"
_DOCUMENTS, _VIDEOS = f"{SHARES}/documents-api", f"{SHARES}/videos-api"
_SHARE = f"{DOCS}/consumer/integrations/self-serve/share-on-linkedin"

PERSON_SCOPES = ("openid", "profile", "w_member_social")
PAGE_SCOPES = (
    "r_basicprofile", "rw_organization_admin", "w_organization_social", "r_organization_social",
    "w_organization_social_feed", "r_organization_social_feed", "w_member_social", "r_member_postAnalytics",
    "r_member_profileAnalytics",
)  # fmt: skip

RATES = (
    rate("posts", 100, 86_400, OURS, counts=Counts.POST),
    rate("requests", 100_000, 86_400, _SHARE, per=Per.APP),
)

_TEXT = limit("text", 3000, "characters", POSTS)

PLACEMENTS = (
    Placement(
        "post",
        label=POST,
        counting=Counting.UTF16,
        limits=(
            _TEXT,
            limit("images", 20, "count", _MULTI),
            limit("image_bytes", 5_000_000, "bytes", OURS),
            limit("image_mime", "image/jpeg image/png image/gif", "mime", _IMAGES),
            limit("mixed", 0, "count", _MULTI),
        ),
        once=Once.LOOKUP,
        media_allowed=("image",),
    ),
    Placement(
        "document",
        label={"uk": "Документ", "en": "Document", "ru": "Документ"},
        counting=Counting.UTF16,
        limits=(
            _TEXT,
            limit("documents", 1, "count", _DOCUMENTS),
            limit("document_bytes", 100_000_000, "bytes", _DOCUMENTS),
            limit("document_mime", "application/pdf", "mime", _DOCUMENTS),
            limit("document_pages", 300, "count", _DOCUMENTS),
        ),
        once=Once.LOOKUP,
        media_required=True,
        media_allowed=("file",),
    ),
    Placement(
        "video",
        label={"uk": "Відео", "en": "Video", "ru": "Видео"},
        counting=Counting.UTF16,
        limits=(
            _TEXT,
            limit("videos", 1, "count", _VIDEOS),
            limit("video_bytes", 500_000_000, "bytes", _VIDEOS),
            limit("video_mime", "video/mp4", "mime", _VIDEOS),
            limit("video_seconds_min", 3, "s", _VIDEOS),
            limit("video_seconds", 1800, "s", _VIDEOS),
            limit("video_ratio_min", Decimal("0.42"), "ratio", OURS),
            limit("video_ratio_max", Decimal("2.4"), "ratio", OURS),
        ),
        once=Once.LOOKUP,
        media_required=True,
        media_allowed=("video",),
    ),
)

FIELDS = (
    CredentialField(
        "access_token",
        label=ACCESS_TOKEN,
        help={
            "uk": "Необовʼязково: без нього ви підтвердите доступ на сторінці LinkedIn. Токен робить генератор токенів "
            "на сайті розробників LinkedIn; він діє 60 днів.",
            "en": "Optional: without it you allow access on LinkedIn's own page. The token generator of LinkedIn's "
            "developer site makes one; it lasts 60 days.",
            "ru": "Необязательно: без него вы подтвердите доступ на странице LinkedIn. Токен делает генератор токенов "
            "на сайте разработчиков LinkedIn; он действует 60 дней.",
        },
        kind="password",
        secret=True,
        required=False,
    ),
    CredentialField(
        "author",
        label={"uk": "Чиї дописи", "en": "Whose posts", "ru": "Чьи публикации"},
        help={
            "uk": "Посилання на сторінку компанії або її номер. Порожньо — ви самі.",
            "en": "The company page's link or number. Empty: you yourself.",
            "ru": "Ссылка на страницу компании или её номер. Пусто — вы сами.",
        },
        required=False,
        placeholder="https://www.linkedin.com/company/…",
    ),
    CredentialField(
        "api_version",
        label={"uk": "Версія API", "en": "Version of the API", "ru": "Версия API"},
        help={
            "uk": "Рік і місяць, напр. 202609. LinkedIn підтримує кожну версію близько року; змінюйте, лише якщо "
            "LinkedIn каже, що версія застаріла.",
            "en": "Year and month, e.g. 202609. LinkedIn serves each version for about a year; change it only when "
            "LinkedIn says that the version is retired.",
            "ru": "Год и месяц, напр. 202609. LinkedIn поддерживает каждую версию около года; меняйте, только если "
            "LinkedIn говорит, что версия устарела.",
        },
        required=False,
        default=str(API_VERSION.value),
    ),
    CredentialField(
        "api_url",
        label={"uk": "Адреса API", "en": "API address", "ru": "Адрес API"},
        help={
            "uk": "Змінюйте, лише щоб підʼєднати навчальну мережу.",
            "en": "Change it only to connect a practice network.",
            "ru": "Меняйте, только чтобы подключить учебную сеть.",
        },
        kind="url",
        required=False,
        default=API,
    ),
)

APP_FIELDS = (
    CredentialField(
        "client_id",
        label={"uk": "Client ID", "en": "Client ID", "ru": "Client ID"},
        help={
            "uk": "На вкладці Auth вашої програми.",
            "en": "On the Auth tab of your app.",
            "ru": "На вкладке Auth вашего приложения.",
        },
    ),
    CredentialField(
        "client_secret",
        label={"uk": "Client Secret", "en": "Client secret", "ru": "Client Secret"},
        help={
            "uk": "Там само; показується, коли натиснути на око.",
            "en": "In the same place; shown when you press the eye.",
            "ru": "Там же; показывается, если нажать на глаз.",
        },
        kind="password",
        secret=True,
    ),
    CredentialField(
        "scope",
        label={"uk": "Дозволи", "en": "Permissions", "ru": "Разрешения"},
        help={
            "uk": "Через пробіл, рівно ті, що дано програмі. Для сторінок компаній: " + " ".join(PAGE_SCOPES),
            "en": "Separated by spaces, exactly those that the app was given. For company pages: "
            + " ".join(PAGE_SCOPES),
            "ru": "Через пробел, ровно те, что даны приложению. Для страниц компаний: "
            + " ".join(PAGE_SCOPES),
        },
        required=False,
        default=" ".join(PERSON_SCOPES),
    ),
)

APP_STEPS: tuple[LocalText, ...] = (
    {
        "uk": "Відкрийте www.linkedin.com/developers/apps, натисніть Create app і вкажіть сторінку компанії; її "
        "адміністратор має підтвердити програму за посиланням Verify.",
        "en": "Open www.linkedin.com/developers/apps, press Create app and name a company page; its administrator has "
        "to confirm the app by the Verify link.",
        "ru": "Откройте www.linkedin.com/developers/apps, нажмите Create app и укажите страницу компании; её "
        "администратор должен подтвердить приложение по ссылке Verify.",
    },
    {
        "uk": "Щоб публікувати від імені людей, додайте на вкладці Products «Share on LinkedIn» і «Sign In with "
        "LinkedIn using OpenID Connect»: їх дають одразу.",
        "en": "To post for people, add “Share on LinkedIn” and “Sign In with LinkedIn using OpenID Connect” on the "
        "Products tab: they are given at once.",
        "ru": "Чтобы публиковать от имени людей, добавьте на вкладке Products «Share on LinkedIn» и «Sign In with "
        "LinkedIn using OpenID Connect»: их дают сразу.",
    },
    {
        "uk": "Щоб публікувати на сторінках компаній, створіть окрему програму й попросіть лише «Community Management "
        "API»: LinkedIn розглядає запит кілька днів і не терпить поряд інших продуктів.",
        "en": "To post on company pages, make a separate app and ask for the “Community Management API” alone: "
        "LinkedIn considers the request for some days and allows no other product beside it.",
        "ru": "Чтобы публиковать на страницах компаний, создайте отдельное приложение и попросите только «Community "
        "Management API»: LinkedIn рассматривает запрос несколько дней и не терпит рядом других продуктов.",
    },
    {
        "uk": "На вкладці Auth додайте адресу повернення, яку показано тут, до Authorized redirect URLs — точнісінько "
        "так, як її написано.",
        "en": "On the Auth tab add the return address that is shown here to Authorized redirect URLs, exactly as it is "
        "written.",
        "ru": "На вкладке Auth добавьте адрес возврата, показанный здесь, в Authorized redirect URLs — в точности так, "
        "как он написан.",
    },
    {
        "uk": "Скопіюйте звідти Client ID і Client Secret сюди, а в «Дозволах» лишіть те, що дали програмі.",
        "en": "Copy the client ID and client secret from there, and leave in “Permissions” what the app was given.",
        "ru": "Скопируйте оттуда Client ID и Client Secret сюда, а в «Разрешениях» оставьте то, что дали приложению.",
    },
)
