"""Where this node's secrets live: the operating system's keystore, or a file only its owner can read.

Backends are named one by one and never discovered: discovery needs package metadata that a frozen build lacks, and
may pick a backend that keeps secrets in plain text without saying so. Where no keystore can be used the file is,
and `where` says that in words shown to people.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import keyring.errors
from keyring.backend import KeyringBackend
from typing_extensions import override

from desktop.errors import FolderUnusable, SecretUnavailable
from desktop.system.files import write_private

if sys.platform == "win32":
    from keyring.backends.Windows import WinVaultKeyring as _Backend
elif sys.platform == "darwin":
    from keyring.backends.macOS import Keyring as _Backend
else:
    from keyring.backends.SecretService import Keyring as _Backend

log = logging.getLogger(__name__)

T = TypeVar("T")

Kind = Literal["keystore", "file"]


class Secret:
    """Bytes that never show in a log or a traceback; `reveal` is the one way to them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(***)"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]


class SecretStore(Protocol):
    """A place for a few named secrets. Every method may block (a keystore may ask for its password): not on a loop.

    All raise SecretUnavailable when the place itself does not answer.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def where(self) -> str:
        """The place in words for people."""
        ...

    def load(self, name: str) -> Secret | None: ...

    def save(self, name: str, secret: Secret) -> None: ...

    def forget(self, name: str) -> None: ...


class FileStore:
    """One file a secret, mode 0600, in a folder of mode 0700."""

    kind: Kind = "file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        return f"the folder {self._folder} (a file only you can read; this system offers no keystore to Nightjar)"

    def load(self, name: str) -> Secret | None:
        try:
            return Secret((self._folder / name).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretUnavailable(self.where, error.strerror or str(error)) from error

    def save(self, name: str, secret: Secret) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._folder / name, secret.reveal())
        except OSError as error:
            raise FolderUnusable(self._folder, error.strerror or str(error)) from error

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class KeystoreStore:
    """The operating system's keystore through one explicit keyring backend; text only there, so base64."""

    kind: Kind = "keystore"

    def __init__(self, backend: KeyringBackend, service: str) -> None:
        self._backend = backend
        self._service = service

    @property
    def where(self) -> str:
        return f"the system's keystore ({type(self._backend).__module__.rpartition('.')[2]})"

    def load(self, name: str) -> Secret | None:
        text = self._ask(lambda: self._backend.get_password(self._service, name))
        if text is None:
            return None
        try:
            return Secret(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise SecretUnavailable(self.where, "the entry was changed by another program") from error

    def save(self, name: str, secret: Secret) -> None:
        text = base64.b64encode(secret.reveal()).decode("ascii")
        self._ask(lambda: self._backend.set_password(self._service, name, text))

    def forget(self, name: str) -> None:
        try:
            self._ask(lambda: self._backend.delete_password(self._service, name))
        except SecretUnavailable:
            log.info("a secret could not be removed from the keystore", extra={"secret": name})

    def _ask(self, question: Callable[[], T]) -> T:
        # Backends raise whatever their D-Bus or Win32 layer raises, so everything is wrapped at this border.
        try:
            return question()
        except Exception as error:
            raise SecretUnavailable(self.where, str(error) or type(error).__name__) from error


def keystore_backend() -> KeyringBackend | None:
    """This platform's keystore, if it can be used in this session."""
    try:
        return _platform_backend()
    except (ImportError, RuntimeError, keyring.errors.KeyringError) as error:
        log.info("no keystore here", extra={"why": str(error)})
        return None


def _platform_backend() -> KeyringBackend | None:
    if sys.platform not in ("win32", "darwin") and not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    return _Backend() if _Backend.viable else None  # type: ignore[no-untyped-call]


def open_store(folder: Path, kind: Kind | None, *, service: str = "nightjar") -> SecretStore:
    """The store of `kind`; None chooses: the keystore if there is one, else the file.

    The choice is made once, at enrolment, and then kept in the agent's record: a keystore that is merely locked
    today must not make the agent look into an empty folder, find no key, and make a second node.
    """
    if kind == "file":
        return FileStore(folder)
    backend = keystore_backend()
    if backend is not None:
        return KeystoreStore(backend, service)
    if kind == "keystore":
        raise SecretUnavailable("the system's keystore", "it cannot be reached in this session")
    return FileStore(folder)
