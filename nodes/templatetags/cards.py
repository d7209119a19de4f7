"""The cards of the board, each rendered again only when something that it shows has changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from django import template
from django.contrib.auth.context_processors import PermWrapper
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from nodes.models import Node
from nodes.models.role import Rights
from nodes.templatetags.units import with_fresh_times

register = template.Library()
# Of all kinds of rights together; about 12 KB each.
MOST_CARDS = 2000
_INDENTATION = re.compile(r"\s*\n\s*")
_OOB = ' hx-swap-oob="true"'
# They move with every look at a node, and are told only of nodes that are not online.
_MOVING = ("last_seen_at", "observed_at", "readiness_at")
# No card shows these, or they are looked at one by one.
_LEFT_OUT = ("containers_shown", "created_at")
_known: dict[tuple[Rights, int], tuple[list[Any], str]] = {}


@register.simple_tag
def node_card(node: Node, rights: Rights) -> SafeString:
    """Return the card of one of nodes_on_board(), as users of these rights see it."""
    card = oob_node_card(node, rights).replace(_OOB, "", 1)
    return mark_safe(with_fresh_times(card))  # noqa: S308


def oob_node_card(node: Node, rights: Rights) -> SafeString:
    """Return the card that takes the place of the page's own.

    It is the same text as before unless something has changed; the ages in it may be old.
    """
    key = (rights, node.pk)
    state = _state_of(node)
    known = _known.get(key)
    if known is not None and known[0] == state:
        return mark_safe(known[1])  # noqa: S308
    # Without the user, a request or its token: others are sent the same.
    context = {"node": node, "perms": PermWrapper(rights), "role": rights.role, "oob": True}
    # The template's indentation would be sent with each of hundreds of cards.
    html = _INDENTATION.sub("\n", render_to_string("fleet/_node_card.html", context))
    # Other threads render, too: a copy of the keys cannot change under the loop.
    for oldest in list(_known)[: max(len(_known) - MOST_CARDS + 1, 0)]:
        _known.pop(oldest, None)
    _known[key] = (state, html)
    return mark_safe(html)  # noqa: S308


def fingerprint(html: str) -> str:
    return blake2b(html.encode(), digest_size=8).hexdigest()


def state_of_cards(fingerprints: Mapping[str, str]) -> str:
    """Return one fingerprint of the fingerprints of all cards, which have names of any kind."""
    return fingerprint(repr(sorted(fingerprints.items())))


@register.simple_tag
def board_state(nodes: Iterable[Node], rights: Rights) -> str:
    """Return what tells a websocket whether its page has all cards as they are."""
    return state_of_cards(
        {card_name(node): fingerprint(oob_node_card(node, rights)) for node in nodes}
    )


def card_name(node: Node) -> str:
    return f"card-{node.pk}"


def _state_of(node: Node) -> list[Any]:
    """Return all that the card's template can read."""
    left_out = (*_LEFT_OUT, *(_MOVING if node.is_online else ()))
    rows = [node, *vars(node)["containers_shown"]]
    return [_values(row, left_out) for row in rows]


def _values(row: Model, left_out: Collection[str]) -> list[Any]:
    return [
        (name, value)
        for name, value in vars(row).items()
        if not name.startswith("_") and name not in left_out
    ]
