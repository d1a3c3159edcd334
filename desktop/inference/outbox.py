"""What the worker has to say after a step: gathered here, sent in one write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from desktop.inference import frames, logprobs
from desktop.inference.call import Call, Choice
from desktop.inference.generation import RecordKind
from desktop.inference.logprobs import Label
from desktop.inference.pipeline import Event
from desktop.inference.sampling import Logits

_TEXT: Final = int(RecordKind.TEXT)
_END: Final = int(RecordKind.END)
_DELTA: Final = int(RecordKind.DELTA)
_FIELDS: Final = {_TEXT: "content", int(RecordKind.REASONING): "reasoning"}


class Outbox:
    """Frames in the order of the protocol: acceptances, records, ends. `label` names tokens for log-probabilities."""

    def __init__(self, label: Label) -> None:
        self.before: list[bytes] = []
        self.after: list[bytes] = []
        self._records: list[bytes] = []
        self._label = label

    @property
    def waiting(self) -> bool:
        return bool(self.before or self._records or self.after)

    def take(self) -> bytes:
        """Everything as bytes for one write; empty afterwards."""
        if not self.waiting:
            return b""
        step = [frames.encode_step(self._records)] if self._records else []
        content = b"".join(self.before + step + self.after)
        self.before, self._records, self.after = [], [], []
        return content

    def advance(self, call: Call, choice: Choice, logits: Logits) -> bool:
        """A choice's next token and everything that comes of it; whether that was its last. Raises NotFinite.

        An id that is only taken again has been reported already, and so has the text its caller has.
        """
        pipeline, known = choice.pipeline, bool(choice.again)
        token = choice.again.popleft() if known else pipeline.choose(logits)
        before = pipeline.generated
        events = pipeline.take(token, logits)
        counted = pipeline.generated > before
        if counted:
            choice.ids.append(token)
        if choice.delivered is not None:
            events = choice.delivered.without(events)
        self.say(call, choice, token.to_bytes(4, "little") if counted and not known else b"", events)
        if pipeline.end is None:
            return False
        self.end(call, choice)
        return True

    def end(self, call: Call, choice: Choice) -> None:
        self.record(call.serial, choice.index, _END, b"", (choice.pipeline.end or "stop").encode())

    def say(self, call: Call, choice: Choice, ids: bytes, events: Sequence[Event]) -> None:
        """The sampled `ids` in one record, with the first of `events`, and the log-probabilities given out with them.

        Ids without an event make a record without text: that token's text is held back.
        """
        serial, index = call.serial, choice.index
        if choice.pipeline.measured:
            events = self._with_logprobs(choice, events)
        for kind, data in events:
            self.record(serial, index, kind, ids, data)
            ids = b""
        if ids:
            self.record(serial, index, _TEXT, ids, b"")

    def record(self, serial: int, choice: int, kind: int, ids: bytes, data: bytes) -> None:
        self._records.append(frames.pack_record(serial, choice, kind, ids, data))

    def _with_logprobs(self, choice: Choice, events: Sequence[Event]) -> list[Event]:
        measured = [each for each in choice.pipeline.measured if each is not None]
        choice.pipeline.measured.clear()
        if not measured:
            return list(events)
        first, rest = (events[0], events[1:]) if events and events[0].kind in _FIELDS else (Event(_TEXT, b""), events)
        content = {_FIELDS[first.kind]: first.data.decode()} if first.data else {}
        return [*(Event(_DELTA, data) for data in logprobs.events(content, measured, self._label)), *rest]
