"""Settings, all of which may come from the environment or a .env file (see README)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF

from migrationsite.secret_key import read_or_make_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

FERRY_DATA_DIR = Path(env.str("FERRY_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
FERRY_DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
FERRY_LISTEN = env.str("FERRY_LISTEN", default="127.0.0.1:8000")
FERRY_ARCHIVES_DIR = FERRY_DATA_DIR / "archives"
# How long a restored container is watched before a migration commits.
FERRY_WATCH_WINDOW_S = env.float("FERRY_WATCH_WINDOW_S", default=2.0)
# Off in tests and management commands: the serving process alone watches nodes and runs operations.
FERRY_BACKGROUND = env.bool("FERRY_BACKGROUND", default=True)

SECRET_KEY = env.str("FERRY_SECRET_KEY", default="") or read_or_make_secret_key(
    Path(env.str("FERRY_SECRET_KEY_FILE", default=str(FERRY_DATA_DIR / "secret_key")))
)
DEBUG = env.bool("FERRY_DEBUG", default=False)
ALLOWED_HOSTS = env.list("FERRY_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("FERRY_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "axes",
    "csp",
    "heroicons",
    "nodes",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "migrationsite.urls"
ASGI_APPLICATION = "migrationsite.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nodes.views.context.site_navigation",
            ],
            "builtins": ["nodes.templatetags.units", "heroicons.templatetags.heroicons"],
        },
    },
]

DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{FERRY_DATA_DIR / 'ferry.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads before it writes would otherwise fail with
    # "database is locked" at once instead of waiting for the other writer.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "fleet"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.str("FERRY_TIME_ZONE", default="UTC")

STATIC_URL = "/static/"
STATIC_ROOT = FERRY_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Archives are announced by header and sent by the ASGI layer (migrationsite/sendfile.py);
# behind nginx set this to django_sendfile.backends.nginx.
SENDFILE_BACKEND = env.str("FERRY_SENDFILE_BACKEND", default="django_sendfile.backends.xsendfile")
SENDFILE_ROOT = FERRY_ARCHIVES_DIR
SENDFILE_URL = "/protected-archives"

FERRY_HTTPS = env.bool("FERRY_HTTPS", default=False)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = FERRY_HTTPS
SECURE_SSL_REDIRECT = False  # the proxy in front redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if FERRY_HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("FERRY_LOG_LEVEL", default="INFO")},
    "loggers": {
        # At INFO asyncssh writes several lines for every command that is run.
        "asyncssh": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
