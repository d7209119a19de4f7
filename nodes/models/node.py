"""A registered host."""

from __future__ import annotations

import base64
import hashlib

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from nodes.finding import worst_level
from nodes.models.validators import validate_host, validate_node_name, validate_user_name


class NodeState(models.TextChoices):
    """How the site last saw the node."""

    CONNECTING = "connecting", "Connecting"
    ONLINE = "online", "Online"
    UNREACHABLE = "unreachable", "Unreachable"
    # It answers, but cannot be used until somebody acts: key refused, host key changed, no Podman…
    BLOCKED = "blocked", "Needs attention"


class Node(models.Model):
    name = models.CharField(max_length=63, unique=True, validators=[validate_node_name])
    host = models.CharField("host name or address", max_length=253, validators=[validate_host])
    port = models.PositiveIntegerField(
        default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    user = models.CharField(max_length=32, default="root", validators=[validate_user_name])
    sudo = models.BooleanField("use sudo", default=False)
    tags = models.JSONField(default=list, blank=True)
    host_key = models.TextField(help_text="The pinned public host key, as in known_hosts.")

    state = models.CharField(max_length=16, choices=NodeState.choices, default=NodeState.CONNECTING)
    # {code, message, cause, remedy} of why the node is not online; {} while it is.
    problem = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    findings = models.JSONField(default=list, blank=True)
    # When facts and findings were asked for.
    readiness_at = models.DateTimeField(null=True, blank=True)
    # {passed, at, operation, versions, …} of the last self-test; {} before any.
    selftest = models.JSONField(default=dict, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = [("manage_nodes", "Can add, change and remove nodes")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("node-detail", args=[self.pk])

    @property
    def host_key_fingerprint(self) -> str:
        """Return the pinned key's fingerprint as ssh-keygen -l prints it."""
        blob = base64.b64decode(self.host_key.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    @property
    def is_online(self) -> bool:
        return self.state == NodeState.ONLINE

    @property
    def readiness(self) -> str:
        """Return the worst level of the findings: error, warning, ok, or unknown."""
        return worst_level(finding["level"] for finding in self.findings)


class NodeEvent(models.Model):
    """One change of a node: of its state, of what a check finds, of what is installed."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    # The check that finds something else than before, or "state".
    check_name = models.CharField(max_length=40)
    # The level before, "" at the first look, and now: ok, warning, error, or "" for gone.
    level_before = models.CharField(max_length=8, blank=True)
    level = models.CharField(max_length=8, blank=True)
    message = models.TextField()
    evidence = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.message
