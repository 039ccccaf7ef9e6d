"""Which endpoints are asked: those that lie, or are hopelessly behind, are put aside; never the last one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from chain.card import Charge
from chain.endpoint import Endpoint
from chain.errors import RpcError

logger = logging.getLogger(__name__)


class Trust:
    """Judges the endpoints of one node by evidence."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints

    def usable(self) -> list[Endpoint]:
        """Who may be asked: whoever is not put aside, and laggards too while all of those fail."""
        trusted = [endpoint for endpoint in self._endpoints if not endpoint.card.is_quarantined]
        if any(endpoint.card.is_well for endpoint in trusted):
            return trusted
        return [e for e in self._endpoints if e in trusted or e.card.charge == "lag"] or [*self._endpoints]

    def disproved(self, endpoint: Endpoint, error: RpcError) -> None:
        """Another endpoint answered well what this one contradicted itself about."""
        if endpoint.card.disproved():
            self.accuse(endpoint, "lie", f"contradicted, and others answered: {error}")

    def accuse(self, endpoint: Endpoint, charge: Charge, reason: str) -> None:
        """Put an endpoint aside; where it is the last one, say so and go on asking it."""
        card = endpoint.card
        if card.is_quarantined:
            return
        told = {"endpoint": endpoint.name, "reason": reason}
        if any(other is not endpoint and not other.card.is_quarantined for other in self._endpoints):
            seconds = card.quarantine(charge, reason)
            logger.warning("endpoint put aside", extra={**told, "seconds": seconds})
            return
        if card.reason != reason:
            logger.error("the last endpoint is not to be trusted", extra=told)
        card.suspect(charge, reason)
