"""What an operator declares of a provider's model. Pure.

Apart from `target`, which is compiled with the hot path: a compiled struct would not be frozen.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec


class Traits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator declares of a provider's model, for calls that ask for it. What is not declared is not so.

    `parameters` are names of the body's fields that it supports; `continues` is how it is told to go on with an answer
    that another began, a method of `completions.seam`; empty if it cannot, as most cannot.
    """

    quantisation: str = ""
    parameters: tuple[str, ...] = ()
    region: str = ""
    collects_data: bool = True
    keeps_nothing: bool = False
    continues: Literal["", "prefix", "continue_final_message", "prefill"] = ""


NO_TRAITS: Final = Traits()
