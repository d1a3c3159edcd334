"""What this PC is like now, as far as sharing is concerned: plain values that the sources fill in.

Knows no source, no clock and no I/O, so that what decides may read it. "Unknown" is a value of its own everywhere, and
whoever decides counts it as in use.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Unknown(enum.Enum):
    """No source on this PC can tell."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Presence:
    """The owner at this PC. `input_at` is the Unix time of the last input of anybody; `source` names who says so.

    `problem` says why nobody can tell, in a few words that end a sentence. `measuring`: the first look is to come yet.
    """

    input_at: float | Unknown = UNKNOWN
    source: str = ""
    locked: bool = False
    problem: str = ""
    measuring: bool = False


@dataclass(frozen=True, slots=True)
class Power:
    """`percent` of the battery, None without one; `saver`: the system saves energy."""

    on_battery: bool = False
    percent: float | None = None
    saver: bool = False


@dataclass(frozen=True, slots=True)
class Heat:
    """The hottest of processor and graphics cards, in degrees Celsius, and which that is; None: no sensor here."""

    celsius: float | None = None
    part: str = "processor"


@dataclass(frozen=True, slots=True)
class Load:
    """What programs other than ours use, as shares (0 to 1) of the whole, over the last ten seconds.

    `cpu` is UNKNOWN until ten seconds were measured. `gpu` is 0 where there is no graphics card that we could use.
    """

    cpu: float | Unknown = UNKNOWN
    gpu: float | Unknown = 0.0


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes free: memory that programs can have without swapping, and disk where models and logs lie."""

    memory: int | None = None
    disk: int | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything the sources say. Texts name what was found, in words that fit into a sentence; empty: nothing.

    `programs` are the running ones among those `sought`, which are the names in the owner's rules and pause; all in
    lower case. `metered`: the network costs by the byte, or might. `network` grows by one whenever the network, or the
    PC after sleep, came back.
    """

    presence: Presence = field(default_factory=Presence)
    power: Power = field(default_factory=Power)
    heat: Heat = field(default_factory=Heat)
    load: Load = field(default_factory=Load)
    room: Room = field(default_factory=Room)
    asleep: bool = False
    full_screen: str = ""
    call_or_video: str = ""
    programs: frozenset[str] = frozenset()
    sought: frozenset[str] = frozenset()
    metered: bool = False
    shutting_down: bool = False
    network: int = 0
