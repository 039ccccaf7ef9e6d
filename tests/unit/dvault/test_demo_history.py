"""The plan of the demo's history, and what a reorg does to the one who plays on."""

from collections import Counter
from random import Random
from types import SimpleNamespace

import pytest

from dvault.demo.catalogue import BATCH_BUYER, CONTRACTS, KINDS, RELISTER
from dvault.demo.deeds import BatchBuy, Buy, BuyAndRelist, Delist, List, Market, Mint, SetPrice, Transfer
from dvault.demo.history import BATCH, DAY, RELISTED, STALE, Planner, plan_history
from dvault.demo.live import DEEPEST_REORG, Live
from dvault.demo.tour import stops

BEGAN_AT = 1_700_006_400
SIZES = [(1, 1), (2, 1), (3, 2), (8, 5), (60, 90), (500, 2)]


def planned(assets: int, days: int, seed: int = 7):
    planner = Planner(Random(seed))
    return planner, plan_history(planner, assets, days, BEGAN_AT)


def tokens_of(deed):
    return deed.tokens if isinstance(deed, BatchBuy) else (deed.token,)


def refusal(market: Market, deed) -> str | None:
    """What the contracts would object to."""
    owners, listings = market.owners, market.listings
    match deed:
        case Mint(token):
            return None if token == len(owners) + 1 else "ids are counted"
        case SetPrice(token, price_wei, _, confidence):
            return None if token in owners and price_wei and 70 <= confidence <= 100 else "confidence"
        case List(token, seller, price_wei):
            return None if owners[token] == seller and token not in listings and price_wei else "listing"
        case Delist(token, seller):
            return None if listings[token].seller == seller else "only the seller"
        case Transfer(token, sender, to):
            return None if owners[token] == sender != to else "only the owner"
        case Buy(token, buyer, price_wei):
            fair = listings[token].price_wei == price_wei and listings[token].seller == owners[token] != buyer
            return None if fair and owners[token] not in CONTRACTS else "sale"
        case BatchBuy(tokens, price_wei):
            return None if sum(listings[token].price_wei for token in tokens) == price_wei else "price"
        case BuyAndRelist(token, price_wei):
            return None if listings[token].price_wei == price_wei else "price"


@pytest.mark.parametrize(("assets", "days"), SIZES)
def test_the_contracts_would_refuse_nothing_of_a_history(assets, days):
    _, blocks = planned(assets, days)
    market = Market()

    for block in blocks:
        for deed in block.deeds:
            assert refusal(market, deed) is None, deed
            market.apply(deed)


@pytest.mark.parametrize(("assets", "days"), SIZES)
def test_deeds_of_one_block_do_not_depend_on_each_other(assets, days):
    _, blocks = planned(assets, days)

    for block in blocks:
        touched = Counter(token for deed in block.deeds for token in tokens_of(deed))
        assert set(touched.values()) == {1}


@pytest.mark.parametrize(("assets", "days"), SIZES)
def test_time_only_goes_forward_and_stays_within_the_days(assets, days):
    times = [block.at for block in planned(assets, days)[1]]

    assert times == sorted(set(times))
    assert times[0] >= BEGAN_AT
    assert times[-1] < BEGAN_AT + days * DAY


@pytest.mark.parametrize(("assets", "days"), SIZES)
def test_every_asset_asked_for_is_minted(assets, days):
    planner, _ = planned(assets, days)

    assert sorted(planner.market.owners) == list(range(1, assets + 1))
    assert {asset.asset_type for asset in planner.market.assets.values()} <= set(KINDS)


def test_the_same_seed_is_the_same_story_and_another_seed_another():
    assert planned(8, 5, seed=1)[1] == planned(8, 5, seed=1)[1]
    assert planned(8, 5, seed=1)[1] != planned(8, 5, seed=2)[1]


@pytest.mark.parametrize(("assets", "days"), [(5, 1), (8, 5), (60, 90)])
def test_history_ends_with_everything_there_that_the_tour_shows(assets, days):
    market = planned(assets, days)[0].market

    assert market.listings[STALE].seller != market.owners[STALE]
    assert market.listings[RELISTED].seller == market.owners[RELISTED] == RELISTER
    assert {market.owners[token] for token in BATCH} == {BATCH_BUYER}
    assert not set(BATCH) & set(market.listings)


def test_the_tour_shows_only_what_there_are_assets_for():
    paths = [stop.path for stop in stops([1], "0x1")]

    assert "/api/assets/1" in paths
    assert not any("/api/assets/2" in path or "/api/assets/3" in path for path in paths)


def test_every_kind_of_deed_happens_within_ninety_days():
    deeds = Counter(type(deed) for block in planned(60, 90)[1] for deed in block.deeds)

    assert set(deeds) == {Mint, SetPrice, List, Delist, Buy, Transfer, BatchBuy, BuyAndRelist}
    assert deeds[SetPrice] > 1000
    assert deeds[Buy] > 50


class Tape:
    """Stands for the chain: keeps what was played, forgets what a reorg takes back."""

    def __init__(self) -> None:
        self.blocks = []

    @property
    def head(self):
        return SimpleNamespace(number=len(self.blocks))

    def play(self, block):
        self.blocks.append(block)

    def reorg(self, depth):
        self.blocks[-depth:] = depth * [None]


@pytest.mark.parametrize("depth", range(1, DEEPEST_REORG + 1))
def test_what_a_reorg_takes_back_has_not_happened_for_whoever_plays_on(depth):
    planner, blocks = planned(8, 5)
    tape, told = Tape(), []
    live = Live(planner, tape, told.append)

    for _ in range(4):
        for _ in range(9):
            live.act()
        live.reorg(depth)

    market = Market()
    for block in [*blocks, *(block for block in tape.blocks if block)]:
        for deed in block.deeds:
            assert refusal(market, deed) is None, deed
            market.apply(deed)
    assert market == planner.market
    assert len(told) == 40


@pytest.mark.parametrize("assets", [1, 2, 5])
def test_there_is_always_something_to_do_live(assets):
    planner, _ = planned(assets, 1)
    live = Live(planner, Tape(), lambda _: None)

    for _ in range(60):
        live.act()

    assert live.undoable == DEEPEST_REORG
