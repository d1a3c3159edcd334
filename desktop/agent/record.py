"""What the agent remembers between starts: mode, pause, and which node of which relay this PC is.

No secret is in it; the key is in the secret store that `Membership.secrets` names. Written whole and in one step, so a
crash leaves the old record or the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from desktop.agent.state import Mode
from desktop.errors import FolderUnusable, SettingsUnreadable
from desktop.system.files import write_private


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolment. `relay_key` is the relay's Ed25519 public key, pinned now: no other server is believed later."""

    relay: str
    node_id: str
    key_id: str
    relay_key: bytes
    secrets: Literal["keystore", "file"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`mode` is None until the owner chose one: the settings' first mode holds. `rules` are those chosen in the app.

    `snoozed_for` is what ends a pause before its time: a program that closes, or `plugged in`.
    """

    mode: Mode | None = None
    snoozed_until: float | None = None
    snoozed_for: str = ""
    rules: dict[str, object] = {}
    membership: Membership | None = None


def load_record(path: Path) -> Record:
    """Raises SettingsUnreadable: to forget an enrolment because of one bad byte would be a silent loss."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record()
    except OSError as error:
        raise SettingsUnreadable(path, error.strerror or str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(path, str(error)) from error


def save_record(path: Path, record: Record) -> None:
    """Blocks for one disk write. Raises FolderUnusable."""
    try:
        write_private(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    except OSError as error:
        raise FolderUnusable(path.parent, error.strerror or str(error)) from error
