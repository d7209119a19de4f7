"""What people call an archive, and what they note about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nodes.archives.change import NAME_CHARS, NOTE_CHARS, checked_name
from nodes.archives.errors import InvalidChange
from nodes.forms.tags import TagsField
from nodes.models import Archive


class ArchiveForm(forms.Form):
    name = forms.CharField(
        max_length=NAME_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="It is downloaded under this name.",
    )
    tags = TagsField(
        help_text="Words to find it by, with blanks between them: before-upgrade team-a"
    )
    note = forms.CharField(
        required=False, max_length=NOTE_CHARS, widget=forms.Textarea(attrs={"rows": 4})
    )

    @classmethod
    def of(cls, archive: Archive) -> ArchiveForm:
        tags = [tag.name for tag in archive.tags.all()]
        return cls(initial={"name": archive.name, "tags": tags, "note": archive.note})

    def clean_name(self) -> str:
        try:
            return checked_name(self.cleaned_data["name"])
        except InvalidChange as error:
            raise ValidationError(str(error)) from error

    def changes_of(self, archive: Archive) -> dict[str, Any]:
        """Return what of the valid form differs from what is so."""
        present = {
            "name": archive.name,
            "tags": sorted(tag.name for tag in archive.tags.all()),
            "note": archive.note,
        }
        return {name: value for name, value in self.cleaned_data.items() if value != present[name]}
