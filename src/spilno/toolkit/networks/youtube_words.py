"""What people read about YouTube before they are connected: how the app is registered, the form's fields."""

from __future__ import annotations

from spilno.toolkit.networks.base import CredentialField, LocalText
from spilno.toolkit.networks.youtube_wire import API

VIDEO: LocalText = {"uk": "Відео", "en": "Video", "ru": "Видео"}
SHORT: LocalText = {"uk": "Shorts", "en": "Short", "ru": "Shorts"}

LOOK_HERE: LocalText = {
    "uk": "Відкрийте YouTube Studio, розділ «Контент», і перегляньте останні відео.",
    "en": "Open YouTube Studio, “Content”, and look at the latest videos.",
    "ru": "Откройте YouTube Studio, раздел «Контент», и посмотрите последние видео.",
}

API_URL = CredentialField(
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
)

APP_FIELDS = (
    CredentialField(
        "client_id",
        label={"uk": "Ідентифікатор клієнта", "en": "Client ID", "ru": "Идентификатор клиента"},
        help={
            "uk": "Закінчується на .apps.googleusercontent.com",
            "en": "Ends in .apps.googleusercontent.com",
            "ru": "Заканчивается на .apps.googleusercontent.com",
        },
    ),
    CredentialField(
        "client_secret",
        label={"uk": "Секрет клієнта", "en": "Client secret", "ru": "Секрет клиента"},
        help={
            "uk": "Google показує його один раз, коли створюється клієнт.",
            "en": "Google shows it once, when the client is created.",
            "ru": "Google показывает его один раз, при создании клиента.",
        },
        kind="password",
        secret=True,
    ),
)

APP_STEPS: tuple[LocalText, ...] = (
    {
        "uk": "Відкрийте Google Cloud Console і створіть проєкт (або візьміть наявний проєкт вашої організації).",
        "en": "Open Google Cloud Console and create a project (or take one that your organisation has).",
        "ru": "Откройте Google Cloud Console и создайте проект (или возьмите существующий проект организации).",
    },
    {
        "uk": "У розділі «APIs & Services → Library» увімкніть YouTube Data API v3 і YouTube Analytics API.",
        "en": "Under “APIs & Services → Library” enable YouTube Data API v3 and YouTube Analytics API.",
        "ru": "В разделе «APIs & Services → Library» включите YouTube Data API v3 и YouTube Analytics API.",
    },
    {
        "uk": "Налаштуйте екран згоди (Google Auth Platform): назва, пошта, тип «External». У розділі «Data access» "
        "додайте дозволи youtube.upload, youtube.readonly, youtube.force-ssl, yt-analytics.readonly.",
        "en": "Set up the consent screen (Google Auth Platform): a name, a mail address, type “External”. Under “Data "
        "access” add the scopes youtube.upload, youtube.readonly, youtube.force-ssl, yt-analytics.readonly.",
        "ru": "Настройте экран согласия (Google Auth Platform): название, почта, тип «External». В разделе «Data "
        "access» добавьте разрешения youtube.upload, youtube.readonly, youtube.force-ssl, yt-analytics.readonly.",
    },
    {
        "uk": "У розділі «Audience» натисніть «Publish app». Поки застосунок має стан «Testing», Google забирає доступ "
        "через 7 днів, і канал доводиться підключати щотижня.",
        "en": "Under “Audience” press “Publish app”. While the app is in “Testing”, Google takes access away after 7 "
        "days, and the channel has to be connected anew every week.",
        "ru": "В разделе «Audience» нажмите «Publish app». Пока приложение в состоянии «Testing», Google забирает "
        "доступ через 7 дней, и канал приходится подключать каждую неделю.",
    },
    {
        "uk": "У розділі «Clients» створіть OAuth-клієнт типу «Web application» і додайте до «Authorized redirect "
        "URIs» адресу повернення, яку показано тут.",
        "en": "Under “Clients” create an OAuth client of type “Web application”, and add the return address that is "
        "shown here to its “Authorized redirect URIs”.",
        "ru": "В разделе «Clients» создайте OAuth-клиент типа «Web application» и добавьте в «Authorized redirect "
        "URIs» адрес возврата, показанный здесь.",
    },
    {
        "uk": "Скопіюйте сюди Client ID і Client secret.",
        "en": "Copy the client ID and the client secret here.",
        "ru": "Скопируйте сюда Client ID и Client secret.",
    },
    {
        "uk": "Пройдіть аудит YouTube API Services (support.google.com/youtube/contact/yt_api_form): поки проєкт не "
        "перевірено, усі його відео лишаються приватними назавжди. Там само просять більше, ніж 100 відео на день.",
        "en": "Have YouTube API Services audit the project (support.google.com/youtube/contact/yt_api_form): until "
        "then all of its videos stay private for good. More than 100 videos a day are asked for there too.",
        "ru": "Пройдите аудит YouTube API Services (support.google.com/youtube/contact/yt_api_form): пока проект не "
        "проверен, все его видео остаются закрытыми навсегда. Там же просят больше 100 видео в день.",
    },
)
