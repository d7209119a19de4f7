"""Write the log as lines for people or as JSON for programs, without what looks like a secret."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Final

_HIDDEN: Final = "[hidden]"
# A last resort: nothing of the site logs these. Tokens of our own, headers, private keys, and
# what assigns a value to something that is called a secret.
_SECRETS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\bferry_[A-Za-z0-9_-]{20,}"
    r"|(?<=\bBearer )\S+"
    r"|(?<=\bBasic )[A-Za-z0-9+/=]{6,}"
    # A password may hold what else ends a host's name.
    r"|(?<=://)[^/\s:@]*:\S+(?=@)",
    re.DOTALL | re.IGNORECASE,
)
_HEADERS: Final = re.compile(
    r"((?:set-)?cookie|(?:proxy-)?authorization)(['\"]?\s*[=:,]\s*).+", re.I
)
_ASSIGNED: Final = re.compile(
    r"((?:password|passwd|_pass|pass(?=['\"]?=)|pwd|secret|token|api_?key|private_?key)['\"]?\s*[=:]\s*)"
    r"('[^']*'|\"[^\"]*\"|[^\s,;&}]+)",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return the text with everything that looks like a secret hidden."""
    text = _HEADERS.sub(rf"\1\2{_HIDDEN}", text)
    return _ASSIGNED.sub(rf"\1{_HIDDEN}", _SECRETS.sub(_HIDDEN, text))


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        context = getattr(record, "context", {})
        if context:
            first, newline, rest = text.partition("\n")
            told = " ".join(f"{name}={value}" for name, value in context.items())
            text = f"{first} [{told}]{newline}{rest}"
        return without_secrets(text)


class JsonFormatter(logging.Formatter):
    """One object a line; what is bound where it was logged is beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **getattr(record, "context", {}),
        }
        if record.exc_info:
            line["traceback"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
