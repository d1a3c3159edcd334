"""An engine of another maker keeps the same port: the tests of our own engines that need no ids, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from desktop.inference.generation import Engine
from desktop.inference.local_server.server_engine import LocalServer, ServerSettings
from tests.desktop.inference.conftest import Watch
from tests.desktop.inference.local_server.servers import LLAMA_SERVER, MODEL, Server, running
from tests.desktop.inference.test_engine_contract import (
    test_a_cancelled_call_says_nothing_more_and_leaves_its_slot,
    test_a_stopped_engine_can_be_started_again,
    test_calls_at_once_do_not_mix,
    test_cancelling_what_is_not_there_is_no_fault,
    test_more_choices_than_there_are_slots_left_are_declined,
    test_stopping_fails_what_runs_and_declines_what_comes,
    test_text_that_only_looked_like_a_stop_string_is_shown_in_the_end,
)

__all__ = [
    "test_a_cancelled_call_says_nothing_more_and_leaves_its_slot",
    "test_a_stopped_engine_can_be_started_again",
    "test_calls_at_once_do_not_mix",
    "test_cancelling_what_is_not_there_is_no_fault",
    "test_more_choices_than_there_are_slots_left_are_declined",
    "test_stopping_fails_what_runs_and_declines_what_comes",
    "test_text_that_only_looked_like_a_stop_string_is_shown_in_the_end",
]


@pytest.fixture
async def engine(watch: Watch) -> AsyncIterator[Engine]:
    async with running(Server(LLAMA_SERVER)) as server:
        engine = LocalServer(ServerSettings(server.url, MODEL, slots=8), on_change=watch)
        await engine.start()
        await watch.ready()
        yield engine
        await engine.stop()
