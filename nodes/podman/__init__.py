"""Podman's commands and answers: pure builders and parsers, measured with Podman 5.8.6."""
