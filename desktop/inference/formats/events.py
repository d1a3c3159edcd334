"""What an answer is made of, once its markup is understood."""

from __future__ import annotations

from typing import NamedTuple


class Content(NamedTuple):
    """Text for the caller."""

    text: str


class Reasoning(NamedTuple):
    """Text of the model to itself."""

    text: str


class CallOpened(NamedTuple):
    """A tool is called; what follows is for it until the next is opened. `call` counts from 0 within the choice."""

    call: int
    name: str


class CallArguments(NamedTuple):
    """A piece of the JSON text of a call's arguments, as the model wrote it."""

    call: int
    text: str


Event = Content | Reasoning | CallOpened | CallArguments
