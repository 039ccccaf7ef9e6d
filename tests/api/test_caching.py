"""Answers are kept while they are true: the same bytes as made anew, for every caller, never longer."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from bson import ObjectId
from builders import ALICE, BOB, ETHER, asset, at, auth, block_ref, deed, hash_of, price, reorg
from flask.testing import FlaskClient

from api import make_app
from api.auth.principal import maybe_principal
from api.caching.answers import Answer, Answers, Edition
from api.caching.making import Making
from api.limiting.gate import Gate
from api.limiting.quotas import Quota, Quotas
from api.limiting.windows import Windows
from api.perimeter import Perimeter
from store import edition
from store.reading import Reading

MEGABYTE = 10**6
APART = {"X-Request-Id", "RateLimit"}
"""Headers that differ between any two answers."""


class Counting(Reading):
    """Counts the views that are opened: an answer that is kept needs none."""

    views = 0

    def view_at(self, moment: Any) -> Any:
        self.views += 1
        return super().view_at(moment)


@pytest.fixture
def reading(database) -> Counting:
    return Counting(database)


@pytest.fixture
def answers() -> Answers:
    return Answers(MEGABYTE)


@pytest.fixture
def perimeter() -> Perimeter:
    return Perimeter(
        Gate(Quotas(read=Quota(50, 60)), Windows(clock=lambda: 1_000_000_040.0)),
        origins=("https://app.example", "https://other.example"),
        https_only=True,
        logs_access=True,
    )


@pytest.fixture
def app(database, reading, clock, node, answers, perimeter):
    return make_app(
        reading,
        secret_key="a test",
        auth=auth(database),
        pending=node,
        clock=clock,
        answers=answers,
        perimeter=perimeter,
    )


@pytest.fixture
def plain(database, clock, node) -> FlaskClient:
    """The same without keeping anything."""
    app = make_app(
        Reading(database),
        secret_key="a test",
        auth=auth(database),
        pending=node,
        clock=clock,
        perimeter=Perimeter(
            Gate(Quotas(read=Quota(1000, 60)), Windows(clock=lambda: 1_000_000_040.0)),
            origins=("https://app.example", "https://other.example"),
            https_only=True,
        ),
    )
    return app.test_client()


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def tip(seed):
    seed.checkpoint(100)
    seed.market()
    seed.assets(asset(1, listing_wei=ETHER), asset(2, owner=BOB))
    seed.deeds(deed("mint", 1, 1, buyer=ALICE), deed("buy", 2, 2, seller=ALICE, buyer=BOB, price_wei=ETHER))
    seed.prices(price(1, 3, ETHER))
    seed.add("reorgs", reorg(3))


URLS = [
    "/api/assets",
    "/api/assets?limit=1",
    "/api/assets?page=1&limit=1",
    "/api/assets/1",
    "/api/assets/1/price-history",
    "/api/assets/1/price-history?interval=1d",
    "/api/assets/2/transactions",
    "/api/assets/2/activity",
    f"/api/users/{ALICE}/assets",
    f"/api/users/{ALICE}/transactions",
    "/api/transactions?minBlock=100&wait=1",
    "/api/market/stats",
    "/api/market/listings",
    "/api/activity",
    "/api/reorgs",
]


def comparable(response: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = sorted((name, value) for name, value in response.headers if name not in APART)
    return response.status_code, response.data, [h for h in headers if h[0] != "RateLimit-Policy"]


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}]
)
def test_an_answer_that_is_kept_is_byte_for_byte_the_one_made_anew(client, plain, tip, reading, headers):
    for url in URLS:
        made = [plain.get(url, headers=headers) for _ in range(2)]
        first = client.get(url, headers=headers)
        seen = reading.views
        again = client.get(url, headers=headers)

        assert first.status_code == 200
        assert comparable(made[0]) == comparable(made[1]) == comparable(first) == comparable(again), url
        assert reading.views == seen + ("wait=" in url), "no view was opened for it"


@pytest.mark.parametrize("url", URLS[:2])
def test_head_and_304_are_the_same_too(client, plain, tip, reading, url):
    tag = client.get(url).headers["ETag"]
    seen = reading.views
    for headers in ({}, {"If-None-Match": tag}, {"If-None-Match": f'"a", {tag}'}, {"If-None-Match": "*"}):
        for method in ("HEAD", "GET"):
            made, kept = (one.open(url, method=method, headers=headers) for one in (plain, client))
            assert comparable(made) == comparable(kept), (method, headers)
            assert kept.status_code == (304 if headers else 200)
            assert kept.headers["Cache-Control"] == "no-cache"
    assert reading.views == seen


OTHER_HEAD = {"head": block_ref(100) | {"hash": hash_of("another branch")}}
CHANGES: dict[str, Any] = {
    "a block": lambda seed: seed.checkpoint(101, version=8),
    "another branch": lambda seed: seed.checkpoint(100, **OTHER_HEAD),
    "finality": lambda seed: seed.checkpoint(100, finalized=block_ref(99)),
    "the head": lambda seed: seed.checkpoint(100, head=block_ref(101)),
    "a commit without a block": lambda seed: seed.checkpoint(100, version=8),
    "an edit": lambda seed: edition.edit(
        seed.database,
        lambda session: seed.database["assets"].update_one(
            {"tokenId": 1}, {"$set": {"verification.isVerified": True}}, session=session
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_an_answer_depends_on_makes_a_new_one(client, plain, tip, seed, reading, change):
    client.get("/api/assets/1")
    before = client.get("/api/assets/1").headers["ETag"]
    seen = reading.views

    CHANGES[change](seed)
    after = client.get("/api/assets/1", headers={"If-None-Match": before})

    assert after.status_code == 200
    assert reading.views == seen + 1
    assert comparable(after) == comparable(plain.get("/api/assets/1"))
    assert client.get("/api/assets/1").headers["ETag"] == after.headers["ETag"] != before


@pytest.mark.parametrize(("head", "lag"), [(100, (0, 0)), (103, (30, 32))])
def test_what_is_settled_tells_how_far_we_lag_and_not_it(client, plain, tip, seed, clock, head, lag):
    seed.checkpoint(100, head=block_ref(head), finalizedAt={"number": 90, "timestamp": at(90)})
    url = "/api/assets?finality=finalized"
    client.get(url)
    first = client.get(url)
    clock.seconds += 2
    later = client.get(url)

    assert first.json["asOf"]["blockNumber"] < 100
    assert tuple(each.json["asOf"]["lagSeconds"] for each in (first, later)) == lag
    assert comparable(later) == comparable(plain.get(url))


def test_while_the_tip_lags_its_age_moves_with_the_clock_and_the_tag_stays(client, tip, seed, clock, reading):
    seed.checkpoint(100, head=block_ref(103))
    first = client.get("/api/assets")
    seen = reading.views

    same_second = client.get("/api/assets")
    clock.seconds += 2
    later = client.get("/api/assets")

    assert same_second.data == first.data
    assert reading.views == seen + 1
    assert (first.json["asOf"]["lagSeconds"], later.json["asOf"]["lagSeconds"]) == (30, 32)
    assert later.headers["X-Lag-Seconds"] == "32"
    assert later.headers["ETag"] == first.headers["ETag"]


def test_what_is_not_the_same_for_everybody_or_not_an_answer_is_not_kept(client, tip, reading, node):
    node.known = {hash_of("applied"): 50}
    for url, headers in [
        ("/api/assets", {"Authorization": "Bearer nonsense"}),
        ("/api/assets", {"X-API-Key": "nonsense"}),
        (f"/api/assets?afterTx={hash_of('applied')}", {}),
        ("/api/assets/404", {}),
        ("/api/assets?limt=5", {}),
        ("/api/assets?minBlock=500", {}),
    ]:
        answers = [client.get(url, headers=headers).status_code for _ in range(2)]
        seen = reading.views
        answers.append(client.get(url, headers=headers).status_code)
        assert len(set(answers)) == 1
        refused_unread = answers[0] in (400, 401)
        assert reading.views == seen + (0 if refused_unread else 1), url


def test_an_answer_that_asked_who_calls_is_nobody_elses(app, client, tip, reading, monkeypatch):
    from api.blueprints import market

    figures = market.View.market_figures
    monkeypatch.setattr(market.View, "market_figures", lambda view: (maybe_principal(), figures(view))[1])

    for _ in range(2):
        seen = reading.views
        assert client.get("/api/market/stats").status_code == 200
        assert reading.views == seen + 1


def test_the_gate_counts_and_refuses_what_is_kept(client, tip, reading):
    left = [client.get("/api/assets/1").headers["RateLimit"] for _ in range(50)]
    refused = client.get("/api/assets/1")

    assert left == [f'"read";r={49 - n};t=40' for n in range(50)]
    assert (refused.status_code, refused.json["code"]) == (429, "too-many-requests")
    assert refused.headers["RateLimit"] == '"read";r=0;t=40'
    assert reading.views == 1


def test_what_is_kept_is_logged_counted_and_has_an_id(client, tip, caplog):
    caplog.set_level("INFO", "api.access")
    client.get("/api/assets/1?minBlock=1")
    caplog.clear()

    answer = client.get("/api/assets/1?minBlock=1", headers={"X-Request-Id": "mine"})

    assert answer.headers["X-Request-Id"] == "mine"
    [record] = caplog.records
    assert record.getMessage() == "GET /api/assets/<tokenId> 200"
    told = (record.path, record.parameters, record.client, record.bytes, record.request_id)  # type: ignore[attr-defined]
    assert told == ("/api/assets/1", ["minBlock"], "127.0.0.1", len(answer.data), "mine")
    metrics = client.get("/metrics").text
    assert (
        'dvault_http_requests_total{method="GET",route="/api/assets/<tokenId>",status="200"} 2.0' in metrics
    )


def test_ids_that_are_not_sane_are_replaced(client, tip):
    ids = [client.get("/api/assets", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] for _ in "12"]

    assert len(set(ids)) == 2
    assert all(len(one) == 32 for one in ids)


def test_what_all_want_of_a_new_state_is_made_once(app, client, reading, tip, seed, monkeypatch):
    url, everybody = "/api/assets?limit=2", 8
    client.get(url)
    seed.checkpoint(101)
    wanted, slow = Barrier(everybody), Reading.view_at
    monkeypatch.setattr(Reading, "view_at", lambda self, moment: (time.sleep(0.3), slow(self, moment))[1])
    seen = reading.views

    def ask() -> bytes:
        wanted.wait()
        return app.test_client().get(url).data

    with ThreadPoolExecutor(everybody) as threads:
        answers = {one.result() for one in [threads.submit(ask) for _ in range(everybody)]}

    assert (len(answers), reading.views - seen) == (1, 1)


def test_who_waited_for_an_answer_that_went_wrong_is_told_so(monkeypatch):
    begun, waited = Event(), Event()

    class Watched(Future):
        def result(self, timeout: float | None = None) -> Any:
            waited.set()
            return super().result(timeout)

    def make() -> Answer:
        begun.set()
        assert waited.wait(20)
        raise KeyError("gone")

    monkeypatch.setattr("api.caching.making.Future", Watched)
    making, now = Making(), Edition(1, 0, "s")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(making.once, now, "a", make)
        assert begun.wait(20)
        second = threads.submit(making.once, now, "a", lambda: entry(1))

        assert isinstance(first.exception(), KeyError)
        assert second.exception() is first.exception()
    assert making.once(now, "a", lambda: entry(3)) == entry(3)


def entry(size: int) -> Answer:
    return Answer(b"x" * size, (), "tag", "/", "/", ())


def test_memory_is_bounded_and_what_was_asked_for_lately_stays():
    kept, now = Answers(20_000), Edition(1, 0, "s")
    for n in range(10):
        kept.put(now, str(n), entry(1000))
    assert kept.get(now, "0") is not None
    for n in range(10, 15):
        kept.put(now, str(n), entry(1000))

    assert kept.bytes_kept <= 20_000
    assert kept.get(now, "0") is not None
    assert kept.get(now, "1") is None
    kept.put(now, "huge", entry(5000))
    assert kept.get(now, "huge") is None, "no answer may take more than its share"


def test_a_state_that_is_over_takes_nothing_from_the_one_after_it():
    kept, old, new = Answers(20_000), Edition(1, 0, "old"), Edition(2, 0, "new")
    kept.put(old, "a", entry(1))
    kept.put(new, "b", entry(2))

    assert kept.get(old, "a") is None
    kept.put(old, "a", entry(1))
    assert (kept.get(old, "a"), kept.get(new, "a")) == (None, None)
    assert kept.get(new, "b") is not None
    assert kept.bytes_kept == entry(2).size


def test_the_same_state_seen_later_is_the_same_edition():
    kept = Answers(20_000)
    kept.put(Edition(1, 0, "s"), "a", entry(1))

    assert kept.get(Edition(9, 0, "s"), "a") is not None


def test_an_edit_that_fails_moves_nothing(database, tip):
    edition.edit(database, lambda _session: None)
    before = database["checkpoints"].find_one({"_id": "edits"})

    with pytest.raises(KeyError):
        edition.edit(database, lambda _session: {}["nothing"])

    assert database["checkpoints"].find_one({"_id": "edits"}) == before
    assert isinstance(before["mark"], ObjectId)


def test_what_nobody_foresaw_is_logged_and_told_as_a_problem(client, tip, seed, monkeypatch, caplog):
    from api.blueprints import market

    assert client.get("/api/market/stats").status_code == 200
    seed.checkpoint(101)
    monkeypatch.setattr(market.View, "market_figures", lambda _view: 1 / 0)

    answer = client.get("/api/market/stats")

    assert (answer.status_code, answer.json["code"]) == (500, "internal-server-error")
    assert "an answer could not be made anew" in caplog.text


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/api/assets/404", 404),
        ("/api/transactions/000000000000000000000000", 404),
        ("/api/assets?cursor=forged", 400),
        ("/api/assets?facets=isListed&finality=finalized", 400),
        ("/api/assets/1", 304),
    ],
)
def test_any_answer_is_only_had_where_there_is_one(client, tip, url, status):
    for _ in range(2):
        assert client.get(url, headers={"If-None-Match": "*"}).status_code == status


def test_nothing_settled_is_told_as_such_whatever_the_caller_has(client, tip, seed):
    url = "/api/assets?finality=finalized"
    assert client.get(url).status_code == 200
    seed.checkpoint(100, finalized=None)

    for condition in (None, "*", 'W/"something"'):
        answer = client.get(url, headers={"If-None-Match": condition} if condition else {})
        assert (answer.status_code, answer.json["code"]) == (503, "nothing-indexed")


def test_a_database_that_is_emptied_meanwhile_is_told_as_a_problem(client, tip, database):
    tag = client.get("/api/assets").headers["ETag"]
    database["checkpoints"].delete_many({})

    for condition in (tag, "*"):
        assert client.get("/api/assets", headers={"If-None-Match": condition}).status_code == 503


def test_a_question_that_cannot_be_continued_is_no_fault_of_ours(client, tip, seed, caplog):
    cursor = client.get("/api/assets?limit=1").json["pagination"]["nextCursor"]
    urls = [
        f"/api/assets?limit=1&cursor={cursor}",
        f"/api/assets?asOfBlock=100&asOfHash={block_ref(100)['hash']}",
    ]
    assert client.get(urls[0]).status_code == 200
    seed.database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"tip.hash": hash_of("another")}})
    seed.add("reorgs", reorg(100))

    refused = client.get(urls[0])

    assert (refused.status_code, refused.json["links"]["start"]) == (410, "/api/assets?limit=1")
    assert "an answer could not be made anew" not in caplog.text
