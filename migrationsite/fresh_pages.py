"""Pages of a signed-in person that the browser asks for anew on the way back."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.deprecation import MiddlewareMixin


class FreshPagesMiddleware(MiddlewareMixin):
    """Let the browser keep no page of a signed-in person.

    One from its cache shows old states and an old clock, and whoever has signed out can be
    followed by somebody who goes back. Downloads and the site's own files may be kept.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        # Not request.user, which a view may have left unasked.
        if is_page and settings.SESSION_COOKIE_NAME in request.COOKIES:
            patch_cache_control(response, no_store=True)
        return response
