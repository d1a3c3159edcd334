"""NetworkManager: whether the network costs by the byte, and when it is another one."""

from __future__ import annotations

from collections.abc import Callable

from desktop.system.bus import Bus

_NAME = "org.freedesktop.NetworkManager"
_PATH = "/org/freedesktop/NetworkManager"

_METERED = frozenset({1, 3})
"""NMMetered: yes, and "guess yes"."""

_CONNECTED = 70
"""NMState: there is a way to the internet."""


class NetworkManager:
    """On the system's bus. Methods raise SourceSilent."""

    name = "network (NetworkManager)"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def metered(self) -> bool:
        return await self._bus.get(_NAME, _PATH, _NAME, "Metered") in _METERED

    async def follow(self, came_back: Callable[[], None]) -> None:
        """`came_back` hears that there is a connection again, or another one."""
        await self._bus.listen(_NAME, "StateChanged", lambda body: came_back() if body[0] == _CONNECTED else None)
