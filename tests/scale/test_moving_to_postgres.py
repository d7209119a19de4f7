"""A default site moves to many processes as docs/scale.md says, and keeps all it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scale.site import many_processes
from tests.serving import ServedSite
from tests.unit.archives import Checkpoint

CONTENT = Checkpoint(log="kept on the way\0").pack()


@pytest.fixture
def former(tmp_path: Path) -> Iterator[ServedSite]:
    folder = tmp_path / "former"
    folder.mkdir()
    site = ServedSite(folder)
    site.start()
    yield site
    site.stop()


def what_it_knows(api: httpx.Client) -> dict[str, Any]:
    """Return what a program sees of the site, with the bytes of its only archive."""
    (archive,) = api.get("/archives").raise_for_status().json()["items"]
    whole = api.get(f"/archives/{archive['id']}/download").raise_for_status()
    contents = api.get(f"/archives/{archive['id']}/contents").raise_for_status()
    schedules = api.get("/schedules").raise_for_status().json()
    return {
        "site key": api.get("/site-key").raise_for_status().json(),
        "archive": {**archive, "download": "", "url": ""},
        "bytes": whole.content,
        "contents": contents.json(),
        "schedules": [each["name"] for each in schedules["items"]],
    }


def test_all_that_a_default_site_has_is_there_on_postgres(
    former: ServedSite, tmp_path: Path, environment: dict[str, str]
) -> None:
    with former.api() as api:
        token = api.headers["Authorization"]
        uploaded = api.post("/archives", files={"file": ("counter.tar.zst", CONTENT)})
        assert uploaded.status_code == 201, uploaded.text
        schedule = {"name": "nightly", "cron": "0 3 * * *", "names": ["web*"], "keep_last": 7}
        assert api.post("/schedules", json=schedule).status_code == 201
        before = what_it_knows(api)
    former.stop()
    backup = tmp_path / "site.ferry.tar.zst"
    former.manage("backup", str(backup))
    shared = tmp_path / "shared"
    (former.data_dir / "archives").rename(shared)

    settings = {
        **environment,
        "FERRY_SECRET_KEY": (former.data_dir / "secret_key").read_text(),
        "FERRY_ARCHIVES_DIR": str(shared),
    }
    folder = tmp_path / "many"
    folder.mkdir()
    ServedSite(folder, settings).manage("restore_backup", str(backup))
    with many_processes(folder, settings, webs=1, workers=1) as site:
        address = f"{site.webs[0].url}/api/v1"
        with httpx.Client(base_url=address, headers={"Authorization": token}) as api:
            assert what_it_knows(api) == before
            # The numbers of new rows go on after those that are there.
            assert api.post("/schedules", json={**schedule, "name": "weekly"}).status_code == 201
