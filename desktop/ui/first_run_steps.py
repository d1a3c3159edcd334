"""How far the first run has come: the steps in their order, and the place where the last one reached is kept."""

from __future__ import annotations

import enum
import logging
from pathlib import Path

import msgspec

from desktop.system.files import write_private

_log = logging.getLogger(__name__)


class Step(enum.StrEnum):
    """In the order in which an owner goes through them; DONE is behind the last."""

    WELCOME = "welcome"
    CONNECT = "connect"
    TEST = "test"
    MODEL = "model"
    SHARE = "share"
    DONE = "done"


STEPS = tuple(step for step in Step if step is not Step.DONE)


class _Kept(msgspec.Struct, frozen=True):
    step: Step


class Progress:
    """The step that was reached, kept over restarts. None: there has been no first run yet."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step = self._read()

    def keep(self, step: Step) -> None:
        """A step that cannot be kept is asked for again at the next start: no harm, so nobody is told."""
        self.step = step
        try:
            write_private(self._file, msgspec.json.encode(_Kept(step)))
        except OSError as error:
            _log.warning("the step of the first run cannot be kept: %s", error)

    def _read(self) -> Step | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept).step
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("the step of the first run cannot be read: %s", error)
            return None


def wanted(reached: Step | None, *, enrolled: bool) -> bool:
    """Whether there is to be a first run: not for a PC that was connected some other way before it began."""
    if reached is None:
        return not enrolled
    return reached is not Step.DONE
