"""`python packaging/deb.py FOLDER [desktop] [relay]`: packages for Debian and Ubuntu, of the bundles in `FOLDER`.

Bundles that are not there are made. Needs dpkg-dev, which finds what libraries of the system they need. A package
brings its program under /usr/lib, a link in /usr/bin, a manual page and its licences; that of the desktop also a
launcher, icons, AppStream metadata and a unit for systemd's user instances.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import bundle
from manual import manual

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION: str = PROJECT["version"]
LINUX = ROOT / "packaging" / "linux"
APP_ID = "org.nightjar.Nightjar"
MOMENTS = ("postinst", "prerm", "postrm")
"""At which dpkg runs a script of a package, where there is one."""

SIZES = (16, 24, 32, 48, 64, 128, 256)

SUMMARIES: Mapping[str, str] = {
    "desktop": "lends this PC's idle time to run language models",
    "relay": "answers in the OpenAI format, with connected PCs and providers",
}
DESCRIPTIONS: Mapping[str, str] = {
    "desktop": "A tray application that enrols this PC at a relay, runs a model with llama.cpp while nobody uses the "
    "PC, gives it back at once, and shows what it earned. It runs without a screen, too.",
    "relay": "A server anyone can host. It sends each call to a connected PC or to a provider, and keeps books in "
    "which every call's cost equals what owner, operator and provider get.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where the bundles are, and the packages go")
    parser.add_argument("programs", nargs="*", metavar="desktop|relay", help="which (default: both)")
    given = parser.parse_args()
    if unknown := set(given.programs) - set(bundle.PROGRAMS):
        parser.error(f"there is no program {unknown.pop()!r}: there are desktop and relay")
    folder = given.folder.resolve()
    for program in given.programs or bundle.PROGRAMS:
        made = folder / bundle.PROGRAMS[program]
        if not made.exists():
            bundle.make(program, folder)
        package = build(program, made, folder)
        print(f"{package.name}: {package.stat().st_size / 1e6:.0f} MB", flush=True)


def build(program: str, made: Path, folder: Path, *, depends: Callable[[Path], str] | None = None) -> Path:
    """One package of the bundle `made`. `depends` says what it needs of the system; by default dpkg-shlibdeps does."""
    name, architecture = bundle.PROGRAMS[program], _said_by("dpkg", "--print-architecture")
    with tempfile.TemporaryDirectory(prefix="nightjar-deb-") as scratch:
        tree = Path(scratch, "debian", name)
        (tree / "DEBIAN").mkdir(parents=True)
        shutil.copytree(made, tree / "usr/lib" / name, symlinks=True)
        _link(tree / "usr/bin" / name, f"../lib/{name}/{name}")
        _documents(tree, program, name)
        if program == "desktop":
            _desktop(tree)
        else:
            _copy(LINUX / f"{name}.service", tree / f"usr/lib/systemd/system/{name}.service")
        needs = (depends or _depends)(tree)
        size = sum(file.lstat().st_size for file in tree.rglob("*") if not file.is_dir()) // 1024
        _write(tree / "DEBIAN/control", control(program, architecture, needs=needs, kib=size))
        for moment in MOMENTS:
            if (script := LINUX / f"{name}.{moment}").exists():
                _copy(script, tree / "DEBIAN" / moment, mode=0o755)
        _modes(tree)
        package = folder / f"{name}_{VERSION}_{architecture}.deb"
        environment = os.environ | {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", bundle.EPOCH)}
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(package)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return package


def control(program: str, architecture: str, *, needs: str, kib: int) -> str:
    """What dpkg is told of the package."""
    summary = SUMMARIES[program]
    return dedent(f"""\
        Package: {bundle.PROGRAMS[program]}
        Version: {VERSION}
        Architecture: {architecture}
        Maintainer: The Nightjar authors
        Installed-Size: {kib}
        Depends: {needs}
        Section: net
        Priority: optional
        Description: {summary}
         {DESCRIPTIONS[program]}
        """)


def _desktop(tree: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from desktop.system.service import UNIT, unit_text

    share = tree / "usr/share"
    _copy(LINUX / "nightjar.desktop", share / "applications/nightjar.desktop")
    _copy(LINUX / f"{APP_ID}.metainfo.xml", share / f"metainfo/{APP_ID}.metainfo.xml")
    _icons(share / "icons/hicolor")
    _write(tree / f"usr/lib/systemd/user/{UNIT}", unit_text(("/usr/bin/nightjar", "--headless"), manual="nightjar(1)"))


def _icons(folder: Path) -> None:
    """Painted by the program's own hand."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))
    from PySide6.QtGui import QGuiApplication

    from desktop.ui.icons import mark

    application = QGuiApplication.instance() or QGuiApplication([])
    for size in SIZES:
        file = folder / f"{size}x{size}/apps/nightjar.png"
        file.parent.mkdir(parents=True)
        mark(size).save(str(file))
    del application


def _documents(tree: Path, program: str, name: str) -> None:
    sys.path.insert(0, str(ROOT))
    if program == "desktop":
        from desktop.cli import _parser
    else:
        from relay.cli.command_line import _parser
    page = manual(_parser(), version=VERSION, summary=SUMMARIES[program])
    share = tree / "usr/share"
    _write_gzip(share / f"man/man1/{name}.1.gz", page)
    _write_gzip(share / f"doc/{name}/changelog.gz", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    _write(
        share / f"doc/{name}/copyright",
        f"Nightjar is licensed under the Apache License 2.0; see /usr/lib/{name}/licences for it and for all parts.\n",
    )


def _depends(tree: Path) -> str:
    """Packages of the libraries that `tree` does not bring, as dpkg-shlibdeps finds them: it looks in debian/NAME."""
    control = tree.parent / "control"
    _write(control, f"Source: {tree.name}\n\nPackage: {tree.name}\nArchitecture: any\n")
    files = [file for file in tree.rglob("*") if file.is_file() and not file.is_symlink() and _is_elf(file)]
    brought = [f"-l{place}" for place in sorted({str(file.parent) for file in files if ".so" in file.name})]
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0", *brought, *map(str, files)]
    done = subprocess.run(command, cwd=tree.parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr[-2000:]}\ndpkg-shlibdeps failed")
    return done.stdout.strip().partition("=")[2]


def _is_elf(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"


def _said_by(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _copy(source: Path, file: Path, *, mode: int = 0o644) -> None:
    _write(file, source.read_text(encoding="utf-8"), mode=mode)


def _write(file: Path, text: str, *, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def _write_gzip(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def _link(file: Path, to: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(to)


def _modes(tree: Path) -> None:
    """Whoever made it may have had a strict umask."""
    for file in tree.rglob("*"):
        if file.is_symlink():
            continue
        runs = file.is_dir() or bool(file.stat().st_mode & 0o100)
        file.chmod(0o755 if runs else 0o644)


if __name__ == "__main__":
    main()
