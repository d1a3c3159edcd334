"""The relay's own TLS: certificate and key from two files, read anew when they change. No connection is lost."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Final

from relay.errors import RelayError

_log = logging.getLogger(__name__)

_PROTOCOLS: Final = ("http/1.1",)


class BadCertificate(RelayError):
    """The certificate or its key cannot be used."""

    remedy = (
        "Name a certificate chain and its unencrypted key, both PEM, as certificate_file and key_file under [server]."
    )

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(file, problem)
        self.file = file
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.file} cannot be used for TLS: {self.problem}"


class Certificate:
    """What the listening socket shows. `context` stays the same; each handshake gets the newest pair of files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises BadCertificate."""
        self._files = (certificate, key)
        self._stamp = _stamp(self._files)
        self.context = self.newest = _load(certificate, key)
        self.context.sni_callback = self._show

    def look(self) -> None:
        """Take the files in again if they have changed. A pair that cannot be used is told once; the old one stays."""
        stamp = _stamp(self._files)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.newest = _load(*self._files)
        except BadCertificate as error:
            _log.warning("the certificate is not taken in anew, the one before stays: %s", error)
        else:
            _log.info("the certificate of %s was taken in anew", self._files[0])

    def _show(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        if connection.context is not self.newest:
            connection.context = self.newest


def _stamp(files: tuple[Path, Path]) -> tuple[object, ...]:
    """Differs when a file does; also when one comes or goes."""
    return tuple(map(_mark, files))


def _mark(file: Path) -> object:
    try:
        found = file.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(list(_PROTOCOLS))
    for file in (certificate, key):  # OpenSSL would not say which
        try:
            file.open("rb").close()
        except OSError as error:
            raise BadCertificate(file, error.strerror or str(error)) from error
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Encrypted as error:
        raise BadCertificate(key, "it is encrypted, and nobody is there to type its password") from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadCertificate(key, f"it is not the key of {certificate}") from error
        raise BadCertificate(certificate, f"no certificate with its key in PEM form ({_reason(error)})") from error
    except OSError as error:
        raise BadCertificate(certificate, error.strerror or str(error)) from error
    return context


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "unreadable").lower().replace("_", " ")


class _Encrypted(Exception):
    """OpenSSL asked for a password."""


def _no_password() -> str:
    raise _Encrypted
