"""The measurement: three kinds of work for one engine, and what each cost it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import psutil

from tests.benchmarks.engine.contenders import SLOTS, Contender, OurWorker
from tests.benchmarks.engine.questions import Answer, Question, Questioner
from tests.benchmarks.processes import busy_seconds
from tests.benchmarks.report import median

FEWER_STREAMS = (1, 4)
"""Beside the eight that the goals are about."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. The short one only shows that everything works."""

    rounds: int = 5
    starts: int = 3
    letters: int = 48
    """Of the prompts whose answers are timed as a whole."""
    tokens: int = 96
    first_letters: int = 128
    """Of the prompts whose first token is timed."""
    first_questions: int = 16
    first_tokens: int = 32
    conversations: int = 3
    turn_letters: int = 400
    """Of a conversation's first turn, whose work the second should not repeat."""
    cancels: int = 4
    cancelled_letters: int = 800
    """Of a prompt that is cancelled while it is computed."""
    streamed: int = 900
    """Tokens of each answer that a whole node streams."""

    @classmethod
    def short(cls) -> Self:
        return cls(
            rounds=1, starts=1, letters=8, tokens=4, first_letters=8, first_questions=8, first_tokens=2,
            conversations=1, turn_letters=16, cancels=1, streamed=200,
        )  # fmt: skip


@dataclass(slots=True)
class Measured:
    """Samples by name, one per round."""

    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def note(self, name: str, value: float) -> None:
        self.samples[name].append(value)


async def measure_round(engine: Contender, plan: Plan, measured: Measured, *, number: int, core: int) -> None:
    """One engine's round on `core`: all are asked the same in one round, and something else in the next."""
    questioner = Questioner(seed=number)
    await _throughput(engine, plan, questioner, measured, core=core)
    for streams in FEWER_STREAMS:
        await _fewer_streams(engine, plan, questioner, measured, streams=streams)
    await _first_tokens(engine, plan, questioner, measured)
    await _second_turns(engine, plan, questioner, measured)


async def _throughput(engine: Contender, plan: Plan, questioner: Questioner, measured: Measured, *, core: int) -> None:
    """Eight streams at once, from their prompts to their last tokens."""
    questions = [questioner.question(letters=plan.letters, tokens=plan.tokens) for _ in range(SLOTS)]
    ours, cpu, begun = psutil.Process(), engine.cpu_seconds(), time.perf_counter()
    client_cpu, busy = sum(ours.cpu_times()[:2]), busy_seconds(core)
    answers = await _ask_all(engine, questions)
    wall, cpu = time.perf_counter() - begun, engine.cpu_seconds() - cpu
    tokens = sum(answer.tokens for answer in answers)
    measured.note(f"{engine.name}: tokens per CPU-second", tokens / cpu)
    measured.note(f"{engine.name}: tokens/s", tokens / wall)
    busy = busy_seconds(core) - busy
    measured.note(f"{engine.name}: core lost to others", max(0.0, busy - cpu) / busy)
    measured.note(f"{engine.name}: client CPU of the engine's", (sum(ours.cpu_times()[:2]) - client_cpu) / cpu)


async def _fewer_streams(
    engine: Contender, plan: Plan, questioner: Questioner, measured: Measured, *, streams: int
) -> None:
    questions = [questioner.question(letters=plan.letters, tokens=plan.tokens) for _ in range(streams)]
    cpu = engine.cpu_seconds()
    answers = await _ask_all(engine, questions)
    tokens = sum(answer.tokens for answer in answers)
    measured.note(f"{engine.name}: tokens per CPU-second, streams: {streams}", tokens / (engine.cpu_seconds() - cpu))


async def _first_tokens(engine: Contender, plan: Plan, questioner: Questioner, measured: Measured) -> None:
    """Longer prompts, twice as many as there is room for: how long until an answer begins."""
    questions = [
        questioner.question(letters=plan.first_letters, tokens=plan.first_tokens) for _ in range(plan.first_questions)
    ]
    answers = await _ask_all(engine, questions)
    measured.note(f"{engine.name}: first token p50 ms", median([answer.first_token_s for answer in answers]) * 1e3)


async def _second_turns(engine: Contender, plan: Plan, questioner: Questioner, measured: Measured) -> None:
    """A conversation goes on: the second turn's first token, the first turn being in the engine's memory."""
    times = []
    for _ in range(plan.conversations):
        messages = [{"role": "user", "content": questioner.prompt(plan.turn_letters)}]
        first = await engine.ask(questioner.conversation(messages, tokens=4))
        messages.append({"role": "assistant", "content": first.text})
        messages.append({"role": "user", "content": questioner.prompt(16)})
        second = await engine.ask(questioner.conversation(messages, tokens=4))
        times.append(second.first_token_s)
    measured.note(f"{engine.name}: second turn p50 ms", median(times) * 1e3)


async def measure_cancels(worker: OurWorker, plan: Plan, measured: Measured, *, number: int) -> None:
    """How soon the owner has the PC back, between two tokens and within a long prompt."""
    questioner = Questioner(seed=number)
    for _ in range(plan.cancels):
        question = questioner.question(letters=32, tokens=64)
        measured.note("worker: cancel between steps ms", await worker.cancelled(question, tokens=4) * 1e3)
        question = questioner.question(letters=plan.cancelled_letters, tokens=4)
        measured.note("worker: cancel in a prompt ms", await worker.cancelled(question, tokens=0) * 1e3)


async def _ask_all(engine: Contender, questions: Sequence[Question]) -> list[Answer]:
    """All of them, `SLOTS` at a time, each slot asking the next as soon as it is free."""
    waiting = list(reversed(questions))
    answers: list[Answer] = []

    async def slot() -> None:
        while waiting:
            answers.append(await engine.ask(waiting.pop()))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(SLOTS):
                group.create_task(slot())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return answers
