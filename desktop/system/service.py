"""Nightjar as a service of the user on Linux: started with the PC, and again when it fails, by systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from desktop.errors import CommandRefused
from desktop.system.paths import HOME_VARIABLE
from desktop.system.program import own_command

UNIT = "nightjar.service"
_PATIENCE_S = 30.0
_REMEDY = "Log in as yourself, not by su or sudo, and try again; or start it yourself: nightjar --headless"
"""People who became another user have no systemd of their own, which is the common cause."""


def unit_text(command: tuple[str, ...], *, home: str = "", manual: str = "systemd.service(5)") -> str:
    """The unit. `home`: the value of NIGHTJAR_HOME, if it is to have one. `manual`: a page to read about it."""
    environment = f'Environment="{HOME_VARIABLE}={_escaped(home)}"\n' if home else ""
    return f"""[Unit]
Description=Nightjar: lends this PC's idle time to run language models
Documentation=man:{manual}

[Service]
Type=exec
ExecStart={" ".join(_quoted(word) for word in command)}
{environment}Restart=on-failure
RestartSec=10
# Running answers are handed over or finished; the second signal would cut that short.
TimeoutStopSec=40
KillMode=mixed
Nice=10
CPUWeight=20
IOWeight=20
OOMScoreAdjust=500

[Install]
WantedBy=default.target
"""


def unit_file() -> Path:
    """Where systemd looks for units of this user."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "systemd" / "user" / UNIT


def install() -> Path:
    """Writes the unit and starts it. Raises CommandRefused."""
    _require_systemd()
    file = unit_file()
    was_there = file.exists()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(unit_text(own_command("--headless"), home=os.environ.get(HOME_VARIABLE, "")), encoding="utf-8")
    except OSError as error:
        raise CommandRefused(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.") from error
    try:
        _systemctl("daemon-reload")
    except CommandRefused:
        if not was_there:
            file.unlink(missing_ok=True)
        raise
    _systemctl("enable", "--now", UNIT)
    return file


def remove() -> bool:
    """Stops the service and removes its unit; False if there was none. Raises CommandRefused."""
    file = unit_file()
    if not file.exists():
        return False
    _require_systemd()
    _systemctl("disable", "--now", UNIT)
    file.unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return True


def _require_systemd() -> None:
    if sys.platform != "linux" or shutil.which("systemctl") is None:
        raise CommandRefused(
            "There is no systemd here to run Nightjar as a service.", "Start it yourself: nightjar --headless"
        )


def _systemctl(*words: str) -> None:
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandRefused(f"systemd does not answer: {error}.", _REMEDY) from error
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2] or f"it ended with {done.returncode}"
        raise CommandRefused(f"systemd refused `{' '.join(words)}`: {said.rstrip('.')}.", _REMEDY)


def _quoted(word: str) -> str:
    return f'"{_escaped(word)}"'


def _escaped(text: str) -> str:
    """By the rules of unit files: percent signs are specifiers, dollars are variables."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
