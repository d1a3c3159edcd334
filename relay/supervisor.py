"""`serve --workers N`: a relay of several processes. The parent starts them, starts again what dies, and ends them all.

The parent serves nothing. What is done once a relay is done here before the first fork: the database is brought up to
date, the past is settled, the port is found. The workers listen on one port with a socket each, among which Linux
divides new connections; the parent's own socket only keeps the port, and gets none of them.

A worker ends when the pipe to its parent does, so none outlives it. Signals reach the parent alone: workers have
process groups of their own, so that Ctrl-C asks each of them once.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from sqlalchemy import Connection

from relay.app import first_start
from relay.clock import SystemClock
from relay.cluster.crew import Crew, Worker
from relay.errors import RelayError
from relay.ledger import store as ledger_store
from relay.ledger.past import locked, settle_all
from relay.nodes import store as node_store
from relay.server import Announcement, CannotListen, announcement_of, certificate_of, listen, serve_as, tell_ready
from relay.settings import RelaySettings, ServerSettings
from relay.storage.engine import Database
from relay.storage.secret import Secret
from relay.storage.vault import open_vault

ASKED_TO_END: Final = (signal.SIGINT, signal.SIGTERM)
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
LIVED_S: Final = 30.0
"""Who lived so long has not failed to start: it is started again after the first pause."""

COMPLAINED: Final = 1
"""Exit status of a worker that has said what is wrong."""

INSIST_S: Final = 15.0
"""For the end of a worker beyond the time that running calls have; then it is killed."""

_log = logging.getLogger(__name__)


ServeOne = Callable[[Callable[[], None]], None]
"""Serves as one worker, to its end; calls what it is given once it is ready. Raises RelayError."""


class WorkerFailed(RelayError):
    """A worker ended before all of them were ready, without a word."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"one of its processes ended as it began ({_how(self.code)})"


def supervise(
    settings: RelaySettings,
    *,
    workers: int,
    announce: Path | None,
    until_parent_ends: bool,
    show: Callable[[Announcement], None],
    in_worker: Callable[[ServeOne], int],
) -> None:
    """Run a relay of so many processes until SIGINT or SIGTERM. `in_worker` runs the work of one in its process, from
    signals to exit status.

    Raises:
        RelayError: it cannot start; the error says why and what to do.
    """
    with held_port(settings.server) as port:
        certificate_of(settings.server)
        crew, first_key = _prepare(settings, workers)

        def serve(number: int, until: int, ready: int) -> int:
            worker = Worker(number, crew)
            pipe = os.fdopen(until, "rb", buffering=0)

            def serve_one(is_ready: Callable[[], None]) -> None:
                def tell_parent() -> None:
                    is_ready()
                    os.write(ready, bytes([number]))

                serve_as(worker, settings, port=port, until=pipe, ready=tell_parent)

            return in_worker(serve_one)

        def tell() -> None:
            tell_ready(announcement_of(settings.server, port, first_key), announce, show)

        gc.freeze()  # the workers share what is there, as long as nobody writes to it
        _Supervisor(workers, serve, settings.server.drain_s + INSIST_S, tell).run(until_stdin=until_parent_ends)


@contextlib.contextmanager
def held_port(server: ServerSettings) -> Iterator[int]:
    """The port, kept for this relay's processes. Raises CannotListen if anybody else has it."""
    with listen(server) as alone:  # who shares a port with its own kind would share it with another relay as well
        port: int = alone.getsockname()[1]
    server = ServerSettings(host=server.host, port=port)
    try:
        held = listen(server, shared=True, reused=False)
    except CannotListen:  # connections of a relay of one process, which was here a minute ago, are not yet forgotten
        held = listen(server, shared=True)
    with held:
        yield port


def _prepare(settings: RelaySettings, workers: int) -> tuple[Crew, Secret[str] | None]:
    """Everything that is done once. The ledger's folder stays locked as long as any process of this relay lives."""
    clock = SystemClock()
    with Database.open(settings.database) as database:
        first_key = database.write_sync(lambda connection: first_start(connection, settings, clock))
        with locked(settings.ledger):
            settle_all(database, settings.ledger, clock)
        database.write_sync(lambda connection: node_store.signing_key(connection, at_ms=clock.now_ms()))
        open_vault(settings.answers_key)
        before = database.write_sync(_credit_before)
    return Crew.gather(workers, before), first_key


def _credit_before(connection: Connection) -> dict[int, int]:
    ledger_store.forget_credit_moved(connection)
    balances, deposits = ledger_store.credits_of(connection), ledger_store.deposits_of(connection)
    return {each: balances.get(each, 0) - deposits.get(each, 0) for each in {*balances, *deposits}}


@dataclass(slots=True)
class _Post:
    """A worker's place, and who fills it. `pid` 0: nobody just now, until `due`."""

    number: int
    pid: int = 0
    ready: bool = False
    began: float = 0.0
    due: float = 0.0
    pause_s: float = field(default=FIRST_PAUSE_S)


class _Supervisor:
    """The parent's loop. One thread, no event loop: it forks."""

    def __init__(
        self, workers: int, serve: Callable[[int, int, int], int], end_within_s: float, tell: Callable[[], None]
    ) -> None:
        self._posts = [_Post(number) for number in range(workers)]
        self._serve = serve
        self._end_within_s = end_within_s
        self._tell = tell
        self._told = False
        self._failed: int | None = None
        self._stopping = 0.0
        self._alive, self._kept = os.pipe()
        self._ready, self._say_ready = os.pipe()
        self._woken, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()

    def run(self, *, until_stdin: bool) -> None:
        """Raises WorkerFailed."""
        for each in (self._woken, self._wake):
            each.settimeout(0)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *ASKED_TO_END):
            signal.signal(number, _heard)
        self._selector.register(self._woken, selectors.EVENT_READ, self._signalled)
        self._selector.register(self._ready, selectors.EVENT_READ, self._one_is_ready)
        if until_stdin:
            self._selector.register(sys.stdin.buffer, selectors.EVENT_READ, self._stdin_said)
        while self._go_on():
            for key, _ in self._selector.select(self._until_next()):
                key.data()
        signal.set_wakeup_fd(-1)
        if self._failed == COMPLAINED:
            sys.exit(COMPLAINED)
        if self._failed is not None:
            raise WorkerFailed(self._failed)

    def _go_on(self) -> bool:
        """Does what is due; whether there is more to wait for."""
        now = time.monotonic()
        if self._stopping:
            if now >= self._stopping:
                self._signal_all(signal.SIGKILL)
            return any(post.pid for post in self._posts)
        for post in self._posts:
            if not post.pid and now >= post.due and self._may_start(post):
                self._start(post)
        return True

    def _may_start(self, post: _Post) -> bool:
        """The first alone: whatever keeps it from starting is said once, and not by all of them."""
        return post.number == 0 or self._posts[0].ready or self._told

    def _until_next(self) -> float | None:
        """Seconds until something is due."""
        due = [self._stopping] if self._stopping else [post.due for post in self._posts if not post.pid and post.due]
        return max(0.0, min(due) - time.monotonic()) if due else None

    # --- starting ---------------------------------------------------------------------------------------------------

    def _start(self, post: _Post) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_END)  # what comes meanwhile is for the parent's handlers only
        pid = os.fork()
        if pid == 0:
            self._be(post.number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_END)
        post.pid, post.ready, post.began, post.due = pid, False, time.monotonic(), 0.0

    def _be(self, number: int) -> NoReturn:
        """In the worker: never returns to what the parent was doing."""
        status = COMPLAINED
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for each in (signal.SIGCHLD, *ASKED_TO_END):
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_END)
            self._selector.close()
            os.close(self._kept)
            status = self._serve(number, self._alive, self._say_ready)
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - the supervisor of this process, of which nothing else would be heard
            _log.exception("worker %d has a fault", number)
        finally:
            os._exit(status)

    def _one_is_ready(self) -> None:
        for number in os.read(self._ready, 4096):
            self._posts[number].ready = True
        if not self._told and all(post.ready for post in self._posts):
            self._told = True
            self._tell()

    # --- ending -----------------------------------------------------------------------------------------------------

    def _signalled(self) -> None:
        for number in self._woken.recv(4096):
            if number == signal.SIGCHLD:
                self._bury_the_dead()
            elif self._stopping:
                self._signal_all(number)  # asked twice: the workers end without waiting for their calls
            else:
                self._stop()

    def _stdin_said(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            self._selector.unregister(sys.stdin.buffer)
            self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = time.monotonic() + self._end_within_s
            self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        for post in self._posts:
            if post.pid:
                os.kill(post.pid, number)  # not yet waited for, so the number is still its own

    def _bury_the_dead(self) -> None:
        for post in self._posts:
            if post.pid:
                pid, status = os.waitpid(post.pid, os.WNOHANG)
                if pid:
                    self._ended(post, os.waitstatus_to_exitcode(status))

    def _ended(self, post: _Post, code: int) -> None:
        now = time.monotonic()
        post.pid = 0
        if self._stopping:
            return
        if not self._told:
            self._failed = code
            self._stop()
            return
        if now - post.began >= LIVED_S:
            post.pause_s = FIRST_PAUSE_S
        _log.error("worker %d ended (%s); starting it again in %.1f s", post.number, _how(code), post.pause_s)
        post.due = now + post.pause_s
        post.pause_s = min(2 * post.pause_s, LONGEST_PAUSE_S)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Nothing: the wake-up socket tells the loop, which looks when it can."""
