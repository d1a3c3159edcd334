"""What both engines are asked: the same bodies, byte for byte, with prompts that share nothing by chance."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyz     "
# The usual filters, `top_k` first: without it every engine spends its time sorting the whole vocabulary.
_SAMPLING = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05}


@dataclass(frozen=True, slots=True)
class Question:
    """One call: its body, and how many tokens it must bring (the model never ends by itself)."""

    body: bytes
    tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question: seconds to its first token and to its end, its tokens, and its text."""

    first_token_s: float
    whole_s: float
    tokens: int
    text: str


class Questioner:
    """Draws questions; the same seed, the same questions."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)

    def prompt(self, letters: int) -> str:
        """`letters` tokens: the random model reads letter by letter. The first letters differ from prompt to prompt."""
        return "".join(self._chance.choices(_LETTERS, k=letters))

    def question(self, *, letters: int, tokens: int) -> Question:
        return self.conversation([{"role": "user", "content": self.prompt(letters)}], tokens=tokens)

    def conversation(self, messages: list[dict[str, str]], *, tokens: int) -> Question:
        body: dict[str, Any] = {
            "model": "random",
            "messages": messages,
            "max_tokens": tokens,
            "seed": self._chance.randrange(2**31),
            "stream": True,
            "stream_options": {"include_usage": True},
            **_SAMPLING,
        }
        return Question(json.dumps(body).encode(), tokens)
