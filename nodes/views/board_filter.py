"""What of the fleet is shown: read from the address, and written into addresses again."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from nodes.models import Container, Node, NodeState

TEXT_CHARS = 200
TABLE = "table"
READINESS = [
    ("ok", "Ready"),
    ("warning", "With warnings"),
    ("error", "Cannot migrate"),
    ("unknown", "Not checked yet"),
]
_NUMBERS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")


@dataclass(frozen=True, kw_only=True)
class BoardFilter:
    """Each field is a parameter of the address; "" asks for nothing."""

    q: str = ""
    state: str = ""
    pod: str = ""
    readiness: str = ""
    node_state: str = ""
    tag: str = ""
    # The nodes whose long lists are unfolded, their numbers with commas between.
    unfold: str = ""
    # "" for the board.
    view: str = ""
    sort: str = ""

    @classmethod
    def of(cls, params: Mapping[str, str]) -> BoardFilter:
        """Read the parameters, of which what cannot be is left out."""
        known = {each.name for each in fields(cls)}
        given = {
            name: value.replace("\0", "").strip()[:TEXT_CHARS]
            for name, value in params.items()
            if name in known
        }
        return cls(**given)._without_nonsense()

    def _without_nonsense(self) -> BoardFilter:
        return replace(
            self,
            readiness=self.readiness if self.readiness in dict(READINESS) else "",
            node_state=self.node_state if self.node_state in NodeState.values else "",
            unfold=self.unfold if _NUMBERS.fullmatch(self.unfold) else "",
            view=self.view if self.view == TABLE else "",
        )

    def query(self, **changes: str) -> str:
        """Return the address's query with some parameters changed."""
        changed = replace(self, **changes)
        values = {each.name: getattr(changed, each.name) for each in fields(self)}
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def is_active(self) -> bool:
        return self.is_of_containers or bool(self.readiness or self.node_state or self.tag)

    @property
    def is_of_containers(self) -> bool:
        return bool(self.q or self.state or self.pod)

    @property
    def unfolded(self) -> set[int]:
        return {int(pk) for pk in self.unfold.split(",") if pk}

    def nodes(self, pks: Collection[int] | None = None) -> list[Node]:
        """Return the nodes that fit, of all or of some, whatever containers they have."""
        nodes = Node.objects.all() if pks is None else Node.objects.filter(pk__in=pks)
        if self.node_state:
            nodes = nodes.filter(state=self.node_state)
        # Both are in no column of their own.
        return [
            node
            for node in nodes
            if self.readiness in ("", node.readiness) and self.tag in ("", *node.tags)
        ]

    def names_node(self, node: Node) -> bool:
        text = self.q.lower()
        return bool(text) and (text in node.name.lower() or text in node.host.lower())

    def containers(self) -> QuerySet[Container]:
        """Return the containers that fit, on whatever node."""
        found = Container.objects.all()
        if self.state:
            found = found.filter(state=self.state)
        if self.pod:
            found = found.filter(pod=self.pod)
        if self.q:
            found = found.annotate(labels_text=Cast("labels", TextField())).filter(
                Q(name__icontains=self.q)
                | Q(image__icontains=self.q)
                | Q(pod__icontains=self.q)
                | Q(podman_id__startswith=self.q)
                | Q(node__name__icontains=self.q)
                | Q(node__host__icontains=self.q)
                | _of_labels(self.q)
            )
        return found


def _of_labels(text: str) -> Q:
    """Look for a label, its value, or both as label=value, in what the database keeps as JSON."""
    name, equals, value = text.partition("=")
    found = Q()
    # SQLite has the text as Python wrote it, PostgreSQL has its own.
    for ascii_only in (True, False):
        parts = [json.dumps(part, ensure_ascii=ascii_only)[1:-1] for part in (name, value)]
        found |= Q(labels_text__icontains='": "'.join(parts) if equals else parts[0])
    return found
