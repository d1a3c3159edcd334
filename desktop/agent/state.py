"""What the agent knows, as one frozen value that anyone may keep.

A `Snapshot` is the whole language upwards: the tray, the window, the control socket and the tests see the agent only
through it. A new fact means a new snapshot; nothing here changes in place, so it can cross threads without a lock.

Knows no I/O and no clock: times are Unix seconds that somebody else measured. Money is in nano-dollars.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from desktop.models.progress import Progress
from desktop.settings import SharingSettings


class Mode(enum.StrEnum):
    """What the owner wants, until they say otherwise."""

    OFF = "off"
    IDLE = "idle"
    ALWAYS = "always"


class Reason(enum.StrEnum):
    """Why this PC is or is not sharing, in the order in which reasons win. The word also travels to the relay."""

    NOT_ENROLLED = "not_enrolled"
    RELAY_UNREACHABLE = "relay_unreachable"
    NO_MODEL = "no_model"
    SHUTTING_DOWN = "shutting_down"
    ASLEEP = "asleep"
    MODE_OFF = "mode_off"
    SNOOZED = "snoozed"
    OUTSIDE_SCHEDULE = "outside_schedule"
    ON_BATTERY = "on_battery"
    TOO_HOT = "too_hot"
    EXCLUSIVE_APP = "exclusive_app"
    FULL_SCREEN = "full_screen"
    CALL_OR_VIDEO = "call_or_video"
    OWNER_ACTIVE = "owner_active"
    CPU_BUSY = "cpu_busy"
    GPU_BUSY = "gpu_busy"
    LOW_MEMORY = "low_memory"
    LOW_DISK = "low_disk"
    WARMING_UP = "warming_up"
    READY = "ready"
    SERVING = "serving"


@dataclass(frozen=True, slots=True)
class LinkState:
    """The connection to the relay.

    `none`: nothing to connect to. `waiting`: the last try failed because of `problem` and the next is at `retry_at`.
    `refused`: relay and PC did not believe or understand each other, which trying again does not mend.
    """

    kind: Literal["none", "connecting", "ready", "waiting"] = "none"
    relay: str = ""
    since: float = 0.0
    retry_at: float | None = None
    problem: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model on this PC. `decode_tps` is what one call alone reaches, in tokens/s; 0 until measured.

    `unloaded`: its memory was given back (`FreeMemory`); the next call loads it again. `blind` says why it does not
    look at images, though it has a picture part.
    """

    name: str
    kind: Literal["loading", "ready", "restarting", "failed", "unloaded"]
    slots: int = 0
    running: int = 0
    decode_tps: float = 0.0
    problem: str = ""
    blind: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Whether new calls are taken, and why, in one sentence for people.

    `until` is when this PC shares if nothing changes (without contact: when it is tried again), if that is known;
    not `firm`: not before then, but perhaps later. `remedy` is what the owner can do, empty if nothing. `used_at` is
    when the PC was last used, where that is the reason.
    """

    sharing: bool
    reason: Reason
    sentence: str
    until: float | None = None
    remedy: str = ""
    firm: bool = True
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that keeps this PC from sharing. `until` is when it ends if nothing changes, None if nobody knows."""

    reason: Reason
    sentence: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """At the Unix time `at` this PC began to share, or stopped, or its reason for waiting became another one.

    `freed_s`: how long it took until the model's process was gone and its memory back; None: none was loaded.
    """

    at: float
    sharing: bool
    reason: Reason
    sentence: str
    freed_s: float | None = None


@dataclass(frozen=True, slots=True)
class Earnings:
    """What this node has earned, in nano-dollars, as the relay says; days and months are those of UTC."""

    today: int
    month: int
    lifetime: int
    answers_today: int

    def by(self, now: float, *, told_at: float) -> Earnings:
        """What is left of it `now`. The relay speaks after each answer only, and a new day begins without one."""
        today, then = (datetime.fromtimestamp(at, UTC).date() for at in (now, told_at))
        if today == then:
            return self
        month = self.month if (today.year, today.month) == (then.year, then.month) else 0
        return replace(self, today=0, month=month, answers_today=0)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Whether a relay knows this PC. While `waiting`, the owner approves `user_code` at `approve_url`.

    `problem` is what ended the last attempt or, with `none`, the enrolment; an `enrolled` PC stays what it was.
    """

    kind: Literal["none", "waiting", "enrolled"] = "none"
    node_id: str = ""
    relay: str = ""
    user_code: str = ""
    approve_url: str = ""
    expires_at: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything about the agent at the Unix time `at`.

    `running` is the number of answers being written now, `tokens_per_s` their speed together over the last second,
    `rate_history` that speed for each of the last 60 seconds, oldest first (shorter just after the start).
    `snoozed_for` says what ends a pause before its time, empty if nothing does. `switches` are the last 50, the oldest
    first. `obstacles` is all that keeps this PC from sharing, the first being the reason of `sharing`. `rules` are the
    owner's, as they hold now; `presence` names who tells when the PC was last used, or why nobody can. `downloads` are
    models on their way here, in the order of the queue; `arrived` are those that have come since the agent began, in
    order. `missing` are models of the library whose files are not where they were. `unkept` is why what the owner chose
    last could not be written down: it holds only until the agent ends.
    """

    at: float
    mode: Mode
    snoozed_until: float | None
    sharing: Sharing
    link: LinkState
    enrolment: Enrolment
    models: tuple[ModelState, ...] = ()
    running: int = 0
    tokens_per_s: float = 0.0
    earnings: Earnings | None = None
    rate_history: tuple[float, ...] = ()
    snoozed_for: str = ""
    switches: tuple[Switch, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    rules: SharingSettings = field(default_factory=SharingSettings)
    presence: str = ""
    downloads: tuple[Progress, ...] = ()
    arrived: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unkept: str = ""
