"""What a page says beside a log: whether there will be more of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from nodes.models import Container


@dataclass(frozen=True, kw_only=True)
class LogState:
    """``kind``: connecting, following, ended, unkept, lost or gone; ``url`` leads on."""

    kind: str
    words: str
    url: str = ""
    link: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


CONNECTING = LogState(kind="connecting", words="Asking the node for the log…")
FOLLOWING = LogState(kind="following", words="Live: new lines appear by themselves.")
ENDED = LogState(kind="ended", words="The container does not run: this is the end of its log.")
BROKEN = LogState(
    kind="lost", words="The site itself failed to read the log. It tries again by itself."
)
_GONE = LogState(kind="gone", words="The container is gone, and its log with it.")


def gone(elsewhere: Container | None) -> LogState:
    if elsewhere is None:
        return _GONE
    name, node = elsewhere.name, elsewhere.node.name
    return LogState(
        kind="gone",
        words=f"{name} is on {node} now, and writes its log there.",
        url=elsewhere.get_absolute_url(),
        link=f"Show {name} on {node}",
    )


def refused(said: str) -> LogState:
    """Tell why Podman gives no log, in its own words."""
    if "log driver" in said:
        return LogState(kind="unkept", words=f"Podman keeps no log of this container: {said}")
    return LogState(kind="lost", words=f"Podman does not give the log: {said}")
