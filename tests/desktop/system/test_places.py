"""Folders, the lock, settings and the record: what is on this PC's disk."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.agent.record import Membership, Record, load_record, save_record
from desktop.agent.state import Mode
from desktop.errors import FolderUnusable, SettingsUnreadable
from desktop.settings import Settings, load_settings
from desktop.system.display import has_display
from desktop.system.hardware import hardware_facts
from desktop.system.lock import FileLock
from desktop.system.paths import Paths


def test_all_folders_are_private_and_below_the_home_that_was_named(own_home: Path) -> None:
    paths = Paths.for_user()
    paths.make()
    assert paths.data.is_relative_to(own_home)
    assert paths.data.stat().st_mode & 0o777 == 0o700


def test_a_long_home_still_has_a_socket_address_short_enough(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    paths = Paths.under(home)
    assert len(os.fsencode(paths.control)) <= 100
    assert paths.control != Paths.under(home / "other").control


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FolderUnusable, match=str(tmp_path)):
        Paths.under(tmp_path / "home").make()


def test_a_file_in_the_way_of_a_folder_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(FolderUnusable, match="config"):
        Paths.under(tmp_path).make()


def test_the_lock_is_held_by_one_process_and_falls_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from desktop.system.lock import FileLock;"
        "print(FileLock(Path(sys.argv[1])).acquire(), flush=True); sys.stdin.read()"
    )
    lock = FileLock(path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not lock.acquire()
        other.kill()
        other.wait()
    assert lock.acquire()
    lock.release()


def test_no_settings_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "settings.toml") == Settings()


def test_the_public_defaults_are_these() -> None:
    settings = Settings()
    assert settings.sharing.first_mode == "idle"
    assert settings.sharing.drain_s == 30
    assert (settings.link.retry_first_s, settings.link.retry_most_s, settings.link.ping_s) == (1, 60, 20)
    assert (settings.inference.slots, settings.inference.context, settings.inference.threads) == (8, 0, 0)


@pytest.mark.parametrize(
    "text",
    ["[sharing", "[sharing]\nfirst_mode = 'sometimes'", "[unknown]\n", "[inference]\nslots = 0", "\x00", "a = é"],
)
def test_a_settings_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsUnreadable) as failed:
        load_settings(path)
    assert str(path) in failed.value.line()
    assert "\n" not in failed.value.line()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[limits]\nmemory_mib = -1", "`memory_mib` under [limits] takes a whole number of at least 0"),
        ("[sharing]\nidle_s = 'long'", "`idle_s` under [sharing] takes a number"),
        (
            "[sharing]\nbattery_stop_percent = 100.5",
            "`battery_stop_percent` under [sharing] takes a number of at most 100",
        ),
        ("[sharing]\nexclusive_apps = [1]", "`exclusive_apps[0]` under [sharing] takes a text"),
        ("[sharing]\nfirst_mode = 'sometimes'", "`first_mode` under [sharing] cannot be 'sometimes'"),
        ("[sharing]\nbattery_start_percent = 1", "`battery_start_percent` is below `battery_stop_percent`"),
        ("[limits]\nmemory = 1", "there is no setting `memory` under [limits]"),
        ("limits = 3", "`limits` takes a table"),
        ("memory = 1", "there is no setting `memory`"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_in_words(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsUnreadable) as failed:
        load_settings(tmp_path / "settings.toml")
    assert failed.value.why == why


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    membership = Membership(
        relay="https://relay.example", node_id="n", key_id="k", relay_key=b"\x01" * 32, secrets="file"
    )
    record = Record(mode=Mode.ALWAYS, snoozed_until=1.5, membership=membership)
    save_record(tmp_path / "agent.json", record)
    assert load_record(tmp_path / "agent.json") == record


def test_a_damaged_record_is_an_error_and_no_forgotten_enrolment(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_text('{"membership": {')
    with pytest.raises(SettingsUnreadable):
        load_record(path)


def test_hardware_facts_are_figures_of_this_pc() -> None:
    facts = hardware_facts()
    assert facts["threads"] == os.cpu_count()
    assert isinstance(facts["memory_mib"], int)
    assert all(isinstance(value, str | int | float) for value in facts.values())


def test_a_display_counts_only_if_something_answers_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-9")
    assert not has_display()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-9"))
        server.listen()
        assert has_display()
