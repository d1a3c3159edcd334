"""Pictures of a conversation, as they stand in a body. Pure.

Only what stands in the request itself is taken (`data:` URLs): a node fetches nothing for a stranger.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, NamedTuple

from desktop.inference.fields import ParameterRefused, missing, wrong_type

MAX_PICTURES: Final = 16

_DETAILS: Final = ("auto", "low", "high")


class EncodedPicture(NamedTuple):
    """A picture as it came: `data` is an encoded file, `at` its place in the body."""

    at: str
    data: bytes


def encoded_picture(part: dict[str, Any], at: str) -> EncodedPicture:
    """A content part of type `image_url`. Raises ParameterRefused, naming the field."""
    given = part.get("image_url")
    if given is None:
        raise missing(f"{at}.image_url")
    if not isinstance(given, dict):
        raise wrong_type(f"{at}.image_url", "an object", given)
    if given.get("detail", "auto") not in _DETAILS:
        supported = ", ".join(f"'{detail}'" for detail in _DETAILS)
        raise ParameterRefused(
            f"Invalid value for '{at}.image_url.detail'. Supported values are: {supported}.", f"{at}.image_url.detail"
        )
    at, url = f"{at}.image_url.url", given.get("url")
    if not isinstance(url, str):
        raise missing(at) if url is None else wrong_type(at, "a string", url)
    head, comma, data = url.partition(",")
    if not (comma and head[:11].lower() == "data:image/" and head[-7:].lower() == ";base64"):
        raise ParameterRefused(
            f"Invalid '{at}': this model takes only images inside the request, as 'data:image/png;base64,…'.", at
        )
    try:
        return EncodedPicture(at, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise ParameterRefused(f"Invalid '{at}': its data is not base64.", at) from None
