"""Pictures beside the steps: files become pixels, and pixels states, on threads of their own; no answer waits."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from desktop.inference.admission import Arrived, Refused
from desktop.inference.fields import ParameterRefused
from desktop.inference.pixels import pixels
from desktop.inference.prompt import Picture, Prompt
from desktop.inference.vision import PicturesMisplaced, Vision

_MISPLACED = "This model's chat template or picture part does not take these images."
_NO_MEMORY = "There is not enough memory to look at these images now."


class Sight:
    """`wake` is called, from a thread of ours, whenever something is done. All methods belong to the host's thread."""

    def __init__(self, vision: Vision) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.marker = vision.marker
        self._vision = vision
        # Two, since a picture that is being encoded must not keep other calls from being accepted.
        self._looking = ThreadPoolExecutor(1, "look")
        self._encoding = ThreadPoolExecutor(1, "encode")
        self._arrived: dict[int, tuple[Arrived, Future[Prompt]]] = {}

    @property
    def arrived(self) -> list[Arrived]:
        """Calls whose pictures are still looked at."""
        return [arrived for arrived, _ in self._arrived.values()]

    def look(self, arrived: Arrived) -> None:
        """Begins with a call's pictures; `seen` tells when they are read."""
        future = self._looking.submit(self._look, arrived)
        self._arrived[arrived.head.serial] = arrived, future
        future.add_done_callback(lambda _: self.wake())

    def forget(self, serial: int) -> None:
        """A call that was cancelled: what is left of its pictures is not looked at."""
        arrived, future = self._arrived.pop(serial, (None, None))
        if arrived is not None and future is not None:
            arrived.gone.set()
            future.cancel()

    def seen(self) -> list[tuple[Arrived, Future[Prompt]]]:
        """Calls whose pictures have been read since the last time; their futures hold a Prompt, or raise Refused."""
        done = [each for each in self._arrived.values() if each[1].done()]
        for arrived, _ in done:
            del self._arrived[arrived.head.serial]
        return done

    def encode(self, picture: Picture) -> None:
        """Sees to it that its states are computed, once."""
        if picture.asked:
            return
        picture.asked = True

        def encoded(future: Future[None]) -> None:
            if (error := future.exception()) is not None:
                picture.broken = True
                traceback.print_exception(error)
            self.wake()

        self._encoding.submit(self._encode, picture).add_done_callback(encoded)

    def _encode(self, picture: Picture) -> None:
        if not picture.dropped:
            self._vision.encode(picture)

    def _look(self, arrived: Arrived) -> Prompt:
        try:
            wanted = itertools.takewhile(lambda _: not arrived.gone.is_set(), pixels(arrived.pictures))
            return self._vision.look(arrived.text, wanted)
        except ParameterRefused as refused:
            raise Refused("parameter", str(refused)) from refused
        except PicturesMisplaced:
            raise Refused("template", _MISPLACED) from None
        except MemoryError:
            raise Refused("busy", _NO_MEMORY) from None
