"""Calls that leave at any point: the others do not notice, and nothing of them stays."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from desktop.inference.engine import Chunk, LlamaModel, Outcome
from desktop.inference.generation import RecordKind
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY
from tests.desktop.inference.bench import QUESTIONS, Bench

LONG = "lamp " * 200
BODY: dict[str, Any] = {"temperature": 0.9, "limit": 60}


def submitted(bench: Bench) -> list[int]:
    """Eight calls of eight tenants, drawn and greedy; the sixth is a long prompt, the seventh has two stop strings.

    All greedy in shared memory: where a call's cells lie there depends on the others, and with it the order of its
    sums, so that a draw near the border of two tokens may fall to the other side.
    """
    serials = []
    for number, question in enumerate(QUESTIONS):
        body: dict[str, Any] = BODY if number % 2 and not bench.model.unified else {"limit": 60}
        text = LONG if number == 5 else question
        stop = ["there was", "time there wasn't"] if number == 6 else []
        serials.append(bench.submit(text, tenant=f"t{number}", seed=number, stop=stop, **body))
    return serials


STAGES: dict[str, Callable[[Bench, int], bool]] = {
    "before its first step": lambda _, __: True,
    "in the middle of its prompt": lambda bench, _: bench.steps >= 1,
    "with its first token": lambda bench, serial: bool(bench.calls[serial].records),
    "in the middle of its answer": lambda bench, serial: (
        len(bench.calls[serial].ids()) >= 4 or bench.calls[serial].over
    ),
    "when it is over": lambda bench, serial: bench.calls[serial].over,
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
@pytest.mark.parametrize("leaver", [0, 3, 5, 6])
def test_one_of_eight_calls_leaves_and_the_others_stay_as_they_are(
    bench: Bench, stage: Callable[[Bench, int], bool], leaver: int
) -> None:
    whole = Bench(bench.model)
    expected = [whole.calls[serial] for serial in submitted(whole)]
    whole.run()
    again = Bench(bench.model)
    for slot in range(bench.model.slots):
        bench.model.truncate(slot, 0)
    serials = submitted(again)
    while not stage(again, serials[leaver]):
        again.step()
    again.host.cancel(serials[leaver])
    heard = len(again.calls[serials[leaver]].records)
    again.run()

    for number, serial in enumerate(serials):
        if number != leaver:
            assert again.calls[serial].ids() == expected[number].ids(), number
            assert again.calls[serial].text() == expected[number].text(), number
    assert len(again.calls[serials[leaver]].records) == heard
    assert not any(slot.busy for slot in again.host._slots)


def test_one_choice_that_ends_frees_its_slot_for_another_call(bench: Bench) -> None:
    first = bench.submit(STORY, n=7, temperature=1.4, limit=60)
    bench.submit(PARIS, tenant="b")
    while len([r for r in bench.calls[first].records if r.kind == RecordKind.END]) < 1:
        bench.step()
    late = bench.submit(PARIS, tenant="c")
    bench.run()

    assert bench.calls[late].text() == PARIS_ANSWER
    assert len([r for r in bench.calls[first].records if r.kind == RecordKind.END]) == 7


@contextmanager
def interrupted(bench: Bench, leaving: Callable[[list[Chunk]], list[int]]) -> Iterator[list[Outcome]]:
    """Before each step of the model another thread says who is leaving, as the worker's reader does. Gives outcomes."""
    decode, outcomes = bench.model.decode, list[Outcome]()

    def computed(chunks: Sequence[Chunk]) -> Outcome:
        for serial in leaving(list(chunks)):
            thread = threading.Thread(target=bench.host.interrupt, args=(serial,))
            thread.start()
            thread.join()
        outcomes.append(decode(chunks))
        return outcomes[-1]

    bench.model.decode = computed  # type: ignore[method-assign]
    try:
        yield outcomes
    finally:
        bench.model.decode = decode  # type: ignore[method-assign]


def test_a_cancel_interrupts_the_step_that_computes_its_prompt(bench: Bench) -> None:
    talking = bench.submit(PARIS, tenant="b")
    bench.step()
    gone = bench.submit(LONG, tenant="c")
    with interrupted(bench, lambda chunks: [gone] if any(len(chunk.ids) > 1 for chunk in chunks) else []) as outcomes:
        bench.step()
    assert outcomes[-1] is Outcome.ABORTED
    bench.host.cancel(gone)
    bench.run()

    assert not bench.calls[gone].records
    assert bench.calls[talking].text() == PARIS_ANSWER


def test_a_cancel_does_not_interrupt_what_others_write(bench: Bench) -> None:
    gone, talking = bench.submit(STORY, tenant="a"), bench.submit(PARIS, tenant="b")
    while not bench.calls[gone].records or not bench.calls[talking].records:
        bench.step()
    with interrupted(bench, lambda _: [gone]) as outcomes:
        bench.step()
    assert outcomes == [Outcome.DONE]
    bench.host.cancel(gone)
    bench.run()

    assert bench.calls[talking].text() == PARIS_ANSWER


def test_a_step_of_nothing_but_cancelled_calls_ends_at_once(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """As when the owner is back and all answers are handed over."""
    serials = [bench.submit(STORY, tenant=str(number)) for number in range(4)]
    while not all(bench.calls[serial].records for serial in serials):
        bench.step()
    with interrupted(bench, lambda _: serials) as outcomes:
        bench.step()
    assert outcomes == [Outcome.ABORTED]
    assert not capfd.readouterr().err, "what was asked for is no trouble to note"
    for serial in serials:
        bench.host.cancel(serial)

    assert bench.host.idle
    assert bench.ask(PARIS).text() == PARIS_ANSWER


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ten_thousand_short_calls_leave_no_memory_and_no_sequence_behind(load: Callable[..., LlamaModel]) -> None:
    bench = Bench(load(context=256, slots=8, pool=1024))
    answers: dict[str, str] = {}
    process, sizes = psutil.Process(), []
    for number in range(10_000):
        question = QUESTIONS[number % len(QUESTIONS)]
        serial = bench.submit(question, tenant=f"t{number % 13}", limit=6, n=1 + number % 2, logprobs=number % 5 == 0)
        if number % 7 == 0:
            bench.step()
            bench.host.cancel(serial)
        bench.run()
        heard = bench.calls[serial]
        assert heard.decline is None
        if number % 7:
            assert answers.setdefault(question, heard.text()) == heard.text()
        bench.calls = {serial: bench.calls[serial]}
        bench.steps = 0
        if number % 1000 == 999:
            gc.collect()
            sizes.append(process.memory_info().rss)
            assert not any(slot.busy for slot in bench.host._slots)

    assert sizes[-1] - sizes[1] < 4 * 1024 * 1024, sizes
    held = sum(len(slot.ids) for slot in bench.host._slots)
    assert held <= 1024
