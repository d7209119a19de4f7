"""Tell what an archive that was made elsewhere would get when it is restored as root.

From the OCI runtime's specification (spec.dump), from Podman's configuration (config.dump), and
from CRIU's images, which are what a restore really sets. A plain container has none of it; what
cannot be understood is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from nodes.podman.capability_privileges import capability_privileges
from nodes.podman.config_privileges import config_privileges
from nodes.podman.image_privileges import Restored, image_privileges
from nodes.podman.mount_privileges import mount_privileges
from nodes.podman.namespace_privileges import namespace_privileges
from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, WrongShape, privilege
from nodes.podman.seccomp_privileges import seccomp_privileges
from nodes.podman.spec_privileges import spec_privileges
from nodes.podman.unknown_privileges import unknown_privileges

__all__ = ["Privilege", "privileges_of"]

_MOST: Final = 500
_SHOWN_CHARS: Final = 300
_ORDER = {REFUSED: 0, HIGH: 1, MEDIUM: 2}
_CHECKS: Final[tuple[Callable[[Answers, Answers], Iterator[Privilege]], ...]] = (
    spec_privileges,
    seccomp_privileges,
    config_privileges,
    mount_privileges,
    namespace_privileges,
    capability_privileges,
    unknown_privileges,
)


def privileges_of(
    spec: Any,
    config: Any,
    restored: Restored | None = None,
    more: Iterable[Privilege] = (),
) -> list[Privilege]:
    """Return what is beyond an ordinary container, the worst first; never raises.

    ``restored`` is what CRIU's images would set, ``more`` what else was found in the archive.
    """
    found: dict[tuple[str, str], Privilege] = {}
    for one in _all(spec, config, restored, more):
        # By the whole text: one that is cut may look like another that is worse.
        key = one["kind"], one["what"]
        if key not in found or _ORDER[one["risk"]] < _ORDER[found[key]["risk"]]:
            found[key] = one
        if len(found) >= _MOST:
            found["unreadable", ""] = _unreadable(f"it has more than {_MOST} privileges")
            break
    return sorted(map(_shown, found.values()), key=lambda one: _ORDER[one["risk"]])


def _all(
    spec: Any, config: Any, restored: Restored | None, more: Iterable[Privilege]
) -> Iterator[Privilege]:
    for check in _CHECKS:
        yield from _answers(check, spec, config)
    if restored is not None:
        yield from _answers(lambda asked, _: image_privileges(asked, restored), spec, config)
    yield from more


def _shown(one: Privilege) -> Privilege:
    what = one["what"]
    return one if len(what) <= _SHOWN_CHARS else {**one, "what": f"{what[:_SHOWN_CHARS]}…"}


def _answers(
    check: Callable[[Answers, Answers], Iterator[Privilege]], spec: Any, config: Any
) -> Iterator[Privilege]:
    try:
        yield from check(Answers(spec, "spec.dump"), Answers(config, "config.dump"))
    except WrongShape as error:
        yield _unreadable(str(error))


def _unreadable(what: str) -> Privilege:
    return privilege(
        "unreadable", what, "What cannot be understood cannot be judged either.", REFUSED
    )
