"""A field for tags."""

from __future__ import annotations

from typing import Any

from django import forms

from nodes.models.tag import checked_tags


class TagsField(forms.Field):
    """Words with blanks or commas between them; a program may give a list of them."""

    def __init__(self, **options: Any) -> None:
        attributes = {"autocomplete": "off", "spellcheck": "false", "maxlength": 1000}
        super().__init__(required=False, widget=forms.TextInput(attrs=attributes), **options)

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return checked_tags(value)
        return checked_tags(str(value or "").replace(",", " ").lower().split())

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value
