"""The worker process: one model, spoken to through stdin and stdout, with nothing else to its name.

It has no secrets (the keeper gives it an environment of a few harmless names), low priority, no core dumps, no network
and no files but its own (`system.confinement`), and dies with its parent: by the end of stdin everywhere, and by the
kernel on Linux should a pipe be held open by someone else.
The main thread owns the model. A second thread reads stdin, since a step can take long and a cancel must interrupt it.

Exit status: 0 stdin ended, 2 the model cannot be used (said before), 3 llama.cpp is broken (its calls have failed).
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from desktop.inference import frames, preparation
from desktop.inference.engine import EngineBroken, ModelUnusable
from desktop.inference.host import Host
from desktop.inference.preparation import MemoryShort
from desktop.system import confinement

if sys.platform == "win32":
    import psutil

_BROKEN: Final = 3
_UNUSABLE: Final = 2

_WOKEN: Final = 0
"""Kind of what wakes the loop and is no frame."""

_SIGN_OF_LIFE_S: Final = 5.0
"""After this long without anything to say (a long prompt is being computed) an empty step says that all is well."""

Received = tuple[float, int, bytes]


def main() -> int:
    """Runs until stdin ends."""
    _die_with_parent()
    _harden()
    requests, replies = _pipes()
    if (first := _frame(requests)) is None:
        return 0
    load = frames.decode(first[1], frames.Load)
    _lower_priority(load.nice)
    files = [Path(path) for path in (load.path, load.projector) if path]
    confined = confinement.confine_loading(files, graphics=preparation.uses_graphics(load))
    inbox = Inbox(requests, replies)
    try:
        model, template, sight, ready = preparation.prepare(load, confined)
    except ModelUnusable as error:
        again = isinstance(error, MemoryShort) and error.again
        replies.send(frames.encode(frames.Unusable(reason=str(error), again=again)))
        return _UNUSABLE
    host = Host(model, template, prefill_budget=load.prefill_budget, sight=sight)
    inbox.interrupt = host.interrupt
    if sight:
        sight.wake = inbox.wake
    confinement.confine_serving(confined)
    replies.send(frames.encode(ready))
    status = _serve(host, inbox, replies)
    sys.stderr.flush()
    os._exit(status)  # a thread that still looks at a picture would be waited for


class Replies:
    """The pipe to the keeper; any thread may write, one frame or several at a time."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, content: bytes) -> None:
        """One write. Without a reader there is nothing to live for."""
        try:
            with self._lock:
                self._pipe.write(content)
                self._pipe.flush()
        except BrokenPipeError:
            os._exit(0)


class Inbox:
    """What came through stdin, read by a thread of its own: a step can take long, and a cancel must interrupt it."""

    def __init__(self, requests: BinaryIO, replies: Replies) -> None:
        self.received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self.interrupt: Callable[[int], None] = lambda _serial: None
        """Called in that thread with the serial of a cancelled call."""
        self._requests = requests
        self._replies = replies
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        """At the end of stdin the process is over at once: there is nothing worth putting in order."""
        while (frame := _frame(self._requests)) is not None:
            kind, payload = frame
            if kind == frames.Kind.PING:
                self._replies.send(frames.encode(frames.Pong()))
                continue
            self.received.put((time.monotonic(), kind, payload))
            if kind == frames.Kind.CANCEL:
                self.interrupt(frames.decode(payload, frames.Cancel).serial)
        os._exit(0)

    def wake(self) -> None:
        """Lets `deliver` return. From any thread."""
        self.received.put((time.monotonic(), _WOKEN, b""))

    def deliver(self, host: Host) -> None:
        """Hands over what has arrived; waits only if there is nothing else to do, and then not forever for a call."""
        try:
            while True:
                waits = host.resting and not host.outbox.waiting
                received_at, kind, payload = self.received.get(waits, None if host.idle else _SIGN_OF_LIFE_S)
                if kind == _WOKEN:
                    return
                if kind == frames.Kind.CALL:
                    head, body, resume = frames.decode_call(payload)
                    host.submit(head, body, resume, received_at=received_at)
                elif kind == frames.Kind.CANCEL:
                    host.cancel(frames.decode(payload, frames.Cancel).serial)
        except queue.Empty:
            return


def _serve(host: Host, inbox: Inbox, replies: Replies) -> int:
    said = time.monotonic()
    try:
        while True:
            inbox.deliver(host)
            host.step()
            content = host.outbox.take()
            if not content and time.monotonic() - said > _SIGN_OF_LIFE_S:
                content = frames.encode_step([])
            if content:
                replies.send(content)
                said = time.monotonic()
    except EngineBroken as error:
        host.fail_all("engine", "The model's engine broke and is restarting.")
        replies.send(host.outbox.take())
        sys.stderr.write(f"{error}\n")
        return _BROKEN


def _frame(requests: BinaryIO) -> tuple[int, bytes] | None:
    head = requests.read(frames.HEAD.size)
    if len(head) < frames.HEAD.size:
        return None
    length, kind = frames.HEAD.unpack(head)
    payload = requests.read(length) if length <= frames.MAX_PAYLOAD else b""
    return (kind, payload) if len(payload) == length else None


# --- the process ---


def _pipes() -> tuple[BinaryIO, Replies]:
    """Stdin and stdout as our own; whatever a library prints from now on goes to stderr."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, Replies(replies)


def _die_with_parent() -> None:
    confinement.die_with_parent()
    expected = os.environ.get(frames.PARENT_VARIABLE)
    if expected is not None and os.getppid() != int(expected):
        os._exit(0)


def _harden() -> None:
    """No memory image with somebody's prompt in it; Ctrl-C on a terminal is for the parent, which ends us in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confinement.volunteer_to_die()  # first: afterwards the files that say so are the system's
    confinement.give_up_privileges()


def _lower_priority(nice: int) -> None:
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(nice)


if __name__ == "__main__":
    sys.exit(main())
