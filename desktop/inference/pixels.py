"""From a picture's file to its pixels, with a cap before a pixel is decoded.

Pillow decodes, in the worker, which has no network and no files.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin

from desktop.inference.fields import ParameterRefused
from desktop.inference.pictures import Sent

MAX_PIXELS: Final = 32 * 1024 * 1024
"""Of one picture. Models look at one or two million of them; a camera's own file has 12 to 24 million."""

MAX_PIXELS_TOGETHER: Final = 2 * MAX_PIXELS
"""Of all pictures of a call: they are in memory at the same time, with up to nine bytes a pixel."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow warns from there on, and refuses from twice that
Image.preinit()
_LOADED: Final = (WebPImagePlugin, TiffImagePlugin)
"""Everything that decodes is loaded now, since a worker that serves opens no file: what Pillow has at hand, WebP, and
TIFF, in whose form a photograph says which side is up."""


class Pixels(NamedTuple):
    """Rows of red, green and blue bytes."""

    width: int
    height: int
    rgb: bytes


def pixels(pictures: Sequence[Sent]) -> list[Pixels]:
    """Upright, on white where they are transparent; of an animation the first image. Raises ParameterRefused."""
    opened = [_opened(picture) for picture in pictures]
    if sum(image.width * image.height for image in opened) > MAX_PIXELS_TOGETHER:
        raise ParameterRefused(
            f"Invalid 'messages': the images together have more than {MAX_PIXELS_TOGETHER // 2**20} million pixels. "
            "Send smaller ones.",
            "messages",
        )
    return [_decoded(image, picture) for image, picture in zip(opened, pictures, strict=True)]


def _opened(picture: Sent) -> Image.Image:
    """Its head is read, and no pixel."""
    with _readable(picture):
        image = Image.open(io.BytesIO(picture.data), formats=_FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(picture)
    return image


def _decoded(image: Image.Image, picture: Sent) -> Pixels:
    with _readable(picture):
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        return Pixels(*image.size, image.convert("RGB").tobytes())


@contextlib.contextmanager
def _readable(picture: Sent) -> Iterator[None]:
    """Raises ParameterRefused for whatever Pillow raises."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(picture) from None
    except Exception:  # noqa: BLE001 - a stranger's file may bring a decoder to raise whatever it likes
        raise ParameterRefused(
            f"Invalid '{picture.at}': this is no PNG, JPEG, WebP or GIF image, or a damaged one.", picture.at
        ) from None


def _too_large(picture: Sent) -> ParameterRefused:
    return ParameterRefused(
        f"Invalid '{picture.at}': the image has more than {MAX_PIXELS // 2**20} million pixels. Send a smaller one.",
        picture.at,
    )
