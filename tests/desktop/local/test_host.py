"""The private relay beside the app: the real program, started, asked, stopped and taken up again; and its fake."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from desktop.agent.address import RelayAddress
from desktop.agent.link import Introduction
from desktop.app import enroller
from desktop.errors import LocalRelayFailed
from desktop.local import relay_process
from desktop.local.host import RelayHost
from desktop.system.hardware import hardware_facts
from desktop.ui.private_relay import PrivateRelay, RelayState
from tests.fakes import FakePrivateRelay

pytestmark = pytest.mark.timeout(180)


class Host(RelayHost):
    """Remembers what it says."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(folder, port=port)
        self.said: queue.SimpleQueue[RelayState] = queue.SimpleQueue()
        self.subscribe(self.said.put)

    def until(self, kind: str) -> RelayState:
        """The next word of this kind."""
        while (state := self.said.get(timeout=60)).kind != kind:
            pass
        return state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "local"


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    made = Host(folder)
    yield made
    made.close()


def models(state: RelayState) -> int:
    """The status of a first call."""
    headers = {"Authorization": f"Bearer {state.key}"}
    return httpx.get(f"{state.endpoint}/models", headers=headers, trust_env=False).status_code


def is_there(state: RelayState) -> bool:
    try:
        return models(state) == 200
    except httpx.ConnectError:
        return False


class Contract:
    """What `PrivateRelay` promises."""

    def test_who_subscribes_hears_at_once_how_it_is(self, port: PrivateRelay) -> None:
        assert self.until(port, "off") == RelayState("off")

    def test_while_it_runs_it_tells_where_and_with_which_key_and_no_longer(self, port: PrivateRelay) -> None:
        port.start()
        running = self.until(port, "running")
        assert running.endpoint.startswith(f"{running.origin}/")
        assert running.key.startswith("sk-nj-")
        port.stop()
        assert self.until(port, "off") == RelayState("off")

    def test_its_invitation_is_to_itself_and_there_is_none_before_it_runs(self, port: PrivateRelay) -> None:
        with pytest.raises(LocalRelayFailed, match="has not started"):
            port.invitation()
        port.start()
        running = self.until(port, "running")
        invitation = port.invitation()
        assert invitation.relay == running.origin
        assert invitation.token

    @staticmethod
    def until(port: PrivateRelay, kind: str) -> RelayState:
        said: queue.SimpleQueue[RelayState] = queue.SimpleQueue()
        port.subscribe(said.put)
        while (state := said.get(timeout=60)).kind != kind:
            pass
        return state


class TestTheFake(Contract):
    @pytest.fixture
    def port(self) -> FakePrivateRelay:
        return FakePrivateRelay()


class TestTheRealOne(Contract):
    @pytest.fixture
    def port(self, host: Host) -> Host:
        return host


def test_it_answers_with_its_key_while_it_runs_and_is_gone_when_it_is_stopped(host: Host) -> None:
    assert host.said.get().kind == "off"
    host.start()
    state = host.until("running")
    assert is_there(state)
    host.stop()
    assert [host.said.get(timeout=60).kind for _ in range(2)] == ["stopping", "off"]
    assert not is_there(state)


def test_it_is_taken_up_at_the_next_start_with_the_same_key_and_after_a_stop_it_is_not(folder: Path) -> None:
    first = Host(folder)
    first.take_up()
    first.start()
    key = first.until("running").key
    first.close()

    second = Host(folder)
    second.take_up()
    state = second.until("running")
    assert state.key == key
    second.stop()
    second.until("off")
    second.close()
    assert not is_there(state)

    third = Host(folder)
    third.take_up()
    assert third.said.get().kind == "off"
    assert third._thread is None


def test_the_end_of_the_app_ends_it(folder: Path) -> None:
    host = Host(folder)
    host.start()
    state = host.until("running")
    host.close()
    assert not is_there(state)
    children = psutil.Process().children(recursive=True)
    assert [child.pid for child in children if "--parent-pipe" in child.cmdline()] == []


def test_a_port_in_use_is_said_with_what_to_do_and_a_second_try_may_succeed(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        host = Host(folder, port=port)
        host.start()
        problem = host.until("failed").problem
    assert f"127.0.0.1:{port}: address already in use." in problem
    assert problem.endswith("name another port: `port` under [private_relay] in settings.toml.")
    assert "\n" not in problem
    host.start()
    assert is_there(host.until("running"))
    host.close()


def test_what_nobody_expected_is_told_and_a_second_try_may_succeed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object) -> str:
        raise KeyError("key")

    with monkeypatch.context() as broken:
        broken.setattr("desktop.local.host.api_key", breaks)
        host.start()
        assert "Diagnostics" in host.until("failed").problem
    host.start()
    assert is_there(host.until("running"))


def test_a_second_one_over_the_same_books_is_refused_in_words(host: Host, folder: Path) -> None:
    host.start()
    host.until("running")
    second = Host(folder)
    second.start()
    problem = second.until("failed").problem
    second.close()
    assert "another relay is using" in problem
    assert problem.endswith(" Stop it first.")


def test_one_that_dies_is_said_to_have_died(host: Host, folder: Path) -> None:
    host.start()
    host.until("running")
    pid = json.loads((folder / "relay.json").read_bytes())["pid"]
    psutil.Process(pid).kill()
    assert host.until("failed").problem.startswith("The local relay is not running: it ended")


def test_a_stop_that_comes_while_it_starts_ends_it_all_the_same(host: Host) -> None:
    host.start()
    host.until("starting")
    host.stop()
    host.until("off")


async def test_its_invitation_makes_this_pc_its_node(host: Host, own_home: Path) -> None:
    host.start()
    state = await asyncio.to_thread(host.until, "running")
    order = await asyncio.to_thread(host.invitation)
    assert order.relay == state.origin
    assert order.token is not None
    introduction = Introduction("0.1.0", "linux", hardware_facts())
    joined = await enroller(RelayAddress.parse(order.relay), introduction).by_token(order.token)
    assert joined.node_id


def test_frozen_without_the_package_of_the_relay_there_is_none_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nightjar" / "nightjar"
    monkeypatch.setattr("sys.executable", str(program))
    monkeypatch.setattr(relay_process, "is_frozen", lambda: True)
    assert not relay_process.is_installed()
    beside = tmp_path / "nightjar-relay" / "nightjar-relay"
    beside.parent.mkdir()
    beside.touch()
    assert relay_process.is_installed()
