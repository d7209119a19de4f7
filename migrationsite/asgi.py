"""The whole site as one ASGI application: pages, API, websockets, static files, background work."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "migrationsite.settings")

from django.core.asgi import get_asgi_application

django_application: Any = get_asgi_application()

# Django must be set up before anything that imports models.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from migrationsite.lifespan import Lifespan  # noqa: E402
from migrationsite.sendfile import Sendfile  # noqa: E402
from migrationsite.static_files import with_static_files  # noqa: E402
from nodes.consumers import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": with_static_files(Sendfile(django_application)),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
        "lifespan": Lifespan(),
    }
)
