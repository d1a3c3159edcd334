"""What the relay tells this node's owner: earnings, answers served, reasons, demand, the catalogue.

Questions go over HTTP and are signed by the node's own key, so nothing else on the network can ask them; any process of
this user that can read the key may, with the agent running or not.
"""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
import msgspec

from desktop.agent.enrolment import relay_client
from desktop.agent.membership import Member
from desktop.agent.sharing.words import host_of
from desktop.errors import DesktopError
from relay.wire import owner as wire
from relay.wire.identity import owner_text

_LONGEST_ANSWER: Final = 16 * 1024 * 1024
_STALE: Final = "stale_nonce"

A = TypeVar("A", bound=msgspec.Struct)

EarningsTold = wire.Earnings
EarnedDay = wire.EarnedDay
EarnedModel = wire.EarnedModel
AnswerTold = wire.Answer
ReasonTold = wire.Reason
"""What the relay tells, for those above the agent, who do not know the wire."""


class RelaySilent(DesktopError):
    """The relay did not answer a question; `code` is its own word for why, empty where it was not reached."""

    def __init__(self, relay: str, why: str, code: str = "") -> None:
        super().__init__(f"The relay {host_of(relay)} does not answer: {why}.")
        self.relay = relay
        self.why = why
        self.code = code
        self.remedy = "" if code else "Check that this PC is online, and try again."


class _Detail(msgspec.Struct, frozen=True):
    message: str = ""
    code: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Detail


class RelayView:
    """Asks for one member. All methods raise RelaySilent."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._nonce = b""

    async def earnings(self, days: int = 30) -> wire.Earnings:
        return await self._ask(wire.EarningsWanted(days), wire.Earnings)

    async def answers(self, *, before: int | None = None, limit: int = 100) -> wire.Answers:
        return await self._ask(wire.AnswersWanted(before, limit), wire.Answers)

    async def all_answers(self, most: int) -> list[wire.Answer]:
        """The newest `most`, over as many questions as that takes."""
        found: list[wire.Answer] = []
        while len(found) < most:
            page = await self.answers(
                before=found[-1].number if found else None, limit=min(wire.MAX_ANSWERS, most - len(found))
            )
            found += page.answers
            if not page.more or not page.answers:
                break
        return found

    async def reasons(self) -> list[wire.Reason]:
        return (await self._ask(wire.ReasonsWanted(), wire.Reasons)).reasons

    async def demand(self) -> wire.Demand:
        return await self._ask(wire.DemandWanted(), wire.Demand)

    async def catalogue(self) -> wire.SignedCatalogue:
        """As the relay sent it; nobody has checked the signature yet."""
        return await self._ask(wire.CatalogueWanted(), wire.SignedCatalogue)

    async def _ask(self, question: wire.Question, answer: type[A]) -> A:
        async with relay_client(self._member.relay) as http:
            try:
                return await self._put(http, question, answer)
            except RelaySilent as error:
                if error.code != _STALE:
                    raise
            self._nonce = b""
            return await self._put(http, question, answer)

    async def _put(self, http: httpx.AsyncClient, question: wire.Question, answer: type[A]) -> A:
        if not self._nonce:
            self._nonce = (await self._post(http, wire.NONCE_PATH, b"", wire.Fresh)).nonce
        data = msgspec.json.encode(question)
        text = owner_text(host=self._member.relay.place, nonce=self._nonce, question=data)
        asked = wire.Asked(
            node_id=self._member.node_id, nonce=self._nonce, question=data, signature=self._member.key.sign(text)
        )
        return await self._post(http, wire.ASK_PATH, msgspec.json.encode(asked), answer)

    async def _post(self, http: httpx.AsyncClient, path: str, body: bytes, answer: type[A]) -> A:
        relay = self._member.relay.url
        try:
            async with http.stream("POST", path, content=body) as response:
                data = await _bounded(response)
        except httpx.HTTPError as error:
            why = "no answer in time" if isinstance(error, httpx.TimeoutException) else "it cannot be reached"
            raise RelaySilent(relay, why) from error
        if response.status_code != HTTPStatus.OK:
            raise _refusal(relay, response.status_code, data)
        try:
            return msgspec.json.decode(data, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RelaySilent(relay, "it speaks another version; update Nightjar", "version") from error


async def _bounded(response: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > _LONGEST_ANSWER:
            break  # and will not decode
    return bytes(data)


def _refusal(relay: str, status: int, data: bytes) -> RelaySilent:
    detail = _Detail()
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = msgspec.json.decode(data, type=_Body).error
    if status == HTTPStatus.NOT_FOUND and detail.code != "unknown_node":
        return RelaySilent(relay, "it is of a version that cannot tell this", "version")
    why = detail.message[:300].rstrip(".") or f"it answered {status}"
    return RelaySilent(relay, why[:1].lower() + why[1:], detail.code or str(status))
