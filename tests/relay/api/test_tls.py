"""TLS at the relay itself: real handshakes, on both edges."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from relay.api.tls import BadCertificate, Certificate
from relay.server import certificate_of
from relay.settings import ServerSettings
from tests.relay.provider import ANSWER, ScriptedProvider, scripted_provider, stream_answer
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay


def make(folder: Path, name: str = "relay", password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    sealed = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(form))
    files[1].write_bytes(key.private_bytes(form, kind, sealed))
    return files


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return make(tmp_path)


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path, files: tuple[Path, Path]
) -> AsyncIterator[RunningRelay]:
    named = {"certificate_file": str(files[0]), "key_file": str(files[1])}
    at = [as_provider(provider)]
    async with running_relay(tmp_path / "data", providers=at, edge=request.param, server_settings=named) as running:
        yield running


class Caller:
    """One connection over TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, relay: RunningRelay, trusted: Path) -> Caller:
        context = ssl.create_default_context(cafile=str(trusted))
        return cls(*await asyncio.open_connection("127.0.0.1", relay.port, ssl=context))

    def shown(self) -> bytes:
        connection: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return connection.getpeercert(binary_form=True) or b""

    async def chat(self, relay: RunningRelay, until: str = ANSWER, **fields: object) -> bytes:
        self.writer.write(relay.chat(a_chat(**fields), close=False))
        return await self.reader.readuntil(until.encode())


async def test_calls_are_answered_over_tls_one_after_another_on_one_connection(
    relay: RunningRelay, provider: ScriptedProvider, files: tuple[Path, Path]
) -> None:
    caller = await Caller.of(relay, files[0])

    assert (await caller.chat(relay)).startswith(b"HTTP/1.1 200 ")
    assert b"200" in await caller.chat(relay)
    provider.plays(stream_answer())
    assert b"data: " in await caller.chat(relay, "[DONE]", stream=True)
    caller.writer.close()


async def test_whoever_speaks_plain_http_to_it_is_not_answered(relay: RunningRelay) -> None:
    assert b"HTTP/1.1 200" not in await relay.raw(relay.chat(a_chat()))


async def test_a_renewed_certificate_is_shown_to_new_connections_and_the_old_ones_go_on(
    relay: RunningRelay, files: tuple[Path, Path], tmp_path: Path
) -> None:
    before = await Caller.of(relay, files[0])
    await before.chat(relay)
    renewed = make(tmp_path, "renewed")
    for new, old in zip(renewed, files, strict=True):
        new.replace(old)
    relay.certificate.look()

    after = await Caller.of(relay, files[0])

    assert after.shown() != before.shown()
    assert b"200" in await before.chat(relay)
    before.writer.close()
    after.writer.close()


async def test_a_renewal_that_is_half_done_changes_nothing_until_it_is_whole(tmp_path: Path) -> None:
    files, renewed = make(tmp_path), make(tmp_path, "renewed")
    certificate = Certificate(*files)
    shown = certificate.newest

    renewed[0].replace(files[0])
    certificate.look()
    assert certificate.newest is shown
    files[1].unlink()
    certificate.look()
    assert certificate.newest is shown
    renewed[1].replace(files[1])
    certificate.look()
    assert certificate.newest is not shown


def test_no_version_before_1_2_is_spoken(files: tuple[Path, Path]) -> None:
    assert Certificate(*files).context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_named_with_the_reason(tmp_path: Path, files: tuple[Path, Path]) -> None:
    other, sealed = make(tmp_path, "other"), make(tmp_path, "sealed", password=b"secret")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no PEM")
    cases = [
        ((tmp_path / "none.crt", files[1]), "none.crt cannot be used for TLS: No such file"),
        ((files[0], tmp_path / "none.key"), "none.key cannot be used for TLS: No such file"),
        ((files[0], other[1]), "other.key cannot be used for TLS: it is not the key of"),
        (sealed, "sealed.key cannot be used for TLS: it is encrypted"),
        ((garbage, files[1]), "garbage.pem cannot be used for TLS: no certificate"),
        ((files[0], garbage), "no certificate with its key in PEM form"),
    ]
    for named, text in cases:
        with pytest.raises(BadCertificate) as caught:
            Certificate(*named)
        assert text in str(caught.value)


def test_one_file_without_the_other_is_an_error() -> None:
    with pytest.raises(BadCertificate, match="only one is set"):
        certificate_of(ServerSettings(key_file="relay.key"))
