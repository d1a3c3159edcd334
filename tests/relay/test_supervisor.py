"""The port of a relay of several processes, which nobody else may have, also while none of them listens."""

from __future__ import annotations

import socket
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("a relay of several processes needs Linux", allow_module_level=True)

from relay.server import CannotListen, listen
from relay.settings import ServerSettings
from relay.supervisor import held_port


def test_a_port_that_no_process_listens_on_yet_is_nobody_elses() -> None:
    with held_port(ServerSettings(port=0)) as port:
        server = ServerSettings(port=port)
        with pytest.raises(CannotListen):
            listen(server)
        with pytest.raises(CannotListen), held_port(server):
            pass
        for _ in range(2):  # those that share it with each other
            with listen(server, shared=True) as one, listen(server, shared=True) as other:
                one.listen()
                other.listen()


def test_a_port_is_held_whatever_connections_its_last_relay_has_just_closed() -> None:
    for shared in (False, True):
        with listen(ServerSettings(port=0), shared=shared) as listener:
            listener.listen()
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as caller:
                listener.accept()[0].close()
                assert not caller.recv(1)
        with held_port(ServerSettings(port=port)) as held:
            assert held == port
