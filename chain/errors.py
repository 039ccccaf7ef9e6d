"""What can go wrong between us and an Ethereum node.

RpcError
├── StructuralCap        the provider never allows so wide a block range; ask for less, for ever
├── RangeHint            the provider suggests one narrower range for this question
├── TooDense             this answer would be too large; ask for less, this once
│   └── SingleBlockTooDense   one block is already too much; split the question by address
├── BatchTooLarge        fewer calls per HTTP request, please
├── RateLimited          slower, please; says nothing about size
├── Transient            a passing failure; ask again, or elsewhere
│   └── TimedOut         no complete answer within the deadline
├── Unsupported          the node does not know this method or block tag
├── Fatal                asking again cannot mend it (parameters, credentials)
│   └── ForeignChain     the endpoint serves another chain than the others
├── Unrecognised         the node refused in words that we do not know
├── ExecutionReverted    the contract refused an `eth_call`; becomes a `Reverted` value
├── Unknown              the node does not know a thing; it may exist all the same
├── WrongAnswer          the node contradicts the question, or itself
└── EndpointsExhausted   no endpoint gave an answer; carries the last error of each
"""

from __future__ import annotations

from collections.abc import Mapping


class RpcError(Exception):
    """Base of all; `code` is the JSON-RPC code, `endpoint` the name of the endpoint, where known."""

    contradicts = False
    """Whether the endpoint says what cannot be true, if another one answers the same question."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.endpoint: str | None = None


class StructuralCap(RpcError):
    """The provider limits the block range; `max_range` blocks, None where it does not say how many."""

    def __init__(self, message: str, max_range: int | None = None, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.max_range = max_range


class RangeHint(RpcError):
    """The provider suggests a range, both ends inclusive; good for this question only."""

    def __init__(self, message: str, from_block: int, to_block: int, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.from_block = from_block
        self.to_block = to_block


class TooDense(RpcError):
    """Too many results, or too large a response; the provider names no range that would do."""


class SingleBlockTooDense(TooDense):
    """One single block gives too large an answer."""

    def __init__(self, message: str, block_number: int, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.block_number = block_number


class BatchTooLarge(RpcError):
    """The provider refuses so many calls in one HTTP request."""


class RateLimited(RpcError):
    """Too many questions; `retry_after_seconds` where the provider says so."""

    def __init__(
        self, message: str, retry_after_seconds: float | None = None, *, code: int | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class Transient(RpcError):
    """A passing failure: network, gateway, node out of step."""


class TimedOut(Transient):
    """The whole exchange did not end within its deadline."""


class Unsupported(RpcError):
    """The node does not offer this method or block tag."""


class Fatal(RpcError):
    """Asking the same again cannot succeed."""


class ForeignChain(Fatal):
    """The endpoint is of another chain than the one it was to serve."""

    contradicts = True


class Unrecognised(RpcError):
    """The node refused, and its words match nothing we know; the message is its raw text."""


class ExecutionReverted(RpcError):
    """The EVM reverted an `eth_call`; `data` is the revert data as hex with 0x."""

    def __init__(self, message: str, data: str | None = None, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.data = data


class Unknown(RpcError):
    """The node has no answer about `what`: pruned, lagging, or another branch. Never read it as absence."""

    def __init__(self, what: str, *, code: int | None = None) -> None:
        super().__init__(f"no node knows {what}", code=code)
        self.what = what


class WrongAnswer(RpcError):
    """The answer does not fit the question, or two answers of one node contradict each other."""

    contradicts = True


class EndpointsExhausted(RpcError):
    """Every endpoint failed; `errors` maps endpoint names to the last error of each."""

    def __init__(self, errors: Mapping[str, RpcError]) -> None:
        told = "; ".join(f"{url}: {type(error).__name__}: {error}" for url, error in errors.items())
        super().__init__(f"no endpoint answered: {told or 'none was asked'}")
        self.errors = dict(errors)

    @property
    def retry_after_seconds(self) -> float | None:
        """The shortest pause that any endpoint asked for; None where none did."""
        limited = [error for error in self.errors.values() if isinstance(error, RateLimited)]
        return min(
            (e.retry_after_seconds for e in limited if e.retry_after_seconds is not None), default=None
        )
