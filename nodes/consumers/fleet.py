"""Keep a page about the fleet as the fleet is; ``?view=`` says which page it is."""

from __future__ import annotations

from urllib.parse import parse_qsl

from nodes.consumers.fragments import VIEWS
from nodes.consumers.shared import SharedConsumer
from nodes.consumers.topic import Topic
from nodes.live import FLEET_GROUP
from nodes.models.role import Rights


class FleetConsumer(SharedConsumer):
    def topic(self, rights: Rights) -> Topic:
        params = self._params()
        params.pop("has", None)
        view = params.pop("view", "")
        if view not in VIEWS:
            # The frame of any page, and whatever its address says that is not shown.
            view, params = "", {}
        return Topic(FLEET_GROUP, view, tuple(sorted(params.items())), rights)

    def state_of_page(self) -> str:
        # templatetags/cards.py: board_state
        return self._params().get("has", "")

    def _params(self) -> dict[str, str]:
        return dict(parse_qsl(self.scope["query_string"].decode(errors="replace")))
