"""Colours and spaces as plain values: the two palettes, and the contrast they are held to. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.ui.views import Tone

SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 20, 28
"""Logical pixels between things: inside a line, between lines, between groups, inside a card, around the page."""

RADIUS_CARD = 12
RADIUS_CONTROL = 8

PANEL_INK, PANEL_ATTENTION = "#7a7df0", "#bf7600"
"""The tray's inks. Nobody tells us the colour of the panel, so they have 3:1 against a light and against a dark one."""


@dataclass(frozen=True, slots=True)
class Colours:
    """One palette, as `#rrggbb`. Grounds: `page` under `card` under `field`; the rest are inks, except `*_soft`."""

    dark: bool
    page: str
    card: str
    field: str
    edge: str
    control_edge: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    accent_soft: str
    good: str
    good_soft: str
    attention: str
    attention_soft: str
    bad: str
    bad_soft: str
    calm_soft: str

    def ink(self, tone: Tone) -> str:
        return {Tone.GOOD: self.good, Tone.CALM: self.muted, Tone.ATTENTION: self.attention, Tone.BAD: self.bad}[tone]

    def ground(self, tone: Tone) -> str:
        """The soft ground behind a sign or word in `ink(tone)`."""
        return {
            Tone.GOOD: self.good_soft,
            Tone.CALM: self.calm_soft,
            Tone.ATTENTION: self.attention_soft,
            Tone.BAD: self.bad_soft,
        }[tone]


LIGHT = Colours(
    dark=False,
    page="#f5f6f9",
    card="#ffffff",
    field="#ffffff",
    edge="#e4e7ee",
    control_edge="#858da0",
    text="#161a23",
    muted="#565f73",
    accent="#4a4cd6",
    on_accent="#ffffff",
    accent_hover="#3c3ebd",
    accent_soft="#ecedfc",
    good="#15713f",
    good_soft="#e4f4ea",
    attention="#8a5200",
    attention_soft="#fcf1dd",
    bad="#b42a23",
    bad_soft="#fdeae8",
    calm_soft="#eef0f5",
)

DARK = Colours(
    dark=True,
    page="#101218",
    card="#191c24",
    field="#12151c",
    edge="#2a2e3a",
    control_edge="#6d7589",
    text="#eef0f5",
    muted="#a3abbc",
    accent="#a3a6ff",
    on_accent="#14162e",
    accent_hover="#b9bbff",
    accent_soft="#272a4a",
    good="#5bcf92",
    good_soft="#173326",
    attention="#ecb35b",
    attention_soft="#3a2c14",
    bad="#f58d84",
    bad_soft="#43211f",
    calm_soft="#272b36",
)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
