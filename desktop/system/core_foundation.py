"""macOS's CoreFoundation, as far as our sources need it: texts, numbers and lookups by name."""

from __future__ import annotations

import ctypes
from typing import Any

_UTF8 = 0x08000100
"""kCFStringEncodingUTF8"""

_INT64 = 4
"""kCFNumberSInt64Type"""


class CoreFoundation:
    """`library` is the framework of that name. What is made by `text` is given back by `release`."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def text(self, value: str) -> int:
        return int(self._library.CFStringCreateWithCString(None, value.encode(), _UTF8))

    def number(self, handle: int) -> int | None:
        value = ctypes.c_int64()
        return value.value if self._library.CFNumberGetValue(handle, _INT64, ctypes.byref(value)) else None

    def is_true(self, dictionary: int, name: str) -> bool:
        """Whether the value of that name is there and true."""
        key = self.text(name)
        value = self._library.CFDictionaryGetValue(dictionary, key)
        self.release(key)
        return bool(value) and bool(self._library.CFBooleanGetValue(value))

    def release(self, handle: int) -> None:
        self._library.CFRelease(handle)


def declare(library: Any) -> None:
    """Tells ctypes what the functions used here take and give."""
    handle = ctypes.c_void_p
    library.CFStringCreateWithCString.restype = handle
    library.CFStringCreateWithCString.argtypes = (handle, ctypes.c_char_p, ctypes.c_uint32)
    library.CFNumberGetValue.argtypes = (handle, ctypes.c_long, handle)
    library.CFDictionaryGetValue.restype = handle
    library.CFDictionaryGetValue.argtypes = (handle, handle)
    library.CFBooleanGetValue.argtypes = (handle,)
    library.CFRelease.argtypes = (handle,)
