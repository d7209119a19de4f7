"""The plan of a node of which nothing has been seen yet."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import NodeState
from tests.factories import make_node
from tests.web.text import text_of

pytestmark = pytest.mark.django_db


def test_a_node_that_was_never_reached_is_not_called_empty(
    oscars_browser: Client,
) -> None:
    node = make_node("cedar", state=NodeState.CONNECTING)
    html = text_of(oscars_browser.get(reverse("node-evacuate", args=[node.pk])))
    assert "The containers of cedar are not known" in html
    assert "It is connecting." in html
