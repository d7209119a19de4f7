"""Upload archives: a plain form, and in pieces by the tus protocol (https://tus.io, 1.0.0)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import cast

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from nodes.archives import errors
from nodes.archives.place import archive_store
from nodes.archives.upload import Upload, uploads
from nodes.catalog.errors import ArchiveUnreadable, StoreFull
from nodes.models import Archive
from nodes.problem import FerryError
from nodes.views.access import uploader
from nodes.views.answers import UNPROCESSABLE
from nodes.views.form_file import FormFile

VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
# Each piece is held in memory while it is written.
MOST_PIECE_BYTES = 16 * 1024**2
_NUMBER = re.compile(r"[0-9]{1,15}")
# The first that fits.
_STATUSES: list[tuple[type[FerryError], int]] = [
    (ArchiveUnreadable, UNPROCESSABLE),
    (errors.AlreadyInCatalog, 409),
    (errors.UploadKept, 409),
    (errors.WrongOffset, 409),
    (errors.NoSuchUpload, 404),
    (errors.PieceTooLong, 413),
    (errors.UploadBusy, 423),
    (errors.TooManyUploads, 429),
    (StoreFull, 507),
]
View = Callable[..., HttpResponse]


@csrf_exempt
@uploader
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST keeps the file in it."""
    file = FormFile(request, archive_store())
    # Before anything looks into the form, the token against forgery included: that is why the
    # view is exempt from the middleware, and what it calls is not from the check.
    request.upload_handlers = [file]
    try:
        return _keep(request, file)
    finally:
        file.drop()


@csrf_protect
def _keep(request: HttpRequest, file: FormFile) -> HttpResponse:
    if request.method != "POST":
        return render(request, "archives/upload.html")
    context: dict[str, object]
    try:
        archive = file.keep(request, _user(request))
    except FerryError as error:
        context = {"problem": error.problem}
        if isinstance(error, errors.AlreadyInCatalog):
            context["existing"] = error.archive
        return render(request, "archives/upload.html", context, status=status_of(error))
    if archive is None:
        context = {"missing": True}
        return render(request, "archives/upload.html", context, status=UNPROCESSABLE)
    messages.success(request, f"{archive.name} is in the catalog.")
    return redirect(archive)


def _tus(view: View) -> View:
    """Answer as the protocol wants, and errors as JSON for static/js/upload.js."""

    def answer(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if request.headers.get("Tus-Resumable", VERSION) != VERSION:
            response = HttpResponse(status=412)
            response["Tus-Version"] = VERSION
        else:
            try:
                response = view(request, *args, **kwargs)
            except FerryError as error:
                response = _problem(error)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return answer


def status_of(error: FerryError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def _problem(error: FerryError) -> HttpResponse:
    problem = error.problem
    body = {
        "code": problem.code,
        "message": problem.message,
        "cause": problem.cause,
        "remedy": problem.remedy,
    }
    if isinstance(error, errors.AlreadyInCatalog):
        body["archive"] = error.archive.get_absolute_url()
    elif isinstance(error, errors.UploadKept):
        body["archive"] = reverse("archive-detail", args=[error.archive_id])
    return JsonResponse(body, status=status_of(error))


@uploader
@require_POST
@_tus
def begin(request: HttpRequest) -> HttpResponse:
    """Begin an upload of Upload-Length bytes; Location is where its pieces go."""
    length = request.headers.get("Upload-Length", "")
    if not _NUMBER.fullmatch(length):
        raise ArchiveUnreadable(
            "Upload-Length does not say how long it is.", remedy="Send the number of its bytes."
        )
    name = _metadata(request.headers.get("Upload-Metadata", "")).get("filename", "")
    new = async_to_sync(uploads.begin)(archive_store(), _user(request), name, int(length))
    response = HttpResponse(status=201)
    response["Location"] = reverse("upload-pieces", args=[new.key])
    return response


@uploader
@require_http_methods(["HEAD", "PATCH", "DELETE"])
@_tus
def pieces(request: HttpRequest, key: str) -> HttpResponse:
    """Tell how far an upload has come, take its next piece, or give it up."""
    found = uploads.get(key, _user(request))
    if request.method == "DELETE":
        uploads.give_up(found)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        _take_piece(request, found)
    elif found.error is not None:
        raise found.error
    return _progress(found, status=204 if request.method == "PATCH" else 200)


def _take_piece(request: HttpRequest, found: Upload) -> None:
    offset = request.headers.get("Upload-Offset", "")
    length = request.headers.get("Content-Length", "")
    if request.content_type != PIECE_TYPE or not _NUMBER.fullmatch(offset):
        raise errors.WrongOffset(-1, found.offset_bytes)
    if not _NUMBER.fullmatch(length) or int(length) > MOST_PIECE_BYTES:
        raise errors.PieceTooLong(
            f"A piece has up to {MOST_PIECE_BYTES} bytes.", remedy="Send the file in more pieces."
        )
    async_to_sync(uploads.append)(found, int(offset), request.read())


def _progress(found: Upload, *, status: int) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Upload-Offset"] = str(found.offset_bytes)
    response["Upload-Length"] = str(found.size_bytes)
    if found.archive_id is not None:
        archive = Archive.objects.filter(pk=found.archive_id).first()
        response["Ferry-Archive"] = archive.get_absolute_url() if archive else ""
    return response


def _metadata(header: str) -> dict[str, str]:
    """Read tus's pairs of a key and a base64 value; what is none is left out."""
    found = {}
    for pair in header.split(","):
        key, _, encoded = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):
            continue
    return found


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
