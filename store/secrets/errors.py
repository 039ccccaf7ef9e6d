"""What can go wrong with what is kept encrypted.

SecretsError
├── KeyFileUnusable     the file with the master key is missing, damaged, or cannot be read
├── MasterKeyMissing    what is asked for was wrapped with a master key that we do not have
├── DataKeyLost         the key that encrypted it is not in the database any more
├── Undecipherable      it was altered, damaged, or belongs to something else
└── KeyServiceFailed    AWS KMS does not answer, or not to us
"""

from __future__ import annotations

from collections.abc import Iterable

from store.errors import StoreError


class SecretsError(StoreError):
    """Base of everything that encrypting and decrypting raise."""


class KeyFileUnusable(SecretsError):
    """The file with the master key cannot be used; nothing was changed."""

    def __init__(self, path: object, why: str, remedy: str) -> None:
        super().__init__(f"the master key file {path} cannot be used: {why}. {remedy}.")
        self.path, self.why = path, why


class MasterKeyMissing(SecretsError):
    """A data key is wrapped with a master key that is not among ours; a wrong key or a finished rotation."""

    def __init__(self, wanted: str, ours: Iterable[str]) -> None:
        super().__init__(
            f"this was encrypted under the master key {wanted}, and we have {', '.join(ours) or 'none'}. "
            "Give that key back (MASTER_KEY_FILE, KMS_KEY_ARN); without it, what it protects cannot be read."
        )
        self.wanted = wanted


class DataKeyLost(SecretsError):
    """The data key is gone from the collection keyVault."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the data key {key_id} is not in the collection keyVault. Restore that collection from the "
            "backup that holds it; without it, what it encrypted cannot be read."
        )
        self.key_id = key_id


class Undecipherable(SecretsError):
    """What is stored is not what we wrote there."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"the {kind} kept here cannot be read: {why}. Enter it again, or restore a backup.")
        self.kind, self.why = kind, why


class KeyServiceFailed(SecretsError):
    """AWS KMS could not be used; safe to try again later."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"AWS KMS could not be used: {why[:300]}. Check KMS_KEY_ARN, that the key is enabled, that our "
            "AWS credentials may encrypt and decrypt with it, and the network; then try again."
        )
        self.why = why
