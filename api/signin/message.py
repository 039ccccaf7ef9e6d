"""A message as EIP-4361 spells it, read line by line, in time that grows with its length only.

The grammar library is super-linear: it takes a second for 2 KB made for that purpose. So every line is
matched here first, by expressions that cannot backtrack far, and the library is given a message of bounded
length: whatever decides anything is in it as it stands, but for paths of URIs, which settings give whole if
they matter; what nobody interprets is cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv6Address
from typing import NoReturn

from eth_utils.address import to_checksum_address

from api.signin.refusals import Refused

MAX_BYTES = 2048
MAX_FIELD = 255
"""Of what decides: domain and URI. Longer ones are nobody's configuration."""

_WORD = r"[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}"
_PATH = rf"(?:{_WORD}|[:@/])"
_HOST = rf"(?:\[(?P<ip>[0-9A-Fa-f:.]+)\]|(?:{_WORD})*)"
_AUTHORITY = rf"(?:(?:{_WORD}|:)*@)?{_HOST}(?::[0-9]*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*"
_TAIL = rf"(?:\?(?:{_PATH}|\?)*)?(?:#(?:{_PATH}|\?)*)?"
ORIGIN = re.compile(rf"{_SCHEME}:(?://{_AUTHORITY})?")
URI = re.compile(rf"{_SCHEME}:(?://{_AUTHORITY}(?:/{_PATH}*)?|(?!//){_PATH}*){_TAIL}")
FIRST = re.compile(
    rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>{_AUTHORITY})"
    r" wants you to sign in with your Ethereum account:"
)
ADDRESS = re.compile(r"0x[0-9A-Fa-f]{40}")
STATEMENT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]*")
CHAIN_ID = re.compile(r"[0-9]{1,18}")
NONCE = re.compile(r"[A-Za-z0-9]{8,96}")
REQUEST_ID = re.compile(rf"(?:{_WORD}|[:@])*")
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says; `text` is the message as received, `core` the same without long free texts.

    `origin` is scheme and authority of the URI, all of it that is in `core`.
    """

    text: str
    core: str
    scheme: str | None
    domain: str
    address: str
    uri: str
    origin: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime | None
    not_before: datetime | None


def read_message(text: str) -> Message:
    """Read a message of at most MAX_BYTES. Raises Refused."""
    if len(text) > MAX_BYTES:
        raise Refused("message-too-long", f"the message is longer than {MAX_BYTES} bytes")
    if not text.isascii():
        _malformed("it may hold ASCII characters only")
    return _Lines(text).message()


class _Lines:
    """The lines of a message, taken one after the other; `core` is what has been taken, cut."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._core: list[str] = []

    def message(self) -> Message:
        first = self._take("domain", "", FIRST)
        address = self._address()
        self._statement()
        uri = self._uri("URI: ")
        self._take("version", "Version: ", re.compile("1"))
        chain_id = int(self._take("chain id", "Chain ID: ", CHAIN_ID)[0])
        nonce = self._take("nonce", "Nonce: ", NONCE)[0]
        issued_at = self._moment("Issued At: ")
        expires_at = self._moment("Expiration Time: ") if self._next("Expiration Time: ") else None
        not_before = self._moment("Not Before: ") if self._next("Not Before: ") else None
        self._request_id()
        self._resources()
        if self._lines:
            _malformed(f"the line {self._lines[0][:60]!r} is not due there")
        scheme, domain = first["scheme"], _bounded("domain", first["domain"])
        _check_ip(first)
        core = "\n".join(self._core)
        return Message(
            text=self._text,
            core=core,
            scheme=scheme,
            domain=domain,
            address=address,
            uri=uri,
            origin=origin_of(uri),
            chain_id=chain_id,
            nonce=nonce,
            issued_at=issued_at,
            expires_at=expires_at,
            not_before=not_before,
        )

    def _next(self, label: str) -> bool:
        return bool(self._lines) and self._lines[0].startswith(label)

    def _take(
        self, what: str, label: str, pattern: re.Pattern[str], shown: int | None = None
    ) -> re.Match[str]:
        """The next line: the label and what the pattern says; `shown` characters of it go into `core`."""
        line = self._lines.pop(0) if self._lines else ""
        found = pattern.fullmatch(line, len(label)) if line.startswith(label) else None
        if found is None:
            _malformed(f"its {what} is missing, misplaced or not of the form that EIP-4361 gives it")
        self._core.append(line if shown is None else line[: len(label) + shown])
        return found

    def _empty(self) -> None:
        self._take("empty line", "", re.compile(""))

    def _address(self) -> str:
        address = self._take("address", "", ADDRESS)[0]
        right = str(to_checksum_address(address))
        if address != right:
            raise Refused("address-not-checksummed", f"the address must be in EIP-55 letters: {right}")
        return address

    def _statement(self) -> None:
        """`LF [ statement LF ] LF`: after a statement comes an empty line, after none the URI."""
        self._empty()
        if self._lines[1:2] == [""]:
            self._take("statement", "", STATEMENT, shown=1)
        self._empty()

    def _uri(self, label: str) -> str:
        found = self._take("URI", label, URI)
        _check_ip(found)
        self._core[-1] = label + origin_of(found[0])
        return _bounded("URI", found[0])

    def _moment(self, label: str) -> datetime:
        text = self._take(label.removesuffix(": ").lower(), label, MOMENT)[0]
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            _malformed(f"{text} is not a date and time that exist")

    def _request_id(self) -> None:
        label = "Request ID: "
        if self._next(label):
            self._take("request id", label, REQUEST_ID, shown=0)

    def _resources(self) -> None:
        if not self._lines or self._lines[0] != "Resources:":
            return
        self._core.append(self._lines.pop(0))
        kept = len(self._core)
        while self._lines:
            _check_ip(self._take("list of resources", "- ", URI))
        del self._core[kept:]


def origin_of(uri: str) -> str:
    """Scheme and authority of a URI; a URI in itself."""
    found = ORIGIN.match(uri)
    assert found is not None
    return found[0]


def _bounded(what: str, value: str) -> str:
    if not value:
        _malformed(f"its {what} is missing")
    if len(value) > MAX_FIELD:
        _malformed(f"its {what} is longer than {MAX_FIELD} characters")
    return value


def _check_ip(found: re.Match[str]) -> None:
    """What stands in brackets must be an IPv6 address."""
    if found["ip"] is None:
        return
    try:
        IPv6Address(found["ip"])
    except AddressValueError:
        _malformed(f"[{found['ip'][:60]}] is not an IPv6 address")


def _malformed(why: str) -> NoReturn:
    raise Refused("message-malformed", f"this is not an EIP-4361 message: {why}")
