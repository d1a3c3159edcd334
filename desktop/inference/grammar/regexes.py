r"""JSON Schema's patterns (ECMA 262) as automata: all that is a regular language, found anywhere unless anchored.

What looks around itself or back (`(?=`, `(?<!`, `\b`, `\1`) is refused, as is what only Unicode's tables know (`\p`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from desktop.errors import DesktopError
from desktop.inference.grammar.automata import BEGIN, END, Dfa, Nfa, Work
from desktop.inference.grammar.characters import CharSet, chars, complement, span, union

MAX_CHARS: Final = 1024
MAX_DEPTH: Final = 32
MAX_TIMES: Final = 1024

_DIGIT: Final = span("0", "9")
_WORD: Final = union(_DIGIT, span("a", "z"), span("A", "Z"), chars("_"))
_SPACE: Final = union(chars("\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"), span("\u2000", "\u200a"))
_CLASSES: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_NO_DOT: Final = chars("\n\r\u2028\u2029")
_COUNTED: Final = re.compile(r"\{(\d{1,6})(?:(,)(\d{1,6})?)?\}")
_GROUP: Final = re.compile(r"\?(?::|<[A-Za-z_$][\w$]*>)")
_CODE: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")


class PatternRefused(DesktopError):
    """This pattern is not valid, or not one that a grammar can express."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the automaton that is built."""

    start: int
    accept: int


def automaton(pattern: str, work: Work) -> Dfa:
    """Raises PatternRefused, or TooComplex."""
    if len(pattern) > MAX_CHARS:
        raise PatternRefused(f"it is longer than {MAX_CHARS} characters")
    reader = _Pattern(pattern, work)
    part = reader.alternatives(0)
    if reader.at < len(pattern):
        raise PatternRefused("it has a closing parenthesis too many")
    return reader.nfa.searched(part.start, part.accept)


class _Pattern:
    """Reads a pattern from left to right and builds as it reads."""

    def __init__(self, text: str, work: Work) -> None:
        self.nfa = Nfa(work)
        self.at = 0
        self._text = text

    def alternatives(self, depth: int) -> Part:
        if depth > MAX_DEPTH:
            raise PatternRefused("it is nested too deep")
        whole = Part(self.nfa.state(), self.nfa.state())
        while True:
            part = self._sequence(depth)
            self.nfa.free(whole.start, part.start)
            self.nfa.free(part.accept, whole.accept)
            if not self._next("|"):
                return whole

    def _sequence(self, depth: int) -> Part:
        start = end = self.nfa.state()
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            begun = self.at
            part = self._atom(depth)
            part = self._repeated(part, begun, depth)
            self.nfa.free(end, part.start)
            end = part.accept
        return Part(start, end)

    # --- one thing ---

    def _atom(self, depth: int) -> Part:
        if self._next("("):
            if self._next("?", consume=False):
                group = _GROUP.match(self._text, self.at)
                if not group:
                    raise PatternRefused("it looks around itself, which a grammar cannot do")
                self.at = group.end()
            part = self.alternatives(depth + 1)
            if not self._next(")"):
                raise PatternRefused("a parenthesis is not closed")
            return part
        if self._next("["):
            return self._set(self._class())
        if self._next("."):
            return self._set(complement(_NO_DOT))
        if self._next("^"):
            return self._set(BEGIN)
        if self._next("$"):
            return self._set(END)
        if self._next("\\"):
            return self._set(self._escape())
        if self._text[self.at] in "*+?" or _COUNTED.match(self._text, self.at):
            raise PatternRefused("there is nothing to repeat")
        self.at += 1
        return self._set(chars(self._text[self.at - 1]))

    def _set(self, ranges: CharSet) -> Part:
        part = Part(self.nfa.state(), self.nfa.state())
        self.nfa.edge(part.start, ranges, part.accept)
        return part

    def _escape(self) -> CharSet:
        if self.at >= len(self._text):
            raise PatternRefused("it ends in a backslash")
        if code := _CODE.match(self._text, self.at):
            self.at = code.end()
            point = int(next(group for group in code.groups() if group), 16)
            if point > 0x10FFFF:
                raise PatternRefused("it names a character that does not exist")
            return ((point, point),)
        sign = self._text[self.at]
        self.at += 1
        if sign.lower() in _CLASSES:
            ranges = _CLASSES[sign.lower()]
            return complement(ranges) if sign.isupper() else ranges
        if sign in _CONTROLS:
            return chars(_CONTROLS[sign])
        if sign.isalnum():
            raise PatternRefused(f"it uses '\\{sign}', which a grammar cannot express")
        return chars(sign)

    def _class(self) -> CharSet:
        inverted = self._next("^")
        found: list[CharSet] = []
        while not self._next("]"):
            low = self._class_item()
            after = self._text[self.at : self.at + 2]
            if after[:1] == "-" and after[1:] not in {"", "]"} and _single(low):
                self.at += 1
                high = self._class_item()
                if not _single(high) or high[0][0] < low[0][0]:
                    raise PatternRefused("a range of characters is in the wrong order")
                found.append(((low[0][0], high[0][0]),))
            else:
                found.append(low)
        ranges = union(*found)
        return complement(ranges) if inverted else ranges

    def _class_item(self) -> CharSet:
        if self.at >= len(self._text):
            raise PatternRefused("a bracket is not closed")
        if self._next("\\"):
            if self._next("b"):
                return chars("\b")
            return self._escape()
        self.at += 1
        return chars(self._text[self.at - 1])

    # --- repetition ---

    def _repeated(self, part: Part, begun: int, depth: int) -> Part:
        low, high = 1, 1
        end = self.at
        if self._next("*"):
            low, high = 0, -1
        elif self._next("+"):
            low, high = 1, -1
        elif self._next("?"):
            low, high = 0, 1
        elif counted := _COUNTED.match(self._text, self.at):
            self.at = counted.end()
            low = int(counted[1])
            high = (int(counted[3]) if counted[3] else -1) if counted[2] else low
            if max(low, high) > MAX_TIMES:
                raise PatternRefused(f"it repeats something more than {MAX_TIMES} times")
            if 0 <= high < low:
                raise PatternRefused("the numbers of a repetition are in the wrong order")
        else:
            return part
        self._next("?")  # a lazy match is found in the same texts
        if self.at < len(self._text) and (self._text[self.at] in "*+?" or _COUNTED.match(self._text, self.at)):
            raise PatternRefused("there is nothing to repeat")
        return self._copies(part, (begun, end), (low, high), depth)

    def _copies(self, part: Part, source: tuple[int, int], times: tuple[int, int], depth: int) -> Part:
        """The part so many times; further copies are read from the source again."""
        low, high = times
        nfa, after = self.nfa, self.at
        whole = Part(nfa.state(), nfa.state())
        end = whole.start
        for index in range(max(low, high, 1)):
            copy = part if index == 0 else self._again(source, depth)
            if index >= low:
                nfa.free(end, whole.accept)
            if high != 0:
                nfa.free(end, copy.start)
            end = copy.accept
            if high < 0 and index + 1 >= max(low, 1):
                nfa.free(copy.accept, copy.start)
        if high != 0:
            nfa.free(end, whole.accept)
        self.at = after
        return whole

    def _again(self, source: tuple[int, int], depth: int) -> Part:
        self.at = source[0]
        return self._atom(depth)

    def _next(self, sign: str, *, consume: bool = True) -> bool:
        found = self._text.startswith(sign, self.at)
        if found and consume:
            self.at += len(sign)
        return found


def _single(ranges: CharSet) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
