"""The official vectors of EIP-4361, through the very code that the API signs people in with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.signin import Accepts, NoContractWallets, Proof, Refused, Terms, examine
from api.signin.message import Message, read_message
from api.signin.signature import digest_of
from tests.api.signing import text_of

VECTORS = Path(__file__).parents[2] / "siwe_vectors"
NAMES = {
    "chainId": "chain_id",
    "issuedAt": "issued_at",
    "expirationTime": "expiration_time",
    "notBefore": "not_before",
    "requestId": "request_id",
}
UNSIGNED = "0x" + "00" * 65


def vectors(name: str) -> Any:
    found = json.loads((VECTORS / f"{name}.json").read_text())
    return [pytest.param(vector, id=title) for title, vector in found.items()]


def text_from(fields: dict[str, Any]) -> str:
    return text_of({NAMES.get(name, name): value for name, value in fields.items()})


def terms_for(fields: dict[str, Any], **changes: Any) -> Terms:
    said = {
        "domains": (fields["domain"],),
        "uris": (fields["uri"],),
        "chain_ids": frozenset({fields["chainId"]}),
        "max_age": timedelta(days=365_000),
    }
    return Terms(**{**said, **changes})


def judged(text: str, signature: str, terms: Terms, at: datetime, nonce: str, wallets: Any = None) -> str:
    """`accepted`, or the code of the refusal."""
    try:
        examine(
            Proof(text, signature), terms, at, lambda given, _: given == nonce, wallets or NoContractWallets()
        )
    except Refused as refusal:
        return refusal.code
    return "accepted"


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_there_are_82_of_them():
    assert sum(len(json.loads(file.read_text())) for file in VECTORS.glob("*.json")) == 82


@pytest.mark.parametrize("vector", vectors("parsing_positive"))
def test_a_message_is_read_as_it_should_be(vector):
    fields = vector["fields"]

    read = read_message(vector["message"])

    assert (read.scheme, read.domain) == (fields.get("scheme"), fields["domain"])
    assert (read.address, read.uri, read.nonce) == (fields["address"], fields["uri"], fields["nonce"])
    assert read.chain_id == fields["chainId"]
    assert read.issued_at == time_of(fields["issuedAt"])
    assert read.text == vector["message"]
    # Nothing but its signature, which the vectors of parsing do not have, is held against it.
    terms = terms_for(fields)
    assert judged(vector["message"], UNSIGNED, terms, read.issued_at, fields["nonce"]) == "signature-mismatch"


@pytest.mark.parametrize("text", vectors("parsing_negative"))
def test_a_message_that_is_none_is_refused_as_such(text):
    with pytest.raises(Refused) as refused:
        read_message(text)

    assert refused.value.code in ("message-malformed", "address-not-checksummed")


@pytest.mark.parametrize("fields", vectors("parsing_negative_objects"))
def test_fields_that_make_no_message_are_refused_as_such(fields):
    with pytest.raises(Refused) as refused:
        read_message(text_from(fields))

    assert refused.value.code in ("message-malformed", "address-not-checksummed")


@pytest.mark.parametrize("fields", vectors("verification_positive"))
def test_a_sign_in_that_holds_is_accepted(fields):
    at = time_of(fields.get("time", fields["issuedAt"]))
    # One vector is looked at two years before it was issued, which we would not take from anybody.
    ahead_of_its_time = at < time_of(fields["issuedAt"])
    terms = terms_for(fields, **({"max_age": None} if ahead_of_its_time else {}))

    assert judged(text_from(fields), fields["signature"], terms, at, fields["nonce"]) == "accepted"
    if ahead_of_its_time:
        with_ours = judged(text_from(fields), fields["signature"], terms_for(fields), at, fields["nonce"])
        assert with_ours == "issued-in-future"


CODES = {
    "expired message": "message-expired",
    "domain binding": "domain-mismatch",
    "custom time": "message-expired",
    "custom nonce": "nonce-invalid",
    "malformed signature": "signature-malformed",
    "wrong signature": "signature-mismatch",
    "not yet valid": "not-yet-valid",
    "invalid issuedAt": "message-malformed",
    "invalid notBefore": "message-malformed",
    "invalid expirationTime": "message-malformed",
}


@pytest.mark.parametrize("fields", vectors("verification_negative"))
def test_a_sign_in_that_does_not_hold_is_refused_for_its_reason(fields, request):
    title = request.node.callspec.id
    at = fields.get("time") or ("2022-01-31T00:00:00Z" if title.startswith("invalid") else fields["issuedAt"])
    terms = terms_for(
        fields, **({"domains": (fields["domainBinding"],)} if "domainBinding" in fields else {})
    )
    nonce = fields.get("matchNonce", fields["nonce"])

    assert judged(text_from(fields), fields["signature"], terms, time_of(at), nonce) == CODES[title]


class ThatContract:
    """A wallet's contract that knows what it has signed."""

    def __init__(self, address: str, text: str, signature: str) -> None:
        self._knows = (address, 1, digest_of(text), bytes.fromhex(signature[2:]))

    def check(self, *asked: Any) -> Accepts:
        return "accepted" if asked == self._knows else "refused"


@pytest.mark.parametrize("vector", vectors("eip1271"))
def test_a_contract_wallet_is_asked_for_exactly_what_was_signed(vector):
    text, signature = vector["message"], vector["signature"]
    message: Message = read_message(text)
    terms = Terms((message.domain,), (message.uri,), frozenset({1}), timedelta(minutes=10))
    contract = ThatContract(message.address, text, signature)
    at, nonce = message.issued_at, message.nonce

    assert judged(text, signature, terms, at, nonce, contract) == "accepted"
    assert judged(text, signature[:-2] + "00", terms, at, nonce, contract) != "accepted"
    assert judged(text, signature, terms, at, nonce) == (
        "signature-mismatch" if len(signature) == 132 else "signature-malformed"
    )
