"""The whole site as one ASGI application: pages, API, websockets, static files, background work."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "migrationsite.settings")

import django

# As get_asgi_application does, but for the handler.
django.setup(set_prefix=False)

# Django must be set up before anything that imports models.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from migrationsite.lifespan import Lifespan  # noqa: E402
from migrationsite.observed import Observed  # noqa: E402
from migrationsite.request_body import LimitedHandler  # noqa: E402
from migrationsite.sendfile import Sendfile  # noqa: E402
from migrationsite.static_files import with_static_files  # noqa: E402
from nodes.consumers import websocket_urlpatterns  # noqa: E402

django_application: Any = LimitedHandler()

application = Observed(
    ProtocolTypeRouter(
        {
            "http": with_static_files(Sendfile(django_application)),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
            ),
            "lifespan": Lifespan(),
        }
    )
)
