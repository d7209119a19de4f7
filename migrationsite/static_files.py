"""Serve collected static files beside Django; behind nginx these requests never get here."""

from __future__ import annotations

from django.conf import settings
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send


class _CheckedStaticFiles(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        # Kept by the browser, but asked for again by ETag: a new version shows at once.
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def with_static_files(app: ASGIApp) -> ASGIApp:
    """Send STATIC_ROOT's files under STATIC_URL, and everything else to ``app``."""
    static = _CheckedStaticFiles(directory=settings.STATIC_ROOT, check_dir=False)
    prefix = settings.STATIC_URL.rstrip("/")

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(f"{prefix}/"):
            inside = {**scope, "root_path": scope.get("root_path", "") + prefix}
            await static(inside, receive, send)
        else:
            await app(scope, receive, send)

    return route
