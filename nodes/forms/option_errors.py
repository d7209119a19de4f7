"""Tell beside the right field what Podman would not take."""

from __future__ import annotations

from django import forms


def say_which_option(form: forms.Form, error: ValueError) -> None:
    """Add what the options' own check said to the field whose name it begins with."""
    sentence = f"{error}."
    name = sentence.partition(" ")[0]
    form.add_error(name if name in form.fields else None, sentence[:1].upper() + sentence[1:])
