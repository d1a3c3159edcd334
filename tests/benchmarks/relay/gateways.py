"""What is measured: nginx as a plain proxy, and the relay as it ships: compiled; keys, prices, ledger and usage on."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import Cores, Running, Unmeasurable, free_port, running, wait_until
from tests.benchmarks.relay.compiled import compiled_relay

_NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    upstream provider {{ server 127.0.0.1:{provider}; keepalive 2048; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""
# Dollars per million tokens: above nothing, so that every call is priced, held, settled and split; small enough
# that the demo's credit pays for millions of calls.
_PRICES = ("--price-prompt", "0.01", "--price-completion", "0.02")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One contender, ready to answer: where, with which key, and its processes."""

    name: str
    port: int
    key: str
    running: Running
    start_s: float
    streams: int | None = None
    """How many paced streams it is given, if those of the plan are too many for it."""


def nginx_program() -> str:
    """Where nginx is. Raises Unmeasurable if it is not."""
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"):
        program = Path(folder) / "nginx"
        if program.is_file():
            return str(program)
    raise Unmeasurable("nginx is not installed: apt-get install nginx")


@contextmanager
def nginx(folder: Path, *, provider_port: int, cores: Cores) -> Iterator[Gateway]:
    folder.mkdir(exist_ok=True)
    port = free_port()
    user = f"user {_own_name()};" if os.getuid() == 0 else ""
    text = _NGINX.format(folder=folder, provider=provider_port, port=port, user=user)
    (folder / "nginx.conf").write_text(text)
    command = [nginx_program(), "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"]
    begun, log = time.monotonic(), folder / "output.log"
    with running(command, core=cores.measured, log=log) as process:
        wait_until(lambda: answers(port, "any"), within_s=10, what="nginx' first answer")
        process.check()
        yield Gateway("nginx", port, "any", process, time.monotonic() - begun)


class PreparedRelay:
    """A relay's data folder with credit, one key and one provider, from which it can be started again and again."""

    def __init__(self, folder: Path, *, provider_port: int, cores: Cores) -> None:
        self.data = folder
        self._program = compiled_relay()
        self._cores = cores
        # The first start on an empty folder makes the organisation, its key and the demo's credit.
        with self._serving() as (_, announcement):
            self._key = str(announcement["api_key"])
        self._offer(provider_port)

    @contextmanager
    def started(self) -> Iterator[Gateway]:
        begun = time.monotonic()
        with self._serving() as (process, announcement):
            port = int(str(announcement["endpoint"]).rpartition(":")[2].partition("/")[0])
            wait_until(lambda: answers(port, self._key), within_s=10, what="the relay's first answer")
            yield Gateway("relay", port, self._key, process, time.monotonic() - begun)

    @contextmanager
    def _serving(self) -> Iterator[tuple[Running, dict[str, object]]]:
        """The process and what it announced, which is when its port is open."""
        self.data.mkdir(exist_ok=True)
        (self.data / "relay.toml").write_text('[upstreams]\nprivate_addresses = ["127.0.0.1"]\n')
        announced = self.data / "announcement.json"
        announced.unlink(missing_ok=True)
        command = (sys.executable, "-m", "relay", "serve", "--demo", "--port", "0")
        options = ("--data", str(self.data), "--announce", str(announced))
        log = self.data / "output.log"
        with running([*command, *options], core=self._cores.measured, log=log, folder=self._program) as process:

            def ready() -> bool:
                process.check()
                return announced.exists() and announced.stat().st_size > 0

            wait_until(ready, within_s=30, what="the relay's announcement")
            yield process, json.loads(announced.read_text())

    def _offer(self, provider_port: int) -> None:
        base_url = f"http://127.0.0.1:{provider_port}/v1"
        command = [sys.executable, "-m", "relay", "provider", "add", "mock", "--model", "mock", "--key", "sk-upstream"]
        options = ["--base-url", base_url, *_PRICES, "--data", str(self.data)]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unmeasurable(f"the provider could not be added: {done.stderr}")


def _own_name() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def answers(port: int, key: str) -> bool:
    """Whether one whole, good answer comes back."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 100})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    try:
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise Unmeasurable(f"the first answer is {response.status}: {text[:300]!r}")
    return True
