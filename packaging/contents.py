"""What is in a bundle: that it holds nothing it should not, how large it is, how old a system it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PyInstaller.archive.readers import CArchiveReader
from system_libraries import elf_files, newest_symbol, not_inside

FOREIGN = {
    "desktop": (
        "fastapi", "starlette", "sqlalchemy", "uvicorn", "uvloop", "httptools", "pydantic", "pydantic_core", "openai",
        "pytest", "_pytest", "mypy", "tkinter", "llama_cpp.server", "relay.app", "relay.api", "relay.ledger",
        "PIL._avif", "PIL._imagingft", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtPdf", "PySide6.QtOpenGL",
        "PySide6.QtTest",
    ),
    "relay": ("desktop", "PySide6", "shiboken6", "numpy", "llama_cpp", "openai", "pytest", "mypy", "tkinter"),
}  # fmt: skip
"""Modules that have no place in a program."""

NEEDED_FILES = {"desktop": ("nightjar-demo.gguf", "nightjar_ro.qm", "qt_ro.qm"), "relay": ()}
"""Files that no import leads to, and without which the program would begin all the same."""

FOREIGN_FILES = {
    "desktop": ("Qt6Qml", "Qt6Quick", "Qt6Pdf", "VirtualKeyboard", "qeglfs", "qgtk3", "QtQml", "sqlalchemy", "uvloop"),
    "relay": ("Qt6", "libllama", "openblas", "numpy"),
}
"""Parts of file names that have no place in its folder."""

MOST_MB = {"desktop": 210, "relay": 80}
"""Larger than this is a library that nobody meant to ship."""

NEWEST_GLIBC = (2, 35)
"""That of Ubuntu 22.04, the oldest system README.md promises."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in `folder`."""

    folder: Path
    bytes: int
    modules: int
    glibc: tuple[int, ...]
    glibc_of: str
    """A file that needs it."""
    system_libraries: list[str]
    faults: list[str]

    def text(self) -> str:
        glibc = ".".join(map(str, self.glibc))
        return (
            f"{self.folder.name}: {self.bytes / 1e6:.0f} MB, {self.modules} modules, "
            f"highest GLIBC symbol {glibc} ({self.glibc_of}), {len(self.system_libraries)} libraries of the system"
        )


def examine(folder: Path, program: str) -> Report:
    """Of the bundle of `program`, "desktop" or "relay"."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    size = sum(file.stat().st_size for file in files)
    modules = modules_in(folder)
    glibc, needing = newest_symbol(elf_files(folder))
    faults = [f"holds {name}" for name in FOREIGN[program] if _holds(modules, name)]
    faults += [f"holds {file.name}" for file in files for part in FOREIGN_FILES[program] if part in file.name]
    faults += [f"lacks {name}" for name in NEEDED_FILES[program] if name not in {file.name for file in files}]
    faults += [f"dangling link {link.name}" for link in folder.rglob("*") if link.is_symlink() and not link.exists()]
    if size > MOST_MB[program] * 1e6:
        faults.append(f"is larger than {MOST_MB[program]} MB")
    if glibc > NEWEST_GLIBC:
        faults.append(f"{needing.name} needs a newer glibc than the oldest system has")
    return Report(folder, size, len(modules), glibc, needing.name, not_inside(folder), faults)


def modules_in(folder: Path) -> set[str]:
    """Python modules inside the program, and packages that lie beside it."""
    archive = CArchiveReader(str(folder / folder.name)).open_embedded_archive("PYZ.pyz")
    beside = {path.name for path in (folder / "_internal").iterdir() if path.is_dir()}
    return set(archive.toc) | beside


def _holds(modules: set[str], name: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for module in modules)
