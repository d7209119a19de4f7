"""Write a configuration file on a node: nothing is overwritten that is not what was read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from nodes.host.preparation import FileEdit
from nodes.operations.errors import WorkflowError
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import NodeSession

# $1 the file, $2 the sha256 of what must be there ("" for nothing), $3 where its copy goes, $4 the
# sha256 of the new content, which is the input: a connection that is cut ends it anywhere. A link
# is followed, and mode and owner are kept.
_WRITE = """
set -eu
digest() { sha256sum < "$1" | cut -d ' ' -f 1; }
path=$1
[ ! -L "$path" ] || path=$(readlink -f -- "$path")
mkdir -p -- "${path%/*}"
umask 077
new=$(mktemp "$path.ferry-new.XXXXXXXX")
trap 'rm -f -- "$new"' EXIT
cat > "$new"
if [ "$(digest "$new")" != "$4" ]; then
  echo "the new content did not arrive whole" >&2
  exit 1
fi
changed() {
  echo "$1 is not as it was" >&2
  exit 9
}
if [ -n "$2" ]; then
  [ -e "$path" ] && [ "$(digest "$path")" = "$2" ] || changed "$1"
  cp --archive -- "$path" "$3"
  chmod --reference="$path" -- "$new"
  chown --reference="$path" -- "$new"
  sync -- "$new"
  # The copy is of the file that was read, and nothing has come in between.
  [ "$(digest "$3")" = "$2" ] && [ "$(digest "$path")" = "$2" ] || changed "$1"
else
  [ ! -e "$path" ] || changed "$1"
  chmod 0644 -- "$new"
  sync -- "$new"
fi
mv -f -- "$new" "$path"
"""
# $1 the file, $2 the sha256 of what must be there.
_REMOVE = """
set -eu
if [ "$(sha256sum < "$1" | cut -d ' ' -f 1)" != "$2" ]; then
  echo "$1 is not as it was" >&2
  exit 9
fi
rm -- "$1"
"""
_CHANGED_STATUS = 9


class FileChanged(WorkflowError):
    """Somebody else has written the file since it was read; it is left alone."""

    code = "file_changed"

    def __init__(self, node: str, path: str) -> None:
        super().__init__(
            f"{path} on {node} was changed by somebody else meanwhile, so it was left alone.",
            remedy="Look at the change, then try again.",
        )


def backup_path(path: str) -> str:
    """Return where a copy goes: beside the file, by the time of day, not as a *.conf."""
    return f"{path}.ferry-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


async def apply_edit(session: NodeSession, edit: FileEdit, *, backup: str) -> None:
    """Make a file what the edit says in one step, keeping a copy of what it was.

    Raises FileChanged when it is not what the edit starts from.
    """
    expected = "" if edit.before is None else _digest_of(edit.before)
    if edit.after is None:
        argv = ["sh", "-c", _REMOVE, "remove-file", edit.path, expected]
    else:
        whole = _digest_of(edit.after)
        argv = ["sh", "-c", _WRITE, "write-file", edit.path, expected, backup, whole]
    await _guarded(session, argv, edit.path, edit.after or "")


async def _guarded(session: NodeSession, argv: list[str], path: str, text: str) -> None:
    try:
        await session.run(argv, input=text)
    except CommandFailed as failure:
        if failure.exit_status == _CHANGED_STATUS:
            raise FileChanged(session.name, path) from failure
        raise


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
