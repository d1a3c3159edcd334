"""Notifications: the same facts of the real thing, over a real bus, and of the fake that other tests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.notifications import Notification, Notifications, SessionNotifications
from tests.desktop.system.buses import NotificationServer, offered
from tests.fakes import FakeNotifications

NEWS = Notification("A model has arrived", "qwen is here.", "Open Models")
OTHER = Notification("A download stopped", "phi needs 3 GB.", "Open Models")


class Pressed:
    """What was heard of presses, in order."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    def __call__(self, number: int, token: str) -> None:
        self.heard.put_nowait((number, token))

    async def next(self) -> tuple[int, str]:
        async with asyncio.timeout(20):
            return await self.heard.get()


class Owner(Protocol):
    """Whoever sits before the screen."""

    def sees(self) -> dict[int, tuple[str, str]]: ...
    def press(self, number: int, token: str = "") -> None: ...
    def dismiss(self, number: int) -> None: ...


@pytest.fixture
def pressed() -> Pressed:
    return Pressed()


class Contract:
    """What `Notifications` promises."""

    async def test_what_is_shown_is_seen_word_for_word(self, port: Notifications, owner: Owner) -> None:
        number = await port.show(NEWS)
        assert owner.sees() == {number: ("A model has arrived", "qwen is here.")}

    async def test_a_press_comes_back_with_the_token_that_lets_a_window_come_forward(
        self, port: Notifications, owner: Owner, pressed: Pressed
    ) -> None:
        first, second = await port.show(NEWS), await port.show(OTHER)
        owner.press(second, "token-7")
        owner.press(first)
        assert [await pressed.next(), await pressed.next()] == [(second, "token-7"), (first, "")]

    async def test_another_takes_the_place_of_the_one_it_replaces(self, port: Notifications, owner: Owner) -> None:
        number = await port.show(NEWS)
        assert await port.show(OTHER, replaces=number) == number
        assert owner.sees() == {number: ("A download stopped", "phi needs 3 GB.")}

    async def test_one_that_its_owner_closed_is_not_replaced_but_shown_anew(
        self, port: Notifications, owner: Owner, pressed: Pressed
    ) -> None:
        number = await port.show(NEWS)
        owner.dismiss(number)
        witness = await port.show(OTHER)
        owner.press(witness)  # what is heard after the closing was heard says that the closing was
        await pressed.next()
        assert await port.show(NEWS, replaces=number) not in {number, witness}

    async def test_what_is_withdrawn_is_gone_also_if_it_was_before(self, port: Notifications, owner: Owner) -> None:
        number = await port.show(NEWS)
        for _ in range(2):
            await port.withdraw(number)
            assert owner.sees() == {}

    async def test_nothing_is_heard_of_one_that_is_not_ours(
        self, port: Notifications, owner: Owner, pressed: Pressed
    ) -> None:
        number = await port.show(NEWS)
        owner.press(number + 7, "token")
        owner.press(number)
        assert await pressed.next() == (number, "")


class TestTheFake(Contract):
    @pytest.fixture
    def port(self, pressed: Pressed) -> FakeNotifications:
        return FakeNotifications(pressed)

    @pytest.fixture
    def owner(self, port: FakeNotifications) -> Owner:
        class Before:
            def sees(self) -> dict[int, tuple[str, str]]:
                return {number: (one.title, one.body) for number, one in port.shown.items()}

            press, dismiss = port.press, port.dismiss

        return Before()

    async def test_without_a_server_it_says_so(self, port: FakeNotifications) -> None:
        port.silent = True
        with pytest.raises(SourceSilent):
            await port.show(NEWS)


class TestOverTheBus(Contract):
    @pytest.fixture
    async def server(self, address: str) -> AsyncIterator[NotificationServer]:
        made = NotificationServer()
        async with offered(address, made.NAME, {made.PATH: made}):
            yield made

    @pytest.fixture
    def port(self, bus: Bus, pressed: Pressed) -> SessionNotifications:
        return SessionNotifications(bus, pressed)

    @pytest.fixture
    def owner(self, server: NotificationServer) -> Owner:
        class Before:
            def sees(self) -> dict[int, tuple[str, str]]:
                return {number: (one.title, one.body) for number, one in server.shown.items()}

            press, dismiss = server.press, server.dismiss

        return Before()

    async def test_it_is_of_normal_urgency_and_named_after_the_launcher(
        self, port: SessionNotifications, server: NotificationServer
    ) -> None:
        shown = server.shown[await port.show(NEWS)]
        assert shown.hints == {"urgency": 1, "desktop-entry": "nightjar"}
        assert shown.acts == ["default", "Open Models", "open", "Open Models"]

    @pytest.mark.parametrize(("able", "body"), [(("body-markup",), "a &lt; b &amp; c"), ((), "a < b & c")])
    async def test_a_name_is_no_markup(
        self, port: SessionNotifications, server: NotificationServer, able: tuple[str, ...], body: str
    ) -> None:
        server.able = able
        shown = server.shown[await port.show(Notification("A model has arrived", "a < b & c", "Open Models"))]
        assert (shown.body, shown.acts) == (body, [])

    async def test_a_press_that_comes_along_with_the_number_is_not_lost(
        self, port: SessionNotifications, server: NotificationServer, pressed: Pressed
    ) -> None:
        server.presses_itself = True
        for _ in range(30):
            number = await port.show(NEWS)
            assert await pressed.next() == (number, "")

    async def test_without_a_server_it_says_so(self, port: SessionNotifications) -> None:
        with pytest.raises(SourceSilent, match=r"org\.freedesktop\.Notifications"):
            await port.show(NEWS)

    async def test_a_server_that_comes_later_is_found(
        self, port: SessionNotifications, address: str, pressed: Pressed
    ) -> None:
        with pytest.raises(SourceSilent):
            await port.show(NEWS)
        late = NotificationServer()
        async with offered(address, late.NAME, {late.PATH: late}):
            number = await port.show(NEWS)
            late.press(number)
            assert await pressed.next() == (number, "")
