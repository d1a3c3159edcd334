"""A model from the relay's catalogue to its first cents, by the command lines of both programs and nothing else."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from desktop.models.bundled import asset
from tests.end_to_end.processes import (
    RelayProcess,
    ask_relay,
    eventually,
    first_key,
    nightjar,
    running_node,
    running_relay,
)

QUESTION = "What is the capital of France?"
PROMPT_USD, COMPLETION_USD = 1.0, 4.0
"""Per million tokens; which is also micro-dollars a token."""


@contextlib.contextmanager
def files(folder: Path) -> Iterator[str]:
    """The address of a web server for a folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def said(*verb: str, home: Path) -> dict[str, object]:
    done = nightjar(*verb, "--json", home=home)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def add_to_catalogue(relay: RelayProcess, file: Path, address: str, *, home: Path) -> None:
    described = file.with_suffix(".json")
    described.write_text(nightjar("models", "describe", str(file), home=home).stdout)
    prices = ("--price-prompt", str(PROMPT_USD), "--price-completion", str(COMPLETION_USD))
    source = ("--from", str(described), "--url", f"{address}/{file.name}", "--licence", "Apache-2.0")
    ask_relay("model", "add", "other", *source, *prices, data=relay.data)


def offered(client: openai.OpenAI) -> list[str]:
    return [model.id for model in client.models.list()]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_model_of_the_catalogue_is_downloaded_served_at_its_price_and_paid_to_its_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = tmp_path / "files" / "other.gguf"
    file.parent.mkdir()
    file.write_bytes(asset("nightjar-demo.gguf").read_bytes() + bytes(32))
    with files(file.parent) as address, running_relay(tmp_path / "relay") as relay, running_node(home, relay):
        client = openai.OpenAI(base_url=relay.endpoint, api_key=first_key(relay.data), max_retries=0)
        assert offered(client) == ["nightjar-demo"]
        add_to_catalogue(relay, file, address, home=home)
        assert "other" in nightjar("models", "search", home=home).stdout
        assert nightjar("models", "add", "other", home=home).returncode == 0
        eventually(lambda: offered(client) == ["other"] or None, "the new model at the relay")

        answer = client.chat.completions.create(model="other", messages=[{"role": "user", "content": QUESTION}])
        assert answer.choices[0].message.content == "The capital of France is Paris."
        assert answer.usage is not None
        micro = answer.usage.prompt_tokens * PROMPT_USD + answer.usage.completion_tokens * COMPLETION_USD
        earnings = said("earnings", home=home)["earnings"]
        assert isinstance(earnings, dict)
        assert earnings["lifetime"] == int(micro * 1000) * 70 // 100

        assert nightjar("models", "rm", "other", "--yes", home=home).returncode == 0
        eventually(lambda: offered(client) == ["nightjar-demo"] or None, "the demo model in its place")
        assert not list((home / "data" / "models").glob("*.gguf"))
