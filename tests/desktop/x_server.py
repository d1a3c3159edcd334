"""An X server of a test's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def x_server(size: str = "800x600") -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its display, a number that it picks free itself, and its process."""
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *("Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(writing,),
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            yield f":{(await asyncio.to_thread(pipe.readline)).strip()}", process
    finally:
        process.terminate()
        await process.wait()
