"""Turn what somebody looks for into one pattern that finds it in raw memory in linear time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import re2  # type: ignore[import-untyped]

from nodes.problem import FerryError

_MOST_CHARS: Final = 1000
# The time that a byte takes grows with it; with so many, 100 KiB take a second (re2 1.1, measured).
_MOST_STEPS: Final = 10_000
_UTF_8, _UTF_16 = "utf-8", "utf-16-le"
_MATCHES_NOTHING: Final = "It is found everywhere, for no byte at all fits it too."


class BadPattern(FerryError):
    """What is to be searched for cannot be."""

    code = "bad_pattern"

    def __init__(self, cause: str) -> None:
        super().__init__(
            "The memory cannot be searched for that.",
            cause=cause,
            remedy="Correct the pattern: https://github.com/google/re2/wiki/Syntax says what is "
            "understood.",
        )


class Found(NamedTuple):
    start: int
    end: int
    encoding: str


class MemoryPattern:
    """A text is found as UTF-8 and as UTF-16, as Java, JavaScript and .NET keep it."""

    def __init__(self, pattern: str, *, is_regex: bool, ignore_case: bool) -> None:
        """Raises BadPattern."""
        if not pattern:
            raise BadPattern("There is nothing to look for.")
        if len(pattern) > _MOST_CHARS:
            raise BadPattern(f"It is longer than {_MOST_CHARS} characters.")
        self._is_regex = is_regex
        # Patterns would stay in memory, 8 MiB each, until there were 128 of them.
        re2.purge()
        if is_regex:
            sources = [_encoded(pattern)]
        else:
            sources = [_literal(pattern, encoding, ignore_case) for encoding in (_UTF_8, _UTF_16)]
        self._compiled = self._compile(b"|".join(sources), ignore_case)
        # On its own a plain text is found several times as fast as with an alternative to it.
        is_plain = not is_regex and not ignore_case
        self._plain = [self._compile(source, ignore_case) for source in sources if is_plain]
        if self._compiled.search(b"") is not None:
            raise BadPattern(_MATCHES_NOTHING)

    def _compile(self, source: bytes, ignore_case: bool) -> Any:
        options = re2.Options()
        options.log_errors = False
        if self._is_regex:
            options.case_sensitive = not ignore_case
        else:
            options.encoding = re2.Options.Encoding.LATIN1
        try:
            compiled = re2.compile(source, options=options)
        except re2.error as error:
            raise BadPattern(_reason(error)) from error
        if compiled.programsize > _MOST_STEPS:
            raise BadPattern("It is too large: it repeats too much within what it repeats.")
        return compiled

    def find(self, buffer: bytes, at: int) -> Iterator[Found]:
        """Yield what does not overlap, from ``at`` on. Raises BadPattern."""
        if self._plain and not any(plain.search(buffer, at) for plain in self._plain):
            return
        for match in self._compiled.finditer(buffer, at):
            start, end = match.span()
            # Such as \b, which fits between any two bytes and costs as much as all of them.
            if start == end:
                raise BadPattern(_MATCHES_NOTHING)
            is_wide = not self._is_regex and match.start(2) >= 0
            yield Found(start, end, _UTF_16 if is_wide else _UTF_8)


def _literal(text: str, encoding: str, ignore_case: bool) -> bytes:
    """Return a group that finds a text by its bytes, which are Latin-1 to re2."""
    characters = []
    for character in text:
        forms = {character, character.lower(), character.upper()} if ignore_case else {character}
        choices = b"|".join(
            b"".join(b"\\x%02x" % byte for byte in _encoded(form, encoding))
            for form in sorted(forms)
        )
        characters.append(b"(?:%s)" % choices if len(forms) > 1 else choices)
    return b"(%s)" % b"".join(characters)


def _encoded(text: str, encoding: str = _UTF_8) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise BadPattern("It has characters that no text can have.") from error


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return f"{text[:1].upper()}{text[1:]}."
