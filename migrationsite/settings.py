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
# On storage that all processes share, where these run on several machines.
FERRY_ARCHIVES_DIR = Path(
    env.str("FERRY_ARCHIVES_DIR", default=str(FERRY_DATA_DIR / "archives"))
).resolve()
# How long a restored container is watched before a migration commits.
FERRY_WATCH_WINDOW_S = env.float("FERRY_WATCH_WINDOW_S", default=2.0)
# Who runs operations: "embedded", the serving process itself, or "procrastinate", workers on
# PostgreSQL, on any number of machines (docs/scale.md).
FERRY_ENGINE = env.str("FERRY_ENGINE", default="embedded")
# Operations under way at once, on one node and in one process; the others wait in the queue.
FERRY_OPERATIONS_PER_NODE = env.int("FERRY_OPERATIONS_PER_NODE", default=4)
FERRY_OPERATIONS_PER_WORKER = env.int("FERRY_OPERATIONS_PER_WORKER", default=8)
# How long a phase may take, as in transfer=7200,restore=600; others keep what
# nodes/operations/phase_limits.py says.
FERRY_PHASE_LIMITS_S: dict[str, str] = env.dict("FERRY_PHASE_LIMITS_S", default={})
# How long a rollback asks a node that does not answer, before it says that nobody knows.
FERRY_ASK_FOR_S = env.float("FERRY_ASK_FOR_S", default=60.0)
# How long a link that is lost, or that answers but moves no byte, is waited for in a transfer.
FERRY_LOST_FOR_S = env.float("FERRY_LOST_FOR_S", default=20.0)
FERRY_STALLED_AFTER_S = env.float("FERRY_STALLED_AFTER_S", default=30.0)
# Off in tests and management commands: the serving process alone watches nodes and runs operations.
FERRY_BACKGROUND = env.bool("FERRY_BACKGROUND", default=True)

FERRY_SECRET_KEY_FILE = Path(
    env.str("FERRY_SECRET_KEY_FILE", default=str(FERRY_DATA_DIR / "secret_key"))
)
# "" where the file holds it.
FERRY_GIVEN_SECRET_KEY = env.str("FERRY_SECRET_KEY", default="")
SECRET_KEY = FERRY_GIVEN_SECRET_KEY or read_or_make_secret_key(FERRY_SECRET_KEY_FILE)
# With it as a bearer token a program reads /metrics; "" lets only signed-in admins do so.
FERRY_METRICS_TOKEN = env.str("FERRY_METRICS_TOKEN", default="")
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
if FERRY_ENGINE == "procrastinate":
    # Its tables; the tasks are nodes/operations/procrastinate_engine.py's.
    INSTALLED_APPS.append("procrastinate.contrib.django")
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "migrationsite.ajax_answers.AjaxAnswersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "migrationsite.fresh_pages.FreshPagesMiddleware",
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
            "builtins": ["nodes.templatetags.units", "nodes.templatetags.icons"],
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
        # FULL: what a journal says must survive a power cut, for it says what was done on nodes.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"] = {
        # Whoever has lost the database must know it before others take over what it does
        # (nodes/operations/worker.py, lease.py); the defaults are hours.
        "connect_timeout": 5,
        "tcp_user_timeout": 8000,
        "keepalives_idle": 4,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        # The server's side: a process that is gone, or that hangs, lets go of the rows it locked.
        "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 "
        "-c tcp_keepalives_count=3 -c idle_in_transaction_session_timeout=60000",
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                # channels-redis waits for up to 5 s at a time, redis-py 8 no longer by itself.
                "hosts": [
                    {"address": REDIS_URL, "socket_timeout": 20, "socket_connect_timeout": 5}
                ],
                "capacity": 1000,
                # A page may stay open for long: a group forgets its members after so many seconds.
                "group_expiry": 30 * 86400,
            },
        }
        if REDIS_URL
        else {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            # What does not fit is dropped: all nodes of a large fleet may change at once.
            "CONFIG": {"capacity": 10_000},
        }
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

# "line" for people, "json" for programs; docs/operations.md says what is in it.
FERRY_LOG_FORMAT = env.str("FERRY_LOG_FORMAT", default="line")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "nodes.log_context.ContextFilter"}},
    "formatters": {
        "line": {"()": "nodes.log_format.LineFormatter"},
        "json": {"()": "nodes.log_format.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["context"],
            # An unknown one is a check's to tell: nodes/site_checks.py.
            "formatter": "json" if FERRY_LOG_FORMAT == "json" else "line",
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("FERRY_LOG_LEVEL", default="INFO")},
    "loggers": {
        # At INFO asyncssh writes several lines for every command that is run.
        "asyncssh": {"level": "WARNING"},
        # Several for each job.
        "procrastinate": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        # At DEBUG these write the headers of each websocket, with the cookie of the session.
        "uvicorn.error": {"level": "INFO"},
        "websockets": {"level": "INFO"},
        "axes": {"level": "WARNING"},
    },
}
