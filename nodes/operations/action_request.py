"""What can be done to a container in one step, and the command that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from nodes.podman import action_argv, argv

DEFAULT_TIME_S = 10
MOST_TIME_S = 300
# What Podman may need on a busy host beside the time that the container is given.
_PODMAN_S = 60


class Action(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    RENAME = "rename"
    REMOVE = "remove"


_WHEN: Mapping[str, tuple[Action, ...]] = {
    "running": (Action.STOP, Action.RESTART, Action.PAUSE, Action.RENAME, Action.REMOVE),
    "paused": (Action.UNPAUSE, Action.RENAME, Action.REMOVE),
    **dict.fromkeys(
        ("created", "configured", "initialized", "exited", "stopped"),
        (Action.START, Action.RENAME, Action.REMOVE),
    ),
}
# What has a program of the container run that did not run before.
STARTING = (Action.START, Action.RESTART, Action.UNPAUSE)
# The states in which a program of the container exists.
LIVE_STATES = ("running", "paused")


def actions_in(state: str) -> tuple[Action, ...]:
    """Return what can be done to a container in this state of Podman's."""
    return _WHEN.get(state, (Action.REMOVE,))


@dataclass(frozen=True, kw_only=True)
class ActionRequest:
    """``time_s`` is how long its program may take to end.

    ``force`` removes a running one, starts one that runs elsewhere, and does either although an
    operation could still bring the container back.
    """

    action: Action
    name: str = ""
    time_s: int = DEFAULT_TIME_S
    force: bool = False

    @property
    def limit_s(self) -> int:
        """Return after how long the node itself ends the command."""
        return _PODMAN_S + self.time_s


def argv_of(podman_id: str, request: ActionRequest) -> list[str]:
    time_s = request.time_s
    builders: Mapping[Action, Callable[[], list[str]]] = {
        Action.START: lambda: action_argv.start_argv(podman_id),
        Action.STOP: lambda: action_argv.stop_argv(podman_id, time_s=time_s),
        Action.RESTART: lambda: action_argv.restart_argv(podman_id, time_s=time_s),
        Action.PAUSE: lambda: action_argv.pause_argv(podman_id),
        Action.UNPAUSE: lambda: action_argv.unpause_argv(podman_id),
        Action.RENAME: lambda: action_argv.rename_argv(podman_id, request.name),
        Action.REMOVE: lambda: (
            action_argv.remove_running_argv(podman_id, time_s=time_s)
            if request.force
            else argv.remove_stopped_argv(podman_id)
        ),
    }
    return action_argv.limited_argv(builders[request.action](), seconds=request.limit_s)
