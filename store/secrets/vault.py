"""The collection keyVault: the data keys, wrapped; one for each kind of secret, with that name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import ReadPreference
from pymongo.database import Database
from pymongo.encryption import ClientEncryption
from pymongo.errors import DuplicateKeyError, EncryptionError, PyMongoError

from store.connection import Document
from store.errors import StoreUnreachable
from store.secrets.errors import KeyServiceFailed, MasterKeyMissing
from store.secrets.masters import Masters, told_name

VAULT = "keyVault"


class Vault:
    """The wrapped data keys of one database."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        options: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
        self._keys = database.get_collection(VAULT, options, read_preference=ReadPreference.PRIMARY)

    def open(self, masters: Masters) -> ClientEncryption[Document]:
        """Encryption by the data keys that these masters unwrap; to be closed by the caller."""
        options: CodecOptions[Document] = CodecOptions()
        place = f"{self._database.name}.{VAULT}"
        return ClientEncryption(masters.providers(), place, self._database.client, options)

    def all(self) -> list[Document]:
        """Every data key, by name. Raises StoreUnreachable."""
        with readable():
            return list(self._keys.find({}, sort=[("keyAltNames", 1)]))

    def named(self, name: str) -> Document | None:
        """The data key of that name. Raises StoreUnreachable."""
        with readable():
            return self._keys.find_one({"keyAltNames": name})

    def of_id(self, key_id: UUID) -> Document | None:
        """A data key by its id. Raises StoreUnreachable."""
        with readable():
            return self._keys.find_one({"_id": key_id})

    def is_empty(self) -> bool:
        """Whether nothing was ever encrypted here. Raises StoreUnreachable."""
        with readable():
            return self._keys.find_one({}, {"_id": 1}) is None

    def ensure(self, name: str, masters: Masters, encryption: ClientEncryption[Document]) -> None:
        """Make the data key of that name unless it is there; of several at once, one is made."""
        if self.named(name) is not None:
            return
        current = masters.current
        try:
            encryption.create_data_key(current.provider, master_key=current.address(), key_alt_names=[name])
        except EncryptionError as error:
            if not isinstance(error.cause, DuplicateKeyError):
                raise diagnosed(error, None, masters) from error


def diagnosed(error: EncryptionError, data_key: Document | None, masters: Masters) -> Exception:
    """What the failure means, as far as the data key and the masters tell."""
    if isinstance(error.cause, PyMongoError):
        return StoreUnreachable("the key vault", str(error.cause))
    told: dict[str, Any] | None = data_key["masterKey"] if data_key else None
    if told is not None and not any(one.wraps(told) for one in masters.all):
        return MasterKeyMissing(told_name(told), [one.name for one in masters.all])
    return KeyServiceFailed(str(error))


@contextmanager
def readable() -> Iterator[None]:
    """Raise StoreUnreachable where the vault cannot be read."""
    try:
        yield
    except PyMongoError as error:
        raise StoreUnreachable("the key vault", str(error)) from error
