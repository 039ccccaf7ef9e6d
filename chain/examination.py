"""All endpoints asked at one time: how far each is, what it offers, and whether they tell one chain."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, get_args

from chain.blocks import by_number, parse_header, parse_numbered
from chain.card import Feature
from chain.endpoint import Endpoint
from chain.envelope import Outcome, Request, result_of
from chain.errors import ForeignChain, RpcError, Transient, Unknown
from chain.testimony import Told, judged
from chain.trust import Trust
from chain.values import Header

T = TypeVar("T")
logger = logging.getLogger(__name__)

DEPTH = 128
"""Blocks below the lowest head: deeper than a reorg may ever reach, so honest nodes agree there."""
HOPELESS_BLOCKS = 64
PATIENCE = 3
"""Examinations in a row at which an endpoint was that far behind."""
PROBES = 5
"""Times that an endpoint is asked for what it offers, while its answers say nothing."""
FEATURES = len(get_args(Feature))
NOBODY = "0x" + "00" * 20


class Examiner:
    """Examines the endpoints of one node, and remembers who was far behind before."""

    def __init__(self, endpoints: Sequence[Endpoint], trust: Trust) -> None:
        self._endpoints = endpoints
        self._trust = trust
        self._far_behind: Counter[str] = Counter()
        self._probes: Counter[str] = Counter()

    def examine(self) -> None:
        """Ask every endpoint that is not paused; failures are noted on its card, and nothing is raised."""
        heads = self._each(self._endpoints, _ask_head)
        guilty = self._laggards(heads)
        near = [endpoint for endpoint in heads if endpoint not in guilty]
        if len(near) > 1:
            guilty |= self._liars(near, min(heads[endpoint].number for endpoint in near))
        for endpoint in near:
            if endpoint not in guilty:
                endpoint.card.acquit()
        unprobed = [e for e in near if self._probes[e.name] < PROBES and len(e.card.supports) < FEATURES]
        self._probes.update(endpoint.name for endpoint in self._each(unprobed, _probe))

    def _each(self, endpoints: Sequence[Endpoint], ask: Callable[[Endpoint], T]) -> dict[Endpoint, T]:
        """The answers of those that answer."""
        asked = [endpoint for endpoint in endpoints if endpoint.card.pause_seconds() == 0.0]
        if not asked:
            return {}
        with ThreadPoolExecutor(len(asked), "examination") as pool:
            answers = list(pool.map(lambda endpoint: self._answer(endpoint, ask), asked))
        return {endpoint: found for endpoint, found in zip(asked, answers, strict=True) if found is not None}

    def _answer(self, endpoint: Endpoint, ask: Callable[[Endpoint], T]) -> T | None:
        try:
            return ask(endpoint)
        except ForeignChain as error:
            endpoint.card.failed(error)
            self._trust.accuse(endpoint, "lie", str(error))
        except RpcError as error:
            error.endpoint = endpoint.name
            endpoint.card.failed(error)
        return None

    # --- lag -----------------------------------------------------------------------------

    def _laggards(self, heads: dict[Endpoint, Header]) -> set[Endpoint]:
        best = max((head.number for head in heads.values()), default=0)
        guilty: set[Endpoint] = set()
        for endpoint, head in heads.items():
            endpoint.card.stands_at(head.number, best)
            if best - head.number < HOPELESS_BLOCKS:
                self._far_behind[endpoint.name] = 0
                continue
            guilty.add(endpoint)
            self._far_behind[endpoint.name] += 1
            if self._far_behind[endpoint.name] >= PATIENCE:
                self._trust.accuse(endpoint, "lag", f"{best - head.number} blocks behind the others")
        return guilty

    # --- lies ----------------------------------------------------------------------------

    def _liars(self, endpoints: Sequence[Endpoint], lowest_head: int) -> set[Endpoint]:
        """Those whose deep block is not the chain's; asked a second time before anybody is accused."""
        number = max(0, lowest_head - DEPTH)
        found = judged(self._testimony(endpoints, number))
        if found.agreed:
            return set()
        found = judged(self._testimony(endpoints, number))
        by_name = {endpoint.name: endpoint for endpoint in endpoints}
        for name in found.disputed:
            logger.error("endpoints disagree", extra={"block": number, "endpoint": name})
            by_name[name].card.suspect("lie", f"disagrees with another endpoint about block {number}")
        for name, why in found.liars.items():
            self._trust.accuse(by_name[name], "lie", f"block {number}: {why}")
        return {by_name[name] for name in (*found.liars, *found.disputed)}

    def _testimony(self, endpoints: Sequence[Endpoint], number: int) -> dict[str, Told]:
        told = self._each(endpoints, lambda endpoint: _ask_deep(endpoint, number))
        return {endpoint.name: each for endpoint, each in told.items() if each is not None}


def _ask_head(endpoint: Endpoint) -> Header:
    """The newest block of an endpoint that is still on the chain we expect."""
    latest, chain_id = endpoint.batch([by_number("latest"), Request("eth_chainId")])
    endpoint.check_chain(result_of(chain_id))
    head = parse_header(endpoint, result_of(latest))
    if head is None:
        raise Unknown("the latest block")
    return head


def _ask_deep(endpoint: Endpoint, number: int) -> Told | None:
    """A block, and whether its own successor builds on it; None when the node does not know them."""
    block, successor = endpoint.batch([by_number(number), by_number(number + 1)])
    header = parse_numbered(endpoint, result_of(block), number)
    following = parse_numbered(endpoint, result_of(successor), number + 1)
    if header is None:
        return None
    return Told(header.hash, following is None or following.parent_hash == header.hash)


def _probe(endpoint: Endpoint) -> bool:
    """Learn what the node offers beyond the usual."""
    head = _ask_head(endpoint)
    questions: dict[Feature, Request] = {
        "finalized": by_number("finalized"),
        "safe": by_number("safe"),
        "blockReceipts": Request("eth_getBlockReceipts", (head.hash,)),
        "logsByHash": Request("eth_getLogs", ({"address": [NOBODY], "blockHash": head.hash},)),
    }
    outcomes = endpoint.batch([*questions.values()])
    for feature, outcome in zip(questions, outcomes, strict=True):
        if not _says_nothing(outcome):
            endpoint.card.learned(feature, not isinstance(outcome, RpcError))
    return True


def _says_nothing(outcome: Outcome) -> bool:
    """A passing failure, or null: the block may be gone by now."""
    return isinstance(outcome, Transient | Unknown) or (
        not isinstance(outcome, RpcError) and bytes(outcome) == b"null"
    )
