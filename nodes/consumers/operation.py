"""Keep an operation's page as the operation is."""

from __future__ import annotations

from typing import Any

from nodes.consumers.base import FragmentConsumer
from nodes.consumers.fragments import render_operation
from nodes.live import operation_group
from nodes.models import Operation


class OperationConsumer(FragmentConsumer):
    async def connect(self) -> None:
        self.pk: int = self.scope["url_route"]["kwargs"]["pk"]
        self.group = operation_group(self.pk)
        await super().connect()

    async def exists(self) -> bool:
        return await Operation.objects.filter(pk=self.pk).aexists()

    async def operation_changed(self, message: dict[str, Any]) -> None:
        self.changed(self.pk)

    def render(self, changed: set[Any]) -> str:
        return render_operation(self.user, self.pk)
