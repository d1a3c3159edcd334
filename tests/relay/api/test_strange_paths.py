"""Addresses that lead nowhere: to people a page, to programs an error object."""

from __future__ import annotations

from pathlib import Path

from tests.relay.running import RunningRelay, running_relay


async def test_an_unknown_address_is_a_page_for_people_and_an_error_object_for_programs(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        for path in ("/console/nowhere", "/enrol/nowhere"):
            head, _, body = (await get(relay, path)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404 ")
            assert b"content-type: text/html" in head
            assert b"Page not found" in body
        program = await get(relay, "/v1/nowhere")
    assert program.startswith(b"HTTP/1.1 404 ")
    assert b'"error":{"message":"There is no GET /v1/nowhere here.' in program


async def get(relay: RunningRelay, path: str) -> bytes:
    return await relay.raw(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
