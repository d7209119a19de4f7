"""The addresses of the pages. Nouns; a POST creates or acts."""

from __future__ import annotations

from django.urls import path

from nodes.views import account, archive, container, fleet, node, operation, readiness

urlpatterns = [
    path("", fleet.board, name="fleet"),
    path("containers/", fleet.container_list, name="container-list"),
    path("nodes/add/", node.add, name="node-add"),
    path("nodes/<int:pk>/", node.detail, name="node-detail"),
    path("nodes/<int:pk>/edit/", node.edit, name="node-edit"),
    path("nodes/<int:pk>/host-key/", node.confirm_host_key, name="node-host-key"),
    path("nodes/<int:pk>/remove/", node.remove, name="node-remove"),
    path("nodes/<int:pk>/reconnect/", node.reconnect, name="node-reconnect"),
    path("nodes/<int:pk>/prepare/", readiness.prepare, name="node-prepare"),
    path("nodes/<int:pk>/undo-prepare/", readiness.undo_prepare, name="node-undo-prepare"),
    path("nodes/<int:pk>/selftest/", readiness.selftest, name="node-selftest"),
    path(
        "nodes/<int:node_pk>/containers/<slug:podman_id>/",
        container.detail,
        name="container-detail",
    ),
    path(
        "nodes/<int:node_pk>/containers/<slug:podman_id>/migrate/",
        container.migrate,
        name="container-migrate",
    ),
    path(
        "nodes/<int:node_pk>/containers/<slug:podman_id>/preflight/",
        container.preflight,
        name="container-preflight",
    ),
    path("operations/", operation.operation_list, name="operation-list"),
    path("operations/<int:pk>/", operation.detail, name="operation-detail"),
    path("operations/<int:pk>/cancel/", operation.cancel, name="operation-cancel"),
    path("operations/<int:pk>/look-again/", operation.look_again, name="operation-look-again"),
    path("operations/<int:pk>/logs/<int:log_pk>/", operation.log, name="operation-log"),
    path("archives/", archive.archive_list, name="archive-list"),
    path("archives/<int:pk>/", archive.detail, name="archive-detail"),
    path("archives/<int:pk>/download/", archive.download, name="archive-download"),
    path("archives/<int:pk>/delete/", archive.delete, name="archive-delete"),
    path("account/", account.account, name="account"),
    path("account/tokens/<int:pk>/delete/", account.delete_token, name="token-delete"),
    path("audit/", account.audit_log, name="audit-log"),
]
