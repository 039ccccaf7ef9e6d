"""What a transaction did, in one sentence for each effect."""

from __future__ import annotations

from typing import Any

import pytest

from api.effects import (
    present_act,
    present_deed,
    present_point,
    sentence_of_act,
    sentence_of_deed,
    sentence_of_price,
)
from api.services import Act

SELLER, BUYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
RWA, OTHER = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
ETHER = 10**18


def deed(kind: str, wei: int | None = None, fee: int | None = None, **changed: Any) -> dict[str, Any]:
    found = {
        "_id": "8decff5af7fcb3934ad9bcc3",
        "type": kind,
        "tokenId": 7,
        "contractAddress": RWA,
        "assetId": "6d6abeb9b0d616d7902b566b",
        "price": None,
        "priceWei": None if wei is None else str(wei),
        "priceUsd": None,
        "seller": SELLER,
        "buyer": BUYER,
        "timestamp": None,
        "platformFee": None,
        "platformFeeWei": None if fee is None else str(fee),
        "paymentMethod": None,
        "blockchain": dict.fromkeys(
            ("transactionHash", "blockHash", "logIndex", "gasUsed", "gasPriceWei"), None
        )
        | {"blockNumber": 3},
    }
    return {**found, **changed}


def point(source: str, wei: int, name: str | None = None, score: int | None = None) -> dict[str, Any]:
    found = deed("", wei)
    del found["type"]
    return {
        **found,
        "source": {"type": source, "dataSourceName": name, "modelVersion": None},
        "aiMetrics": {"confidenceScore": score, "factors": []},
    }


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (deed("buy", 15 * 10**17, 0), "0x3C44…93BC bought #7 for 1.5 ETH from 0x7099…79C8"),
        (
            deed("buy", 10**18 + 1, 25 * 10**15),
            "0x3C44…93BC bought #7 for 1.000000000000000001 ETH from 0x7099…79C8, "
            "of which the marketplace kept 0.025 ETH",
        ),
        (deed("buy", ETHER, buyer=SELLER), "0x7099…79C8 bought #7 for 1 ETH from itself"),
        (deed("mint", 2 * ETHER, seller=None), "#7 was minted to 0x3C44…93BC, valued at 2 ETH"),
        (deed("mint", seller=None), "#7 was minted to 0x3C44…93BC"),
        (deed("list", 1, buyer=None), "0x7099…79C8 offered #7 for 0.000000000000000001 ETH"),
        (deed("delist", 3 * ETHER, buyer=None), "0x7099…79C8 withdrew the offer of #7 for 3 ETH"),
        (deed("delist", buyer=None), "0x7099…79C8 withdrew the offer of #7"),
        (deed("transfer"), "0x7099…79C8 transferred #7 to 0x3C44…93BC"),
    ],
)
def test_a_deed_is_told_with_who_what_and_for_how_much(row, sentence):
    assert sentence_of_deed(row) == sentence


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (point("mint", ETHER), "the first price of #7 is 1 ETH"),
        (
            point("ai-oracle", ETHER, "feed", 87),
            "the oracle priced #7 at 1 ETH from 'feed', with confidence 87 of 100",
        ),
        (point("ai-oracle", 0, "", 70), "the oracle priced #7 at 0 ETH, with confidence 70 of 100"),
        (point("direct", ETHER), "#7 was priced at 1 ETH, without a word of the oracle"),
        (point("user-listing", ETHER), "1 ETH was asked for #7"),
        (point("sale", ETHER), "1 ETH was paid for #7"),
    ],
)
def test_a_price_is_told_with_its_source(row, sentence):
    assert sentence_of_price(row) == sentence


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (Act("approval", 0, RWA, 7, BUYER, 1), "0x3C44…93BC may transfer #7"),
        (Act("approval", 0, RWA, 7, None, 0), "nobody may transfer #7 for its owner any more"),
        (
            Act("approval-for-all", 0, RWA, account=SELLER, value=1),
            "0x7099…79C8 let the marketplace transfer all its assets of contract 0x5FbD…0aa3",
        ),
        (
            Act("approval-for-all", 0, RWA, account=SELLER, value=0),
            "0x7099…79C8 does not let the marketplace transfer all its assets of contract 0x5FbD…0aa3",
        ),
        (Act("fee", 0, value=250), "the marketplace keeps 2.5 % of a price"),
        (Act("fee-collector", 0, account=BUYER), "the marketplace's fees go to 0x3C44…93BC"),
        (
            Act("minimum-confidence", 0, value=70),
            "the oracle may set prices with a confidence of at least 70 of 100",
        ),
        (Act("marketplace-contract", 0, OTHER), "the marketplace speaks of contract 0xe7f1…0512"),
        (Act("agent-contract", 0, OTHER), "the oracle speaks of contract 0xe7f1…0512"),
        (
            Act("pricing-agent", 0, RWA, account=BUYER),
            "0x3C44…93BC sets the prices of contract 0x5FbD…0aa3",
        ),
        (Act("contract-owner", 0, RWA, account="0x" + "0" * 40), "nobody administers contract 0x5FbD…0aa3"),
    ],
)
def test_what_leaves_no_row_is_told_as_well(act, sentence):
    assert sentence_of_act(act) == sentence
    assert present_act(act, RWA)["links"]["asset"] == ("/api/assets/7" if act.token_id else None)


def test_an_amount_of_78_digits_is_told_to_the_wei():
    assert str(2**256 - 1)[-18:] in sentence_of_deed(deed("list", 2**256 - 1))


def test_links_lead_to_the_asset_and_to_the_deed():
    told: Any = present_deed(deed("transfer"), 3, RWA)  # type: ignore[arg-type]

    assert told["links"] == {
        "asset": "/api/assets/7",
        "transaction": "/api/transactions/8decff5af7fcb3934ad9bcc3",
    }
    assert told["status"] == "completed"


def test_an_asset_of_another_contract_is_linked_with_it():
    told: Any = present_point(point("direct", 1), OTHER)  # type: ignore[arg-type]

    assert told["links"] == {"asset": f"/api/assets/7?contractAddress={RWA}", "transaction": None}
