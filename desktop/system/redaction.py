"""Takes out of a text what it tells about a person: folders, names, addresses, keys. Pure.

What remains has to be safe to post in public; a test plants one of each, and looks for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "key": re.compile(r"\b(?:sk|nj|hf|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{8,}"),
    "host": re.compile(r"(?<=://)(?!(?:localhost|127\.0\.0\.1|\[::1\])(?![\w.-]))[^\s/?#\"'<>\\]+"),
    "address": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    "uuid": re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    "mac": re.compile(r"\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b"),
    "ip": re.compile(
        r"\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<![\w:])(?:(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}"
        r"|(?:[0-9a-fA-F]{1,4}:)*[0-9a-fA-F]{0,4}::[0-9a-fA-F:]+)(?![\w:])"
    ),
    "secret": re.compile(r"\b(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}"),
}
"""In this order: a key is a secret too, but the word tells more."""

_OWN_PC = frozenset({"127.0.0.1", "0.0.0.0"})  # noqa: S104 -- names of addresses, nothing is bound


@dataclass(frozen=True, slots=True)
class Redaction:
    """`names` are words of this very PC and person, with what to say instead."""

    names: Mapping[str, str]

    def __call__(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            if len(name) > 1:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", self.names[name], text, flags=re.IGNORECASE)
        for word, pattern in _PATTERNS.items():
            text = pattern.sub(lambda found, word=word: _instead(found[0], word), text)  # type: ignore[misc]
        return text


def redaction(home: str, user: str, computer: str, more: Mapping[str, str]) -> Redaction:
    """For a person's folder, login and PC; `more` are further words and what to say instead."""
    names = {user: "<user>", computer: "<computer>", home: "~"} | dict(more)
    return Redaction({name: word for name, word in names.items() if name})


def _instead(found: str, word: str) -> str:
    return found if found in _OWN_PC else f"<{word}>"
