"""Packages for Debian and Ubuntu: what is in one, made of a stand-in for the bundle that takes minutes to make."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.scripts import FOLDER, script

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg here")

PROGRAMS = {"desktop": "nightjar", "relay": "nightjar-relay"}


@pytest.fixture(scope="module", params=PROGRAMS)
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, str]:
    """The program's name, the tree that its package brings, and what dpkg is told of it."""
    name = PROGRAMS[request.param]
    folder = tmp_path_factory.mktemp("deb")
    made = folder / name
    (made / "_internal").mkdir(parents=True)
    (made / name).write_text("#!/bin/sh\necho 'it runs'\n")
    (made / name).chmod(0o700)
    package = script("deb").build(request.param, made, folder, depends=lambda _: "libc6 (>= 2.35)")
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    told = subprocess.run(["dpkg-deb", "-I", package], check=True, capture_output=True, text=True).stdout
    return name, tree, told


def test_a_link_on_the_path_starts_the_program(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    link = tree / "usr/bin" / name
    assert link.is_symlink()
    assert subprocess.run([link], check=True, capture_output=True, text=True).stdout == "it runs\n"


def test_everybody_may_read_it_and_nobody_but_root_write_it(unpacked: tuple[str, Path, str]) -> None:
    _, tree, _ = unpacked
    modes = {file.stat().st_mode & 0o777 for file in tree.rglob("*") if not file.is_symlink()}
    assert modes == {0o644, 0o755}


def test_dpkg_is_told_what_it_is_and_needs(unpacked: tuple[str, Path, str]) -> None:
    name, _, told = unpacked
    lines = {line.strip() for line in told.splitlines()}
    assert {f"Package: {name}", "Depends: libc6 (>= 2.35)", "Section: net"} <= lines
    assert any(line.startswith("Installed-Size: ") for line in lines)
    assert any(line.startswith("Description: ") for line in lines)


def test_the_manual_page_names_every_verb(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    page = gzip.decompress((tree / f"usr/share/man/man1/{name}.1.gz").read_bytes()).decode()
    verbs = ("serve", "provider edit", "rule set") if name == "nightjar-relay" else ("pause", "models", "doctor")
    for verb in verbs:
        assert f".SS\n{verb}" in page.replace("\\-", "-")


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_the_manual_page_is_sound(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    page = tree / f"usr/share/man/man1/{name}.1.gz"
    done = subprocess.run(["man", "--warnings", "-l", page], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_the_program_under_its_name(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    kind = {"nightjar": "user", "nightjar-relay": "system"}[name]
    unit = (tree / f"usr/lib/systemd/{kind}/{name}.service").read_text().replace('"', "")
    assert f"ExecStart=/usr/bin/{name} " in unit


def test_removal_says_what_stays(unpacked: tuple[str, Path, str]) -> None:
    _, tree, _ = unpacked
    removal = tree / "DEBIAN/postrm"
    subprocess.run(["sh", "-n", removal], check=True)
    assert "stay" in removal.read_text()


def test_no_relay_runs_on_without_its_program(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    scripts = {each: tree / "DEBIAN" / each for each in ("prerm", "postinst") if (tree / "DEBIAN" / each).exists()}
    if name == "nightjar":  # Its unit is each user's own.
        assert scripts == {}
        return
    for each in scripts.values():
        subprocess.run(["sh", "-n", each], check=True)
    assert "disable --now nightjar-relay.service" in scripts["prerm"].read_text()
    assert "try-restart nightjar-relay.service" in scripts["postinst"].read_text()


def test_the_desktop_finds_launcher_icons_and_metadata(unpacked: tuple[str, Path, str]) -> None:
    name, tree, _ = unpacked
    share = tree / "usr/share"
    if name == "nightjar-relay":
        assert not (share / "applications").exists()
        return
    assert (share / "applications/nightjar.desktop").is_file()
    launcher = (share / "applications/nightjar.desktop").read_text().splitlines()
    assert {"Exec=nightjar %u", "MimeType=x-scheme-handler/nightjar;"} <= set(launcher)
    assert (share / "metainfo/org.nightjar.Nightjar.metainfo.xml").is_file()
    icons = sorted(share.glob("icons/hicolor/*/apps/nightjar.png"))
    assert len(icons) == 7
    assert all(icon.read_bytes().startswith(b"\x89PNG") for icon in icons)


@pytest.mark.parametrize(
    ("tool", "arguments", "file"),
    [
        ("desktop-file-validate", [], "nightjar.desktop"),
        ("appstreamcli", ["validate", "--no-net"], "org.nightjar.Nightjar.metainfo.xml"),
    ],
)
def test_the_judges_of_the_desktop_have_nothing_to_say(tool: str, arguments: list[str], file: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here")
    done = subprocess.run([tool, *arguments, FOLDER / "linux" / file], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
