"""A session that asks its node each question once, for a plan that asks about many containers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nodes.ssh.connection import NodeAddress
from nodes.ssh.session import Completed, NodeSession


class AskedOnce(NodeSession):
    """Give the first answer, or failure, to all who ask the same. Only for what changes nothing."""

    def __init__(self, address: NodeAddress, private_key: str) -> None:
        super().__init__(address, private_key)
        self._answers: dict[tuple[Any, ...], asyncio.Task[Completed]] = {}

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        check: bool = True,
        timeout_s: float = 60.0,
    ) -> Completed:
        question = (tuple(argv), input, check)
        if question not in self._answers:
            asked = super().run(argv, input=input, check=check, timeout_s=timeout_s)
            self._answers[question] = asyncio.create_task(asked)
        return await self._answers[question]
