"""One question for all who ask at the same time; never an answer older than the asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from store.coalesced import Coalesced
from store.errors import StoreUnreachable

PATIENCE_SECONDS = 20


class Source:
    """Gives the number of each question; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.asked, self.let_go = Event(), Event()

    def __call__(self) -> int:
        number = next(self.numbers)
        if number == 1:
            self.asked.set()
            assert self.let_go.wait(PATIENCE_SECONDS)
        return number


def test_who_asks_while_a_question_is_on_its_way_shares_the_next_one():
    source = Source()
    coalesced = Coalesced(source, PATIENCE_SECONDS)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(coalesced.newest)
        assert source.asked.wait(PATIENCE_SECONDS)
        later = [threads.submit(coalesced.newest) for _ in range(8)]
        while coalesced.waiting < 8:
            source.asked.wait(0.001)
        source.let_go.set()

        assert first.result(PATIENCE_SECONDS) == 1
        assert {one.result(PATIENCE_SECONDS) for one in later} == {2}
    assert coalesced.newest() == 3, "nobody is given what was asked for before"


def test_what_goes_wrong_goes_wrong_for_all_who_share_and_for_nobody_later():
    answers = iter([StoreUnreachable("there", "gone"), 7])

    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    coalesced = Coalesced(ask, PATIENCE_SECONDS)

    with pytest.raises(StoreUnreachable):
        coalesced.newest()
    assert coalesced.newest() == 7
