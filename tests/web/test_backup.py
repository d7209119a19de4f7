"""A back-up holds all that the site knows; a site is made of it again, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.models import Model
from pytest_django.fixtures import Settings

from nodes.archives.place import archive_store
from nodes.backup import make
from nodes.backup.errors import BackupError, BackupUnreadable
from nodes.backup.make import make_backup
from nodes.backup.manifest import Manifest
from nodes.backup.quiet import SiteInUse
from nodes.backup.restore import restore_backup
from nodes.backup.secret_key import exchanged_secret_key
from nodes.backup.tables import _portions, tables
from nodes.backup.writing import backup_file
from nodes.data_lock import lock_data_folder
from nodes.first_start import bring_up_to_date
from nodes.inventory.site_key import load_site_key
from nodes.models import (
    ApiToken,
    Archive,
    ArchiveState,
    Batch,
    BatchState,
    Node,
    Operation,
    OperationState,
    Tag,
)
from nodes.models.role import Role
from tests.factories import (
    make_archive,
    make_batch,
    make_container,
    make_node,
    make_operation,
    make_schedule,
    make_user,
)
from tests.serving import ROOT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.django_db(transaction=True)
BYTES = b"what an archive holds" * 1000
# What a restore changes by itself: nobody knows any more what was true of it.
AGED = ("operation", "batch", "node", "archive", "auditevent")


@pytest.fixture
def site(archives_folder: Path, settings: Settings, tmp_path: Path) -> Path:
    """Fill the site with one of everything; return where back-ups go."""
    settings.FERRY_SECRET_KEY_FILE = tmp_path / "secret_key"
    load_site_key()
    ada = make_user("ada", Role.ADMIN)
    ApiToken.issue(ada, "ci")
    Group.objects.create(name="auditors").permissions.add(
        Permission.objects.get(codename="view_auditevent")
    )
    alder, birch = make_node(facts={"kernel": "6.18", "π": [1, None, 0.5]}), make_node("birch")
    counter = make_container(alder)
    archive = make_archive(alder, key="0" * 32, sha256=hashlib.sha256(BYTES).hexdigest())
    archive.tags.add(Tag.objects.create(name="kept"))
    archives_folder.mkdir(exist_ok=True)
    archive_store().path(archive.key).write_bytes(BYTES)
    make_schedule().nodes.add(alder)
    for number, state in enumerate(OperationState):
        journal = {"checkpoint_sent": True}
        podman_id = f"{number:064x}"
        make_operation(alder, birch, state=state, container_podman_id=podman_id, journal=journal)
    make_batch([counter], birch)
    return tmp_path / "site.ferry.tar.zst"


def everything() -> dict[str, list[dict[str, Any]]]:
    return {
        model._meta.model_name or "": list(model._default_manager.order_by("pk").values())
        for model in tables()
    }


def test_all_rows_come_back_as_they_were(site: Path) -> None:
    before = everything()
    make_backup(site, with_archives=True)
    Node.objects.all().delete()
    User.objects.all().delete()
    restore_backup(site, replace=True)
    after = everything()
    assert {name: rows for name, rows in after.items() if name not in AGED} == {
        name: rows for name, rows in before.items() if name not in AGED
    }
    for name in ("node", "archive"):
        assert [row["created_at"] for row in after[name]] == [
            row["created_at"] for row in before[name]
        ]
    assert User.objects.get(username="ada").has_perm("nodes.manage_nodes")
    assert Node.objects.get(name="alder").facts["π"] == [1, None, 0.5]


def test_the_file_is_its_owners_alone(site: Path) -> None:
    make_backup(site, with_archives=False)
    assert stat.S_IMODE(site.stat().st_mode) == 0o600


def test_archives_come_back_byte_for_byte(site: Path) -> None:
    make_backup(site, with_archives=True)
    archive_store().delete("0" * 32)
    restored = restore_backup(site, replace=True)
    assert archive_store().verify("0" * 32) == hashlib.sha256(BYTES).hexdigest()
    assert (restored.missing, restored.manifest.archive_count) == (0, 1)
    assert Archive.objects.get().state == ArchiveState.READY


def test_an_archive_that_rotted_since_is_replaced_by_the_one_of_the_back_up(site: Path) -> None:
    make_backup(site, with_archives=True)
    archive_store().path("0" * 32).write_bytes(BYTES[:100])
    assert restore_backup(site, replace=True).missing == 0
    assert archive_store().path("0" * 32).read_bytes() == BYTES


def test_an_archive_without_its_file_is_marked_missing(site: Path) -> None:
    make_backup(site, with_archives=False)
    archive_store().delete("0" * 32)
    assert restore_backup(site, replace=True).missing == 1
    assert Archive.objects.get().state == ArchiveState.MISSING


def test_a_file_that_the_back_up_does_not_list_is_left_and_told(site: Path) -> None:
    make_backup(site, with_archives=False)
    archive_store().path("f" * 32).write_bytes(b"made since")
    assert restore_backup(site, replace=True).unlisted == 1
    assert archive_store().path("f" * 32).read_bytes() == b"made since"


def test_a_damaged_archive_is_told_when_the_back_up_is_made(site: Path) -> None:
    archive_store().path("0" * 32).write_bytes(b"something else")
    manifest = make_backup(site, with_archives=True)
    assert manifest.damaged == [Archive.objects.get().name]


def test_nothing_goes_on_by_itself_after_a_restore(site: Path) -> None:
    make_backup(site, with_archives=False)
    restored = restore_backup(site, replace=True)
    assert (restored.cancelled, restored.unknown) == (1, 2)
    assert not Operation.objects.active().exists()
    for operation in Operation.objects.filter(state=OperationState.UNKNOWN):
        # Looking again would otherwise act on what was true when the back-up was made.
        assert "checkpoint_sent" not in operation.journal
        assert operation.cancel_requested
        assert "Close it" in operation.error["remedy"]
    assert Batch.objects.get().state == BatchState.PAUSED


def test_new_operations_are_numbered_far_beyond_those_of_the_back_up(site: Path) -> None:
    make_backup(site, with_archives=False)
    last = Operation.objects.latest("pk").pk
    restore_backup(site, replace=True)
    new = make_operation(Node.objects.first(), Node.objects.last(), container_podman_id="9" * 64)
    # A folder on a node with the number of an operation that the back-up does not know.
    assert new.pk > last + 100_000


def test_a_site_that_is_not_empty_is_left_alone(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(site, with_archives=False)
    before = everything()

    def no_table_is_touched(*arguments: object, **named: object) -> None:
        raise AssertionError

    monkeypatch.setattr("nodes.backup.restore.call_command", no_table_is_touched)
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(site, replace=False)
    assert everything() == before


def test_a_site_that_is_served_is_left_alone(site: Path) -> None:
    make_backup(site, with_archives=False)
    lock = lock_data_folder()
    assert lock is not None
    with lock, pytest.raises(SiteInUse):
        restore_backup(site, replace=True)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _without_its_last_byte(data: bytes) -> bytes:
    return data[:-1]


def _with_another_checksum(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _with_another_byte_in_a_member(data: bytes) -> bytes:
    # Not in the packed bytes: a bit that changes there may still stand for the same content.
    within = zstd.decompress(data)
    assert BYTES in within
    return zstd.compress(within.replace(BYTES, b"W" + BYTES[1:]))


def _foreign(data: bytes) -> bytes:
    return b"PK\x03\x04" + bytes(1000)


def _empty(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _without_its_last_byte,
        _with_another_checksum,
        _with_another_byte_in_a_member,
        _foreign,
        _empty,
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(
    site: Path, settings: Settings, archives_folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    make_backup(site, with_archives=True)
    site.write_bytes(spoil(site.read_bytes()))
    before, files = everything(), sorted(archives_folder.iterdir())
    with pytest.raises(BackupUnreadable):
        restore_backup(site, replace=True)
    assert everything() == before
    assert sorted(archives_folder.iterdir()) == files
    assert not settings.FERRY_SECRET_KEY_FILE.exists()


def test_a_restore_that_fails_late_leaves_rows_files_and_key(
    site: Path, settings: Settings, archives_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(site, with_archives=True)
    archive_store().delete("0" * 32)
    settings.FERRY_GIVEN_SECRET_KEY = ""
    settings.FERRY_SECRET_KEY_FILE.write_text("the former one")
    before = everything()

    def full(*arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("nodes.backup.restore.set_sequences", full)
    with pytest.raises(OSError, match="No space"):
        restore_backup(site, replace=True)
    assert everything() == before
    assert [path.name for path in archives_folder.iterdir()] == []
    assert settings.FERRY_SECRET_KEY_FILE.read_text() == "the former one"


def test_a_restore_that_is_killed_before_its_commit_costs_no_key(
    site: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FERRY_GIVEN_SECRET_KEY = ""
    former = settings.SECRET_KEY
    settings.FERRY_SECRET_KEY_FILE.write_text(former)
    # As after SIGKILL between the key and the commit: the rows are those of the former key.
    with exchanged_secret_key("that of the back-up") as put_in_place:
        put_in_place()
        left = settings.FERRY_SECRET_KEY_FILE.with_name("secret_key.former")
        assert left.read_text() == former
        settings.SECRET_KEY = settings.FERRY_SECRET_KEY_FILE.read_text()
        # What every start does.
        bring_up_to_date()
        assert former == settings.SECRET_KEY
        assert load_site_key().public_key
    assert settings.FERRY_SECRET_KEY_FILE.read_text() == former
    assert not left.exists()


def test_a_database_that_fails_meanwhile_is_told_in_a_sentence(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*arguments: object) -> int:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(make, "write_rows", cut)
    with pytest.raises(CommandError, match=r"the rows[.] server closed"):
        call_command("backup", str(site))
    assert list(site.parent.glob("*.tar.zst*")) == []


def test_two_back_ups_to_one_place_spoil_neither(site: Path) -> None:
    manifest = Manifest(made_at="", schema="", with_archives=False)
    with (
        pytest.raises(BackupError, match="already"),
        backup_file(site, manifest),
    ):
        make_backup(site, with_archives=True)
    assert restore_backup(site, replace=True).manifest.archive_count == 1
    assert [path.name for path in site.parent.glob(".*.part")] == []


def test_long_rows_are_put_into_the_database_a_few_at_a_time() -> None:
    rows = [(Node(), 6 * 1024**2) for _ in range(5)]
    assert [len(some) for some in _portions(iter(rows))] == [2, 2, 1]


def test_another_secret_key_in_the_environment_is_refused(site: Path, settings: Settings) -> None:
    make_backup(site, with_archives=False)
    settings.FERRY_GIVEN_SECRET_KEY = "another one"
    with pytest.raises(BackupError, match="FERRY_SECRET_KEY"):
        restore_backup(site, replace=True)


def test_the_secret_key_comes_with_it(site: Path, settings: Settings) -> None:
    make_backup(site, with_archives=False)
    settings.FERRY_GIVEN_SECRET_KEY = ""
    restore_backup(site, replace=True)
    key_file = settings.FERRY_SECRET_KEY_FILE
    assert key_file.read_text() == settings.SECRET_KEY
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_another_version_of_the_tables_is_refused(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(site, with_archives=False)
    monkeypatch.setattr("nodes.backup.manifest.schema", lambda: "0099_later")
    with pytest.raises(BackupError, match="another version"):
        restore_backup(site, replace=True)


def test_a_file_that_is_there_is_not_overwritten(site: Path) -> None:
    site.write_text("precious")
    with pytest.raises(CommandError, match="already"):
        call_command("backup", str(site))
    assert site.read_text() == "precious"


def test_the_site_writes_on_and_the_back_up_is_of_one_moment(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = make.write_rows

    def write_slowly(model: type[Model], *arguments: Any) -> int:
        if model is Node:
            # By the site's own connection, in the middle of the back-up.
            Node.objects.filter(name="birch").update(name="cedar")
        return write(model, *arguments)

    monkeypatch.setattr(make, "write_rows", write_slowly)
    make_backup(site, with_archives=False)
    assert Node.objects.filter(name="cedar").exists()
    restore_backup(site, replace=True)
    assert Node.objects.filter(name="birch").exists()


def test_a_folder_without_a_site_is_told_in_a_sentence(tmp_path: Path) -> None:
    others = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "manage.py", "backup", str(tmp_path / "site.ferry.tar.zst")],
        cwd=ROOT,
        env={
            **others,
            "DJANGO_SETTINGS_MODULE": "migrationsite.settings",
            "FERRY_DATA_DIR": str(tmp_path / "empty"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"There is no site in {tmp_path / 'empty'}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "site.ferry.tar.zst").exists()
