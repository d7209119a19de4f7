"""Search the memory that an archive holds, and send what is found while the search goes on."""

from __future__ import annotations

import asyncio
import uuid
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodes.archives.files import archive_file
from nodes.archives.memory_search import LONGEST_S, Query, Search, SearchRunning, start_search
from nodes.archives.place import archive_store
from nodes.models import Archive
from nodes.problem import FerryError
from nodes.views.access import memory_searcher
from nodes.views.answers import UNPROCESSABLE
from nodes.views.contents_panels import NAV_SECTIONS, SEARCH_TAB, nav_context, sections_of

CONFLICT = 409
MOST_HITS = 200
_LOOK_S = 0.1
_TELL_EVERY = 10
_CONTEXTS = ((16, "16 bytes"), (48, "48 bytes"), (128, "128 bytes"), (512, "512 bytes"))
_PAGE = "archives/contents/page.html"

Mappings = Sequence[Mapping[str, Any]]


class MemorySearchForm(forms.Form):
    pid = forms.TypedChoiceField(label="Process", coerce=int)
    pattern = forms.CharField(label="Look for", max_length=1000, strip=False)
    is_regex = forms.ChoiceField(
        label="As",
        choices=(("", "Text, in UTF-8 and UTF-16"), ("yes", "Regular expression (RE2)")),
        required=False,
    )
    context_bytes = forms.TypedChoiceField(
        label="Show around it", choices=_CONTEXTS, coerce=int, initial=48
    )
    ignore_case = forms.BooleanField(label="Ignore case", required=False)

    def __init__(self, *args: Any, processes: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pid: Any = self.fields["pid"]
        pid.choices = [
            (process["pid"], f"{process['pid']} {process['name']}") for process in processes
        ]
        self.fields["pattern"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def query(self) -> Query:
        given = self.cleaned_data
        return Query(**{**given, "is_regex": bool(given["is_regex"])}, most_hits=MOST_HITS)


@memory_searcher
@require_http_methods(["GET", "POST"])
@never_cache
def search(request: HttpRequest, pk: int) -> HttpResponseBase:
    archive = get_object_or_404(Archive, pk=pk)
    context: dict[str, Any] = {"archive": archive, "tab": SEARCH_TAB, "longest_s": LONGEST_S}
    sections = sections_of(archive, "memory", *NAV_SECTIONS)
    context |= nav_context(sections)
    processes = sections.get("memory")
    if processes is None:
        return render(request, _PAGE, {**context, "panel": "archives/contents/_unread.html"})
    given = request.POST if request.method == "POST" else None
    form = MemorySearchForm(given, processes=processes, initial={"pid": request.GET.get("pid")})
    context |= {"form": form, "panel": "archives/contents/_memory_search.html"}
    if given is None:
        return render(request, _PAGE, context)
    if not form.is_valid():
        return render(request, _PAGE, context, status=UNPROCESSABLE)
    query = form.query()
    try:
        path = archive_file(archive, archive_store())
        started = start_search(request.user, archive, path, query)
    except FerryError as error:
        status = CONFLICT if isinstance(error, SearchRunning) else UNPROCESSABLE
        return render(request, _PAGE, {**context, "problem": error.problem}, status=status)
    mappings = next(process["mappings"] for process in processes if process["pid"] == query.pid)
    return _streamed(request, context, started, mappings)


def _streamed(
    request: HttpRequest, context: dict[str, Any], started: Search, mappings: Mappings
) -> StreamingHttpResponse:
    """Answer the page with a gap, in which the hits come one after the other.

    That works without JavaScript: a browser shows a page while it comes.
    """
    gap = uuid.uuid4().hex
    page = render(request, _PAGE, {**context, "gap": gap}).content.decode()
    head, _, tail = page.partition(gap)
    archive: Archive = context["archive"]
    return StreamingHttpResponse(
        _pieces(head, tail, started, mappings, archive.size_bytes),
        # A proxy (nginx) would otherwise wait for the whole page.
        headers={"X-Accel-Buffering": "no"},
    )


async def _pieces(
    head: str, tail: str, started: Search, mappings: Mappings, size_bytes: int
) -> AsyncIterator[str]:
    started.want()
    try:
        yield head
        shown = looks = 0
        while not started.has_ended or shown < len(started.hits):
            for hit in started.hits[shown:]:
                shown += 1
                yield _fragment("_hit", hit=hit, number=shown, mapping=_mapping_of(hit, mappings))
            if looks % _TELL_EVERY == 0 and not started.has_ended:
                yield _fragment("_search_state", search=started, size_bytes=size_bytes)
            looks += 1
            await asyncio.sleep(_LOOK_S)
        yield _fragment("_search_state", search=started, problem=started.problem)
        yield tail
    finally:
        # Nobody waits any more when the browser has gone.
        started.abandon()


def _fragment(name: str, **context: Any) -> str:
    return render_to_string(f"archives/contents/{name}.html", context)


def _mapping_of(hit: Any, mappings: Mappings) -> Mapping[str, Any] | None:
    """Return the mapping in which an address lies; they are in the order of their addresses."""
    at = bisect_right(mappings, hit.address, key=lambda mapping: mapping["start"]) - 1
    return mappings[at] if at >= 0 and hit.address < mappings[at]["end"] else None
