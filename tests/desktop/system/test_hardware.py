from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from desktop.system import hardware
from desktop.system.hardware import memory

GIB = 1024**3


def a_group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content + "\n")


def test_memory_is_that_of_this_pc() -> None:
    found = memory()

    assert 0 < found.available <= found.total <= psutil.virtual_memory().total


@pytest.mark.parametrize("path", ["/", "/docker/ab"])
def test_in_a_container_it_is_what_that_may_use(tmp_path: Path, path: str) -> None:
    a_group(
        tmp_path / path.lstrip("/"),
        memory__max=str(2 * GIB),
        memory__current=str(GIB),
        memory__stat=f"anon 5\ninactive_file {GIB // 2}",
    )

    assert set(hardware._container_limits(tmp_path, f"0::{path}\n")) == {(2 * GIB, GIB // 2)}


def test_the_older_interface_is_understood_as_well(tmp_path: Path) -> None:
    a_group(
        tmp_path / "memory" / "docker",
        memory__limit_in_bytes=str(GIB),
        memory__usage_in_bytes=str(GIB),
        memory__stat=f"total_inactive_file {GIB // 4}",
    )

    limits = hardware._container_limits(tmp_path, "7:cpu,cpuacct:/docker\n4:memory:/docker\n")
    assert set(limits) == {(GIB, GIB * 3 // 4)}


def test_no_limit_is_none(tmp_path: Path) -> None:
    a_group(tmp_path / "user", memory__max="max", memory__current="5", memory__stat="")

    assert list(hardware._container_limits(tmp_path, "0::/user\n0::/absent\n")) == []


def test_kills_for_want_of_memory_are_counted_where_the_system_says() -> None:
    assert hardware.out_of_memory_kills() >= 0


@pytest.mark.parametrize(
    ("wanted", "seen"), [(None, [0, 1, 2]), ("", []), ("0,2", [0, 2]), ("GPU-8932f937", [0, 1, 2]), ("7", [])]
)
def test_only_the_cards_the_engine_may_use_are_seen(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, seen: list[int]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if wanted is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wanted)
    assert hardware._visible(range(3)) == seen


def test_what_the_owner_allows_is_what_cuda_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    hardware.use_cards((1, 2))
    assert hardware._visible(range(3)) == [1, 2]
