"""The program that a self-test runs, and the image it runs in: the node's own bash.

The program keeps a number drawn at its start, a counter and a block of text in memory, and holds a
network socket, for a CRIU that is too old for its kernel fails just there (field note 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# $1 the operation's folder, $2 the image's name, $3 its label. tar complains about every leading
# slash.
BUILD = """
set -eu
bash=$(command -v bash)
folder=$1 image=$2 label=$3
set -- "$bash" $(ldd "$bash" | grep -o '/[^ )]*')
tar --create --dereference --file "$folder/image.tar" -- "$@" 2> "$folder/tar.stderr" || {
  cat "$folder/tar.stderr" >&2
  exit 1
}
podman import --quiet --message 'Ferry self-test' --change "LABEL $label" \
  "$folder/image.tar" "$image"
"""
# $1 the label of this site's self-tests, which containers have from their image. By the label,
# never by a name: a container that happens to be called the same is somebody's.
CLEAR = """
old=$(podman ps --all --quiet --filter "label=$1")
[ -z "$old" ] || podman rm --force --time 0 $old > /dev/null
old=$(podman images --quiet --filter "label=$1")
[ -z "$old" ] || podman image rm $old > /dev/null
"""
# Nothing is ever sent to that address: the socket only has to be there, and to wait on.
PROGRAM = """
nonce=$RANDOM-$RANDOM-$RANDOM
block=0123456789abcdef
while [ ${#block} -lt 262144 ]; do block=$block$block; done
copy=$block
exec 3<> /dev/udp/127.0.0.1/9
count=0 errors=0
while :; do
  count=$((count + 1))
  [ "$block" = "$copy" ] || errors=$((errors + 1))
  echo "count=$count errors=$errors nonce=$nonce"
  read -r -t 0.1 -u 3
done
"""
_LINE = re.compile(r"count=(\d{1,18}) errors=(\d{1,18}) nonce=(\d+-\d+-\d+)")


@dataclass(frozen=True, kw_only=True)
class Reading:
    count: int
    errors: int
    nonce: str


def parse_reading(line: str) -> Reading | None:
    """Read a line that the program printed."""
    found = _LINE.search(line)
    return found and Reading(count=int(found[1]), errors=int(found[2]), nonce=found[3])
