"""Reads the settings file: TOML, one table per topic of `settings`, nothing unknown, nothing of the wrong type.

Example:
    [server]
    port = 8484

    [[providers]]
    name = "openai"
    base_url = "https://api.openai.com/v1"
    api_key_file = "/etc/nightjar/openai.key"
    models = [{ name = "gpt-4o-mini", prompt_price = 150_000, completion_price = 600_000 }]
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tomllib
import typing
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from relay.errors import RelayError
from relay.settings import RelaySettings

FILE_NAME = "relay.toml"


class BadSettings(RelayError):
    """The settings file cannot be used."""

    remedy = "Correct the file, or move it away to start with the defaults."

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"the settings file {self.path} cannot be used: {self.problem}"


def data_folder() -> Path:
    """Where a relay keeps its data if nobody says otherwise: the user's data folder of each system."""
    if chosen := os.environ.get("NIGHTJAR_HOME"):
        return Path(chosen) / "relay"
    return _user_data() / "relay"


def local_folder() -> Path:
    """Where the private relay of `nightjar local` keeps its data: within the desktop's, by the desktop's rules."""
    if chosen := os.environ.get("NIGHTJAR_HOME"):
        return Path(chosen).expanduser().absolute() / "data" / "local" / "relay"
    return _user_data() / "local" / "relay"


def existing_folder() -> Path:
    """The default folder; that of `nightjar local` if only there is a relay."""
    folder, local = data_folder(), local_folder()
    return local if holds_relay(local) and not holds_relay(folder) else folder


def holds_relay(folder: Path) -> bool:
    """Whether a relay was started there, or a person wrote its settings there."""
    return (folder / FILE_NAME).exists() or RelaySettings(data=folder).database.exists()


def _user_data() -> Path:
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "nightjar"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "nightjar"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "nightjar"


def load(data: Path | None = None, file: Path | None = None) -> RelaySettings:
    """The settings of `file`, or of `relay.toml` in the data folder if there is one, or the defaults.

    `data` is the data folder, whatever the file says.

    Raises:
        BadSettings: the file is missing though it was named, unreadable, no TOML, or says something unknown.
    """
    folder = data or data_folder()
    path = file or folder / FILE_NAME
    if file is None and not path.exists():
        return RelaySettings(data=folder)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(path, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(path, str(error)) from error
    return _convert(path, {"data": str(folder), **table} if data is None else {**table, "data": str(data)})


def _convert(path: Path, table: dict[str, Any]) -> RelaySettings:
    if unknown := _unknown(table, RelaySettings, ""):
        raise BadSettings(path, f"it names {unknown!r}, which is no setting")
    try:
        return msgspec.convert(table, RelaySettings, dec_hook=_path, strict=True)
    except msgspec.ValidationError as error:
        raise BadSettings(path, str(error).replace("`$.", "`").replace("`", "'")) from error


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError


def _unknown(value: Any, kind: Any, where: str) -> str:
    """The first name in `value` that is no field of what it should become; empty if there is none."""
    if isinstance(value, list) and typing.get_origin(kind) is tuple:
        named = ((each, typing.get_args(kind)[0], f"{where}[{index}]") for index, each in enumerate(value))
    elif isinstance(value, dict) and dataclasses.is_dataclass(kind):
        fields = typing.get_type_hints(kind)
        prefix = f"{where}." if where else ""
        if unknown := next((name for name in value if name not in fields), ""):
            return prefix + unknown
        named = ((each, fields[name], prefix + name) for name, each in value.items())
    else:
        return ""
    return next(filter(None, (_unknown(*each) for each in named)), "")


def version() -> str:
    """Of the installed distribution; a checkout that was never installed has none."""
    try:
        return metadata.version("nightjar")
    except metadata.PackageNotFoundError:
        return "0.0.0+source"
