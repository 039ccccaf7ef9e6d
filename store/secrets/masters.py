"""Master keys: they wrap the data keys that the database holds, and are never in it themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

LOCAL_KEY_BYTES = 96
"""What MongoDB's encryption wants of a local key."""


class Master(Protocol):
    """A master key, as MongoDB's encryption wants it spelled."""

    @property
    def name(self) -> str:
        """What people may be shown of it; the same for the same key."""

    @property
    def provider(self) -> str:
        """The name of its provider."""

    def credentials(self) -> dict[str, Any]:
        """What the provider needs to use it."""

    def address(self) -> dict[str, str] | None:
        """What finds it at its provider."""

    def wraps(self, told: Mapping[str, Any]) -> bool:
        """Whether a data key says that it is wrapped with this one."""


@dataclass(frozen=True, slots=True)
class LocalMaster:
    """96 secret bytes of our own; known by their fingerprint: a wrong key is told from a damaged one."""

    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return self.provider

    @property
    def provider(self) -> str:
        return f"local:{hashlib.sha256(b'dvault master key' + self.key).hexdigest()[:12]}"

    def credentials(self) -> dict[str, Any]:
        return {"key": self.key}

    def address(self) -> dict[str, str] | None:
        return None

    def wraps(self, told: Mapping[str, Any]) -> bool:
        return told.get("provider") == self.provider


@dataclass(frozen=True, slots=True)
class KmsMaster:
    """A key that never leaves AWS KMS. Without access key, the role of this machine is used."""

    arn: str
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.arn

    @property
    def provider(self) -> str:
        return "aws"

    def credentials(self) -> dict[str, Any]:
        if self.access_key is None or self.secret_key is None:
            return {}
        token = {} if self.session_token is None else {"sessionToken": self.session_token}
        return {"accessKeyId": self.access_key, "secretAccessKey": self.secret_key, **token}

    def address(self) -> dict[str, str] | None:
        endpoint = {} if self.endpoint is None else {"endpoint": self.endpoint}
        return {"region": self.arn.split(":")[3], "key": self.arn, **endpoint}

    def wraps(self, told: Mapping[str, Any]) -> bool:
        return told.get("provider") == "aws" and told.get("key") == self.arn


@dataclass(frozen=True, slots=True)
class Masters:
    """The master key that wraps, and others that may still be needed to unwrap."""

    current: Master
    others: tuple[Master, ...] = ()

    @property
    def all(self) -> tuple[Master, ...]:
        return (self.current, *self.others)

    def providers(self) -> dict[str, dict[str, Any]]:
        """As ClientEncryption takes them."""
        return {one.provider: one.credentials() for one in reversed(self.all)}


def told_name(told: Mapping[str, Any]) -> str:
    """The name of the master key that a data key says it is wrapped with."""
    return str(told["key"] if told.get("provider") == "aws" else told.get("provider"))
