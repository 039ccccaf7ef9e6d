"""What a server's greeting and a connection string tell, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from store.connection import judge, redacted
from store.errors import NotAReplicaSet, ServerTooOld

GOOD: dict[str, Any] = {"maxWireVersion": 17, "setName": "dvault", "isWritablePrimary": True}


def test_a_recent_replica_set_is_accepted() -> None:
    judge(GOOD, "mongodb://h")


def test_a_sharded_cluster_is_accepted() -> None:
    judge({"maxWireVersion": 17, "msg": "isdbgrid"}, "mongodb://h")


def test_a_server_before_5_0_is_too_old() -> None:
    with pytest.raises(ServerTooOld, match=r"5\.0"):
        judge({**GOOD, "maxWireVersion": 9}, "mongodb://h")


def test_a_standalone_is_refused_with_the_way_to_convert_it() -> None:
    with pytest.raises(NotAReplicaSet, match=r"standalone.*--replSet dvault.*rs\.initiate"):
        judge({"maxWireVersion": 17}, "mongodb://h")


def test_a_set_never_initiated_is_refused() -> None:
    with pytest.raises(NotAReplicaSet, match="nobody has initiated"):
        judge({"maxWireVersion": 17, "isreplicaset": True}, "mongodb://h")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://ann:pw@h:1/?replicaSet=r", "mongodb://ann:***@h:1/?replicaSet=r"),
        ("mongodb+srv://ann:p@w:x@h/", "mongodb+srv://ann:***@h/"),
        ("mongodb://h:1,i:2/db", "mongodb://h:1,i:2/db"),
        ("mongodb://ann@h/", "mongodb://ann@h/"),
        (
            "mongodb://h/?tlsCertificateKeyFilePassword=pw&tls=true",
            "mongodb://h/?tlsCertificateKeyFilePassword=***&tls=true",
        ),
        ("ann:pw@h", "ann:***@h"),
        ("", ""),
    ],
)
def test_secrets_are_not_shown(uri: str, shown: str) -> None:
    assert redacted(uri) == shown
