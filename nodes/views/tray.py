"""What follows a person over all pages: their operations that have just ended."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from nodes.models import Operation
from nodes.views.access import viewer

SHOWN_FOR = timedelta(minutes=10)
SHOWN_MOST = 5
LOOKED_AT = 200
_NUMBER = re.compile(r"[0-9]{1,18}")


def ended_operations(user: User, *, shown: int = 0) -> QuerySet[Operation]:
    """Return what the user began and what ended in the last minutes, since they signed in.

    Those of batches are left out: the batch tells how far it is. So is the one that the page
    itself is about.
    """
    since = timezone.now() - SHOWN_FOR
    if user.last_login is not None:
        since = max(since, user.last_login)
    # However many a user has begun over the years, only their last are looked at.
    last = Operation.objects.filter(created_by=user).order_by("-pk").values("pk")[:LOOKED_AT]
    own = Operation.objects.filter(pk__in=last, ended_at__gte=since, batch_items=None)
    return own.exclude(pk=shown).order_by("-ended_at")[:SHOWN_MOST]


@viewer
@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    shown = request.GET.get("shown", "")
    pk = int(shown) if _NUMBER.fullmatch(shown) else 0
    context = {"ended_operations": ended_operations(cast(User, request.user), shown=pk)}
    return render(request, "operations/_tray_ended.html", context)
