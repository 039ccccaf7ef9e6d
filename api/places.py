"""Places that keep a thread each: few in all, and fewer for one subscriber."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Places:
    """So many in all, and so many for each who comes. Safe between threads."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, who: str) -> bool:
        """Take one at once; False where all are taken, or all that one subscriber may have."""
        with self._lock:
            if self._taken.total() >= self._total or self.has_share(who):
                return False
            self._taken[who] += 1
            return True

    def has_share(self, who: str) -> bool:
        return self._taken[who] >= self._each

    def leave(self, who: str) -> None:
        """Give one back; nothing is kept of who has none."""
        with self._lock:
            self._taken -= Counter([who])
