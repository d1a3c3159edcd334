"""The named formats of strings: patterns for texts that pass for them everywhere."""

from __future__ import annotations

from functools import cache
from typing import Final

from desktop.inference.grammar import regexes
from desktop.inference.grammar.automata import Dfa, Work

_HOUR: Final = r"([01][0-9]|2[0-3])"
_MINUTE: Final = r"[0-5][0-9]"
_TIME: Final = rf"{_HOUR}:{_MINUTE}:{_MINUTE}(\.[0-9]{{1,6}})?(Z|[+-]{_HOUR}:{_MINUTE})"
_LEAP: Final = r"((19|20)(0[48]|[2468][048]|[13579][26])|2000)"
_DATE: Final = (
    r"((19|20|21)[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    rf"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_OCTET: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?"
_HOST: Final = rf"{_LABEL}(\.{_LABEL}){{0,4}}"
_TERM: Final = r"[0-9]{1,6}"
_HEX: Final = "[0-9a-f]"

_PATTERNS: Final = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f"{_DATE}T{_TIME}",
    "duration": (
        rf"P({_TERM}W|({_TERM}Y({_TERM}M({_TERM}D)?)?|{_TERM}M({_TERM}D)?|{_TERM}D)"
        rf"(T({_TERM}H({_TERM}M({_TERM}S)?)?|{_TERM}M({_TERM}S)?|{_TERM}S))?"
        rf"|T({_TERM}H({_TERM}M({_TERM}S)?)?|{_TERM}M({_TERM}S)?|{_TERM}S))"
    ),
    "email": rf"[A-Za-z0-9_+-]{{1,16}}(\.[A-Za-z0-9_+-]{{1,16}}){{0,3}}@{_HOST}\.[a-z]{{2,12}}",
    "hostname": _HOST,
    "ipv4": rf"{_OCTET}(\.{_OCTET}){{3}}",
    "ipv6": rf"{_HEX}{{1,4}}(:{_HEX}{{1,4}}){{7}}|({_HEX}{{1,4}}(:{_HEX}{{1,4}}){{0,5}})?::({_HEX}{{1,4}})?",
    "uuid": rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    "uri": rf"https?://{_HOST}(:[0-9]{{2,4}})?(/[A-Za-z0-9._~!$&()*+,;=:@-]*)*(\?[A-Za-z0-9._~!$&()*+,;=:@/-]*)?",
}


def known(name: str) -> bool:
    return name in _PATTERNS


@cache
def automaton(name: str) -> Dfa:
    """Of a known format; made once."""
    return regexes.automaton(f"^({_PATTERNS[name]})$", Work())
