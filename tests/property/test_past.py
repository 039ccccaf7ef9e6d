"""What is told of the past is what the contracts held then; and what happened in buckets adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import make_app
from api.auth.options import Auth
from store.accounts import Accounts
from store.connection import Connection
from store.reading import Reading
from tests.property import model_chain
from tests.property.indexed import Indexed, empty
from tests.property.model_chain import FIRST_SECOND, Block, ModelChain, Transaction
from tests.property.model_contracts import PEOPLE, Contracts, Deed

BLOCK_SECONDS = 1400
"""Some hours have three blocks, some two, and one begins with a block; a day has many."""
WORDS = (
    "mint",
    "mint",
    "list",
    "list",
    "buy",
    "buy",
    "transfer",
    "send_back",
    "delist",
    "price",
    "approve_all",
)
SUMMED = ("sales", "volumeWei", "feesWei", "selfTrades", "selfTradedWei")

numbers = st.integers(0, 30)
deeds = st.tuples(st.sampled_from(WORDS), numbers, numbers, numbers)
transactions = st.lists(deeds, min_size=1, max_size=3).map(tuple)
stories = st.lists(st.lists(transactions, max_size=3).map(tuple), min_size=1, max_size=25)
Story = list[tuple[Transaction, ...]]
EXAMPLES = settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(autouse=True)
def long_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_chain, "_timestamp", lambda number: FIRST_SECOND + number * BLOCK_SECONDS)


class Past:
    """A chain that was played and indexed, and readers of both."""

    def __init__(self, home: Connection, story: Story) -> None:
        empty(home)
        self.chain = ModelChain()
        for each in story:
            self.chain.view = self.chain.mine(self.chain.view, [_apart(one) for one in each])
        self.indexed = Indexed(home, self.chain, 4)
        self.indexed.catch_up()
        self.branch = self.chain.branch(self.chain.view)
        auth = Auth(Accounts(home.database), ("a key of a test, long enough for HS256",))
        self._app = make_app(Reading(home.database), secret_key="a test", auth=auth)

    def asked(self, url: str) -> Any:
        client: FlaskClient = self._app.test_client()
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json

    def contracts_before(self, end: datetime) -> Contracts:
        """What the contracts held just before a time, or hold now where that is to come."""
        earlier = [block for block in self.branch if _time(block) < end]
        return earlier[-1].contracts if earlier else Contracts()


def _apart(transaction: Transaction) -> Transaction:
    """With listings that can be bought."""
    first: Deed = transaction[0]
    return (*transaction, ("approve", 0, first[1], 0)) if first[0] == "list" else transaction


def _time(block: Block) -> datetime:
    return datetime.fromtimestamp(block.header.timestamp, UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def since_the_beginning(interval: str) -> str:
    start = datetime.fromtimestamp(FIRST_SECOND, UTC).isoformat().replace("+00:00", "Z")
    return f"interval={interval}&from={start}"


@pytest.fixture
def home(databases: tuple[Connection, Connection]) -> Connection:
    return databases[0]


@EXAMPLES
@given(story=stories, interval=st.sampled_from(["1h", "1d"]))
def test_every_bucket_ends_as_the_contracts_stood_then(home: Connection, story: Story, interval: str) -> None:
    past = Past(home, story)

    buckets = past.asked(f"/api/market/stats/history?{since_the_beginning(interval)}")["statsHistory"]

    for bucket in buckets:
        assert stood(bucket) == held(past.contracts_before(moment(bucket["end"])))


@EXAMPLES
@given(story=stories, interval=st.sampled_from(["1h", "1w"]))
def test_buckets_add_up_to_the_figures_of_the_market(home: Connection, story: Story, interval: str) -> None:
    past = Past(home, story)

    buckets = past.asked(f"/api/market/stats/history?{since_the_beginning(interval)}")["statsHistory"]
    figures = past.asked("/api/market/stats")["stats"]

    for name in SUMMED:
        assert sum(int(bucket[name]) for bucket in buckets) == int(figures["trade"]["all"][name])
    assert sum(bucket["mints"] for bucket in buckets) == figures["assets"]
    last = buckets[-1]
    assert (last["assets"], last["holders"], last["listed"]) == (
        figures["assets"],
        figures["holders"],
        figures["listed"],
    )
    assert last["floorPrice"] == figures["floorPrice"]


def stood(bucket: dict[str, Any]) -> tuple[int, int, int, int | None]:
    floor = bucket["floorPrice"]
    wei = int(floor["valueWei"]) if floor else None
    return bucket["assets"], bucket["holders"], bucket["listed"], wei


def held(contracts: Contracts) -> tuple[int, int, int, int | None]:
    """Of the contracts that the market was ever pointed to, of which there is one here."""
    owners = contracts.collections[contracts.linked].owners
    offers = [offer.price for token, offer in contracts.listings.items() if owners.get(token) == offer.seller]
    return len(owners), len(set(owners.values())), len(offers), min(offers, default=None)


@EXAMPLES
@given(story=stories, interval=st.sampled_from(["1h", "1d"]), who=st.integers(0, 3))
def test_a_portfolio_was_what_an_independent_replay_says(
    home: Connection, story: Story, interval: str, who: int
) -> None:
    past, wallet = Past(home, story), PEOPLE[who]

    url = f"/api/users/{wallet.lower()}/portfolio/history?{since_the_beginning(interval)}"
    buckets = past.asked(url)["portfolioHistory"]

    for bucket in buckets:
        end = moment(bucket["end"])
        prices = prices_of(past.contracts_before(end), wallet)
        costs = costs_of(home, wallet, prices, end)
        assert (bucket["assets"], int(bucket["valueWei"])) == (len(prices), sum(prices.values()))
        assert bucket["coverage"] == {
            "assets": len(prices),
            "priced": len(prices),
            "withCost": len(costs),
        }
        assert int(bucket["costWei"]) == sum(costs.values())


@EXAMPLES
@given(story=stories, who=st.integers(0, 3))
def test_the_portfolio_of_now_is_the_end_of_its_history(home: Connection, story: Story, who: int) -> None:
    past, wallet = Past(home, story), PEOPLE[who]

    now = past.asked(f"/api/users/{wallet}/portfolio?limit=200")
    last = past.asked(f"/api/users/{wallet}/portfolio/history?interval=1w")["portfolioHistory"][-1]

    totals = now["portfolio"]
    assert (totals["assets"], totals["valueWei"]) == (last["assets"], last["valueWei"])
    assert totals["coverage"] == last["coverage"]
    assert sum(int(one["cost"]["valueWei"]) for one in now["assets"] if one["cost"]) == int(last["costWei"])
    assert sum(int(kind["valueWei"]) for kind in totals["byType"]) == int(totals["valueWei"])
    sales = list(home.database["transactions"].find({"type": "buy", "seller": wallet}))
    earned = sum(int(row["priceWei"]) for row in sales if row["buyer"] != wallet)
    assert int(totals["realised"]["earnedWei"]) == earned
    assert totals["realised"]["selfTrades"] == sum(row["buyer"] == wallet for row in sales)


def prices_of(contracts: Contracts, wallet: str) -> dict[int, int]:
    held = contracts.collections[contracts.linked]
    return {token: held.prices[token] for token, owner in held.owners.items() if owner == wallet}


def costs_of(home: Connection, wallet: str, tokens: dict[int, int], end: datetime) -> dict[int, int]:
    """What the wallet paid for each of the tokens when it last came to it, by the rows themselves."""
    costs: dict[int, int] = {}
    for token in tokens:
        came = {"tokenId": token, "buyer": wallet, "seller": {"$ne": wallet}, "timestamp": {"$lt": end}}
        newest = [("blockchain.blockNumber", -1), ("blockchain.logIndex", -1)]
        row = home.database["transactions"].find_one(came, sort=newest)
        if row is not None and row["type"] == "buy":
            costs[token] = int(row["priceWei"])
    return costs
