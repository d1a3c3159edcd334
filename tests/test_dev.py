"""The `dev` script's own manners: portable, quick to refuse, one line with the remedy. What it installs, CI shows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERBS = ("run", "demo", "test", "check", "bench", "package", "translate", "shell")
Finished = subprocess.CompletedProcess[str]

# What the script itself calls, apart from Python: a machine that has nothing more.
PLAIN_TOOLS = """
awk cat cksum date df dirname env find getconf grep head id ldconfig mkdir mktemp rm sed sh sleep sort tail tr uname
""".split()  # noqa: SIM905 - twenty words read better as words


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with no environment yet."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("dev", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def run(checkout: Path, tmp_path: Path) -> Callable[..., Finished]:
    """Runs the script on a bare machine: no compiler, no package manager, an empty cache folder."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in PLAIN_TOOLS:
        found = shutil.which(name, path=os.defpath + ":/sbin:/usr/sbin")
        if found:
            (tools / name).symlink_to(found)

    def run_dev(*arguments: str, **changed: str) -> Finished:
        environment = {"PATH": str(tools), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")} | changed
        command = [str(checkout / "dev"), *arguments]
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True
        )

    return run_dev


def a_tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_script_is_plain_posix_shell() -> None:
    dash = shutil.which("dash")
    if dash is None:
        pytest.skip("needs dash")
    subprocess.run([dash, "-n", ROOT / "dev"], check=True)


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("needs shellcheck")
    done = subprocess.run([shellcheck, ROOT / "dev", ROOT / ".ci" / "run"], check=False, capture_output=True, text=True)
    assert done.stdout == ""


def test_help_names_every_verb(run: Callable[..., Finished]) -> None:
    done = run("help")
    assert done.returncode == 0
    assert [verb for verb in VERBS if f"\n  {verb} " not in done.stdout] == []


def test_an_unknown_verb_is_one_line_and_status_2(run: Callable[..., Finished]) -> None:
    done = run("deploy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nightjar: unknown verb 'deploy'; ./dev help lists them\n"


def test_package_without_a_kind_is_one_line_and_status_2(run: Callable[..., Finished]) -> None:
    done = run("package", "exe")
    assert done.returncode == 2
    assert done.stderr == "nightjar: package needs a kind: dir or deb\n"


@pytest.mark.parametrize("verb", ["check", "bench", "gallery", "package"])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_a_verb_without_a_program_of_its_own_is_explained_in_one_line_and_does_nothing(
    run: Callable[..., Finished], checkout: Path, verb: str, option: str
) -> None:
    before = set(checkout.iterdir())
    done = run(verb, option)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert done.stdout.startswith(f"./dev {verb}: ")
    assert set(checkout.iterdir()) == before


def test_bench_without_a_name_is_one_line_and_status_2(run: Callable[..., Finished]) -> None:
    done = run("bench")
    assert done.returncode == 2
    assert done.stderr == "nightjar: bench needs a name: relay, engine, handover or window\n"


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="names Debian's packages")
def test_a_machine_without_compiler_and_python_hears_in_one_line_what_to_install(
    run: Callable[..., Finished], checkout: Path
) -> None:
    done = run("demo")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "build-essential" in done.stderr
    assert "python3.11-venv" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="apt is Debian's")
def test_without_a_terminal_a_plain_account_gets_the_one_command_to_run(
    run: Callable[..., Finished], tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    (tools / "id").unlink()
    a_tool(tools, "id", "echo 1000")
    a_tool(tools, "sudo", f"touch {tmp_path}/called")
    a_tool(tools, "apt-get", f"touch {tmp_path}/called")
    done = run("demo")
    assert done.returncode == 1
    assert "Run: sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends " in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "called").exists()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="apt is Debian's")
def test_under_ci_packages_are_installed_without_asking(run: Callable[..., Finished], tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    (tools / "id").unlink()
    a_tool(tools, "id", "echo 0")
    a_tool(tools, "apt-get", f'echo "$*" >>{tmp_path}/called')
    done = run("demo", CI="true")
    update, install = (tmp_path / "called").read_text().splitlines()
    assert update == "update"
    assert install.startswith("install -y --no-install-recommends ")
    assert "build-essential" in install
    assert done.returncode == 1
    assert "still missing after apt-get" in done.stderr


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="prepares Debian's names of things")
def test_a_full_disk_is_one_line_and_leaves_nothing_half_made(
    run: Callable[..., Finished], checkout: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    (tools / "df").unlink()
    a_tool(tools, "df", "printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9 9 20480 99%% /\\n'")
    for name in ("cc", "c++"):
        a_tool(tools, name, "exit 1")
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    assert python is not None
    a_tool(tools, "python3", f'exec {python} "$@"')
    done = run("demo")
    assert done.returncode == 1
    assert done.stderr.endswith(f"nightjar: not enough disk space in {checkout}: 1500 MB needed, 20 MB free.\n")
    assert not (checkout / ".venv").exists()
    assert list((tmp_path / "cache" / "nightjar").iterdir()) == []
