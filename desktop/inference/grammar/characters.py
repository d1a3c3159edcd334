"""Sets of characters, as sorted ranges of code points that neither touch nor overlap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CharSet = tuple[tuple[int, int], ...]

EVERY: Final[CharSet] = ((0x01, 0xD7FF), (0xE000, 0x10FFFF))
"""Every character that text can hold; llama.cpp takes the null character for an end."""


def union(*sets: Iterable[tuple[int, int]]) -> CharSet:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for ranges in sets for each in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def intersection(left: CharSet, right: CharSet) -> CharSet:
    found = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return tuple((low, high) for low, high in found if low <= high)


def difference(left: CharSet, right: CharSet) -> CharSet:
    rest: list[tuple[int, int]] = []
    for low, high in left:
        start = low
        for other_low, other_high in right:
            if other_high < start or other_low > high:
                continue
            if other_low > start:
                rest.append((start, other_low - 1))
            start = other_high + 1
        if start <= high:
            rest.append((start, high))
    return tuple(rest)


def complement(chars: CharSet) -> CharSet:
    return difference(EVERY, chars)


def chars(text: str) -> CharSet:
    """Each character of a text."""
    return union((ord(each), ord(each)) for each in text)


def span(first: str, last: str) -> CharSet:
    return ((ord(first), ord(last)),)


def contains(ranges: CharSet, character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)
