"""The generated market makes sense and is what its counts say."""

import pytest
from eth_abi import decode

from bench import market
from bench.market import Market, Transaction


@pytest.fixture(scope="module")
def played():
    played_market = Market(seed=3)
    blocks = [played_market.block(20, 1_700_000_000 + number) for number in range(300)]
    return played_market, blocks


def logs(blocks: list[list[Transaction]]) -> list[market.Log]:
    return [log for block in blocks for transaction in block for log in transaction.logs]


def count(blocks, topic: str) -> int:
    return sum(log.topics[0] == topic for log in logs(blocks))


def test_every_block_has_exactly_the_logs_asked_for(played):
    _, blocks = played

    assert {sum(len(transaction.logs) for transaction in block) for block in blocks} == {20}


def test_the_same_seed_plays_the_same_market():
    first, second = Market(seed=9), Market(seed=9)

    assert [first.block(20, 1) for _ in range(20)] == [second.block(20, 1) for _ in range(20)]


def test_the_rows_counted_are_the_deeds_in_the_logs(played):
    played_market, blocks = played
    moved = count(blocks, market.TRANSFER)

    assert played_market.rows["mint"] == count(blocks, market.ASSET_MINTED) == len(played_market.owners)
    assert played_market.rows["list"] == count(blocks, market.LISTED)
    assert played_market.rows["buy"] == count(blocks, market.SOLD)
    assert played_market.rows["transfer"] == moved - played_market.rows["mint"] - played_market.rows["buy"]


def test_the_oracles_price_is_told_twice_and_counted_once(played):
    played_market, blocks = played
    told_by_asset = count(blocks, market.ASSET_PRICE)

    assert played_market.points["ai-oracle"] == count(blocks, market.AGENT_PRICE)
    assert played_market.points["direct"] == told_by_asset - played_market.points["ai-oracle"]


def test_replaying_the_transfers_gives_the_owners(played):
    played_market, blocks = played
    owners = {}
    for log in logs(blocks):
        if log.topics[0] == market.TRANSFER:
            assert owners.get(log.topics[3], market.NOBODY) == "0x" + log.topics[1][-40:]
            owners[log.topics[3]] = "0x" + log.topics[2][-40:]

    assert {int(token, 16): owner for token, owner in owners.items()} == played_market.owners


def test_the_agents_log_decodes_as_the_contract_would_encode_it(played):
    _, blocks = played
    log = next(log for log in logs(blocks) if log.topics[0] == market.AGENT_PRICE)

    values = decode(["uint256", "uint256", "uint256", "string", "uint8"], bytes.fromhex(log.data[2:]))

    assert values[3] in market.SOURCES
    assert 70 <= values[4] <= 100
