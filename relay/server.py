"""Runs the relay: one port for API, console and node sockets, until a signal says stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from relay.api.arrival import ArrivingHttpProtocol
from relay.api.edge_asgi import HotAsgi
from relay.api.edge_http import hot_protocol
from relay.api.origins import Origins, PageCallers
from relay.api.tls import BadCertificate, Certificate
from relay.app import Services, services
from relay.clock import SystemClock
from relay.errors import RelayError
from relay.settings import RelaySettings, ServerSettings
from relay.storage.secret import Secret
from relay.upstreams.reach import networks

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from relay.cluster.crew import Worker

BACKLOG = 4096
DRAIN_LOOK_S = 0.05
TICKS_PER_S = 10
"""Of uvicorn's main loop."""
CERTIFICATE_LOOK_TICKS = 5 * TICKS_PER_S
FILES_BESIDE_CONNECTIONS = 1024
"""Open files that the relay needs for connections to providers, its database and journal."""
GC_THRESHOLD = 10_000
"""Objects made and not freed until the collector looks. A call frees its own: at Python's 700 it would look in vain."""


class CannotListen(RelayError):
    """The address cannot be had."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host = host
        self.port = port
        self.reason = reason

    @property
    def remedy(self) -> str:
        if "in use" not in self.reason:
            return "Choose an address of this computer with --host, and a port that you may use with --port."
        return "Stop what uses it, or choose another with --port (0 takes a free one)."

    def __str__(self) -> str:
        return f"cannot listen on {self.host}:{self.port}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What whoever started the relay wants to know once it is ready."""

    endpoint: str
    console: str
    api_key: str | None
    pid: int


def serve(
    settings: RelaySettings,
    *,
    announce: Path | None,
    until_parent_ends: bool,
    show: Callable[[Announcement], None],
) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        RelayError: it cannot start; the error says why and what to do.
    """
    listener = listen(settings.server)
    _allow_files(settings.server.connections + FILES_BESIDE_CONNECTIONS)
    run = _run(settings, listener, announce=announce, until_parent_ends=until_parent_ends, show=show)
    _run_to_its_end(run)


def serve_as(worker: Worker, settings: RelaySettings, *, port: int, until: BinaryIO, ready: Callable[[], None]) -> None:
    """Run one of several processes that listen on one port, until SIGINT or SIGTERM, or until `until` ends.

    Raises:
        RelayError: it cannot start.
    """
    server = dataclasses.replace(settings.server, port=port)
    listener = listen(server, shared=True)
    _allow_files(server.connections + FILES_BESIDE_CONNECTIONS)
    _run_to_its_end(_run_as(worker, dataclasses.replace(settings, server=server), listener, until=until, ready=ready))


def _run_to_its_end(run: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _allow_files(wanted: int) -> None:
    """Raise this process's own limit of open files as far as it may: systems begin with 256 or 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        with contextlib.suppress(OSError, ValueError):  # macOS has another limit beside it
            resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))


def listen(server: ServerSettings, *, shared: bool = False, reused: bool = True) -> socket.socket:
    """The listening socket; made first, so that a port in use is the first thing a person hears.

    A `shared` port is one that several processes of this user listen on, each with a socket of its own. A socket that
    does not listen keeps the port from others only if it is not `reused`.
    """
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reused))
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((server.host, server.port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotListen(server.host, server.port, reason.lower()) from error
    listener.set_inheritable(False)
    return listener


async def _run(
    settings: RelaySettings,
    listener: socket.socket,
    *,
    announce: Path | None,
    until_parent_ends: bool,
    show: Callable[[Announcement], None],
) -> None:
    port = listener.getsockname()[1]
    certificate = certificate_of(settings.server)
    async with services(settings, SystemClock(), hosts=node_hosts(settings.server, port)) as built:
        server = RelayServer(server_config(settings, built, certificate), built, certificate)
        announcement = announcement_of(settings.server, port, built.first_key)
        if until_parent_ends:
            _stop_with(server, sys.stdin.buffer)
        _settle_memory()
        await server.serve_announced(listener, lambda: tell_ready(announcement, announce, show))


async def _run_as(
    worker: Worker, settings: RelaySettings, listener: socket.socket, *, until: BinaryIO, ready: Callable[[], None]
) -> None:
    hosts, certificate = node_hosts(settings.server, settings.server.port), certificate_of(settings.server)
    async with services(settings, SystemClock(), hosts=hosts, worker=worker) as built:
        server = RelayServer(server_config(settings, built, certificate), built, certificate)
        _stop_with(server, until)
        _settle_memory()
        await server.serve_announced(listener, ready)


def _settle_memory() -> None:
    """What was built stays; it need not be looked at again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def announcement_of(server: ServerSettings, port: int, first_key: Secret[str] | None) -> Announcement:
    """Of a relay on this port, whose process this is."""
    scheme = "https" if server.certificate_file else "http"
    site = f"{scheme}://{_literal(server.host)}:{port}"
    api_key = first_key.reveal() if first_key is not None else None
    return Announcement(endpoint=f"{site}/v1", console=f"{site}/console", api_key=api_key, pid=os.getpid())


def certificate_of(server: ServerSettings) -> Certificate | None:
    """What the relay shows over TLS; None if it speaks plain HTTP. Raises BadCertificate."""
    if not server.certificate_file and not server.key_file:
        return None
    if not server.certificate_file or not server.key_file:
        named = Path(server.certificate_file or server.key_file)
        raise BadCertificate(named, "of certificate_file and key_file only one is set")
    return Certificate(Path(server.certificate_file), Path(server.key_file))


def server_config(settings: RelaySettings, built: Services, certificate: Certificate | None = None) -> uvicorn.Config:
    """Raises BadNetwork for proxies that are none."""
    server = settings.server
    base: Any = hot_protocol(built.chat) if server.edge == "http" else ArrivingHttpProtocol
    app: Any = ControlPlane(built)
    if server.proxies:
        networks(server.proxies, "server.proxies")
        app = ProxyHeadersMiddleware(app, list(server.proxies))
    app = HotAsgi(app, built.routes)
    if server.origins:
        app = PageCallers(app, Origins(server.origins))
    limits = {"most_connections": server.connections, "serves_pages": bool(server.origins)}
    return uvicorn.Config(
        app,
        http=type(base.__name__, (base,), limits),
        ws=built.reception.protocol,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=5,
        ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context,
    )


def node_hosts(server: ServerSettings, port: int) -> set[str]:
    """What nodes may have dialled: the address, this computer's own names for it, and those of the settings."""
    names = {f"{_literal(server.host)}:{port}", *server.names}
    if server.host in ("127.0.0.1", "0.0.0.0", "::", "::1", "localhost"):  # noqa: S104 - compared, not bound
        names |= {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
    return names


def _literal(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - shown, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def tell_ready(announcement: Announcement, file: Path | None, show: Callable[[Announcement], None]) -> None:
    if file is not None:
        part = file.with_name(file.name + ".part")
        part.write_text(json.dumps(asdict(announcement)), encoding="utf-8")
        part.chmod(0o600)
        part.replace(file)
    show(announcement)


def _stop_with(server: uvicorn.Server, parent: BinaryIO) -> None:
    """End when the pipe to the parent does: whoever started us is gone, however it went."""

    def wait() -> None:
        while parent.read(4096):
            pass
        server.should_exit = True

    threading.Thread(target=wait, name="parent", daemon=True).start()


class ControlPlane:
    """The ASGI application for everything but the hot routes; imported and built at its first request."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self._load()
        if scope.get("method") == "HEAD":  # as GET (RFC 9110, section 9.3.2); the server keeps the body to itself
            scope = {**scope, "method": "GET"}
        await app(scope, receive, send)

    async def _load(self) -> ASGIApp:
        """In a thread: the import takes a third of a second, in which no call must stand still."""
        async with self._lock:
            if self._app is None:
                self._app = await asyncio.to_thread(_build_control, self._services)
            return self._app


def _build_control(services: Services) -> ASGIApp:
    from relay import control

    return control.build(services)


class RelayServer(uvicorn.Server):
    """uvicorn's server, which lets running calls finish before it lets go of any socket."""

    def __init__(self, config: uvicorn.Config, services: Services, certificate: Certificate | None = None) -> None:
        super().__init__(config)
        self._services = services
        self._certificate = certificate
        if services.shared is not None:
            services.shared.still_runs = lambda: self.should_exit and len(services.completions.watch) > 0

    async def serve_announced(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve; `ready` is called once connections are accepted."""
        self._ready = ready
        await self.serve(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_S == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, ArrivingHttpProtocol):
                    connection.look()
        if self._certificate is not None and counter % CERTIFICATE_LOOK_TICKS == 0:
            self._certificate.look()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new calls, wait for the running ones, then tell those that are left, then close everything.

        Of several processes none leaves before the last call of all: one that waits, or goes on, may need its nodes.
        """
        completions, registry, shared = self._services.completions, self._services.registry, self._services.shared
        completions.stop_admitting()
        clock = self._services.clock
        until = clock.now() + self._services.settings.server.drain_s
        while clock.now() < until and not self.force_exit:
            idle = not len(completions.watch) and not registry.lodgers
            if idle and (shared is None or not await shared.others_still_run()):
                break
            await asyncio.sleep(DRAIN_LOOK_S)
        completions.end_all()
        await asyncio.sleep(DRAIN_LOOK_S)
        await super().shutdown(sockets)
