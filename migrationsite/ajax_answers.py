"""Answers to what a page asks for in the background, so that it keeps what a person typed."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.deprecation import MiddlewareMixin

_REDIRECTS = (301, 302, 303, 307, 308)


class AjaxAnswersMiddleware(MiddlewareMixin):
    """Keep htmx from following redirects, which would put another page into the present one.

    To the sign-in page: 401, for the page then says so and stays as it is. From a form that was
    sent as a whole page's (HX-Boosted): HX-Redirect, for the browser itself to go there.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.status_code not in _REDIRECTS or "HX-Request" not in request.headers:
            return response
        location = response.headers["Location"]
        if location.startswith(resolve_url(settings.LOGIN_URL)):
            return HttpResponse("Not signed in.\n", status=401, content_type="text/plain")
        if request.method == "POST" and request.headers.get("HX-Boosted") == "true":
            gone_to = HttpResponse(status=204, headers={"HX-Redirect": location})
            # A new session, messages: what the redirect sets counts all the same.
            gone_to.cookies = response.cookies
            return gone_to
        return response
