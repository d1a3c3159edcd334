"""Linux's Landlock: from now on this thread, and all that it starts, reaches only the files it was told of.

`landlock(7)`; version 1 came with Linux 5.13. What a kernel knows beyond that (TCP ports, signals, abstract sockets) is
taken away too where it can be. Nothing outside the folders that are named can be opened, also not by root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
"""The same numbers on every machine."""

_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_IOCTL_DEV: Final = 1 << 15
_FILE_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""By the version that brought them: reading, writing, making, removing; moving; cutting; controlling devices."""

_TCP: Final = 0b11
_OUTSIDE: Final = 0b11
"""Signals to processes outside, and their abstract sockets."""

_O_PATH: Final = getattr(os, "O_PATH", 0)


def version() -> int:
    """Of this kernel; 0 if it has none or it is switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)))


def restrict(*, readable: Iterable[Path], devices: Iterable[Path] = ()) -> int:
    """Leaves this thread `readable` files and folders, and `devices` to read, write and control; nothing else.

    Returns the kernel's version, 0 if it could do nothing. Paths that do not exist are passed over. Threads that run
    already are not restricted. The process must have given up new privileges (`no_new_privs`) before. Raises OSError.
    """
    known = version()
    if not known:
        return 0
    files = max(rights for since, rights in _FILE_RIGHTS.items() if since <= known)
    attributes = struct.pack("<QQQ", files, _TCP, _OUTSIDE)[: 24 if known >= 6 else 16 if known >= 4 else 8]
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in devices:
            _allow(ruleset, path, (_READ_FILE | _READ_DIR | _WRITE_FILE | _IOCTL_DEV) & files)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= ~_READ_DIR
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: object) -> int:
    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code or errno.EINVAL, f"Landlock: {os.strerror(code)}")
    return int(result)
