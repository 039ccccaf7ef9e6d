"""Secrets: what is kept so that a copy of the database does not give it away.

Encryption is random, by a data key of its own for each kind: equal secrets look different, and none can be
searched for. What is encrypted names its kind and its owner, so that a ciphertext moved elsewhere is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Literal, TypeVar
from uuid import UUID

from bson.binary import Binary
from pymongo.database import Database
from pymongo.encryption import ClientEncryption
from pymongo.encryption_shared import Algorithm
from pymongo.errors import EncryptionError

from store.connection import Document
from store.secrets.errors import DataKeyLost, MasterKeyMissing, SecretsError, Undecipherable
from store.secrets.masters import Masters
from store.secrets.vault import Vault, diagnosed

T = TypeVar("T")
SecretKind = Literal["email", "totp", "webhook", "dataSource"]
ENCRYPTED_SUBTYPE = 6
KEY_ID = slice(1, 17)
"""Where a ciphertext tells its data key."""


class Secrets:
    """Encrypts and decrypts. Safe to share between threads, not across fork.

    `load` gives the master keys; it is asked again when one turns out to be missing, so that a rotation needs
    no restart.
    """

    def __init__(self, database: Database[Document], load: Callable[[], Masters]) -> None:
        self._vault, self._load = Vault(database), load
        self._lock = Lock()
        self._opened: tuple[Masters, ClientEncryption[Document]] | None = None

    def encrypt(self, kind: SecretKind, owner: str, value: str) -> bytes:
        """What may be stored in place of the value; `owner` is whom it belongs to, such as a wallet."""
        document = {"kind": kind, "owner": owner, "value": value}
        return self._with_keys(lambda masters, encryption: self._sealed(kind, document, masters, encryption))

    def decrypt(self, kind: SecretKind, owner: str, sealed: bytes) -> str:
        """The value again. Raises Undecipherable, MasterKeyMissing, DataKeyLost, KeyServiceFailed."""
        found = self._with_keys(lambda masters, encryption: self._read(kind, sealed, masters, encryption))
        if not isinstance(found, dict) or (found.get("kind"), found.get("owner")) != (kind, owner):
            raise Undecipherable(kind, "it was encrypted for something else")
        return str(found["value"])

    def close(self) -> None:
        """Forget the keys."""
        with self._lock:
            if self._opened is not None:
                self._opened[1].close()
            self._opened = None

    def _sealed(
        self, kind: str, document: Document, masters: Masters, encryption: ClientEncryption[Document]
    ) -> bytes:
        self._vault.ensure(kind, masters, encryption)
        random = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random
        try:
            return encryption.encrypt(document, random, key_alt_name=kind)
        except EncryptionError as error:
            raise diagnosed(error, self._vault.named(kind), masters) from error

    def _read(
        self, kind: str, sealed: bytes, masters: Masters, encryption: ClientEncryption[Document]
    ) -> Any:
        try:
            return encryption.decrypt(Binary(sealed, ENCRYPTED_SUBTYPE))
        except EncryptionError as error:
            raise self._why_unreadable(kind, sealed, masters, error) from error

    def _why_unreadable(
        self, kind: str, sealed: bytes, masters: Masters, error: EncryptionError
    ) -> Exception:
        if len(sealed) < KEY_ID.stop:
            return Undecipherable(kind, "it is too short to be encrypted")
        key_id = UUID(bytes=bytes(sealed[KEY_ID]))
        data_key = self._vault.of_id(key_id)
        if data_key is None:
            return DataKeyLost(str(key_id))
        found = diagnosed(error, data_key, masters)
        altered = isinstance(found, SecretsError) and str(error) == "HMAC validation failure"
        return Undecipherable(kind, "it was altered or damaged") if altered else found

    def _with_keys(self, act: Callable[[Masters, ClientEncryption[Document]], T]) -> T:
        masters, encryption = self._open()
        try:
            return act(masters, encryption)
        except MasterKeyMissing:
            if not self._reloaded(masters):
                raise
        return act(*self._open())

    def _open(self) -> tuple[Masters, ClientEncryption[Document]]:
        with self._lock:
            if self._opened is None:
                masters = self._load()
                self._opened = masters, self._vault.open(masters)
            return self._opened

    def _reloaded(self, before: Masters) -> bool:
        """Whether there are other master keys than before."""
        now = self._load()
        with self._lock:
            if now != before:
                # The one before may be at work in another thread, so it is left to be collected.
                self._opened = now, self._vault.open(now)
            return now != before
