"""A real worker, taken over: it tries what an attacker inside would try, and says what came of it on stderr.

It tries once while the model loads, and once for every call it is given, there in a thread that was running before the
worker gave anything up. Started by tests in place of the worker, with the same pipes and the same environment.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import queue
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.inference import frames, preparation, worker
from desktop.inference.host import Host

_PTRACE, _PTRACE_ATTACH = 101, 16
_PROCESS_VM_READV = 310
_PRLIMIT = 302
_PRCTL, _SET_DUMPABLE = 157, 4
_IO_URING_SETUP = 425
_OPENAT2 = 437

SECRET = os.environ.get("TMPDIR", "/tmp") + "/nightjar-secret"


def system_call(*arguments: Any) -> int:
    result = ctypes.CDLL(None, use_errno=True).syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "system call")
    return int(result)


ATTEMPTS: dict[str, Callable[[], Any]] = {
    "read a foreign file": lambda: Path("/etc/passwd").read_text(),
    "read a file of the owner's": lambda: Path(SECRET).read_text(),
    "list a folder": lambda: list(Path("/etc").iterdir()),
    "write a file": lambda: Path(SECRET + ".new").write_text("x"),
    "change a file": lambda: os.open(SECRET, os.O_WRONLY),
    "delete a file": Path(SECRET).unlink,
    "make a folder": Path(SECRET + ".folder").mkdir,
    "speak TCP": lambda: socket.create_connection(("127.0.0.1", 9), 0.1),
    "speak UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "speak to the session": lambda: socket.socket(socket.AF_UNIX),
    "a pair of sockets": socket.socketpair,
    "run a program": lambda: subprocess.run(["/bin/true"], check=False),
    "become a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
    "fork": lambda: os._exit(0) if os.fork() == 0 else None,
    "signal the parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "probe the parent": lambda: os.kill(os.getppid(), 0),
    "trace the parent": lambda: system_call(_PTRACE, _PTRACE_ATTACH, os.getppid(), 0, 0),
    "read the parent's memory": lambda: system_call(_PROCESS_VM_READV, os.getppid(), 0, 0, 0, 0, 0),
    "the kernel's queue of calls": lambda: system_call(_IO_URING_SETUP, 8, ctypes.create_string_buffer(256)),
    "open by another call": lambda: system_call(_OPENAT2, -100, b"/etc/passwd", ctypes.create_string_buffer(24), 24),
    "allow core dumps": lambda: system_call(_PRLIMIT, 0, resource.RLIMIT_CORE, struct.pack("qq", -1, -1), 0),
}

AFTER_LOADING: dict[str, Callable[[], Any]] = {
    "read the program's own files": lambda: Path(worker.__file__).read_bytes(),
    "map code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "have a pipe signal the parent": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()),
    "look at a file": Path("/etc/passwd").stat,
    "become dumpable": lambda: system_call(_PRCTL, _SET_DUMPABLE, 1, 0, 0, 0),
}


def outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def report(stage: str, attempts: dict[str, Callable[[], Any]]) -> None:
    results = {name: outcome(attempt) for name, attempt in attempts.items()}
    sys.stderr.write(json.dumps({"stage": stage, "results": results}) + "\n")
    sys.stderr.flush()


def main() -> int:
    orders: queue.SimpleQueue[threading.Event] = queue.SimpleQueue()

    def obey() -> None:
        while True:
            done = orders.get()
            report("serving", ATTEMPTS | AFTER_LOADING)
            done.set()

    threading.Thread(target=obey, daemon=True).start()
    prepare, submit = preparation.prepare, Host.submit

    def prepared(*given: Any) -> Any:
        report("loading", ATTEMPTS)
        return prepare(*given)

    def submitted(self: Host, *given: Any, **named: Any) -> None:
        done = threading.Event()
        orders.put(done)
        done.wait(10)
        submit(self, *given, **named)

    preparation.prepare = prepared  # type: ignore[assignment]
    Host.submit = submitted  # type: ignore[method-assign]
    return worker.main()


if __name__ == "__main__":
    assert frames.PARENT_VARIABLE in os.environ
    sys.exit(main())
