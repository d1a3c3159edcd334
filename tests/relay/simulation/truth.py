"""What every upstream of the simulated world would say to a question, so that an answer can be told from half of one.

The answer to a question of `n` words is `w0 w1 w2 …`, one word a token: token `i` has the id `i + 1`.
"""

from __future__ import annotations

import json
from typing import Any

MODEL = "test-model"


def question(words: int, **fields: Any) -> bytes:
    """The body of a call that is answered with so many words."""
    content = [{"role": "user", "content": str(words)}]
    return json.dumps({"model": MODEL, "messages": content, **fields}).encode()


def words_wanted(body: bytes) -> int:
    return int(json.loads(body)["messages"][0]["content"])


def word(position: int) -> str:
    return f"w{position} "


def text(words: int) -> str:
    return "".join(map(word, range(words)))
