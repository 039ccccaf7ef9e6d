"""Spans of evidence: laying them is painting blocks, and what is alike and neighbouring is one span."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from store.connection import Connection
from store.spans import Span, cut, laid, lay, read

KINDS = ("receipts", "bloom", "logs-only")


@st.composite
def spans(draw: st.DrawFn) -> Span:
    first = draw(st.integers(0, 40))
    return Span(first, first + draw(st.integers(0, 12)), draw(st.sampled_from(KINDS)))


def painted(strokes: list[Span]) -> dict[int, str]:
    return {number: each.evidence for each in strokes for number in range(each.first, each.last + 1)}


@given(strokes=st.lists(spans(), max_size=12))
def test_the_last_stroke_over_a_block_counts_and_spans_are_as_few_as_can_be(strokes: list[Span]) -> None:
    found: list[Span] = []
    for each in strokes:
        found = laid(found, [each])

    assert painted(found) == painted(strokes)
    assert sum(each.size for each in found) == len(painted(strokes))
    for one, other in pairwise(found):
        assert one.last < other.first
        assert one.last + 1 < other.first or one.evidence != other.evidence


def test_kept_spans_are_what_was_laid_until_they_are_cut(connection: Connection) -> None:
    strokes = [Span(0, 99, "logs-only"), Span(100, 149, "logs-only"), Span(20, 39, "receipts"),
               Span(40, 59, "receipts"), Span(10, 19, "bloom")]  # fmt: skip
    database = connection.database
    with connection.client.start_session() as session, session.start_transaction():
        for each in strokes:
            lay(database, [each], session)

    assert read(database, 0, 200) == [
        Span(0, 9, "logs-only"),
        Span(10, 19, "bloom"),
        Span(20, 59, "receipts"),
        Span(60, 149, "logs-only"),
    ]
    assert read(database, 30, 60) == [Span(20, 59, "receipts"), Span(60, 149, "logs-only")]
    with connection.client.start_session() as session, session.start_transaction():
        cut(database, 25, session)
    assert read(database, 0, 200)[-1] == Span(20, 25, "receipts")
