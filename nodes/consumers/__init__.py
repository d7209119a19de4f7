"""The websockets: pinged by id, they read the rows again and send the pages' own fragments."""

from __future__ import annotations

from django.urls import path

from nodes.consumers.fleet import FleetConsumer
from nodes.consumers.log import LogConsumer
from nodes.consumers.operation import OperationConsumer
from nodes.consumers.usage import UsageConsumer

websocket_urlpatterns = [
    path("ws/fleet/", FleetConsumer.as_asgi()),
    path("ws/operations/<int:pk>/", OperationConsumer.as_asgi()),
    path("ws/nodes/<int:node_pk>/containers/<slug:podman_id>/log/", LogConsumer.as_asgi()),
    path("ws/nodes/<int:node_pk>/containers/<slug:podman_id>/usage/", UsageConsumer.as_asgi()),
]
