"""How long something on its way is waited for; the settings of the same names say otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True)
class Patience:
    # Not longer: all that time the container is frozen, and on the source it could go on at once.
    lost_for_s: float = 20.0
    # So long no byte moves, over a connection that answers, although there is more to send.
    stalled_after_s: float = 30.0


PATIENCE = Patience()
