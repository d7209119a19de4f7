"""Keep an operation's page as the operation is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from nodes.consumers.base import FragmentConsumer
from nodes.consumers.fragments import render_operation, whole_number
from nodes.live import operation_group
from nodes.models import Operation


class OperationConsumer(FragmentConsumer):
    async def connect(self) -> None:
        self.pk: int = self.scope["url_route"]["kwargs"]["pk"]
        self.group = operation_group(self.pk)
        # The page says which events it has, so that only newer ones are sent.
        query = dict(parse_qsl(self.scope["query_string"].decode(errors="replace")))
        self.last_event = whole_number(query.get("after", ""))
        await super().connect()

    async def exists(self) -> bool:
        return await Operation.objects.filter(pk=self.pk).aexists()

    async def operation_changed(self, message: dict[str, Any]) -> None:
        self.changed(self.pk)

    def render(self, changed: set[Any]) -> str:
        html, self.last_event = render_operation(self.user, self.pk, self.last_event)
        return html
