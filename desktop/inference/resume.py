"""Going on where another node stopped: its ids through a fresh pipeline, and what came of them compared.

Everything given is another machine's word. Ids that cannot be text of this answer, that go on after its end, or whose
text is not what the caller has, are a mismatch: the call is declined before anything of it is said.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from desktop.inference.generation import Channel
from desktop.inference.pipeline import Event, Pipeline


class ResumeMismatch(Exception):
    """These ids do not lead to what the caller was given."""


class Delivered:
    """What a caller already has of a choice, to be left out of what comes again."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._left = {channel.kind: channel.length for channel in channels}

    def without(self, events: Iterable[Event]) -> list[Event]:
        """The part of `events` that is new. Raises ResumeMismatch where the caller has half a character."""
        new = []
        for kind, data in events:
            known = min(self._left.get(kind, 0), len(data))
            if known:
                self._left[kind] -= known
            if known < len(data):
                if data[known] & 0xC0 == 0x80:
                    raise ResumeMismatch("what was delivered ends inside a character")
                new.append(Event(kind, data[known:]))
        return new

    @property
    def outstanding(self) -> bool:
        return any(self._left.values())


@dataclass(slots=True)
class Resumed:
    """A choice as it stood. `events` were held back elsewhere and are new to the caller.

    `again` are ids at the end of the given ones whose log-probabilities the caller does not have: they are not yet in
    the pipeline, and are taken once more when their logits are there. `delivered` is what to leave out of their text.
    """

    pipeline: Pipeline
    events: list[Event] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    delivered: Delivered | None = None


def replay(fresh: Callable[[], Pipeline], ids: Sequence[int], channels: Sequence[Channel]) -> Resumed:
    """One choice. Raises ResumeMismatch."""
    pipeline, delivered = fresh(), Delivered(channels)
    digests = {channel.kind: hashlib.sha256() for channel in channels}
    known = {channel.kind: channel.length for channel in channels}
    resumed, told = Resumed(pipeline), 0
    for events in itertools.chain(_taken(pipeline, ids), _closed(pipeline, delivered)):
        for kind, data in events:
            if kind in digests:
                digests[kind].update(data[: known[kind]])
                known[kind] -= min(known[kind], len(data))
        resumed.events += delivered.without(events)
        if not resumed.events:
            told += len(pipeline.measured)
        pipeline.measured.clear()
    if delivered.outstanding or any(digests[channel.kind].digest() != channel.digest for channel in channels):
        raise ResumeMismatch("the ids do not give the text that was delivered")
    if pipeline.measures and pipeline.end is None and told < len(ids):
        return _to_measure_again(fresh(), ids, told, channels)
    return resumed


def _taken(pipeline: Pipeline, ids: Iterable[int]) -> Iterable[list[Event]]:
    yield pipeline.open()
    for token in ids:
        if pipeline.end is not None:
            raise ResumeMismatch("the answer had already ended")
        if not pipeline.admits(token):
            raise ResumeMismatch("an id that cannot be part of this answer")
        yield pipeline.take(token)


def _closed(pipeline: Pipeline, delivered: Delivered) -> Iterable[list[Event]]:
    """A caller who has more than the ids give has what was held back until the model's own end, which has no id."""
    if delivered.outstanding and pipeline.end is None:
        yield pipeline.close()


def _to_measure_again(pipeline: Pipeline, ids: Sequence[int], told: int, channels: Sequence[Channel]) -> Resumed:
    delivered, events = Delivered(channels), []
    for taken in _taken(pipeline, ids[:told]):
        events += delivered.without(taken)
        pipeline.measured.clear()
    return Resumed(pipeline, events, list(ids[told:]), delivered)
