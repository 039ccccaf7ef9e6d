"""Counts requests by API key, and tells the store every second: a read must not cost a write."""

from __future__ import annotations

import logging
from datetime import datetime
from threading import Lock, Timer

from store.accounts import Accounts
from store.errors import StoreUnreachable
from store.key_usage import Used, day_of

logger = logging.getLogger(__name__)

TELL_SECONDS = 1.0
Counted = dict[tuple[str, datetime], Used]


class UsageCounts:
    """What this process has not told yet; when it ends, the last second is lost."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts, self._lock = accounts, Lock()
        self._counted: Counted = {}
        self._timer: Timer | None = None

    def count(self, key_id: str, moment: datetime) -> None:
        """One request more with this key."""
        with self._lock:
            self._add((key_id, day_of(moment)), Used(1, moment))
            self._tell_later()

    def tell(self) -> None:
        """Hand over what is counted; if the store is away, that is kept for the next time."""
        with self._lock:
            counted, self._counted, self._timer = self._counted, {}, None
        if not counted:
            return
        try:
            self._accounts.key_usage.add(counted)
        except StoreUnreachable as error:
            logger.warning("the use of API keys is counted later", extra={"why": error.why})
            with self._lock:
                for place, used in counted.items():
                    self._add(place, used)

    def _add(self, place: tuple[str, datetime], used: Used) -> None:
        before = self._counted.get(place)
        self._counted[place] = (
            used if before is None else Used(before.requests + used.requests, max(before.last, used.last))
        )

    def _tell_later(self) -> None:
        if self._timer is None:
            self._timer = Timer(TELL_SECONDS, self.tell)
            self._timer.daemon = True
            self._timer.start()
