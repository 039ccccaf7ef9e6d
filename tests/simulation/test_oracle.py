"""The oracle is independent of what it judges, and right about a story told by hand."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.property.model_chain import FIRST_SECOND, ModelChain
from tests.property.model_contracts import MARKET, PEOPLE, RWA
from tests.simulation.oracle import documents
from tests.simulation.oracle.replay import Oracle
from tests.simulation.verdict import compared

ORACLE = Path(__file__).parent / "oracle"


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    return {module.partition(".")[0] for module in modules}


def test_the_oracle_imports_nothing_of_the_program() -> None:
    ours = {"chain", "indexer", "store", "api", "dvault", "config"}

    for path in ORACLE.glob("*.py"):
        assert not imported(path) & ours, path.name


def test_a_token_is_minted_listed_and_sold() -> None:
    chain = ModelChain()
    minted = chain.mine(chain.view, [(("mint", 0, 0, 4),)])
    listed = chain.mine(minted, [(("list", 0, 0, 2),)])
    sold = chain.mine(listed, [(("buy", 0, 1, 0),)])
    oracle = Oracle(chain)

    after = oracle.after(sold)
    (asset,) = after.assets.values()

    assert [deed["type"] for truth in oracle.line(sold) for deed in truth.deeds] == ["mint", "list", "buy"]
    assert asset["owner"] == PEOPLE[1]
    assert (asset["listing"], asset["approved"]) == (None, None)
    assert after.deeds[0]["platformFeeWei"] == str(10**18 * 250 // 10_000)
    offered = documents.asset(oracle.after(listed).assets[RWA, 1], {})
    assert offered["marketStatus"]["isPurchasable"] is True
    assert offered["marketStatus"]["listedBy"] == PEOPLE[0]
    assert offered["chain"]["approved"] == MARKET
    assert offered["createdAt"] == documents.time(FIRST_SECOND + minted.number // 2)


def test_each_branch_has_its_own_truth() -> None:
    chain = ModelChain()
    start = chain.mine(chain.view, [(("mint", 0, 0, 2),)])
    cheap = chain.mine(start, [(("price", 0, 0, 1),)])
    dear = chain.mine(start, [(("price", 0, 0, 3),)])
    oracle = Oracle(chain)

    prices = [oracle.after(block).assets[RWA, 1]["price"] for block in (start, cheap, dear)]

    assert prices == [10**18, 1, 2 * 10**18 + 1]
    assert oracle.after(cheap).rolling != oracle.after(dear).rolling


def test_what_differs_is_named_by_its_field() -> None:
    held = {1: {"a": {"b": None}}, 2: {}}
    wanted = {1: {"a": {}}, 3: {"c": 1}}

    told = list(compared("things", held, wanted))

    assert told == [
        "things: 3 is missing: {'c': 1}",
        "things: 2 should not be there: {}",
        "things: 1 a.b: None, not 'nothing'",
    ]
