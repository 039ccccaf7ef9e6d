"""The errors of people: of signing in, and of what only some may do."""

from __future__ import annotations

from api.entries import Entry

_REFUSALS = {
    "message-too-long": "is longer than 2048 bytes",
    "message-malformed": "is not spelled as EIP-4361 says, or names a date that does not exist",
    "address-not-checksummed": "gives the address in other letters than EIP-55",
    "address-mismatch": "is of another address than `walletAddress`",
    "domain-mismatch": "is for a domain that is none of ours",
    "scheme-mismatch": "names another scheme than its URI",
    "uri-mismatch": "is about a URI that is none of ours",
    "chain-mismatch": "names a chain that is not accepted",
    "issued-in-future": "was issued more than 5 minutes from now",
    "issued-too-long-ago": "was issued too long ago",
    "not-yet-valid": "says itself that it is not valid yet",
    "message-expired": "says itself that it has expired",
    "nonce-invalid": "has a nonce that was not given to this wallet, or that was used or is too old",
    "signature-malformed": "has a signature that is not hex, or not of 65 bytes",
    "signature-not-canonical": "has a signature with its s in the upper half (EIP-2)",
    "signature-mismatch": "is not signed by this address over exactly these bytes",
    "wallet-refused": "is not accepted by the contract of the wallet (ERC-1271, ERC-6492)",
    "wallet-unreachable": "cannot be checked now, because no node answers for the contract of the wallet",
}


def _refusal(code: str, cause: str) -> Entry:
    return Entry(
        code,
        503 if code == "wallet-unreachable" else 401,
        "The message signs nobody in",
        "The signed message was read, and does not prove what it must. Nothing but its nonce was used up.",
        f"The message or its signature {cause}.",
        "Ask for a new nonce and sign a new message; `dvault siwe check` explains what a message lacks.",
        only=("signIn",),
    )


SIGN_IN = (
    Entry(
        "unauthenticated",
        401,
        "Not, or no longer, signed in",
        "The path needs a session, and what came names none that is in force.",
        "No `Authorization` header, a token that has expired, or a session that was ended.",
        "Refresh once with the refresh cookie; if that is refused too, sign in again.",
    ),
    Entry(
        "sign-in-refused",
        401,
        "The message signs nobody in",
        "Stands for all refusals of a sign-in; answers carry the code of the reason in its place.",
        "See the codes below.",
        "Ask for a new nonce and sign a new message.",
        only=("signIn",),
    ),
    *(_refusal(code, cause) for code, cause in _REFUSALS.items()),
    Entry(
        "forbidden",
        403,
        "Not allowed",
        "You are known, and this needs a role or a scope that you do not have.",
        "A person's session where an admin's is needed, or a key without the scope.",
        "Use an account or a key that may; admins give roles.",
    ),
    Entry(
        "mfa-required",
        403,
        "A second factor is required",
        "You may do this with a proof of your second factor that is at most 15 minutes old.",
        "No second factor is enrolled, or its last proof is too old.",
        "Prove the second factor, then ask again.",
    ),
    Entry(
        "account-suspended",
        403,
        "The account is suspended",
        "The wallet has proven itself, and its account may not be used.",
        "An admin has suspended it.",
        "Ask an admin.",
        only=("signIn", "makeKey", "rotateKey"),
    ),
    Entry(
        "cross-site",
        403,
        "A page of another site tried to use a cookie",
        "Cookies count only where a page of our own domains sends them.",
        "`Origin` or `Sec-Fetch-Site` names another site.",
        "Call from a page of our own domains.",
    ),
    Entry(
        "last-admin",
        409,
        "Nobody would be left to administer",
        "The change was not made.",
        "It would have taken the role from the last active admin, or suspended that account.",
        "Make somebody else an admin first.",
        only=("changeUser",),
    ),
)
