"""What is printed when everything runs."""

from __future__ import annotations

import json
import shlex

from desktop.local.ready import Ready, as_json, as_text, curl

READY = Ready(
    endpoint="http://127.0.0.1:8484/v1",
    console="http://127.0.0.1:8484/console",
    api_key="sk-nj-x",
    model="nightjar-demo",
    data="/home/o'neil/nightjar",
)


def test_the_curl_is_one_command_of_a_posix_shell() -> None:
    words = shlex.split(curl(READY))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8484/v1/chat/completions"]
    assert "Authorization: Bearer sk-nj-x" in words
    body = json.loads(words[-1])
    assert body["model"] == "nightjar-demo"
    assert body["messages"][0]["content"] == "What is the capital of France?"


def test_the_text_names_everything_a_first_call_needs() -> None:
    text = as_text(READY)
    assert all(fact in text for fact in (READY.endpoint, READY.api_key, READY.console, READY.model, curl(READY)))
    assert "Ctrl-C" in text


def test_the_json_is_one_line_with_the_same_facts() -> None:
    line = as_json(READY)
    assert "\n" not in line
    assert json.loads(line) == {
        "ok": True,
        "endpoint": READY.endpoint,
        "console": READY.console,
        "api_key": READY.api_key,
        "model": READY.model,
        "data": READY.data,
    }
