"""Django settings. Everything that differs between installations comes from ``config.env``."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url

from spilno.config.env import data_folder, read
from spilno.kernel.secrets import ensure_key

PACKAGE = Path(__file__).resolve().parent.parent
DATA = data_folder()
DATA.mkdir(parents=True, exist_ok=True)
DEBUG = read("SPILNO_DEBUG") == "1"

SPILNO_CREDENTIAL_KEYS = ensure_key(DATA / "keys" / "credentials.key")
SECRET_KEY = read("SPILNO_SECRET_KEY") or ensure_key(DATA / "keys" / "signing.key")
SPILNO_PUBLIC_URL = (
    read("SPILNO_PUBLIC_URL") or f"http://{read('SPILNO_HOST')}:{read('SPILNO_PORT')}"
).rstrip("/")
SPILNO_PRACTICE_URL = f"http://127.0.0.1:{read('SPILNO_PRACTICE_PORT')}"
# Practice networks run on loopback; everything else private is refused unless it is listed.
SPILNO_ALLOWED_PRIVATE_HOSTS = (
    urlsplit(SPILNO_PRACTICE_URL).netloc,
    *(one.strip() for one in read("SPILNO_ALLOWED_PRIVATE_HOSTS").split(",") if one.strip()),
)
SPILNO_SIGNUP_OPEN = read("SPILNO_SIGNUP") == "1"

_public = urlsplit(SPILNO_PUBLIC_URL)
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *([_public.hostname] if _public.hostname else []),
]
CSRF_TRUSTED_ORIGINS = [SPILNO_PUBLIC_URL] if _public.scheme == "https" else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _public.scheme == "https" else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 30 if _public.scheme == "https" else 0
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "procrastinate.contrib.django",
    "spilno.facts",
    "spilno.team",
    "spilno.channels",
    "spilno.briefs",
    "spilno.plan",
    "spilno.plan.writing",
    "spilno.publishing",
    "spilno.publishing.comments",
    "spilno.pages",
    "spilno.community",
    "spilno.measurement",
    "spilno.contingency",
    "spilno.reports",
    "spilno.exchange",
    "spilno.interfaces.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "spilno.interfaces.web.safety.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "spilno.interfaces.web.middleware.PersonLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "spilno.interfaces.web.middleware.WorkspaceMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "spilno.config.urls"
WSGI_APPLICATION = "spilno.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "interfaces" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "spilno.interfaces.web.context.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
            ],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        # Entry points call config.database.ensure() first; reading settings alone (type checking, docs) starts nothing.
        read("DATABASE_URL") or "postgresql:///spilno-not-started",
        conn_max_age=300,
        conn_health_checks=True,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"  # every room's jobs.py, before the queue is made

AUTH_USER_MODEL = "team.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "spilno.interfaces.web.account.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# Sign-in attempts are counted per address: behind a proxy (https needs one) it is the last one that the proxy names.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _public.scheme == "https" else 0

# Letters that are not sent: without a mail server, and all of the demo's.
EMAIL_FILE_PATH = str(DATA / "mail")
_mail = urlsplit(read("SPILNO_MAIL_URL"))
if _mail.hostname:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname, _mail.port or (465 if _mail.scheme == "smtps" else 25)
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_USE_TLS = _mail.port == 587
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read("SPILNO_MAIL_FROM")

LANGUAGE_CODE = "uk"
LANGUAGES = [("uk", "Українська"), ("en", "English"), ("ru", "Русский")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [PACKAGE / "interfaces" / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA / "files"
MEDIA_URL = "/files/"  # served by a view that checks the workspace or a signature
DATA_UPLOAD_MAX_MEMORY_SIZE = 30 * 1024 * 1024  # of a form without its files
# Files go to the disk as they arrive, on the disk on which they stay: moving them costs nothing then.
SPILNO_INCOMING = DATA / "incoming"
SPILNO_INCOMING.mkdir(exist_ok=True)
SPILNO_UPLOAD_MAX_BYTES = int(read("SPILNO_UPLOAD_MAX_MB")) * 1_000_000
FILE_UPLOAD_TEMP_DIR = str(SPILNO_INCOMING)
FILE_UPLOAD_HANDLERS = ["spilno.interfaces.web.uploads.StreamedUpload"]
SPILNO_CACHE = DATA / "cache"
SPILNO_CACHE_BYTES = int(read("SPILNO_CACHE_MB")) * 1_000_000
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if read("SPILNO_S3_BUCKET"):
    STORAGES["default"] = {
        "BACKEND": "spilno.config.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": read("SPILNO_S3_BUCKET"),
            "endpoint_url": read("SPILNO_S3_ENDPOINT") or None,
            "region_name": read("SPILNO_S3_REGION") or None,
            "access_key": read("SPILNO_S3_ACCESS_KEY") or None,
            "secret_key": read("SPILNO_S3_SECRET_KEY") or None,
            "addressing_style": "path" if read("SPILNO_S3_PATH_STYLE") == "1" else "virtual",
            "location": read("SPILNO_S3_PREFIX").strip("/"),
        },
    }
FILE_UPLOAD_PERMISSIONS = 0o640

# Django's own default tells nobody of a page that broke, unless it is mailed to administrators.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"timed": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "timed"}},
    "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
}
