"""The one enrolment under way: what the owner sees of it, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from desktop.agent.address import RelayAddress
from desktop.agent.commands import Enrol
from desktop.agent.enrolment import Enroller, Joined, Waiting
from desktop.agent.state import Enrolment
from desktop.errors import DesktopError

log = logging.getLogger(__name__)

MakeEnroller = Callable[[RelayAddress], Enroller]


class Attempt:
    """At most one at a time; a new one ends the one before. `state` is None while there is nothing to show."""

    def __init__(
        self,
        make: MakeEnroller,
        *,
        open_browser: Callable[[str], None] | None,
        joined: Callable[[Joined], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """`open_browser` is None where there is no display: then the code is all there is."""
        self._make = make
        self._open_browser = open_browser
        self._joined = joined
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.state: Enrolment | None = None

    def begin(self, wish: Enrol, group: asyncio.TaskGroup) -> None:
        """Raises EnrolmentFailed for an address that is none."""
        relay = RelayAddress.parse(wish.relay)
        self.cancel()
        self._show(Enrolment("waiting", relay=relay.url))
        self._task = group.create_task(self._run(relay, wish.token), name="enrolment")

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._show(None)

    def fail(self, relay: str, problem: str) -> None:
        """Shows `problem`, a sentence, until the next attempt."""
        self._show(Enrolment("none", relay=relay, problem=problem))

    async def _run(self, relay: RelayAddress, token: str | None) -> None:
        try:
            enroller = await asyncio.to_thread(self._make, relay)
            joined = await (enroller.by_token(token) if token else enroller.by_browser(self._await_approval))
            await self._joined(joined)
        except DesktopError as error:
            log.warning("enrolment failed", extra={"relay": relay.url, "why": str(error)})
            self._task = None
            self.fail(relay.url, error.line())
        else:
            self._task = None
            self._show(None)

    def _await_approval(self, waiting: Waiting) -> None:
        seen = self.state
        relay = seen.relay if seen else ""
        self._show(
            Enrolment(
                "waiting",
                relay=relay,
                user_code=waiting.user_code,
                approve_url=waiting.approve_url,
                expires_at=waiting.expires_at,
            )
        )
        log.info("waiting for approval", extra={"minutes": round((waiting.expires_at - time.time()) / 60)})
        if self._open_browser is not None:
            asyncio.get_running_loop().run_in_executor(None, self._open_browser, waiting.open_url)

    def _show(self, state: Enrolment | None) -> None:
        self.state = state
        self._changed()
