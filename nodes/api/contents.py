"""What is inside an archive: read, searched, compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router

from nodes.api.auth import downloader, memory_searcher, operator, viewer
from nodes.api.contents_schemas import (
    ComparisonOut,
    ContentsOut,
    EnvironmentOut,
    MemorySearchIn,
    MemorySearchOut,
    ProcessIn,
)
from nodes.api.problems import problem_response
from nodes.api.schemas import ProblemOut
from nodes.archives.compare import compare_archives
from nodes.archives.files import archive_file
from nodes.archives.memory_search import Query, SearchRunning, start_search
from nodes.archives.place import archive_store
from nodes.archives.read_again import environment_of, note_log_read, read_contents_again
from nodes.catalog.contents import SECTIONS
from nodes.catalog.errors import ArchiveUnreadable
from nodes.catalog.memory_pattern import BadPattern
from nodes.catalog.memory_search import Hit
from nodes.catalog.process_memory import NoMemory
from nodes.models import Archive, ContentsState
from nodes.problem import Problem

router = Router(tags=["archives"])
# Beside those of a reading: what `podman diff` said when the checkpoint was made here.
_NAMES = (*SECTIONS, "changes")
_LOG = "log"


@router.get("/{int:pk}/contents", auth=viewer, response=ContentsOut)
def get_contents(request: HttpRequest, pk: int) -> Any:
    """Return every part that was read; the container's log only to who may have the archive."""
    archive = get_object_or_404(Archive, pk=pk)
    hidden = [] if _may_see_log(request) else [_LOG]
    found = archive.sections.exclude(name__in=hidden)
    sections = dict(found.values_list("name", "data"))
    if _LOG in sections:
        note_log_read(request.user, archive)
    return {
        "state": archive.contents_state,
        "problem": archive.contents_problem,
        "sections": sections,
    }


@router.get(
    "/{int:pk}/contents/{section}",
    auth=viewer,
    response={200: Any, 403: ProblemOut, 409: ProblemOut},
)
def get_section(request: HttpRequest, pk: int, section: str) -> Any:
    """Return one part: summary, processes, memory, files, sockets, rootfs, spec and so on."""
    archive = get_object_or_404(Archive, pk=pk)
    if section not in _NAMES:
        raise Http404
    if section == _LOG and not _may_see_log(request):
        return problem_response(403, _LOG_PROBLEM)
    found = archive.sections.filter(name=section).first()
    if found and section == _LOG:
        note_log_read(request.user, archive)
    return found.data if found else problem_response(409, _unread(archive))


@router.post(
    "/{int:pk}/contents",
    auth=operator,
    response={200: ContentsOut, 410: ProblemOut, 422: ProblemOut},
)
def read_contents(request: HttpRequest, pk: int) -> Any:
    """Read the archive's file again for what it holds."""
    archive = get_object_or_404(Archive, pk=pk)
    try:
        read_contents_again(archive, archive_file(archive, archive_store()))
    except ArchiveUnreadable as error:
        return problem_response(422, error.problem)
    return get_contents(request, pk)


@router.post(
    "/{int:pk}/environment",
    auth=downloader,
    response={200: EnvironmentOut, 410: ProblemOut, 422: ProblemOut},
)
def get_environment(request: HttpRequest, pk: int, body: ProcessIn, response: HttpResponse) -> Any:
    """Read the values of a process's environment from the archive; they are kept nowhere else."""
    archive = get_object_or_404(Archive, pk=pk)
    response["Cache-Control"] = "no-store"
    try:
        path = archive_file(archive, archive_store())
        found = environment_of(archive, path, body.pid, request.user)
    except (ArchiveUnreadable, NoMemory) as error:
        return problem_response(422, error.problem)
    return {"pid": body.pid, **asdict(found)}


@router.post(
    "/{int:pk}/memory-search",
    auth=memory_searcher,
    response={200: MemorySearchOut, 409: ProblemOut, 410: ProblemOut, 422: ProblemOut},
)
def search_memory(
    request: HttpRequest, pk: int, body: MemorySearchIn, response: HttpResponse
) -> Any:
    """Search the memory of a process for a text or a regular expression (RE2).

    It answers when the search has ended, after 60 s at the latest.
    """
    archive = get_object_or_404(Archive, pk=pk)
    response["Cache-Control"] = "no-store"
    path = archive_file(archive, archive_store())
    try:
        search = start_search(request.user, archive, path, Query(**body.dict()))
    except SearchRunning as error:
        return problem_response(409, error.problem)
    except BadPattern as error:
        return problem_response(422, error.problem)
    search.wait()
    if search.problem is not None:
        return problem_response(422, search.problem)
    return {
        "hits": [_hit(hit) for hit in search.hits],
        "searched_bytes": search.searched_bytes,
        "seconds": round(search.seconds, 3),
        "cut_short": search.cut_short,
        "timed_out": search.timed_out,
    }


@router.get(
    "/{int:pk}/compare/{int:other}", auth=viewer, response={200: ComparisonOut, 409: ProblemOut}
)
def compare_with(request: HttpRequest, pk: int, other: int) -> Any:
    """Return what the other archive has otherwise than this one, section by section."""
    both = [get_object_or_404(Archive, pk=one) for one in (pk, other)]
    for archive in both:
        if archive.contents_state != ContentsState.READ:
            return problem_response(409, _unread(archive))
    return {"sections": [asdict(section) for section in compare_archives(*both)]}


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "address": hit.address,
        "encoding": hit.encoding,
        "text": hit.text,
        "before": hit.before.hex(),
        "match": hit.match.hex(),
        "after": hit.after.hex(),
    }


def _may_see_log(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm("nodes.download_archive"))


_LOG_PROBLEM = Problem(
    code="forbidden",
    message="The container's log is for those who may download archives.",
    remedy="Ask an admin for a higher role.",
)


def _unread(archive: Archive) -> Problem:
    return Problem(
        code="contents_unread",
        message="This part of the archive has not been read.",
        cause=archive.contents_problem,
        remedy=f"POST /api/v1/archives/{archive.pk}/contents has it read.",
    )
