"""A picture from the openai client to a model with a picture part, and what callers hear where nobody takes one."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from desktop.models.bundled import asset
from tests.desktop.inference import seeing_models
from tests.end_to_end.processes import eventually, first_key, nightjar, running_node, running_relay

QUESTION = "What is the capital of France?"


def picture(image: Image.Image) -> list[Any]:
    file = io.BytesIO()
    image.save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": QUESTION}]
    return [{"role": "user", "content": content}]


SMALL = Image.linear_gradient("L").convert("RGB")
LARGE = Image.frombytes("RGB", (1400, 1200), os.urandom(1400 * 1200 * 3))
"""Over the limit of a body without images: noise is not made smaller by any format."""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_pictures_reach_a_model_that_takes_them_and_are_refused_in_front_of_one_that_does_not(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "llava"
    folder.mkdir()
    (folder / "llava.gguf").write_bytes(asset("nightjar-demo.gguf").read_bytes() + bytes(32))
    seeing_models.llava(folder / "mmproj-llava.gguf")
    with running_relay(tmp_path / "relay") as relay, running_node(home, relay):
        client = openai.OpenAI(base_url=relay.endpoint, api_key=first_key(relay.data), max_retries=0)
        with pytest.raises(openai.APIStatusError) as refused:
            client.chat.completions.create(model="nightjar-demo", messages=picture(SMALL))
        assert "it does not take images" in refused.value.message

        assert nightjar("models", "import", str(folder / "llava.gguf"), home=home).returncode == 0
        model = eventually(
            lambda: next((each for each in client.models.list() if each.id == "llava"), None), "the model at the relay"
        )
        assert model.model_extra is not None
        assert model.model_extra["architecture"]["input_modalities"] == ["text", "image"]
        plain = client.chat.completions.create(model="llava", messages=[{"role": "user", "content": QUESTION}])
        assert plain.usage is not None
        for image in (SMALL, LARGE):
            answer = client.chat.completions.create(model="llava", messages=picture(image), max_tokens=8)
            assert answer.usage is not None
            assert answer.usage.prompt_tokens == plain.usage.prompt_tokens + 16
        chunks = list(client.chat.completions.create(model="llava", messages=picture(SMALL), max_tokens=8, stream=True))
        assert chunks[-1].choices[0].finish_reason in {"stop", "length"}

        elsewhere = picture(SMALL)
        elsewhere[0]["content"][0]["image_url"]["url"] = "http://127.0.0.1/cat.png"
        with pytest.raises(openai.BadRequestError, match="only images inside the request"):
            client.chat.completions.create(model="llava", messages=elsewhere)
