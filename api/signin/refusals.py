"""Why a sign-in is refused; each code is for programs and never changes its meaning."""

from __future__ import annotations

from typing import Literal, get_args

Code = Literal[
    "message-too-long",
    "message-malformed",
    "address-not-checksummed",
    "address-mismatch",
    "domain-mismatch",
    "scheme-mismatch",
    "uri-mismatch",
    "chain-mismatch",
    "issued-in-future",
    "issued-too-long-ago",
    "not-yet-valid",
    "message-expired",
    "nonce-invalid",
    "signature-malformed",
    "signature-not-canonical",
    "signature-mismatch",
    "wallet-refused",
    "wallet-unreachable",
]
CODES: tuple[str, ...] = get_args(Code)


class Refused(Exception):
    """The message does not sign anybody in; `detail` says what is wrong in words."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
