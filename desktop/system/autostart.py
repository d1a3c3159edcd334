"""Start at login: asked once and never assumed, and changed only when the owner says so.

Each system keeps its own list of what starts with a login, and lets people switch an entry off without our knowing.
What they decided there is told (`AtLogin.blocked`); where the system means it to be their last word, it is.
"""

from __future__ import annotations

import contextlib
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from desktop.errors import CommandRefused
from desktop.system.paths import HOME_VARIABLE
from desktop.system.program import own_command

_ENTRY: Final = "nightjar.desktop"
_LABEL: Final = "org.nightjar.desktop"
_VALUE: Final = "Nightjar"
_CURRENT_VERSION: Final = r"Software\Microsoft\Windows\CurrentVersion"
RUN_KEY: Final = _CURRENT_VERSION + r"\Run"
APPROVED_KEY: Final = _CURRENT_VERSION + r"\Explorer\StartupApproved\Run"
_ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class AtLogin:
    """Whether Nightjar starts with the owner's next login, and where that is written down."""

    on: bool
    place: str
    """A file, or a value of the registry."""
    blocked: str = ""
    """Where our entry is there and switched off elsewhere: a sentence that says where."""


class Autostart(Protocol):
    """One system's list. Only `turn_on` and `turn_off` change it; both may be said twice."""

    def state(self) -> AtLogin:
        """Raises CommandRefused where the system does not tell."""
        ...

    def turn_on(self) -> AtLogin:
        """Raises CommandRefused where it cannot be written, or was switched off elsewhere."""
        ...

    def turn_off(self) -> AtLogin:
        """Raises CommandRefused where it cannot be written."""
        ...


def autostart() -> Autostart:
    """This system's list. Raises CommandRefused on a system whose list we do not know."""
    system: str = sys.platform
    command, home = own_command("--background"), os.environ.get(HOME_VARIABLE, "")
    if system == "linux":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        return XdgAutostart(config / "autostart" / _ENTRY, command, home=home)
    if system == "darwin":
        agents = Path("~/Library/LaunchAgents").expanduser()
        return LaunchAgent(agents / f"{_LABEL}.plist", command, home=home, launchctl=_launchctl)
    if system == "win32":
        return RunKey(import_module("winreg"), command)
    raise CommandRefused("Nightjar does not know how programs start with a login on this system.")


# --- Linux: freedesktop.org's Desktop Application Autostart Specification -----------------------------------------


class XdgAutostart:
    """A launcher in the owner's own folder, which all desktops read; removing the program makes it mean nothing."""

    def __init__(self, file: Path, command: Sequence[str], *, home: str = "") -> None:
        self._file = file
        self._command = tuple(command)
        self._home = home

    def state(self) -> AtLogin:
        entry = _entry_of(_read(self._file))
        off = entry.get("Hidden") == "true" or entry.get("X-GNOME-Autostart-enabled") == "false"
        blocked = "It was switched off in the settings of this desktop." if entry and off else ""
        if entry and not off and self._is_of_another(entry):
            off, blocked = True, "It was written for a program that is no longer there: switch it on again."
        return AtLogin(bool(entry) and not off, str(self._file), blocked)

    def _is_of_another(self, entry: dict[str, str]) -> bool:
        """Of a copy of Nightjar that was moved or removed: desktops pass it over without a word."""
        program = entry.get("TryExec", "")
        return program != _as_value(self._command[0]) and shutil.which(program.replace("\\\\", "\\")) is None

    def turn_on(self) -> AtLogin:
        _write(self._file, entry_text(self._command, home=self._home).encode())
        return self.state()

    def turn_off(self) -> AtLogin:
        _remove(self._file)
        return self.state()


def entry_text(command: Sequence[str], *, home: str = "") -> str:
    """The launcher. `home`: the value of NIGHTJAR_HOME, if it is to have one."""
    environment = ("env", f"{HOME_VARIABLE}={home}") if home else ()
    return f"""[Desktop Entry]
Type=Application
Name=Nightjar
Comment=Lends this PC's idle time to run language models
Icon=nightjar
TryExec={_as_value(command[0])}
Exec={_as_value(" ".join(map(_as_argument, (*environment, *command))))}
Terminal=false
X-GNOME-Autostart-enabled=true
X-GNOME-Autostart-Delay=10
"""


def _as_argument(word: str) -> str:
    """By the rules of `Exec`: in quotes, four letters with a backslash, and percent signs doubled."""
    for letter in '\\"`$':
        word = word.replace(letter, f"\\{letter}")
    return f'"{word}"'.replace("%", "%%")


def _as_value(text: str) -> str:
    """By the rules of every string of such a file."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _entry_of(content: bytes) -> dict[str, str]:
    """What the launcher says; empty where there is none."""
    lines = content.decode(errors="replace").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


# --- macOS --------------------------------------------------------------------------------------------------------


class LaunchAgent:
    """A job of launchd for the owner's graphical sessions; it starts with the next login, not now.

    `launchctl` runs that program with the given words and returns what it says.
    """

    def __init__(
        self, file: Path, command: Sequence[str], *, home: str = "", launchctl: Callable[[Sequence[str]], str]
    ) -> None:
        self._file = file
        self._command = tuple(command)
        self._home = home
        self._launchctl = launchctl

    def state(self) -> AtLogin:
        there = bool(_read(self._file))
        off = there and self._disabled()
        blocked = "It is switched off under System Settings, General, Login Items." if off else ""
        return AtLogin(there and not off, str(self._file), blocked)

    def turn_on(self) -> AtLogin:
        if self._disabled():
            raise CommandRefused(
                "macOS does not let Nightjar start at login.", "Allow it under System Settings, General, Login Items."
            )
        job: dict[str, Any] = {
            "Label": _LABEL,
            "ProgramArguments": list(self._command),
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
        }
        if self._home:
            job["EnvironmentVariables"] = {HOME_VARIABLE: self._home}
        _write(self._file, plistlib.dumps(job))
        return self.state()

    def turn_off(self) -> AtLogin:
        _remove(self._file)
        return self.state()

    def _disabled(self) -> bool:
        """It says `"label" => disabled`, or `=> true` before macOS 13."""
        said = self._launchctl(("print-disabled", f"gui/{os.getuid()}"))
        verdicts = (line.split("=>")[1].strip() for line in said.splitlines() if f'"{_LABEL}" =>' in line)
        return any(verdict in ("disabled", "true") for verdict in verdicts)


def _launchctl(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(["/bin/launchctl", *words], capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandRefused(f"launchd does not answer: {error}.") from error
    return done.stdout


# --- Windows ------------------------------------------------------------------------------------------------------


class RunKey:
    """A value of the registry's `Run` key of this user. `registry` is the module winreg."""

    def __init__(self, registry: Any, command: Sequence[str]) -> None:
        self._registry = registry
        self._line = subprocess.list2cmdline(command)

    def state(self) -> AtLogin:
        there = self._value(RUN_KEY) is not None
        off = there and self._disapproved()
        blocked = "It is switched off under Startup apps in the Task Manager." if off else ""
        return AtLogin(there and not off, rf"HKEY_CURRENT_USER\{RUN_KEY}, {_VALUE}", blocked)

    def turn_on(self) -> AtLogin:
        if self._disapproved():
            raise CommandRefused(
                "Windows does not let Nightjar start at login.", "Allow it in the Task Manager, under Startup apps."
            )
        try:
            with self._registry.CreateKey(self._registry.HKEY_CURRENT_USER, RUN_KEY) as key:
                self._registry.SetValueEx(key, _VALUE, 0, self._registry.REG_SZ, self._line)
        except OSError as error:
            raise _refused(RUN_KEY, error) from error
        return self.state()

    def turn_off(self) -> AtLogin:
        """What the Task Manager remembers of us stays: it is the owner's word there."""
        try:
            with self._registry.CreateKey(self._registry.HKEY_CURRENT_USER, RUN_KEY) as key:
                self._registry.DeleteValue(key, _VALUE)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _refused(RUN_KEY, error) from error
        return self.state()

    def _disapproved(self) -> bool:
        """The first byte is even where the entry may start, odd where a person switched it off."""
        approval = self._value(APPROVED_KEY)
        return isinstance(approval, bytes) and bool(approval) and bool(approval[0] & 1)

    def _value(self, path: str) -> Any:
        try:
            with self._registry.OpenKey(self._registry.HKEY_CURRENT_USER, path) as key:
                return self._registry.QueryValueEx(key, _VALUE)[0]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(path, error) from error


# --- files --------------------------------------------------------------------------------------------------------


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _refused(str(file), error) from error


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all: a half-written launcher would be read at the next login."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise _refused(str(file), error) from error


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(str(file), error) from error


def _refused(place: str, error: OSError) -> CommandRefused:
    why = (error.strerror or str(error)).lower()
    return CommandRefused(f"Start at login cannot be changed: {place}: {why}.", "See to it that you may write there.")
