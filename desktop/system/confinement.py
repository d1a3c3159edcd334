"""What a process that handles strangers' text and files gives up, by mechanism and for good.

Two stages, since a model is loaded by code that must open files and then never again. While it loads, the process reads
the model, the program's own files and the system's libraries, and nothing else. Before it serves, it loses every way to
open a file, to speak to a network, to start a program or to touch another process. Linux enforces this
(`landlock`, `seccomp`); elsewhere, and on kernels without them, `Confinement.missing` says what nothing enforces.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import desktop
from desktop.system import landlock, seccomp
from desktop.system.seccomp import Argument, Rule

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

Part = Literal["files", "network", "programs"]

_SET_PARENT_DEATH_SIGNAL: Final = 1
_SET_DUMPABLE: Final = 4
_SET_NO_NEW_PRIVILEGES: Final = 38

_PROTECT_EXECUTE: Final = 4
_THREAD: Final = 0x10100
"""A thread (CLONE_THREAD) in the same memory (CLONE_VM), as opposed to a process."""

_GET_FLAGS: Final = (1, 3)
_LIMIT_MEMORY: Final = 9
_LIMIT_STACK: Final = 3

_WRITES: Final = 0o1 | 0o2 | 0o100 | 0o1000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC."""

_COMPUTING: Final = (
    "futex", "read", "write", "madvise", "munmap", "sched_yield", "brk", "mremap", "clock_getres", "clock_gettime",
    "clock_nanosleep", "close", "exit", "exit_group", "fstat", "getcpu", "getegid", "geteuid", "getgid", "getpid",
    "getppid", "getrandom", "getrusage", "gettid", "gettimeofday", "getuid", "lseek", "membarrier", "mincore",
    "nanosleep", "poll", "ppoll", "pread64", "pselect6", "readv", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_setaffinity", "select", "set_robust_list", "set_tid_address", "sigaltstack", "time", "writev",
)  # fmt: skip
"""Memory, threads, clocks, and the files that are open already."""

_LOADING: Final = (
    "access", "dup", "dup2", "dup3", "eventfd2", "faccessat", "faccessat2", "fadvise64", "fcntl", "fstatfs",
    "get_mempolicy",
    "getcwd", "getdents64", "getrlimit", "ioctl", "lstat", "mbind", "memfd_create", "mlock", "mmap", "mprotect",
    "munlock", "newfstatat", "pipe2", "prctl", "prlimit64", "readlink", "readlinkat", "seccomp", "set_mempolicy",
    "stat", "statfs", "statx", "sysinfo", "uname",
)  # fmt: skip
"""Finding libraries and models, and mapping them."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this process has given up. `landlock` is the kernel's version of it, 0 for none; `graphics`: a driver is in
    this process, which opens and maps whenever it likes, so files are kept away by Landlock alone.
    """

    landlock: int
    filtered: bool
    graphics: bool

    @property
    def missing(self) -> tuple[Part, ...]:
        """What nothing enforces here."""
        files = self.landlock or (self.filtered and not self.graphics)
        parts: dict[Part, bool] = {"files": bool(files), "network": self.filtered, "programs": self.filtered}
        return tuple(part for part, enforced in parts.items() if not enforced)


def possible() -> Confinement:
    """What a worker without a graphics driver would give up on this system; changes nothing."""
    return Confinement(landlock.version(), seccomp.supported(), graphics=False)


def die_with_parent() -> None:
    """The kernel ends this process when the thread that started it is gone (Linux)."""
    if sys.platform == "linux":
        _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def give_up_privileges() -> None:
    """Never more rights than now, and no memory image of this process for anybody.

    A limit of zero is not enough for that: where the system hands dumps to a program, it does not look at the limit.
    """
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _control(_SET_NO_NEW_PRIVILEGES, 1)
        _control(_SET_DUMPABLE, 0)


def volunteer_to_die() -> None:
    """If memory runs out, the system is to end this process rather than a program of the owner's (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")


def confine_loading(models: Iterable[Path], *, graphics: bool) -> Confinement:
    """From now on nothing is written, and only `models`, this program and the system's libraries are read.

    To be called while this process has one thread: those that run already keep their files.
    """
    devices = _graphics_devices() if graphics else ()
    readable = [*models, *_program(), *_system(), *(_GRAPHICS_FILES if graphics else ())]
    known = 0
    with _degraded("files"):
        known = landlock.restrict(readable=readable, devices=devices)
    filtered = False
    with _degraded("system calls"):
        seccomp.install(_loading(graphics=graphics))
        filtered = True
    return Confinement(known, filtered, graphics)


def confine_serving(confinement: Confinement) -> None:
    """From now on, in every thread: memory, threads, clocks, and what is open. Before any stranger's text is read."""
    if confinement.filtered and not confinement.graphics:
        seccomp.install(_serving())


def _serving() -> list[Rule]:
    plain = [Rule(name) for name in _COMPUTING]
    return [
        *plain,
        Rule("mmap", (Argument(2, 0, _PROTECT_EXECUTE),)),
        Rule("mprotect", (Argument(2, 0, _PROTECT_EXECUTE),)),
        *(Rule("fcntl", (Argument(1, command),)) for command in _GET_FLAGS),
        Rule("prlimit64", (Argument(0, 0), Argument(1, _LIMIT_MEMORY))),
        Rule("prlimit64", (Argument(0, 0), Argument(1, _LIMIT_STACK), Argument(2, 0))),
        *_within(),
    ]


def _loading(*, graphics: bool) -> list[Rule]:
    tests = () if graphics else (Argument(2, 0, _WRITES),)
    legacy = () if graphics else (Argument(1, 0, _WRITES),)
    plain = [Rule(name) for name in (*_COMPUTING, *_LOADING)]
    return [*plain, Rule("openat", tests), Rule("open", legacy), *_within()]


def _within() -> list[Rule]:
    """New threads but no processes; signals to itself alone, which is how `abort` works."""
    return [Rule("clone", (Argument(0, _THREAD, _THREAD),)), Rule("tgkill", (Argument(0, os.getpid()),))]


def _program() -> list[Path]:
    """This program: its package, the interpreter, and the libraries that both bring along. A frozen program has its
    modules in its executable.
    """
    package = Path(desktop.__file__).parent
    beside = [Path(entry) for entry in sys.path if entry and Path(entry) != package.parent]
    bundle = [Path(folder)] if (folder := getattr(sys, "_MEIPASS", "")) else []
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
    return [package, Path(sys.executable), *prefixes, *beside, *bundle]


def _system() -> list[Path]:
    named = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    return [
        *(Path(path) for path in (
            "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime",
            "/usr/share/zoneinfo", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/dev/null",
            "/dev/urandom", "/sys/devices/system",
        )),
        *named,
    ]  # fmt: skip


_GRAPHICS_FILES: Final = tuple(
    Path(path)
    for path in (
        "/proc/driver", "/proc/devices", "/proc/modules", "/proc/version", "/sys", "/etc/vulkan", "/etc/OpenCL",
        "/usr/share/vulkan", "/usr/share/nvidia", "/usr/local/cuda", "/usr/local/nvidia", "/opt/rocm",
    )
)  # fmt: skip


def _graphics_devices() -> list[Path]:
    return [*Path("/dev").glob("nvidia*"), Path("/dev/dri"), Path("/dev/kfd"), Path("/dev/shm")]  # noqa: S108


@contextlib.contextmanager
def _degraded(what: str) -> Iterator[None]:
    """A kernel that cannot do it is no reason not to serve; `missing` tells."""
    try:
        yield
    except OSError as error:
        log.warning("this system does not confine %s: %s", what, error)


def _control(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
