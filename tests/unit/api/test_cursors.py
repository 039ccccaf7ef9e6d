from __future__ import annotations

import pytest
from bson import ObjectId

from api.pagination import Cursor, Cursors
from api.problems import BadRequest
from store.pages import By, Source, beyond_position, chain_order, decode_position, position_of

ID = ObjectId("0" * 24)


def test_a_cursor_leads_back_to_its_position():
    cursors, cursor = Cursors("secret"), Cursor(b"\x00position")

    assert cursors.read("assets", cursors.write("assets", cursor)) == cursor


def test_a_cursor_remembers_the_block_at_which_its_page_was_true():
    cursors, cursor = Cursors("secret"), Cursor(b"x", {"number": 2**63 - 1, "hash": "0x" + "a5" * 32})

    assert cursors.read("assets", cursors.write("assets", cursor)) == cursor


def test_a_cursor_signed_with_another_key_is_refused():
    with pytest.raises(BadRequest, match="not one we gave out"):
        Cursors("secret").read("assets", Cursors("other").write("assets", Cursor(b"x")))


def test_a_cursor_of_another_list_is_refused():
    with pytest.raises(BadRequest, match="another list"):
        Cursors("secret").read("assets", Cursors("secret").write("listings", Cursor(b"x")))


@pytest.mark.parametrize("text", ["", ".", "a.b", "é", "\x00", "\ud800", "x" * 4096])
def test_rubbish_is_refused(text):
    with pytest.raises(BadRequest):
        Cursors("secret").read("assets", text)


def test_a_position_is_the_sort_key_of_a_row():
    row = {"_id": ID, "blockchain": {"blockNumber": 2**40, "logIndex": 3}}

    assert decode_position(position_of(row, chain_order(-1))) == [2**40, 3, ID]


def test_what_lies_beyond_a_position_is_lexicographic():
    order = (By("a", -1), By("_id", -1))

    assert beyond_position(order, [5, ID]) == [{"a": {"$lt": 5}}, {"a": 5, "_id": {"$lt": ID}}]


def test_absent_values_lie_before_all_others():
    up, down = (By("a", 1, nullable=True), By("_id", 1)), (By("a", -1, nullable=True), By("_id", -1))

    assert beyond_position(up, [None, ID]) == [{"a": {"$ne": None}}, {"a": None, "_id": {"$gt": ID}}]
    assert beyond_position(down, [None, ID]) == [{"a": None, "_id": {"$lt": ID}}]
    assert beyond_position(down, [5, ID])[:2] == [{"a": {"$lt": 5}}, {"a": None}]


def test_alternatives_and_branches_are_combined_without_losing_a_condition():
    source = Source("rows", [{"seller": "a", "n": {"$gt": 1}}, {"buyer": "a"}])

    assert source.where([{"n": {"$lt": 9}}]) == {
        "$or": [
            {"$and": [{"seller": "a", "n": {"$gt": 1}}, {"n": {"$lt": 9}}]},
            {"buyer": "a", "n": {"$lt": 9}},
        ]
    }
