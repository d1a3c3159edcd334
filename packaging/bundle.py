"""`python packaging/bundle.py FOLDER [desktop] [relay]`: Nightjar's programs as folders that run without Python.

`FOLDER/nightjar` and `FOLDER/nightjar-relay`, each with its program and all it needs in `_internal`. PyInstaller makes
them of the packages of this very environment, and the same sources make the same files. Needs binutils and, for the
relay, a C compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import contents
import languages
from licences import write_licences

HERE = Path(__file__).resolve().parent
PROGRAMS = {"desktop": "nightjar", "relay": "nightjar-relay"}
EPOCH = "1700000000"
"""For what would else carry the time of its making."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where the folders go; those of an earlier run are replaced")
    parser.add_argument("programs", nargs="*", metavar="desktop|relay", help="which (default: both)")
    given = parser.parse_args()
    if unknown := set(given.programs) - set(PROGRAMS):
        parser.error(f"there is no program {unknown.pop()!r}: there are desktop and relay")
    for program in given.programs or PROGRAMS:
        made = make(program, given.folder.resolve())
        report = contents.examine(made, program)
        print(report.text(), flush=True)
        if report.faults:
            sys.exit(f"{made.name}: {'; '.join(report.faults)}")


def make(program: str, folder: Path) -> Path:
    """Makes one bundle and returns it. Raises SystemExit with the end of PyInstaller's log."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nightjar-bundle-") as scratch:
        environment = os.environ | {
            "PYTHONHASHSEED": "1",
            "SOURCE_DATEEPOCH": os.environ.get("SOURCE_DATEEPOCH", EPOCH),
        }
        if program == "desktop":
            languages.compile_catalogues()
        if program == "relay":
            environment["NIGHTJAR_COMPILED_RELAY"] = str(Path(scratch, "compiled"))
            _run([sys.executable, str(HERE / "compile_relay.py"), f"{scratch}/compiled"], environment)
        words = ["--noconfirm", "--log-level", "WARN", "--distpath", f"{scratch}/dist", "--workpath", f"{scratch}/work"]
        _run([sys.executable, "-m", "PyInstaller", *words, str(HERE / f"{program}.spec")], environment)
        made = Path(scratch, "dist", PROGRAMS[program])
        _strip(made / "_internal")
        _link_twins(made)
        write_licences(made / "licences", contents.modules_in(made), root=HERE.parent)
        target = folder / made.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target, symlinks=True)
    return target


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\n{' '.join(command[:3])} … failed")


def _strip(folder: Path) -> None:
    """The interpreter's library is three quarters symbols. Of other libraries some do not survive it (OpenBLAS)."""
    for library in folder.glob("libpython*.so*"):
        subprocess.run(["strip", "--strip-unneeded", library], check=True)


def _link_twins(folder: Path) -> None:
    """Libraries that came under several names become one file and links: of a pair the shorter name is the link."""
    for library in sorted(_plain_files(folder.rglob("*.so")), key=str):
        for twin in sorted(_plain_files(library.parent.glob(f"{library.name}.*"))):
            if twin.read_bytes() == library.read_bytes():
                library.unlink()
                library.symlink_to(twin.name)
                break


def _plain_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.is_file() and not file.is_symlink()]


if __name__ == "__main__":
    main()
