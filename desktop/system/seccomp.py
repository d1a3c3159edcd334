"""Linux's filter for system calls: what is not on a list cannot be asked of the kernel any more, by any thread.

A list of names becomes a program for the kernel's own small machine (classic BPF, `seccomp(2)`). A call that is on no
list fails with EPERM; one that is newer than this file fails with ENOSYS, so that the C library falls back to one it
knows. Filters add up: a later one can only forbid more.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_MACHINE: Final = platform.machine()

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}

NUMBERS: Final = {
    "x86_64": {
        "access": 21, "brk": 12, "clock_getres": 229, "clock_gettime": 228, "clock_nanosleep": 230, "clone": 56,
        "clone3": 435, "close": 3, "dup": 32, "dup2": 33, "dup3": 292, "eventfd2": 290, "exit": 60, "exit_group": 231,
        "faccessat": 269, "faccessat2": 439, "fadvise64": 221, "fcntl": 72, "fstat": 5, "fstatfs": 138, "futex": 202,
        "get_mempolicy": 239, "getcpu": 309, "getcwd": 79, "getdents64": 217, "getegid": 108,
        "geteuid": 107, "getgid": 104, "getpid": 39,
        "getppid": 110, "getrandom": 318, "getrlimit": 97, "getrusage": 98, "gettid": 186, "gettimeofday": 96,
        "getuid": 102, "ioctl": 16, "lseek": 8, "lstat": 6, "madvise": 28, "mbind": 237, "membarrier": 324,
        "memfd_create": 319, "mincore": 27, "mlock": 149, "mmap": 9, "mprotect": 10, "mremap": 25, "munlock": 150,
        "munmap": 11, "nanosleep": 35, "newfstatat": 262, "open": 2, "openat": 257, "pipe2": 293, "poll": 7,
        "ppoll": 271, "prctl": 157, "pread64": 17, "prlimit64": 302, "pselect6": 270, "read": 0, "readlink": 89,
        "readlinkat": 267, "readv": 19, "restart_syscall": 219, "rseq": 334, "rt_sigaction": 13, "rt_sigprocmask": 14,
        "rt_sigreturn": 15, "rt_sigtimedwait": 128, "sched_getaffinity": 204, "sched_getparam": 143,
        "sched_getscheduler": 145, "sched_setaffinity": 203, "sched_yield": 24, "seccomp": 317, "select": 23,
        "set_mempolicy": 238, "set_robust_list": 273, "set_tid_address": 218, "sigaltstack": 131, "stat": 4,
        "statfs": 137, "statx": 332, "sysinfo": 99, "tgkill": 234, "time": 201, "uname": 63, "write": 1, "writev": 20,
    },
    "aarch64": {
        "brk": 214, "clock_getres": 114, "clock_gettime": 113, "clock_nanosleep": 115, "clone": 220, "clone3": 435,
        "close": 57, "dup": 23, "dup3": 24, "eventfd2": 19, "exit": 93, "exit_group": 94, "faccessat": 48,
        "faccessat2": 439, "fadvise64": 223, "fcntl": 25, "fstat": 80, "fstatfs": 44, "futex": 98, "get_mempolicy": 236,
        "getcpu": 168, "getcwd": 17, "getdents64": 61, "getegid": 177, "geteuid": 175, "getgid": 176, "getpid": 172,
        "getppid": 173,
        "getrandom": 278, "getrlimit": 163, "getrusage": 165, "gettid": 178, "gettimeofday": 169, "getuid": 174,
        "ioctl": 29, "lseek": 62, "madvise": 233, "mbind": 235, "membarrier": 283, "memfd_create": 279, "mincore": 232,
        "mlock": 228, "mmap": 222, "mprotect": 226, "mremap": 216, "munlock": 229, "munmap": 215, "nanosleep": 101,
        "newfstatat": 79, "openat": 56, "pipe2": 59, "ppoll": 73, "prctl": 167, "pread64": 67, "prlimit64": 261,
        "pselect6": 72, "read": 63, "readlinkat": 78, "readv": 65, "restart_syscall": 128, "rseq": 293,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "rt_sigtimedwait": 137,
        "sched_getaffinity": 123, "sched_getparam": 121, "sched_getscheduler": 120, "sched_setaffinity": 122,
        "sched_yield": 124, "seccomp": 277, "set_mempolicy": 237, "set_robust_list": 99, "set_tid_address": 96,
        "sigaltstack": 132, "statfs": 43, "statx": 291, "sysinfo": 179, "tgkill": 131, "uname": 160, "write": 64,
        "writev": 66,
    },
}  # fmt: skip
"""Of the calls that a list may name, from the kernel's tables. A name that a machine lacks means nothing there."""

_NEWEST_KNOWN: Final = 450

_SET_MODE_FILTER: Final = 1
_ASK_ACTION: Final = 2
_ALL_THREADS: Final = 1
_KEEP_SPEED: Final = 4
"""Before Linux 5.16 a filter would also switch off a guess of the processor (SSBD), at 5 to 20 % of all computing. That
guards secrets of one process from its own script; a worker has none."""

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_FAIL: Final = 0x00050000

_LOAD: Final = 0x20
_AND: Final = 0x54
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06

_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16

_X32: Final = 0x40000000
"""Numbers from here on are those of a second set of calls on x86_64."""


class Argument(NamedTuple):
    """What an argument must be: its lower 32 bits, masked, are `value`."""

    place: int
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Rule:
    """One call that is allowed, if all tests hold; of several rules for a call, one is enough."""

    name: str
    tests: tuple[Argument, ...] = ()


class Unsupported(OSError):
    """This kernel or this machine has no such filter."""


def supported() -> bool:
    """Whether this system has such filters; asks the kernel about one action, and changes nothing."""
    if sys.platform != "linux" or _MACHINE not in NUMBERS:
        return False
    action = ctypes.c_uint32(_FAIL)
    return not ctypes.CDLL(None).syscall(_SECCOMP[_MACHINE], _ASK_ACTION, 0, ctypes.byref(action))


def install(rules: Sequence[Rule]) -> None:
    """Forbids whatever no rule allows, in every thread of this process, for good. Raises Unsupported.

    The process must have given up new privileges (`no_new_privs`) before.
    """
    if sys.platform != "linux" or _MACHINE not in NUMBERS:
        raise Unsupported(errno.ENOSYS, "no filter for system calls on this system")
    program = compiled(rules, _MACHINE)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    for flags in (_ALL_THREADS | _KEEP_SPEED, _ALL_THREADS):
        if not library.syscall(_SECCOMP[_MACHINE], _SET_MODE_FILTER, flags, header):
            return
    number = ctypes.get_errno()
    raise Unsupported(number, os.strerror(number))


def compiled(rules: Sequence[Rule], machine: str) -> bytes:
    """The program: instructions of `code u16, true u8, false u8, operand u32`."""
    numbers = NUMBERS[machine]
    parts = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, _ARCHITECTURES[machine], true=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _X32, false=1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_EQUAL, numbers["clone3"], false=1),
        _step(_RETURN, _FAIL | errno.ENOSYS),
    ]
    parts += [_allowed(numbers[rule.name], rule.tests) for rule in rules if rule.name in numbers]
    parts += [
        _step(_AT_LEAST, _NEWEST_KNOWN + 1, false=1),
        _step(_RETURN, _FAIL | errno.ENOSYS),
        _step(_RETURN, _FAIL | errno.EPERM),
    ]
    return b"".join(parts)


def _allowed(number: int, tests: Sequence[Argument]) -> bytes:
    """If it is this call and all tests hold: allowed. Else the next instruction sees the call's number again."""
    body = _step(_RETURN, _ALLOW)
    if tests:
        body += _step(_LOAD, _NUMBER_AT)
    for done, test in enumerate(reversed(tests)):
        beyond = 3 * done + 1  # to where the number is loaded again
        body = (
            _step(_LOAD, _ARGUMENTS_AT + 8 * test.place)
            + _step(_AND, test.mask)
            + _step(_EQUAL, test.value, false=beyond)
            + body
        )
    return _step(_EQUAL, number, false=len(body) // 8) + body


def _step(code: int, operand: int, *, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, true, false, operand)
