"""Changing the master key: every data key is unwrapped with its old one and wrapped with the new one.

What the data keys encrypted is not touched. Each data key changes at once or not at all, and while both
master keys are at hand everything can be read, so whatever is left undone is simply done by the next call.
"""

from __future__ import annotations

from dataclasses import dataclass

from bson.binary import Binary
from pymongo.database import Database
from pymongo.encryption import ClientEncryption
from pymongo.encryption_shared import Algorithm
from pymongo.errors import EncryptionError

from store.connection import Document
from store.secrets.errors import MasterKeyMissing
from store.secrets.masters import Masters, told_name
from store.secrets.vault import Vault, diagnosed


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many data keys were wrapped anew, and how many were so already."""

    master: str
    rewrapped: int
    already: int


def rewrap(database: Database[Document], masters: Masters, *, again: bool = False) -> Rewrapped:
    """Wrap every data key with `masters.current`, then make sure that it alone opens them all.

    `again`: also those that are wrapped with it, for a service that changes what is behind the name of a key.
    Raises MasterKeyMissing, before changing anything, where a data key cannot be unwrapped.
    """
    vault, target = Vault(database), masters.current
    keys = vault.all()
    _check_known(keys, masters)
    due = [key for key in keys if again or not target.wraps(key["masterKey"])]
    with vault.open(masters) as encryption:
        for key in due:
            _wrap(encryption, key, masters)
    check_opens(vault, Masters(target))
    return Rewrapped(target.name, len(due), len(keys) - len(due))


def check_opens(vault: Vault, masters: Masters) -> None:
    """Refuse unless these master keys open every data key. Raises SecretsError."""
    with vault.open(masters) as encryption:
        for key in vault.all():
            try:
                encryption.encrypt(
                    "", Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random, key_id=Binary.from_uuid(key["_id"])
                )
            except EncryptionError as error:
                raise diagnosed(error, key, masters) from error


def _check_known(keys: list[Document], masters: Masters) -> None:
    for key in keys:
        if not any(one.wraps(key["masterKey"]) for one in masters.all):
            raise MasterKeyMissing(told_name(key["masterKey"]), [one.name for one in masters.all])


def _wrap(encryption: ClientEncryption[Document], key: Document, masters: Masters) -> None:
    target = masters.current
    try:
        encryption.rewrap_many_data_key(
            {"_id": Binary.from_uuid(key["_id"])}, target.provider, target.address()
        )
    except EncryptionError as error:
        raise diagnosed(error, key, masters) from error
