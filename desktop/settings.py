"""What a person may set by hand, in `settings.toml` of the user's config folder; the app itself never writes there.

What the owner chooses in the app (mode, pause, enrolment) is kept by `agent.record` instead. One frozen struct per
topic; every field has its unit and the reason of its default. An unknown key is an error: a misspelt limit that is
silently ignored would be worse than a start that fails with a line naming it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from desktop.errors import SettingsUnreadable

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class SharingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When this PC shares."""

    first_mode: Literal["off", "idle", "always"] = "idle"
    """Mode before the owner has chosen one. Idle: a PC never shares while it is used unless its owner said so."""

    drain_s: Seconds = 30.0
    """How long "finish, then stop" waits for running answers; the relay waits no longer either."""


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

    slots: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    """Answers at once. They share one context memory, and batching them costs each little speed."""

    context: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Tokens of one answer's context; 0: what the model was made for, as far as memory allows."""

    threads: Annotated[int, msgspec.Meta(ge=0, le=512)] = 0
    """CPU threads; 0: one per physical core."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `settings.toml`; every table and key may be left out."""

    sharing: SharingSettings = SharingSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    link: LinkSettings = LinkSettings()
    inference: InferenceSettings = InferenceSettings()


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(path, str(error).rstrip(".")) from error
