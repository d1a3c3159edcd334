"""From a picture's file to its pixels, with a cap before a pixel is decoded.

Pillow decodes, in the worker, which has no network and no files.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin

from desktop.inference.fields import ParameterRefused
from desktop.inference.pictures import EncodedPicture

MAX_PIXELS: Final = 32 * 1024 * 1024
"""Of one picture: a camera's own file has 12 to 24 million."""

KEPT_PIXELS: Final = 4 * 1024 * 1024
"""Of one picture, for the model to look at: none looks at more than about three million of them."""

KEPT_TOGETHER: Final = 4 * KEPT_PIXELS
"""Of all pictures of a call, which are in memory at the same time, with up to 18 bytes a pixel."""

MAX_SCANS: Final = 64
"""Of a progressive JPEG. Encoders write about ten; each costs a pass over all pixels, however few bytes it has."""

_START_OF_SCAN: Final = b"\xff\xda"
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")

Image.MAX_IMAGE_PIXELS = None  # the limit is ours, above
warnings.filterwarnings("ignore", module=r"PIL\.")  # a file can have a million things to warn of
Image.preinit()
_LOADED: Final = (WebPImagePlugin, TiffImagePlugin)
"""Everything that decodes is loaded now, since a worker that serves opens no file: what Pillow has at hand, WebP, and
TIFF, in whose form a photograph says which side is up."""


class Pixels(NamedTuple):
    """Rows of red, green and blue bytes."""

    width: int
    height: int
    rgb: bytes


def pixels(pictures: Sequence[EncodedPicture]) -> Iterator[Pixels]:
    """Upright, on white where they are transparent, no larger than is of use; of an animation the first image.

    One is decoded when it is asked for. Raises ParameterRefused.
    """
    most = min(KEPT_PIXELS, KEPT_TOGETHER // max(len(pictures), 1))
    for picture in pictures:
        with _readable(picture):
            yield _decoded(picture, most)


def _decoded(picture: EncodedPicture, most: int) -> Pixels:
    image: Image.Image = Image.open(io.BytesIO(picture.data), formats=_FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise _refused(picture, f"the image has more than {MAX_PIXELS // 2**20} million pixels. Send a smaller one")
    if image.format == "JPEG" and picture.data.count(_START_OF_SCAN) > MAX_SCANS:
        raise _refused(picture, f"the image is a JPEG of more than {MAX_SCANS} scans")
    if image.mode.startswith("I"):
        image = Image.fromarray(
            (np.asarray(image) >> 8).astype(np.uint8)
        )  # 16 bits of grey, which Pillow would cut off
    if (scale := (most / (image.width * image.height)) ** 0.5) < 1:
        image.thumbnail((max(int(image.width * scale), 1), max(int(image.height * scale), 1)))
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return Pixels(*image.size, image.convert("RGB").tobytes())


@contextlib.contextmanager
def _readable(picture: EncodedPicture) -> Iterator[None]:
    """Raises ParameterRefused for whatever Pillow raises but want of memory, which is not the picture's fault."""
    try:
        yield
    except (ParameterRefused, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a stranger's file may bring a decoder to raise whatever it likes
        raise _refused(picture, "this is no PNG, JPEG, WebP or GIF image, or a damaged one") from None


def _refused(picture: EncodedPicture, why: str) -> ParameterRefused:
    return ParameterRefused(f"Invalid '{picture.at}': {why}.", picture.at)
