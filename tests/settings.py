"""The site's settings in a folder of its own, so that no test touches var/."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_FOLDER = tempfile.mkdtemp(prefix="ferry-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
# Not setdefault: whoever works on Ferry may have a real site's folder in the environment.
os.environ["FERRY_DATA_DIR"] = _FOLDER
os.environ["FERRY_BACKGROUND"] = "false"
os.environ["FERRY_SECRET_KEY"] = "only for tests"

from migrationsite.settings import *  # noqa: E402, F403
from migrationsite.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: threads and event loops each have a connection of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_FOLDER) / "test.sqlite3")}
# The real one takes 0.2 s for every sign-in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
