"""Libraries that stay the system's: which, and what packages of Debian and Ubuntu bring them.

A bundle that carried the libraries of the machine it was built on would need a system at least as new (they need its
glibc), and would keep their holes when the system mends its own. So it carries only what came with Python packages, and
the interpreter.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FOLDERS = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
_LIBRARY = re.compile(r"lib[^/]*\.so(\.\d+)*$")
_MAGIC = b"\x7fELF"


def is_of_the_system(file: str) -> bool:
    """Whether `file` is a shared library of Linux's own; a Python from a package of the system is none."""
    name = file.rpartition("/")[2]
    is_library = file.startswith(_FOLDERS) and bool(_LIBRARY.fullmatch(name)) and "/site-packages/" not in file
    return sys.platform == "linux" and is_library and not name.startswith("libpython")


def elf_files(folder: Path) -> list[Path]:
    """Programs and libraries below `folder`."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())
    return [file for file in files if _begins_with_magic(file)]


def _begins_with_magic(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(_MAGIC)) == _MAGIC


def needed(files: Iterable[Path]) -> set[str]:
    """Names of libraries that `files` are linked with."""
    return {name for file in files for name in re.findall(r"^\s+NEEDED\s+(\S+)$", _objdump("-p", file), re.MULTILINE)}


def newest_symbol(files: Iterable[Path], family: str = "GLIBC") -> tuple[tuple[int, ...], Path]:
    """The highest version of `family` that any of `files` needs, as (2, 34), and one that needs it."""
    versions = [
        (tuple(map(int, version.split("."))), file)
        for file in files
        for version in re.findall(rf"\b{family}_(\d+(?:\.\d+)+)", _objdump("-p", file))
    ]
    return max(versions, default=((0,), Path()))


@cache
def _objdump(how: str, file: Path) -> str:
    return subprocess.run(["objdump", how, file], check=True, capture_output=True, text=True).stdout


def not_inside(folder: Path) -> list[str]:
    """Names of libraries that what is in `folder` is linked with, and that are not in it."""
    inside = {file.name for file in folder.rglob("*.so*")}
    loader = re.compile(r"ld-linux|linux-vdso|lib(c|m|dl|rt|pthread|util|resolv)\.so")
    return sorted(name for name in needed(elf_files(folder)) - inside if not loader.match(name))
