"""From a picture's file to its pixels, with a cap before a pixel is decoded.

Pillow decodes, in the worker, which has no network and no files.
"""

from __future__ import annotations

import io
from typing import Final, NamedTuple

from PIL import Image, ImageOps

from desktop.inference.fields import ParameterRefused
from desktop.inference.pictures import Sent

MAX_PIXELS: Final = 32 * 1024 * 1024
"""Of one picture. Models look at one or two million of them; a camera's own file has 12 to 24 million."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses from twice that
Image.init()  # every decoder is loaded now: a worker that serves opens no file


class Pixels(NamedTuple):
    """Rows of red, green and blue bytes."""

    width: int
    height: int
    rgb: bytes


def pixels(picture: Sent) -> Pixels:
    """Upright, on white where it is transparent; of an animation the first image. Raises ParameterRefused."""
    try:
        opened = Image.open(io.BytesIO(picture.data), formats=_FORMATS)
        image = ImageOps.exif_transpose(opened)
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        image = image.convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(picture) from None
    except ParameterRefused:
        raise
    except Exception:  # noqa: BLE001 - a stranger's file may bring a decoder to raise whatever it likes
        raise ParameterRefused(
            f"Invalid '{picture.at}': this is no PNG, JPEG, WebP or GIF image, or a damaged one.", picture.at
        ) from None
    return Pixels(*image.size, image.tobytes())


def _too_large(picture: Sent) -> ParameterRefused:
    return ParameterRefused(
        f"Invalid '{picture.at}': the image has more than {MAX_PIXELS // 2**20} million pixels. Send a smaller one.",
        picture.at,
    )
