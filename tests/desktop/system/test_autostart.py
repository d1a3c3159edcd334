"""Start at login: on Linux real files and what the desktops make of them, elsewhere the border of the libraries."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop import cli
from desktop.errors import CommandRefused
from desktop.system.autostart import APPROVED_KEY, RUN_KEY, Autostart, LaunchAgent, RunKey, XdgAutostart, entry_text

ODD = ('/opt/my apps/100% $HOME `x` \\ "q"/nightjar', "--background")


class Registry:
    """winreg over a dictionary of (key, value name)."""

    HKEY_CURRENT_USER = 1
    REG_SZ = 1

    class Key(str):
        __slots__ = ()

        def __enter__(self) -> Registry.Key:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], object] = {}
        self.refusal: OSError | None = None

    def OpenKey(self, root: int, path: str) -> Registry.Key:  # noqa: N802
        assert root == self.HKEY_CURRENT_USER
        return self.Key(path)

    def CreateKey(self, root: int, path: str) -> Registry.Key:  # noqa: N802
        if self.refusal is not None:
            raise self.refusal
        return self.OpenKey(root, path)

    def SetValueEx(self, key: str, name: str, reserved: int, kind: int, value: str) -> None:  # noqa: N802
        assert (reserved, kind) == (0, self.REG_SZ)
        self.values[key, name] = value

    def QueryValueEx(self, key: str, name: str) -> tuple[object, int]:  # noqa: N802
        if (key, name) not in self.values:
            raise FileNotFoundError(2, name)
        return self.values[key, name], 1

    def DeleteValue(self, key: str, name: str) -> None:  # noqa: N802
        if self.values.pop((key, name), None) is None:
            raise FileNotFoundError(2, name)


class Launchctl:
    def __init__(self) -> None:
        self.disabled = ""

    def __call__(self, words: Sequence[str]) -> str:
        assert words[0] == "print-disabled"
        return f'disabled services = {{\n\t"com.example.other" => true\n{self.disabled}}}\n'


def every_system(folder: Path) -> list[Autostart]:
    return [
        XdgAutostart(folder / "autostart" / "nightjar.desktop", ODD),
        LaunchAgent(folder / "LaunchAgents" / "nightjar.plist", ODD, launchctl=Launchctl()),
        RunKey(Registry(), ODD),
    ]


@pytest.mark.parametrize("system", range(3), ids=["xdg", "launchd", "registry"])
def test_it_is_off_until_turned_on_and_off_again_afterwards(tmp_path: Path, system: int) -> None:
    entry = every_system(tmp_path)[system]
    assert not entry.state().on
    assert not entry.turn_off().on
    assert entry.turn_on().on
    assert entry.turn_on() == entry.state()
    assert entry.state().on
    assert not entry.turn_off().on
    assert list(tmp_path.rglob("*nightjar*")) == []


# --- Linux --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-utils")
@pytest.mark.parametrize("command", [ODD, ("/usr/bin/nightjar", "--background")])
def test_the_launcher_is_valid(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "nightjar.desktop"
    file.write_text(entry_text(command, home="/home/a b"))
    done = subprocess.run(["desktop-file-validate", file], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio")
def test_a_desktop_starts_exactly_this_program_with_exactly_these_arguments(tmp_path: Path) -> None:
    program, told = tmp_path / "a b%c$d" / "night\\jar", tmp_path / "told"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$NIGHTJAR_HOME" "$@" > "{told}"\n')
    os.mkfifo(told)
    program.chmod(0o755)
    entry = XdgAutostart(tmp_path / "nightjar.desktop", (str(program), "--background"), home="/home/a b")
    place = entry.turn_on().place
    subprocess.run(["gio", "launch", place], check=True, timeout=30)
    assert told.read_text() == "/home/a b|--background|"


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_that_the_desktop_switched_off_is_told_and_the_owner_can_turn_it_on_here(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "nightjar.desktop"
    entry = XdgAutostart(file, ODD)
    entry.turn_on()
    file.write_text(file.read_text() + f"{line}\n")
    state = entry.state()
    assert not state.on
    assert "settings of this desktop" in state.blocked
    assert entry.turn_on().on


def test_an_entry_of_a_program_that_was_removed_starts_nothing_and_can_be_made_anew(tmp_path: Path) -> None:
    file, old = tmp_path / "nightjar.desktop", tmp_path / "old"
    old.touch(mode=0o755)
    XdgAutostart(file, (str(old), "--background")).turn_on()
    entry = XdgAutostart(file, ODD)
    assert entry.state().on
    old.unlink()
    assert not entry.state().on
    assert "no longer there" in entry.state().blocked
    assert entry.turn_on().on


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "autostart").write_text("a file where the folder should be")
    entry = XdgAutostart(tmp_path / "autostart" / "nightjar.desktop", ODD)
    with pytest.raises(CommandRefused, match="autostart") as refused:
        entry.turn_on()
    assert refused.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="the folder of Linux desktops")
def test_the_verb_says_how_it_is_and_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "autostart" / "nightjar.desktop"
    assert cli.main(["autostart"]) == 0
    assert capsys.readouterr().out == "Nightjar does not start when you log in.\n"
    assert cli.main(["autostart", "on"]) == 0
    assert str(file) in capsys.readouterr().out
    assert "--background" in file.read_text()
    assert cli.main(["autostart", "off", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "on": False, "place": str(file), "blocked": ""}
    assert not file.exists()


# --- macOS --------------------------------------------------------------------------------------------------------


def test_launchd_is_given_the_program_and_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "nightjar.plist"
    LaunchAgent(file, ODD, home="/Users/a b", launchctl=Launchctl()).turn_on()
    job = plistlib.loads(file.read_bytes())
    assert job["ProgramArguments"] == list(ODD)
    assert job["RunAtLoad"] is True
    assert job["EnvironmentVariables"] == {"NIGHTJAR_HOME": "/Users/a b"}


@pytest.mark.parametrize("word", ["disabled", "true"])
def test_an_item_that_macos_was_told_to_keep_off_stays_off(tmp_path: Path, word: str) -> None:
    launchctl = Launchctl()
    entry = LaunchAgent(tmp_path / "nightjar.plist", ODD, launchctl=launchctl)
    entry.turn_on()
    launchctl.disabled = f'\t"org.nightjar.desktop" => {word}\n'
    state = entry.state()
    assert not state.on
    assert "Login Items" in state.blocked
    with pytest.raises(CommandRefused, match="macOS") as refused:
        entry.turn_on()
    assert "Login Items" in refused.value.remedy


# --- Windows ------------------------------------------------------------------------------------------------------


def test_the_registry_holds_one_command_line() -> None:
    registry = Registry()
    RunKey(registry, ("C:\\Program Files\\Nightjar\\nightjar.exe", "--background")).turn_on()
    assert registry.values == {
        (RUN_KEY, "Nightjar"): '"C:\\Program Files\\Nightjar\\nightjar.exe" --background',
    }


def test_a_program_that_the_task_manager_was_told_to_keep_off_stays_off() -> None:
    registry = Registry()
    entry = RunKey(registry, ODD)
    entry.turn_on()
    registry.values[APPROVED_KEY, "Nightjar"] = bytes([2, *[0] * 11])
    assert entry.state().on
    registry.values[APPROVED_KEY, "Nightjar"] = bytes([3, *[0] * 11])
    state = entry.state()
    assert not state.on
    assert "Task Manager" in state.blocked
    with pytest.raises(CommandRefused, match="Windows") as refused:
        entry.turn_on()
    assert "Task Manager" in refused.value.remedy


def test_a_registry_that_refuses_is_quoted() -> None:
    registry = Registry()
    registry.refusal = PermissionError(13, "Access is denied")
    with pytest.raises(CommandRefused, match="access is denied"):
        RunKey(registry, ODD).turn_on()
