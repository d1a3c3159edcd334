"""What `nightjar local` prints: everything a first call needs. Pure."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass

import msgspec

QUESTION = "What is the capital of France?"


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything is."""

    endpoint: str
    console: str
    api_key: str
    model: str
    data: str


def as_json(ready: Ready) -> str:
    """One line, for programs."""
    return msgspec.json.encode({"ok": True} | asdict(ready)).decode()


def as_text(ready: Ready) -> str:
    """For people."""
    return "\n".join(
        [
            "",
            "Nightjar is running: a private relay, and this PC as its node.",
            "",
            f"  Endpoint   {ready.endpoint}",
            f"  API key    {ready.api_key}",
            f"  Model      {ready.model}",
            f"  Console    {ready.console}",
            f"  Data       {ready.data}",
            "",
            "Try it:",
            "",
            curl(ready),
            "",
            "Ctrl-C ends both.",
            "",
        ]
    )


def curl(ready: Ready) -> str:
    """A command that works as it stands in any POSIX shell."""
    body = {"model": ready.model, "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    return " \\\n    ".join(
        [
            f"curl -N {shlex.quote(ready.endpoint + '/chat/completions')}",
            f"-H {shlex.quote('Authorization: Bearer ' + ready.api_key)}",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(msgspec.json.encode(body).decode())}",
        ]
    )
