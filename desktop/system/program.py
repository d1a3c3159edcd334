"""This very program: how it is started again, and what a program that is not ours must not inherit from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

_LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_KEPT_AS = "_ORIG"
"""Under its name with this ending a frozen program finds what a variable was before its own start."""


def is_frozen() -> bool:
    """Whether this is the built program rather than sources that an interpreter reads."""
    return bool(getattr(sys, "frozen", False))


def own_command(*arguments: str) -> tuple[str, ...]:
    """Starts this program from any folder, with an absolute path that stays right until it is moved or removed."""
    if is_frozen():
        return (sys.executable, *arguments)
    script = Path(sys.executable).with_name("nightjar.exe" if sys.platform == "win32" else "nightjar")
    return (str(script), *arguments) if script.exists() else (sys.executable, "-m", "desktop", *arguments)


def restore_environment() -> None:
    """Undoes what the frozen program's start did to the environment, so that what it starts finds its own libraries.

    Loaded by then are all libraries that were to be found that way: a worker of ours finds its own again at its start.
    """
    if is_frozen():
        kept = restored(os.environ)
        for name in tuple(os.environ):
            if name not in kept:
                del os.environ[name]
        os.environ.update(kept)


def restored(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` as it was before the start of a frozen program."""
    kept = dict(environment)
    for name in _LIBRARIES:
        before = kept.pop(name + _KEPT_AS, None)
        kept.pop(name, None)
        if before:
            kept[name] = before
    for name in ("QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):
        kept.pop(name, None)
    return kept


def version() -> str:
    """Of the installed distribution; a checkout that was never installed has none."""
    try:
        return metadata.version("nightjar")
    except metadata.PackageNotFoundError:
        return "0.0.0+source"
