"""Films, calls and games that nobody touches a key for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.login1 import Login1
from desktop.system.uses.linux import (
    AlsaCapture,
    Camera,
    GameMode,
    GnomeInhibitor,
    KdeInhibitor,
    LoginInhibitor,
    PowerInhibitor,
    PulseCapture,
)
from tests.desktop.system.buses import (
    GameModeService,
    GnomeSession,
    LoginManager,
    PolicyAgent,
    PowerInhibit,
    offered,
)


async def test_a_film_that_keeps_gnome_from_becoming_idle_is_seen(bus: Bus, address: str) -> None:
    """A film without input: BOINC/boinc#2301, #4986, rcaelers/workrave#565, nicehash/NiceHashMiner#547."""
    session = GnomeSession()
    async with offered(address, "org.gnome.SessionManager", {"/org/gnome/SessionManager": session}):
        assert not await GnomeInhibitor(bus).look()
        session.held = 4  # Suspending only: a download, say.
        assert not await GnomeInhibitor(bus).look()
        session.held = 8 | 4
        assert await GnomeInhibitor(bus).look() == "a program plays or presents something"


@pytest.mark.parametrize("held", [1, 4])
async def test_a_film_on_kde_is_seen(bus: Bus, address: str, held: int) -> None:
    """A film without input, on KDE: BOINC/boinc#1137."""
    agent, name = PolicyAgent(), "org.kde.Solid.PowerManagement.PolicyAgent"
    async with offered(address, name, {"/org/kde/Solid/PowerManagement/PolicyAgent": agent}):
        assert not await KdeInhibitor(bus).look()
        agent.held = held
        assert await KdeInhibitor(bus).look()


async def test_a_film_on_xfce_and_its_like_is_seen(bus: Bus, address: str) -> None:
    """A film without input, elsewhere: BOINC/boinc#819."""
    service = PowerInhibit()
    path = "/org/freedesktop/PowerManagement/Inhibit"
    async with offered(address, "org.freedesktop.PowerManagement", {path: service}):
        assert not await PowerInhibitor(bus).look()
        service.held = True
        assert await PowerInhibitor(bus).look()


async def test_an_inhibitor_of_logind_is_named(bus: Bus, address: str) -> None:
    manager = LoginManager()
    manager.inhibitors = [["idle", "Firefox", "video", "block", 1000, 2]]
    async with offered(address, LoginManager.NAME, {LoginManager.PATH: manager}):
        assert await LoginInhibitor(Login1(bus)).look() == "Firefox plays or presents something"


async def test_a_game_played_with_a_gamepad_is_seen_through_gamemode(bus: Bus, address: str) -> None:
    """Gamepads reset no idle timer: hyprwm/Hyprland#15967, hyprwm/hypridle#124, swaywm/sway#6801."""
    service = GameModeService()
    async with offered(address, "com.feralinteractive.GameMode", {"/com/feralinteractive/GameMode": service}):
        assert not await GameMode(bus).look()
        service.clients = 1
        assert await GameMode(bus).look() == "a game"


@pytest.mark.parametrize("use", [GnomeInhibitor, KdeInhibitor, PowerInhibitor, GameMode])
async def test_what_a_desktop_lacks_is_said_to_be_missing(
    bus: Bus, use: type[GnomeInhibitor | KdeInhibitor | PowerInhibitor | GameMode]
) -> None:
    """An idle source that is missing must be seen in the diagnostics: entracte#190."""
    with pytest.raises(SourceSilent):
        await use(bus).look()


@pytest.mark.parametrize(("state", "words"), [("RUNNING", "the microphone is in use"), ("closed", "")])
async def test_a_sound_card_that_records_is_a_call(tmp_path: Path, state: str, words: str) -> None:
    for stream, text in (("pcm0p", "state: RUNNING\n"), ("pcm0c", f"state: {state}\nowner_pid : 1234\n")):
        folder = tmp_path / "card0" / stream / "sub0"
        folder.mkdir(parents=True)
        (folder / "status").write_text(text)
    assert await AlsaCapture(tmp_path).look() == words


async def test_a_pc_without_sound_has_no_microphone(tmp_path: Path) -> None:
    with pytest.raises(SourceSilent, match="no sound card"):
        await AlsaCapture(tmp_path / "none").look()


def pactl(folder: Path, script: str) -> tuple[str, ...]:
    tool = folder / "pactl"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return (str(tool), "list", "short", "source-outputs")


@pytest.mark.parametrize(
    ("script", "words"),
    [("printf '7\\t1\\t23\\tPipeWire\\tfloat32le 1ch 48000Hz\\n'", "the microphone is in use"), ("true", "")],
)
async def test_a_stream_from_a_headset_is_a_call(tmp_path: Path, script: str, words: str) -> None:
    assert await PulseCapture(pactl(tmp_path, script)).look() == words


@pytest.mark.parametrize(("script", "says"), [("exit 1", "no sound server"), ("exec sleep 60", "does not answer")])
async def test_a_sound_server_that_is_not_there_or_hangs_is_let_be(
    tmp_path: Path, script: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in script:
        monkeypatch.setattr("desktop.system.uses.linux._PATIENCE_S", 0.2)
    with pytest.raises(SourceSilent, match=says):
        await PulseCapture(pactl(tmp_path, script)).look()


async def test_a_camera_that_a_program_holds_open_is_in_use(tmp_path: Path) -> None:
    devices, processes = tmp_path / "dev", tmp_path / "proc"
    (processes / "17" / "fd").mkdir(parents=True)
    devices.mkdir()
    (devices / "video0").touch()
    camera = Camera(devices, processes)
    assert not await camera.look()
    (processes / "17" / "fd" / "5").symlink_to(devices / "video0")
    assert await camera.look() == "the camera is in use"


async def test_a_real_process_that_holds_the_device_is_found(tmp_path: Path) -> None:
    device = tmp_path / "video3"
    with device.open("w"):
        assert await Camera(tmp_path).look()
    assert not await Camera(tmp_path).look()
