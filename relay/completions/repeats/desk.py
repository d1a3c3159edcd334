"""Where a call goes that may have been made before: by its key to its first answer, or on to be a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from relay.completions.headers import IDEMPOTENCY_KEY
from relay.completions.repeats.idempotency import Idempotency
from relay.completions.repeats.question import Question
from relay.completions.reply import Reply
from relay.completions.running import Running
from relay.ledger.entries import CallId

SWEEP_S: Final = 60.0

_log = logging.getLogger(__name__)


class RepeatDesk:
    """`always`: every call comes here, and not only those whose headers ask for something."""

    def __init__(self, idempotency: Idempotency, next_id: Callable[[], CallId]) -> None:
        self.always = False
        self._idempotency = idempotency
        self._next_id = next_id

    def begin(self, question: Question, asked: Mapping[bytes, bytes] | None, reply: Reply) -> Running | None:
        """Answer `reply`, now or later. None: it has its answer.

        Raises:
            Refusal: what the headers ask for cannot be.
        """
        key = asked.get(IDEMPOTENCY_KEY) if asked is not None else None
        if key is None:
            return question.begin(reply)
        return self._idempotency.begin(question, key, reply, self._next_id())

    async def sweep_forever(self) -> None:
        """Remove kept answers that are too old or too many, again and again."""
        while True:
            try:
                await asyncio.to_thread(self._idempotency.sweep)
            except Exception:  # noqa: BLE001 - the supervisor of the sweeps
                _log.exception("kept answers could not be swept; trying again")
            await asyncio.sleep(SWEEP_S)
