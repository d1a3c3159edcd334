"""A worker with a model that recites, asked once."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import msgspec

from desktop.inference.generation import RecordKind
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from tests.desktop.inference.answers import Answer, a_call, ask
from tests.desktop.inference.conftest import Watch

WEATHER: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
FIELDS: Final[dict[str, Any]] = {
    "messages": [{"role": "user", "content": "What is the weather?"}],
    "tools": [
        {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": WEATHER}}
    ],
    "temperature": 0,
    "max_tokens": 400,
}


class Recited(NamedTuple):
    """An answer as its caller has it in the end."""

    content: str
    reasoning: str
    calls: list[tuple[str, Any]]
    reason: str | None


async def recite(settings: WorkerSettings, **fields: Any) -> Recited:
    watch = Watch()
    keeper = Keeper(settings, on_change=watch)
    await keeper.start()
    try:
        await watch.ready()
        answer = await ask(keeper, a_call(body=msgspec.json.encode(FIELDS | fields), limit=400))
        assert answer.decline is None, answer.decline
        return recited(answer)
    finally:
        await keeper.stop()


def recited(answer: Answer) -> Recited:
    channels = {RecordKind.TEXT: "", RecordKind.REASONING: ""}
    calls: list[list[str]] = []
    for record in answer.records_:
        if record.kind == RecordKind.DELTA:
            calls += [[piece["name"], ""] for piece in json.loads(record.data)["tool_calls"]]
        elif record.kind == RecordKind.TOOL_ARGUMENTS:
            calls[-1][1] += record.data.decode()
        elif record.kind != RecordKind.END:
            channels[RecordKind(record.kind)] += record.data.decode()
    told = [(name, json.loads(arguments)) for name, arguments in calls]
    return Recited(channels[RecordKind.TEXT], channels[RecordKind.REASONING], told, answer.reason)
