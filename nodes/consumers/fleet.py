"""Keep a page about the fleet as the fleet is; ``?view=`` says which page it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from nodes.consumers.base import FragmentConsumer
from nodes.consumers.fragments import VIEWS, Changed, render_tray
from nodes.live import FLEET_GROUP

Render = Callable[[Any, dict[str, str], Changed], str]


class FleetConsumer(FragmentConsumer):
    group = FLEET_GROUP

    async def connect(self) -> None:
        query = self.scope["query_string"].decode(errors="replace")
        self.params = dict(parse_qsl(query))
        self.render_view: Render | None = VIEWS.get(self.params.pop("view", ""))
        await super().connect()

    async def fleet_changed(self, message: dict[str, Any]) -> None:
        self.changed(message.get("node"))

    def render(self, changed: set[Any]) -> str:
        html = render_tray(self.user)
        if self.render_view is not None:
            html += self.render_view(self.user, self.params, changed)
        return html
