"""Questions for block headers, put to one endpoint, and the headers as nodes spell them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chain.endpoint import Endpoint
from chain.envelope import Request, result_of
from chain.errors import Fatal, RpcError, Transient, Unknown, Unrecognised, Unsupported, WrongAnswer
from chain.values import Hash, Header


class RawHeader(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The fields we need; a pending block has neither hash nor number, some chains send no bloom."""

    number: str | None
    hash: str | None
    parent_hash: str
    timestamp: str
    logs_bloom: str | None = None


_DECODER = msgspec.json.Decoder(RawHeader | None)


def by_number(number: int | str) -> Request:
    """Ask for a block without its transactions, by number or tag."""
    return Request("eth_getBlockByNumber", (hex(number) if isinstance(number, int) else number, False))


def by_hash(block_hash: Hash) -> Request:
    """Ask for a block without its transactions, by hash."""
    return Request("eth_getBlockByHash", (block_hash, False))


def parse_header(endpoint: Endpoint, raw: msgspec.Raw) -> Header | None:
    """Return the header, or None for a null or pending block."""
    found = endpoint.decode(raw, _DECODER)
    if found is None or found.hash is None or found.number is None:
        return None
    try:
        number, timestamp = int(found.number, 16), int(found.timestamp, 16)
    except ValueError as error:
        raise WrongAnswer(f"a header with a malformed number: {error}") from error
    return Header(number, found.hash, found.parent_hash, timestamp, found.logs_bloom)


def parse_numbered(endpoint: Endpoint, raw: msgspec.Raw, number: int) -> Header | None:
    """Return the header of block `number`; another block's is a WrongAnswer."""
    header = parse_header(endpoint, raw)
    if header is not None and header.number != number:
        raise WrongAnswer(f"asked for block {number}, got block {header.number}")
    return header


def parse_hashed(endpoint: Endpoint, raw: msgspec.Raw, block_hash: Hash) -> Header | None:
    """Return the header of the block with this hash; another block's is a WrongAnswer."""
    header = parse_header(endpoint, raw)
    if header is not None and header.hash != block_hash:
        raise WrongAnswer(f"asked for block {block_hash}, got block {header.hash}")
    return header


class TagFlicker(Transient):
    """The node failed in passing at a block tag, though it knows its head."""


def ask_head(endpoint: Endpoint) -> Header:
    """Return the newest block."""
    header = parse_header(endpoint, result_of(endpoint.batch([by_number("latest")])[0]))
    if header is None:
        raise Unknown("the latest block")
    return header


def ask_hashed(endpoint: Endpoint, block_hash: Hash) -> Header:
    """Return the block with this hash."""
    header = parse_hashed(endpoint, result_of(endpoint.batch([by_hash(block_hash)])[0]), block_hash)
    if header is None:
        raise Unknown(f"block {block_hash}")
    return header


def ask_numbered(endpoint: Endpoint, numbers: Sequence[int], found: dict[int, Header]) -> None:
    """Add the blocks at these heights to those already `found`; raise when any is missing."""
    missing = [number for number in dict.fromkeys(numbers) if number not in found]
    raws = endpoint.all([by_number(number) for number in missing])
    for number, raw in zip(missing, raws, strict=True):
        header = parse_numbered(endpoint, raw, number)
        if header is not None:
            found[number] = header
    if still := [number for number in missing if number not in found]:
        others = f" and {len(still) - 1} more" if len(still) > 1 else ""
        raise Unknown(f"block {still[0]}{others}")


def ask_ends(endpoint: Endpoint) -> tuple[Header, Header | None]:
    """Return the newest block, and the newest finalized one: None where there is none yet."""
    tagged, latest = endpoint.batch([by_number("finalized"), by_number("latest")])
    head = parse_header(endpoint, result_of(latest))
    if isinstance(tagged, RpcError):
        raise _tag_error(tagged)
    if head is None:
        raise Unknown("the latest block")
    finalized = parse_header(endpoint, tagged)
    if finalized is not None and finalized.number > head.number:
        raise WrongAnswer(f"finalized block {finalized.number} above the head {head.number}")
    return head, finalized


def _tag_error(error: RpcError) -> RpcError:
    """The head was known, so what is refused is the tag."""
    if isinstance(error, Transient):
        return TagFlicker(error.message, code=error.code)
    if isinstance(error, Fatal | Unrecognised | Unknown):
        return Unsupported(error.message, code=error.code)
    return error
