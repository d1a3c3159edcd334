from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from desktop.ui.icons import SIZES, app_icon, mark, sign, tray_icon
from desktop.ui.tokens import DARK, LIGHT
from desktop.ui.views import Shape


def coverage(shape: Shape, size: int, ink: str = "#000000") -> list[int]:
    """The alpha of every pixel."""
    image = sign(shape, ink, size).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    return [image.pixelColor(x, y).alpha() for y in range(size) for x in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_no_two_signs_look_alike_without_their_colour(qapp: QApplication, size: int) -> None:
    pictures = {shape: coverage(shape, size) for shape in Shape}
    for one, other in itertools.combinations(Shape, 2):
        differing = sum(abs(a - b) > 96 for a, b in zip(pictures[one], pictures[other], strict=True))
        assert differing >= size * size * 0.04, f"{one} and {other} differ in {differing} pixels of {size * size}"


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("size", SIZES)
def test_a_sign_fills_its_square_without_being_cut(qapp: QApplication, shape: Shape, size: int) -> None:
    alphas = coverage(shape, size)
    rows = [max(alphas[y * size : (y + 1) * size]) for y in range(size)]
    columns = [max(alphas[x::size]) for x in range(size)]
    # Anti-aliasing may touch the rim, a stroke may not.
    assert max(rows[0], rows[-1], columns[0], columns[-1]) < 160
    assert sum(row > 96 for row in rows) >= size * 0.6


@pytest.mark.parametrize("ink", [LIGHT.text, DARK.text])
def test_a_sign_takes_the_ink_it_is_given(qapp: QApplication, ink: str) -> None:
    image = sign(Shape.SERVING, ink, 32).toImage()
    assert image.pixelColor(16, 16).name() == ink


def test_a_sign_is_sharp_on_a_fine_screen(qapp: QApplication) -> None:
    pixmap = sign(Shape.READY, "#000000", 24, ratio=2.0)
    assert (pixmap.width(), pixmap.devicePixelRatio()) == (48, 2.0)


@pytest.mark.parametrize("shape", Shape)
def test_the_trays_icon_brings_every_size_as_pixels(qapp: QApplication, shape: Shape) -> None:
    assert sorted(size.width() for size in tray_icon(shape).availableSizes()) == sorted(SIZES)


def test_the_mark_is_there_for_launchers_too(qapp: QApplication) -> None:
    assert max(size.width() for size in app_icon().availableSizes()) == 256
    assert not mark(16).isNull()
