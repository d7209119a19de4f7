"""Real servers for the tests, private to them: PostgreSQL, Redis and nginx."""

from __future__ import annotations

from tests.servers.nginx import Nginx
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis

__all__ = ["Nginx", "Postgres", "Redis"]
