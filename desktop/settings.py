"""What a person may set by hand, in `settings.toml` of the user's config folder; the app itself never writes there.

What the owner chooses in the app (mode, pause, enrolment) is kept by `agent.record` instead. One frozen struct per
topic; every field has its unit and the reason of its default. An unknown key is an error: a misspelt limit that is
silently ignored would be worse than a start that fails with a line naming it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from desktop.errors import SettingsUnreadable

MOST_ANSWERS = 64
"""More answers at once than this no engine here is asked for."""

LEAST_UPLOAD_KIB_S = 16
"""With less the relay would not hear in time that this PC is still there."""

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Celsius = Annotated[float, msgspec.Meta(ge=30, le=120)]

_KINDS: Final = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "a table",
}
_SIGNS: Final = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


class SharingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When this PC shares. The owner can change these in the app too (`nightjar rules`); what is changed there wins."""

    first_mode: Literal["off", "idle", "always"] = "idle"
    """Mode before the owner has chosen one. Idle: a PC never shares while it is used unless its owner said so."""

    idle_s: Annotated[float, msgspec.Meta(ge=10, le=7200)] = 300.0
    """Time without input before *When idle* shares: shorter is a phone call, longer wastes the lunch break."""

    idle_locked_s: Annotated[float, msgspec.Meta(ge=0, le=7200)] = 60.0
    """The same while the screen is locked: whoever locks it has left, but may have forgotten something."""

    clear_s: Annotated[float, msgspec.Meta(ge=10, le=3600)] = 60.0
    """Time for which other uses (a call, a game, load, heat) have to be over: they come in bursts."""

    grace_s: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.0
    """How long a running answer may go on when the owner returns. 0: it is handed over at once."""

    drain_s: Seconds = 30.0
    """How long "finish, then stop" waits for running answers; the relay waits no longer either."""

    schedule: str = ""
    """Hours of the week in which this PC may share, as in "mon-fri 18:00-08:00, sat-sun 00:00-24:00"; empty: all."""

    on_battery: bool = False
    """Whether to share while unplugged. Off: a laptop is carried to last."""

    battery_stop_percent: Percent = 40.0
    """Below this charge nothing is shared, plugged in or not: charging comes first."""

    battery_start_percent: Percent = 60.0
    """Once stopped by the charge, sharing starts above this: far enough from the other not to go back and forth."""

    hot_stop_c: Celsius = 90.0
    """At this temperature of processor or graphics card sharing stops, well before they slow themselves down."""

    hot_start_c: Celsius = 75.0
    """Once stopped by heat, sharing starts below this."""

    cpu_others_percent: Percent = 25.0
    """Processor use of other programs, of all cores together, above which *When idle* waits."""

    gpu_others_percent: Percent = 15.0
    """Graphics card use of other programs above which *When idle* waits. A desktop at rest stays below."""

    keep_memory_mib: Annotated[int, msgspec.Meta(ge=0)] = 1024
    """Memory in MiB that stays free for the owner's programs."""

    keep_disk_mib: Annotated[int, msgspec.Meta(ge=0)] = 1024
    """Disk space in MiB below which nothing is shared: the system needs it more."""

    exclusive_apps: tuple[str, ...] = ()
    """Programs that want the whole PC while they run, by the name of their file, as in ["blender", "game.exe"]."""

    def __post_init__(self) -> None:
        if self.battery_start_percent < self.battery_stop_percent:
            raise ValueError("`battery_start_percent` is below `battery_stop_percent`")
        if self.hot_start_c > self.hot_stop_c:
            raise ValueError("`hot_start_c` is above `hot_stop_c`")


class EnrolmentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where this PC is offered."""

    relay: str = ""
    """Address of the relay that `nightjar enroll` uses when none is named, e.g. https://relay.example."""


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The connection to the relay."""

    open_timeout_s: Seconds = 15.0
    """From dialling to a finished handshake: slow mobile links need several round trips."""

    retry_first_s: Seconds = 1.0
    """Upper bound of the first random wait; doubles with each failure."""

    retry_most_s: Seconds = 60.0
    """Upper bound of every wait: a relay that is back is found again within a minute."""

    ping_s: Seconds = 20.0
    """Interval of our own pings, and the time an answer may take: a half-open link is noticed within 40 s."""


class InferenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model this PC offers."""

    model: str = ""
    """Path of a GGUF file; empty: the demo model that comes with Nightjar."""

    name: str = ""
    """Name under which the relay offers it; empty: the name in the file."""

    slots: Annotated[int, msgspec.Meta(ge=1, le=MOST_ANSWERS)] = 8
    """Answers at once. They share one context memory, and batching them costs each little speed."""

    context: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Tokens of one answer's context; 0: what the model was made for, as far as memory allows."""

    threads: Annotated[int, msgspec.Meta(ge=0, le=512)] = 0
    """CPU threads; 0: one per physical core."""


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of this PC models may take, beside `inference.threads` and what `sharing` keeps free."""

    answers_in_use: Annotated[int, msgspec.Meta(ge=1, le=MOST_ANSWERS)] = 1
    """Answers at once while the PC is used and mode *Always* shares all the same: one leaves most of it alone.
    `nightjar local` takes no notice of it: there the owner is the caller."""

    memory_mib: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The most main memory that a model may take; 0: what is free, less what the owner's programs keep."""

    cards: tuple[Annotated[int, msgspec.Meta(ge=0, le=63)], ...] | None = None
    """NVIDIA graphics cards that models may use, by number; none: all of them; []: the processor only."""

    upload_kib_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    """KiB a second that answers may send at most; 0: as fast as they are written, about 1 KiB for each."""

    def __post_init__(self) -> None:
        if 0 < self.upload_kib_s < LEAST_UPLOAD_KIB_S:
            raise ValueError(f"`upload_kib_s` is below {LEAST_UPLOAD_KIB_S}; 0 is no limit")


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of another engine that runs on this PC (Ollama, LM Studio, llama-server, vLLM) and is offered as well.

    To be named here is its owner's consent: no engine is used, and none is looked for, without.
    """

    url: str
    """Where it listens on this computer, e.g. http://127.0.0.1:11434."""

    model: str
    """The model, as that engine calls it."""

    name: str = ""
    """Name under which the relay offers it; empty: the engine's."""

    key: str = ""
    """API key, where the engine wants one."""

    slots: Annotated[int, msgspec.Meta(ge=0, le=MOST_ANSWERS)] = 0
    """Answers at once; 0: what the engine says it writes at once, or one."""


class PrivateRelaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The relay that runs beside the app, where its owner wants one (page Settings)."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8484
    """On this computer alone. Always the same, so that programs need to be told once; 0 takes a free one."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `settings.toml`; every table and key may be left out."""

    sharing: SharingSettings = SharingSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    link: LinkSettings = LinkSettings()
    inference: InferenceSettings = InferenceSettings()
    limits: LimitSettings = LimitSettings()
    engines: tuple[EngineSettings, ...] = ()
    private_relay: PrivateRelaySettings = PrivateRelaySettings()


def load_settings(path: Path) -> Settings:
    """The settings in `path`, or the defaults if there is no such file.

    Raises SettingsUnreadable for anything else: not readable, not TOML, an unknown key, a value out of range.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise SettingsUnreadable(path, error.strerror or str(error)) from error
    try:
        return msgspec.toml.decode(raw, type=Settings)
    except msgspec.ValidationError as error:
        raise SettingsUnreadable(path, in_words(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(path, str(error).rstrip(".")) from error


def in_words(error: msgspec.ValidationError) -> str:
    """What is wrong with a value and what would be right, as a clause: msgspec speaks to programmers."""
    said, _, path = str(error).partition(" - at `$")
    place = path.strip(".`")
    table, _, name = place.rpartition(".")
    where = f"`{name}` under [{table}]" if table else f"`{name}`" if name else "it"
    if unknown := re.fullmatch(r"Object contains unknown field (`.*`)", said):
        return f"there is no setting {unknown[1]}" + (f" under [{place}]" if place else "")
    if wanted := re.fullmatch(r"Expected `(.*?)`(?: ([<>]=?) (\S+))?(?:, got `.*`)?", said):
        kind, sign, bound = wanted.groups()
        kinds = " or ".join(_KINDS.get(each, each) for each in kind.split(" | ") if each != "null")
        return f"{where} takes {kinds}" + (f" {_SIGNS[sign]} {float(bound):g}" if sign else "")
    if enum := re.fullmatch(r"Invalid enum value (.*)", said):
        return f"{where} cannot be {enum[1]}"
    return said
