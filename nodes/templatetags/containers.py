"""What can be done to a container, for the pages that offer it."""

from __future__ import annotations

from django import template

from nodes.operations.action_request import actions_in

register = template.Library()
# What people call an action where it is not Podman's own word, and while it is under way.
_WORDS = {"unpause": "Resume"}
_DOING = {
    "start": "Starting",
    "stop": "Stopping",
    "restart": "Restarting",
    "pause": "Pausing",
    "unpause": "Resuming",
    "rename": "Renaming",
    "remove": "Removing",
}


@register.filter
def offered(state: str) -> list[str]:
    """Return the actions that a container in this state offers."""
    return [str(action) for action in actions_in(state)]


@register.filter
def action_words(action: str) -> str:
    return _WORDS.get(action, action.capitalize())


@register.filter
def doing_words(action: str) -> str:
    """Return "Stopping" for "stop"."""
    return _DOING.get(action, action.capitalize())
