"""Field-level encryption: secrets in the database that a copy of the database does not give away."""

from store.secrets.box import SecretKind, Secrets
from store.secrets.errors import (
    DataKeyLost,
    KeyFileUnusable,
    KeyServiceFailed,
    MasterKeyMissing,
    SecretsError,
    Undecipherable,
)
from store.secrets.key_file import KeyFile
from store.secrets.masters import KmsMaster, LocalMaster, Master, Masters
from store.secrets.rewrap import Rewrapped, check_opens, rewrap
from store.secrets.vault import VAULT, Vault

__all__ = [
    "Secrets",
    "SecretKind",
    "Master",
    "Masters",
    "LocalMaster",
    "KmsMaster",
    "KeyFile",
    "Vault",
    "VAULT",
    "rewrap",
    "check_opens",
    "Rewrapped",
    "SecretsError",
    "KeyFileUnusable",
    "MasterKeyMissing",
    "DataKeyLost",
    "Undecipherable",
    "KeyServiceFailed",
]
