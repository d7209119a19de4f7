"""What follows a person over all pages: their operations that have just ended."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from nodes.models import Operation
from nodes.views.access import viewer
from nodes.views.batch import batches_with_counts

SHOWN_FOR = timedelta(minutes=10)
SHOWN_MOST = 5
LOOKED_AT = 200
_SHOWN = re.compile(r"([0-9]{1,18})(b?)")


def just_ended(user: User, shown: str) -> dict[str, object]:
    """Return what a page's tray tells the user of what has ended.

    ``shown`` is what the page itself is about: "5" is an operation, "5b" a batch.
    """
    known = _SHOWN.fullmatch(shown)
    pk = int(known.group(1)) if known else 0
    is_batch = known is not None and known.group(2) == "b"
    batches = batches_with_counts().filter(created_by=user, ended_at__gte=_since(user))
    return {
        "ended_operations": ended_operations(user).exclude(pk=0 if is_batch else pk)[:SHOWN_MOST],
        "ended_batches": batches.exclude(pk=pk if is_batch else 0)[:SHOWN_MOST],
    }


def ended_operations(user: User) -> QuerySet[Operation]:
    """Return what the user began and what ended in the last minutes, since they signed in.

    Those of batches are left out: the batch tells how far it is.
    """
    # However many a user has begun over the years, only their last are looked at.
    last = Operation.objects.filter(created_by=user).order_by("-pk").values("pk")[:LOOKED_AT]
    own = Operation.objects.filter(pk__in=last, ended_at__gte=_since(user), batch_items=None)
    return own.order_by("-ended_at")


def _since(user: User) -> datetime:
    since = timezone.now() - SHOWN_FOR
    return max(since, user.last_login) if user.last_login else since


@viewer
@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    context = just_ended(cast(User, request.user), request.GET.get("shown", ""))
    return render(request, "operations/_tray_ended.html", context)
