"""This PC as the node of its own private relay: recognised, or else enrolled anew, so that it can always serve.

The owner of a private relay is the owner of the PC: no approval is asked for, and a node that was barred (its key seen
twice, say, after a folder was copied back) is replaced by a new one with a new key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

import msgspec

from desktop import app
from desktop.agent.address import RelayAddress
from desktop.agent.commands import Enrol
from desktop.agent.link import Introduction
from desktop.agent.membership import Memberships
from desktop.agent.state import Snapshot
from desktop.agent.supervisor import Agent
from desktop.errors import DesktopError, SecretUnavailable
from desktop.local.relay_process import Announcement, RelayProcess
from desktop.system.hardware import hardware_facts, operating_system
from desktop.system.program import version

log = logging.getLogger(__name__)

_ADMITTED = "enrolled"
"""The state in which the relay's `node list` shows a node that may connect."""


class Admission:
    """To one running relay."""

    def __init__(self, relay: RelayProcess, announcement: Announcement) -> None:
        self._relay = relay
        self._address = RelayAddress.parse(announcement.origin)
        # A relay that announces its first key has just been made: whatever node this PC was, it was another's.
        self._new = bool(announcement.api_key)

    async def admit(self, memberships: Memberships) -> None:
        """Before the agent runs. For a node that the relay knows only the port may be new. Raises DesktopError."""
        known = memberships.record.membership
        if known is not None and await self._admitted(known.node_id) and await _has_its_key(memberships):
            memberships.change(membership=msgspec.structs.replace(known, relay=self._address.url))
            return
        introduction = Introduction(version(), operating_system(), hardware_facts())
        await memberships.join(await app.enroller(self._address, introduction).by_token(await self._relay.node_token()))

    async def order(self) -> Enrol:
        """What makes a running agent a new node of this relay. Raises DesktopError."""
        return Enrol(self._address.url, await self._relay.node_token())

    async def _admitted(self, node: str) -> bool:
        if self._new:
            return False
        rows = await self._relay.ask_rows("node", "list")
        return any(row["id"] == node and row["state"] == _ADMITTED for row in rows)


class Readmission:
    """Enrols a running agent anew, once, if the relay bars it before it was ever ready.

    Later it is left alone: then somebody barred it on purpose, and the next start is soon enough.
    """

    def __init__(self, admission: Admission, agent: Agent, *, failed: Callable[[DesktopError], None]) -> None:
        self._admission = admission
        self._agent = agent
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._phase: Literal["watching", "asking", "over"] = "watching"
        self._problem = ""
        self._task: asyncio.Task[None] | None = None

    def mends(self, snapshot: Snapshot) -> bool:
        """Whether what is wrong is being seen to, so that nobody need hear of it. For the agent's thread."""
        barred = snapshot.enrolment.kind == "none" and bool(snapshot.enrolment.problem)
        wrong = barred or snapshot.link.refused
        if self._phase == "watching" and wrong:
            self._phase = "asking"
            self._problem = snapshot.enrolment.problem
            self._loop.call_soon_threadsafe(self._begin)
        elif not wrong or snapshot.enrolment.problem != self._problem:
            # Mended, or not to be mended: the second attempt has a problem of its own.
            self._phase = "over" if self._phase == "asking" or snapshot.sharing.sharing else self._phase
        return self._phase == "asking"

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._readmit())

    async def stop(self) -> None:
        """Give up what is under way, and wait until it has ended."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _readmit(self) -> None:
        log.warning("the private relay bars this node; enrolling anew")
        try:
            self._agent.post(await self._admission.order())
        except DesktopError as error:
            self._failed(error)


async def _has_its_key(memberships: Memberships) -> bool:
    try:
        await memberships.load()
    except SecretUnavailable as error:
        log.warning("this node's key is not usable; enrolling anew", extra={"why": error.why})
        return False
    return True
