"""Views: people count once a day, programs never, and reading stays reading."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from builders import asset, hash_of
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from api.viewers import SLOTS
from api.viewing import MAX_UNTOLD, Views
from store.accounts import Accounts
from store.errors import StoreUnreachable
from store.indexes import ensure_early
from store.reading import Reading
from store.view_counts import Seen, ViewCounts
from tests.api.signing import Wallet, bearer, sign_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1"
)


@pytest.fixture
def views(database, clock) -> Views:
    return Views(ViewCounts(database), clock, tell_seconds=None)


@pytest.fixture
def app(database, seed, views, clock) -> Flask:
    ensure_early(database)
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1), asset(2))
    auth = Auth(Accounts(database), ("k" * 40,))
    return make_app(Reading(database), secret_key="a test", auth=auth, views=views)


def look(
    client: FlaskClient,
    agent: str = FIREFOX,
    address: str = "198.51.100.7",
    token_id: int = 1,
    **headers: str,
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(
        f"/api/assets/{token_id}",
        headers={"User-Agent": agent, **named},
        environ_overrides={"REMOTE_ADDR": address},
    )


def count_of(database: Any, token_id: int = 1) -> int:
    found = database.assets.find_one({"tokenId": token_id})
    return int(found.get("stats", {}).get("viewCount", 0))


def test_a_viewer_counts_once_a_day_for_each_asset(client, database, views, clock):
    for _ in range(2):
        assert look(client).status_code == 200
        views.tell()
    look(client, token_id=2)
    views.tell()
    assert (count_of(database), count_of(database, 2)) == (1, 1)

    clock.wall += timedelta(days=1)
    look(client)
    views.tell()
    assert count_of(database) == 2


def test_reading_writes_nothing_by_itself(client, database):
    look(client)

    assert count_of(database) == 0
    assert database.countedViews.count_documents({}) == 0


def test_different_people_count_apart(client, database, views):
    look(client)
    look(client, address="203.0.113.9")
    look(client, agent=SAFARI)

    assert views.tell() == 3
    assert count_of(database) == 3


def test_an_ipv6_subscriber_is_one_viewer_in_all_of_its_network(client, database, views):
    for host in range(20):
        look(client, address=f"2001:db8:1:2::{host:x}")
    look(client, address="2001:db8:1:3::1")

    views.tell()
    assert count_of(database) == 2


def test_a_bot_of_a_thousand_requests_counts_no_more_than_one_address_can(client, database, views):
    for number in range(1000):
        look(client, agent=f"Mozilla/5.0 (made up {number})")
        if number % 100 == 0:
            views.tell()

    views.tell()
    assert 1 <= count_of(database) <= SLOTS


def test_a_bot_that_keeps_its_name_counts_once(client, database, views):
    for _ in range(100):
        look(client)

    views.tell()
    assert count_of(database) == 1


@pytest.mark.parametrize(
    "agent",
    [
        "",
        " ",
        "curl/8.5.0",
        "python-requests/2.32",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
        "facebookexternalhit/1.1",
        "Mozilla/5.0 HeadlessChrome/140.0",
        "Go-http-client/2.0",
    ],
)
def test_programs_do_not_count(client, database, views, agent):
    assert look(client, agent=agent).status_code == 200

    assert views.tell() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Moz": "prefetch"},
        {"X_API_Key": "dv_live_nothing"},
    ],
)
def test_what_nobody_looks_at_yet_does_not_count(client, database, views, headers):
    look(client, **headers)

    assert views.tell() == 0


def test_asking_again_for_nothing_new_asking_for_the_head_and_asking_in_vain_do_not_count(
    client, database, views
):
    etag = look(client, agent="curl/8.5.0").headers["ETag"]
    known = look(client, address="203.0.113.1", If_None_Match=etag)
    head = client.head("/api/assets/1", headers={"User-Agent": FIREFOX})
    unknown = look(client, token_id=99)
    listed = client.get("/api/assets/1/activity", headers={"User-Agent": FIREFOX})

    statuses = [known.status_code, head.status_code, unknown.status_code, listed.status_code]
    assert statuses == [304, 200, 404, 200]
    assert views.tell() == 0


def test_who_has_signed_in_counts_once_wherever_they_are(client, database, views):
    tokens = sign_in(client, Wallet("ann"))
    for address in ("198.51.100.7", "203.0.113.9", "192.0.2.1"):
        look(client, address=address, **bearer(tokens))
        views.tell()

    assert count_of(database) == 1


def test_many_wallets_of_one_address_count_no_more_than_the_address_can(client, database, views):
    for number in range(SLOTS * 2):
        seen = [f"198.51.100.7 {number % SLOTS}", f"wallet {number}"]
        views.saw(Seen(str(asset(1)["_id"]), hash_of(("mint", asset(1)["contractAddress"], 1)), tuple(seen)))

    assert views.tell() == SLOTS


def test_a_forged_token_is_a_stranger(client, database, views):
    look(client, Authorization="Bearer x.y.z")

    assert views.tell() == 1


def test_processes_share_what_was_counted(client, app, database, views, clock):
    other = Views(ViewCounts(database), clock, tell_seconds=None)
    look(client)
    other.saw(next(iter(views._untold)))

    assert (views.tell(), other.tell()) == (1, 0)
    assert count_of(database) == 1


def test_a_view_is_not_given_to_another_mint_of_the_token_id(client, database, views):
    look(client)
    other = {"$set": {"chain.mintTransactionHash": hash_of("another mint")}}
    database.assets.update_one({"tokenId": 1}, other)

    views.tell()
    assert count_of(database) == 0


def test_nobody_can_be_read_out_of_what_is_kept(client, database, views):
    look(client)
    views.tell()

    kept = list(database.countedViews.find())
    assert {len(one["_id"]) for one in kept} == {16}
    assert set(kept[0]) == {"_id", "expireAt"}
    assert len(database.viewSalts.find_one({})["salt"]) == 32


def test_views_that_cannot_be_counted_are_lost_and_nothing_else_is(client, clock):
    class Down:
        def count(self, views: Any, now: Any) -> int:
            raise StoreUnreachable("mongodb://nowhere", "down")

    views = Views(Down(), clock, tell_seconds=None)
    views.saw(Seen("0" * 24, "0x", ("a",)))

    assert views.tell() == 0


def test_a_flood_is_bounded(clock):
    told: list[int] = []

    class Counting:
        def count(self, views: Any, now: Any) -> int:
            told.append(len(views))
            return len(views)

    views = Views(Counting(), clock, tell_seconds=None)
    for number in range(MAX_UNTOLD + 5):
        views.saw(Seen("0" * 24, "0x", (str(number),)))

    views.tell()
    assert told == [MAX_UNTOLD]


def test_the_counter_moves_the_mark_of_edits(client, database, views):
    look(client)
    views.tell()

    assert database.checkpoints.find_one({"_id": "edits"})["mark"] is not None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_views_are_told_by_themselves_also_after_an_error_that_nobody_foresaw(clock):
    failed, told = Event(), Event()

    class Stumbling:
        def count(self, views: Any, now: Any) -> int:
            if failed.is_set():
                told.set()
                return len(views)
            failed.set()
            raise RuntimeError("nobody foresaw this")

    views = Views(Stumbling(), clock, tell_seconds=0.01)
    views.saw(Seen("0" * 24, "0x", ("a",)))
    assert failed.wait(10)
    teller = views._teller
    assert teller is not None
    teller.join(10)

    views.saw(Seen("0" * 24, "0x", ("b",)))

    assert told.wait(10)
