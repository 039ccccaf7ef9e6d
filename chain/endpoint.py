"""One URL: batches matched by id, and what this endpoint has taught us about its limits."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from chain.answers import EndpointReport
from chain.card import Card
from chain.envelope import Outcome, Request, encoded, outcomes, result_of
from chain.errors import (
    BatchTooLarge,
    ExecutionReverted,
    Fatal,
    ForeignChain,
    RpcError,
    TooDense,
    Transient,
    Unrecognised,
    WrongAnswer,
)
from chain.ranges import RangeSizer
from chain.transport import Posting
from chain.urls import endpoint_name, scrubbed

T = TypeVar("T")
TRIES_TOGETHER = 3
logger = logging.getLogger(__name__)


class Endpoint:
    """One provider; one HTTP exchange per call, no waiting. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        transport: Posting,
        *,
        name: str | None = None,
        timeout_seconds: float,
        max_batch: int,
        sizer: RangeSizer,
        card: Card | None = None,
    ) -> None:
        self._url = url
        self.name = name or endpoint_name(url)
        self.card = card or Card()
        self.sizer = sizer
        self.unsupported: set[str] = set()
        self._expected_chain_id: int | None = None
        self._verified_chain_id: int | None = None
        self._transport = transport
        self._timeout_seconds = timeout_seconds
        self._max_batch = max_batch
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    # --- asking --------------------------------------------------------------------

    def ask(self, method: str, *params: object) -> msgspec.Raw:
        """Return the result of one call as raw JSON, or raise what the node said."""
        return self.all([Request(method, params)])[0]

    def all(self, requests: Sequence[Request]) -> list[msgspec.Raw]:
        """Return every result, in order; the first refusal is raised."""
        return [result_of(outcome) for outcome in self.batch(requests)]

    def batch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Ask all at once, or in as few exchanges as the endpoint allows; one outcome per request."""
        found: list[Outcome] = []
        while len(found) < len(requests):
            part = requests[len(found) : len(found) + self._max_batch]
            found += self._part(part)
        return found

    def beside(self, anchor: Request, question: Request) -> tuple[list[Outcome], Outcome]:
        """Ask a question, and for an anchor that proves from where on the chain it is answered.

        Both in one exchange, so that one backend answers both; or, where the endpoint takes no batches,
        with the anchor before and after the question. Raises Transient where only a part is answered.
        """
        refusal: RpcError | None = None
        if self._max_batch > 1:
            try:
                anchored, answer = self._whole([anchor, question])
                return [anchored], answer
            except RpcError as error:
                if not _refuses_batches(error):
                    raise
                refusal = error
        before, answer, after = (self.batch([each])[0] for each in (anchor, question, anchor))
        if refusal is not None and not isinstance(answer, RpcError):
            self._remember_batch(1)
            self.card.learned("batches", False)
        return [before, after], answer

    def _whole(self, requests: Sequence[Request]) -> list[Outcome]:
        for _ in range(TRIES_TOGETHER):
            found = [answer for answer in self._exchange(requests) if answer is not None]
            if len(found) == len(requests):
                return found
        raise self._named(Transient("the batch was answered in part only"))

    def _part(self, part: Sequence[Request]) -> list[Outcome]:
        try:
            answers = self._exchange(part)
        except RpcError as error:
            return self._in_halves(part, error)
        if None not in answers and not _any_too_large(part, answers):
            return [answer for answer in answers if answer is not None]
        return self._completed(part, answers)

    def _completed(self, part: Sequence[Request], answers: list[Outcome | None]) -> list[Outcome]:
        """Ask once more for what is missing or did not fit beside the others."""
        again = [i for i, answer in enumerate(answers) if answer is None or _too_large(part[i], answer)]
        half = max(1, len(part) // 2)
        for start in range(0, len(again), half):
            places = again[start : start + half]
            for place, answer in zip(places, self._exchange([part[i] for i in places]), strict=True):
                answers[place] = answer
        missing = self._named(Transient("the batch was answered in part only"))
        return [missing if answer is None else answer for answer in answers]

    def _in_halves(self, part: Sequence[Request], error: RpcError) -> list[Outcome]:
        """Divide a batch that was refused for its size; re-raise any other error."""
        if len(part) == 1 and isinstance(error, ExecutionReverted):
            return [error]
        too_large = isinstance(error, TooDense) and not any(r.method == "eth_getLogs" for r in part)
        if len(part) == 1 or not (too_large or _refuses_batches(error)):
            raise error
        half = len(part) // 2
        if isinstance(error, BatchTooLarge):
            self._remember_batch(half)
        found = [*self.batch(part[:half]), *self.batch(part[half:])]
        if not too_large and not any(isinstance(outcome, RpcError) for outcome in found):
            self._remember_batch(half)
        if self._max_batch == 1:
            self.card.learned("batches", False)
        return found

    def _remember_batch(self, size: int) -> None:
        with self._lock:
            self._max_batch = min(self._max_batch, size)
        logger.info("batch size lowered", extra={"endpoint": self.name, "max_batch": size})

    def _exchange(self, part: Sequence[Request]) -> list[Outcome | None]:
        ids = [next(self._ids) for _ in part]
        started = time.monotonic()
        try:
            answer = self._transport.post(
                self._url, encoded(part, ids), deadline_seconds=self._timeout_seconds
            )
            found = outcomes(answer, ids)
        except RpcError as error:
            self._named(error)
            raise
        self.card.took((time.monotonic() - started) * 1000)
        for outcome in found:
            if isinstance(outcome, RpcError):
                self._named(outcome)
        if len(part) > 1 and None not in found:
            self.card.learned("batches", True)
        return found

    def _named(self, error: RpcError) -> RpcError:
        error.endpoint = self.name
        error.message = scrubbed(error.message, self._url)
        error.args = (scrubbed(str(error), self._url),)
        return error

    # --- decoding ------------------------------------------------------------------

    def decode(self, raw: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
        """Decode one result; another shape than the protocol's is a WrongAnswer."""
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise self._named(WrongAnswer(f"unexpected shape of a result: {error}")) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._named(Transient(f"malformed result: {error}")) from error

    # --- chain id --------------------------------------------------------------------

    def chain_id(self) -> int:
        """Ask for the chain id."""
        return int(self.decode(self.ask("eth_chainId"), _TEXT), 16)

    def expects_chain(self, chain_id: int, *, verified: bool) -> None:
        """Use this endpoint for that chain only."""
        self._expected_chain_id = chain_id
        self._verified_chain_id = chain_id if verified else None

    def verify_chain(self) -> None:
        """Refuse an endpoint of another chain; asks once, before its first use."""
        expected = self._expected_chain_id
        if expected is None or self._verified_chain_id == expected:
            return
        self.check_chain(self.ask("eth_chainId"))
        self._verified_chain_id = expected

    def check_chain(self, raw: msgspec.Raw) -> None:
        """Compare an answered chain id with the one expected, if there is one. Raises ForeignChain."""
        expected, found = self._expected_chain_id, int(self.decode(raw, _TEXT), 16)
        if expected is not None and found != expected:
            raise self._named(ForeignChain(f"{self.name} serves chain {found}, the others chain {expected}"))

    def report(self) -> EndpointReport:
        """What an operator wants to know."""
        card = self.card
        return EndpointReport(
            name=self.name,
            state=card.state,
            reason=card.reason,
            retry_in_seconds=card.quarantine_seconds,
            head=card.head,
            lag_blocks=card.lag_blocks,
            requests=card.requests,
            latency_ms=card.latency_ms,
            errors=dict(card.errors),
            last_error=card.last_error,
            contradictions=card.contradictions,
            last_contradiction=card.last_contradiction,
            learned_cap=self.sizer.learned_cap,
            max_batch=self._max_batch,
            supports={**card.supports},
        )


_TEXT = msgspec.json.Decoder(str)


def _too_large(request: Request, answer: Outcome | None) -> bool:
    return isinstance(answer, TooDense) and request.method != "eth_getLogs"


def _any_too_large(part: Sequence[Request], answers: Sequence[Outcome | None]) -> bool:
    return len(part) > 1 and any(map(_too_large, part, answers))


def _refuses_batches(error: RpcError) -> bool:
    """Refusals of a batch as a whole; a gateway that knows no batches says so in its own words."""
    return isinstance(error, BatchTooLarge | Unrecognised) or (
        isinstance(error, Fatal) and error.code in (-32600, -32700)
    )
