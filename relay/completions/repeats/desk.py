"""Where a call goes that may have been made before: by its key to its first answer, by its question to a cached one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from relay.completions.headers import IDEMPOTENCY_KEY
from relay.completions.refusal import Refusal, no_ledger
from relay.completions.repeats.cache import ResponseCache, wanted_ttl
from relay.completions.repeats.idempotency import Idempotency
from relay.completions.repeats.question import Question
from relay.completions.reply import Reply
from relay.completions.running import Running
from relay.ledger.entries import CallId
from relay.ledger.errors import LedgerUnavailable

SWEEP_S: Final = 60.0

_log = logging.getLogger(__name__)


class RepeatDesk:
    """`always`: every call comes here, and not only those whose headers ask for something."""

    def __init__(self, idempotency: Idempotency, cache: ResponseCache, next_id: Callable[[], CallId]) -> None:
        self.always = cache.settings.on
        self._idempotency = idempotency
        self._cache = cache
        self._next_id = next_id

    def begin(self, question: Question, asked: Mapping[bytes, bytes] | None, reply: Reply) -> Running | None:
        """Answer `reply`, now or later. None: it has its answer.

        Raises:
            Refusal: what the headers ask for cannot be.
            LedgerUnavailable: nothing can be booked now.
        """
        ttl_s = wanted_ttl(asked, self._cache.settings)
        key = asked.get(IDEMPOTENCY_KEY) if asked is not None else None
        if key is not None:
            if ttl_s:
                question = replace(question, begin=partial(self._look_up, question, ttl_s))
            return self._idempotency.begin(question, key, reply, self._next_id())
        return self._cache.begin(question, ttl_s, reply) if ttl_s else question.begin(reply)

    def _look_up(self, question: Question, ttl_s: int, reply: Reply) -> Running | None:
        try:
            return self._cache.begin(question, ttl_s, reply)
        except Refusal as refusal:
            question.refuse(refusal, reply)
        except LedgerUnavailable as error:
            question.refuse(no_ledger(error), reply)
        return None

    async def sweep_forever(self) -> None:
        """Remove kept answers that are too old or too many, again and again."""
        while True:
            try:
                await asyncio.to_thread(self._idempotency.sweep)
                await asyncio.to_thread(self._cache.sweep)
            except Exception:  # noqa: BLE001 - the supervisor of the sweeps
                _log.exception("kept answers could not be swept; trying again")
            await asyncio.sleep(SWEEP_S)
