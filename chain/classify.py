"""A node's refusal → the error that says what to do about it.

Providers share codes for different things (-32005 is a rate limit and a result cap), so the message
decides first, then the HTTP status and the JSON-RPC code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chain.errors import (
    BatchTooLarge,
    ExecutionReverted,
    Fatal,
    RangeHint,
    RateLimited,
    RpcError,
    StructuralCap,
    TooDense,
    Transient,
    Unknown,
    Unrecognised,
    Unsupported,
)

LONGEST_QUOTE = 1000
"""Characters of a provider's message that we keep."""

NUMBER = r"(?P<cap>\d[\d,._]*)\s?(?P<unit>[km]?)\b"
HEIGHT = r"(?:0x[0-9a-f]+|\d+)"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


REVERTED = _any(
    r"execution reverted",
    r"VM execution error",
    r"vm exception while processing transaction: revert",
    r"transaction reverted",
    r"^reverted\b",
    r"invalid opcode",
    r"out of gas",
)
RATE = _any(
    r"compute units per second",
    r"rate.?limit",
    r"too many requests",
    r"request rate",
    r"requests? per (second|minute|day)",
    r"(request|call) (count|limit) (exceeded|reached)",
    r"throttl",
    r"usage limit",
    r"capacity exceeded",
)
BATCH = _any(
    r"batch\b.*\b(too (large|big|many|long)|exceed|limit|not (allowed|supported))",
    r"batch of more than",
    r"(at most|maximum|max|more than|too many)\b.*\bbatch",
    r"batch(ing|es)? (is|are)? ?(not|un)\s?(allowed|supported|available)",
)
ANY_WIDTH_IF_FEW_LOGS = _any(r"no limit on the response size")
HINT = _any(
    rf"range should work:?\s*\[\s*(?P<a1>{HEIGHT})\s*,\s*(?P<a2>{HEIGHT})\s*\]",
    rf"try with this block range\s*\[\s*(?P<b1>{HEIGHT})\s*,\s*(?P<b2>{HEIGHT})\s*\]",
    rf"retry with the range\s*(?P<c1>{HEIGHT})\s*-\s*(?P<c2>{HEIGHT})",
)
CAPS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"up to an? {NUMBER} block range",
        rf"limited to (?:an? )?{NUMBER}[ -]*(?:blocks? )?range",
        rf"maximum block range:? {NUMBER}",
        rf"block range (?:is )?too (?:large|wide|big).*?\bmax(?:imum)?(?: is)?:? ?{NUMBER}",
        rf"range is too (?:large|wide|big).*?\bmax(?:imum)?(?: is)?:? ?{NUMBER}",
        rf"max(?:imum)? (?:block )?range:? {NUMBER}",
        rf"(?:query|range|request).*? (?:to )?at most {NUMBER} blocks",
        rf"ranges? over {NUMBER} blocks (?:is|are) not supported",
        rf"blocks distance:? {NUMBER}",
        rf"\brange \d[\d,]* exceeds (?:the )?limit of {NUMBER}",
        rf"block range .*?(?:exceeds|limit)\D*{NUMBER}",
    )
)
TOO_WIDE = _any(
    r"range (is )?too (wide|large|big)",
    r"block range limit exceeded",
    r"range threshold exceeded",
    r"range.*exceeded max allowed",
    r"^exceeded max allowed",
    r"exceeds? (the )?(max|maximum|allowed).*block range",
)
DENSE = _any(
    r"returned more than [\d,]+ results",
    r"exceeds? max results",
    r"logs matched by query exceeds",
    r"too many (results|logs)",
    r"response (size )?(is )?(exceed(s|ed)|too (large|big)|larger than)",
    r"query timeout",
    r"content.?length.*exceed",
)
UNKNOWN_THING = _any(r"unknown block\b(?! tag)", r"^block not found", r"resource not found", r"no block with")
TAG_MISSING = _any(
    r"(safe|finalized) block not found",
    r"(unknown|invalid|unsupported) (block )?tag",
    r"(safe|finalized).*(not (supported|available)|unsupported)",
    r"unknown variant `?(safe|finalized)",
    r"hex string without 0x prefix",
)
PASSING = _any(
    r"cannot query unfinalized data",
    r"header not found",
    r"missing trie node",
    r"block is out of range",
    r"block ?out ?of ?range",
    r"invalid block height",
    r"no backend is currently healthy",
    r"(bad gateway|service unavailable|gateway time-?out|temporarily)",
    r"(timed? ?out|timeout)",
    r"(connection|upstream|eof)\b",
    r"(not synced|syncing|try again|internal (server )?error|overloaded)",
)
NO_METHOD = _any(
    r"method .*(not found|not supported|does not exist|is not available|not enabled|not allowed)",
    r"(unsupported|unknown) method",
)
NO_ENTRY = _any(
    r"unauthori[sz]ed", r"forbidden", r"(invalid|missing|unknown) (api|access|project).?(key|token|id)",
    r"must be authenticated", r"access denied", r"payment required",
)  # fmt: skip

BY_MESSAGE: tuple[tuple[re.Pattern[str], Callable[..., RpcError]], ...] = (
    (TOO_WIDE, StructuralCap),
    (DENSE, TooDense),
    (BATCH, BatchTooLarge),
    (RATE, RateLimited),
    (TAG_MISSING, Unsupported),
    (NO_METHOD, Unsupported),
    (NO_ENTRY, Fatal),
    (PASSING, Transient),
)
BY_CODE: dict[int, Callable[..., RpcError]] = {
    -32601: Unsupported,
    -32004: Unsupported,
    -39001: Unsupported,
    -32602: Fatal,
    -32600: Fatal,
    -32700: Fatal,
    -32603: Transient,
    -32005: RateLimited,
}
BY_STATUS: dict[int, Callable[..., RpcError]] = {
    401: Fatal, 402: Fatal, 403: Fatal, 404: Fatal, 405: Fatal,
    408: Transient, 413: TooDense, 425: Transient,
}  # fmt: skip


def classify(
    http_status: int,
    code: int | None,
    message: str,
    data: Any = None,
    headers: Mapping[str, str] | None = None,
) -> RpcError:
    """Return (not raise) the error that a refusal means; `data` is the decoded `error.data`."""
    quote = message[:LONGEST_QUOTE] or f"HTTP {http_status}, code {code}, no message"
    if code == 3 or REVERTED.search(quote):
        return ExecutionReverted(quote, revert_data(data), code=code)
    if http_status == 429 or code == 429:
        return RateLimited(quote, _retry_after(data, headers), code=code)
    return (
        _about_range(quote, code, data)
        or _by_message(quote, code, data, headers)
        or _by_number(quote, code, http_status)
    )


def _about_range(quote: str, code: int | None, data: Any) -> RpcError | None:
    few_logs_any_width = ANY_WIDTH_IF_FEW_LOGS.search(quote)
    for pattern in () if few_logs_any_width else CAPS:
        if found := pattern.search(quote):
            return StructuralCap(quote, _amount(found["cap"], found["unit"]), code=code)
    hint = _hint(quote, data)
    if hint is not None:
        from_block, to_block = hint
        # Some providers suggest ranges that end before they begin: only "too much" is left of such a hint.
        return RangeHint(quote, *hint, code=code) if from_block <= to_block else TooDense(quote, code=code)
    return TooDense(quote, code=code) if few_logs_any_width else None


def _by_message(
    quote: str, code: int | None, data: Any, headers: Mapping[str, str] | None
) -> RpcError | None:
    if code == -32001 or UNKNOWN_THING.search(quote):
        # The tags `safe` and `finalized` are refused with "unknown block" and a code of their own.
        return Unsupported(quote, code=code) if code == -39001 else Unknown(f"it ({quote})", code=code)
    for pattern, kind in BY_MESSAGE:
        if pattern.search(quote):
            if kind is RateLimited:
                return RateLimited(quote, _retry_after(data, headers), code=code)
            return kind(quote, code=code)
    return None


def _by_number(quote: str, code: int | None, http_status: int) -> RpcError:
    if http_status in BY_STATUS:
        return BY_STATUS[http_status](quote, code=code)
    if http_status >= 500:
        return Transient(quote, code=code)
    return BY_CODE.get(code or 0, Unrecognised)(quote, code=code)


def _amount(digits: str, unit: str) -> int:
    plain = int(re.sub(r"\D", "", digits))
    return plain * {"k": 1_000, "m": 1_000_000}.get(unit.lower(), 1)


def _hint(quote: str, data: Any) -> tuple[int, int] | None:
    if found := HINT.search(quote):
        first, last = (height for height in found.groups() if height is not None)
        return _height(first), _height(last)
    ends = [data.get("from"), data.get("to")] if isinstance(data, dict) else []
    heights = [_height(end) for end in ends if isinstance(end, str) and re.fullmatch(HEIGHT, end, re.I)]
    return (heights[0], heights[1]) if len(heights) == len(ends) > 0 else None


def _height(text: str) -> int:
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _retry_after(data: Any, headers: Mapping[str, str] | None) -> float | None:
    """Seconds to wait: from the Retry-After header (seconds or a date), else from `data.rate`."""
    value = (headers or {}).get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    if value:
        return _seconds_until(value)
    rate = data.get("rate") if isinstance(data, dict) else None
    pause = rate.get("backoff_seconds") if isinstance(rate, dict) else None
    return float(pause) if isinstance(pause, int | float) else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def revert_data(data: Any) -> str | None:
    """Find the revert data: a hex string, `Reverted 0x…`, or an object holding one under `data`."""
    if isinstance(data, dict):
        return revert_data(data.get("data"))
    if not isinstance(data, str):
        return None
    found = re.search(r"0x[0-9a-fA-F]*", data)
    return found[0] if found else None
