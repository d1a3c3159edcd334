"""What runs: a call, its choices, and how far each has come. Values only; `host` moves them on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from desktop.inference.generation import CallKind
from desktop.inference.pipeline import Event, Pipeline
from desktop.inference.prompt import Picture
from desktop.inference.resume import Delivered, Resumed
from desktop.inference.scheduler import Slot, Waiting


class Choice:
    """One sequence at work: `ids` is the prompt and what followed it, `slot.ids` the part that is in memory.

    `again` are ids that are known but not yet taken: their turn comes when their logits are there.
    """

    __slots__ = (
        "_prompt",
        "again",
        "delivered",
        "ids",
        "index",
        "opening",
        "parked",
        "passed",
        "pictures",
        "pipeline",
        "replayed",
        "slot",
        "waits",
    )

    def __init__(
        self, index: int, prompt: list[int], ids: list[int], resumed: Resumed, pictures: tuple[Picture, ...] = ()
    ) -> None:
        self.index = index
        self.again = deque(resumed.again)
        self.ids = prompt + ids[: len(ids) - len(resumed.again)]
        self._prompt = len(prompt)
        self.pictures = pictures
        self.replayed = len(ids)
        self.pipeline: Pipeline = resumed.pipeline
        self.delivered: Delivered | None = resumed.delivered
        self.opening: list[Event] = resumed.events
        """To be said as soon as the call is accepted."""
        self.slot = Slot(-1)
        self.waits = False
        """For the first choice to compute the prompt that all share."""
        self.parked = False
        """Its memory was needed; its ids are here, and are computed again when there is room."""
        self.passed = 0
        """Prompt ids of younger calls that were computed while this one's waited."""

    @property
    def waiting(self) -> Waiting:
        """As the scheduler sees it: ids up to the next picture, none at one."""
        done, end = len(self.slot.ids), len(self.ids)
        if self.pictures:
            end = next((picture.start for picture in self.pictures if picture.start >= done), end)
        return Waiting(end - done, max(min(self._prompt, end) - done, 0), self.passed)

    @property
    def picture(self) -> Picture | None:
        """The one to be computed now, if it is a picture's turn."""
        done = len(self.slot.ids)
        return next((picture for picture in self.pictures if picture.start == done), None)

    def whole(self, length: int) -> int:
        """At most so many ids, and no picture in part."""
        inside = (
            picture.start for picture in self.pictures if picture.start < length < picture.start + len(picture.ids)
        )
        return next(inside, length)

    def cells(self, length: int) -> int:
        """Of its first `length` ids."""
        return length + sum(picture.surplus for picture in self.pictures if picture.start < length)

    @property
    def blind(self) -> bool:
        """Whether it can only go on once a picture is encoded."""
        return self.picture is not None and self.picture.encoding

    @property
    def running(self) -> bool:
        return self.pipeline.end is None and not self.waits and not self.parked

    @property
    def written(self) -> int:
        """Tokens of this leg."""
        return max(self.pipeline.generated - self.replayed, 0)


@dataclass(slots=True, eq=False)
class Call:
    """A running call. `received_at`, `placed_at` and `first_at` are seconds of the host's clock.

    `prompt_length` counts the ids of its prompt, of which a picture has fewer than tokens if it has two dimensions.
    """

    serial: int
    tenant: str
    kind: CallKind
    prompt_tokens: int
    prompt_length: int
    prompt_digest: bytes
    reserved: int
    choices: list[Choice]
    received_at: float
    cached_tokens: int = 0
    placed_at: float = 0.0
    first_at: float | None = None
    inputs: list[list[int]] = field(default_factory=list)
    """Of an embedding, whose call has no choices."""

    @property
    def over(self) -> bool:
        return all(choice.pipeline.end is not None for choice in self.choices)
