"""Say at a start which settings do not go together, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

ENGINES = ("embedded", "procrastinate")
LOG_FORMATS = ("line", "json")
METRICS_TOKEN_CHARS = 16


@register()
def check_engine(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.FERRY_ENGINE not in ENGINES:
        return [
            Error(
                f"FERRY_ENGINE is {settings.FERRY_ENGINE!r}.",
                hint=f"Set it to one of: {', '.join(ENGINES)}.",
                id="ferry.E001",
            )
        ]
    if settings.FERRY_ENGINE == "embedded":
        return []
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        hint = "Set DATABASE_URL to postgres://USER:PASSWORD@HOST/NAME (docs/scale.md)."
        found.append(Error("Several processes need PostgreSQL.", hint=hint, id="ferry.E002"))
    if not settings.REDIS_URL:
        hint = "Set REDIS_URL to redis://HOST:6379/0 (docs/scale.md)."
        found.append(Error("Several processes need Redis.", hint=hint, id="ferry.E003"))
    return found + _of_one_machine()


def _of_one_machine() -> list[CheckMessage]:
    """Return warnings of what several processes share only as long as they share a data folder."""
    found: list[CheckMessage] = []
    if not settings.FERRY_GIVEN_SECRET_KEY:
        told = "FERRY_SECRET_KEY is not set: each machine makes a key of its own."
        hint = "Set it to the same everywhere, or the site's SSH key cannot be read elsewhere."
        found.append(Warning(told, hint=hint, id="ferry.W006"))
    if settings.FERRY_ARCHIVES_DIR.is_relative_to(settings.FERRY_DATA_DIR):
        told = "FERRY_ARCHIVES_DIR is not set: each machine has a catalog of its own."
        hint = "Set it to a folder that all machines share (docs/scale.md)."
        found.append(Warning(told, hint=hint, id="ferry.W007"))
    return found


@register()
def check_observation(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.FERRY_LOG_FORMAT not in LOG_FORMATS:
        told = f"FERRY_LOG_FORMAT is {settings.FERRY_LOG_FORMAT!r}."
        hint = f"Set it to one of: {', '.join(LOG_FORMATS)}."
        found.append(Error(told, hint=hint, id="ferry.E004"))
    if 0 < len(settings.FERRY_METRICS_TOKEN) < METRICS_TOKEN_CHARS:
        hint = "Make one with: openssl rand -hex 32"
        told = f"FERRY_METRICS_TOKEN has fewer than {METRICS_TOKEN_CHARS} characters."
        found.append(Error(told, hint=hint, id="ferry.E005"))
    return found
