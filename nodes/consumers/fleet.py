"""Keep a page about the fleet as the fleet is; ``?view=`` says which page it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from nodes.consumers.base import FragmentConsumer
from nodes.consumers.fragments import ARCHIVES, VIEWS, WITH_ARCHIVES, Changed, render_tray
from nodes.live import FLEET_GROUP

Render = Callable[[Any, dict[str, str], Changed], str]


class FleetConsumer(FragmentConsumer):
    group = FLEET_GROUP

    async def connect(self) -> None:
        query = self.scope["query_string"].decode(errors="replace")
        self.params = dict(parse_qsl(query))
        view = self.params.pop("view", "")
        self.render_view: Render | None = VIEWS.get(view)
        self.shows_archives = view in WITH_ARCHIVES
        await super().connect()

    async def fleet_changed(self, message: dict[str, Any]) -> None:
        self.changed(message.get("node"))

    async def archives_changed(self, message: dict[str, Any]) -> None:
        self.changed(ARCHIVES)

    def render(self, changed: set[Any]) -> str:
        of_nodes = changed - {ARCHIVES}
        # Archives are in no tray.
        html = render_tray(self.user) if of_nodes else ""
        if ARCHIVES in changed and self.shows_archives:
            of_nodes = {None}
        if self.render_view is not None and of_nodes:
            html += self.render_view(self.user, self.params, of_nodes)
        return html
