"""All rules of the diagnosis, in the order in which they are tried."""

from __future__ import annotations

from nodes.criu.checkpoint_rules import CHECKPOINT_RULES
from nodes.criu.exit_rules import EXIT_RULES
from nodes.criu.node_rules import NODE_RULES
from nodes.criu.restore_rules import RESTORE_RULES
from nodes.criu.rule import Rule

# What a container holds is more exact than what a node lacks; the exit rules explain silence.
RULES: tuple[Rule, ...] = (*CHECKPOINT_RULES, *NODE_RULES, *RESTORE_RULES, *EXIT_RULES)
