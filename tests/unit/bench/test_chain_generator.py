"""The generated chain holds together, and its facts describe it."""

import json

import pytest
from eth_hash.auto import keccak

from bench.chain_generator import Plan, generate


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    path = tmp_path_factory.mktemp("chain") / "chain.jsonl"
    facts = generate(Plan(blocks=30, events_per_block=20), path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return facts, lines[0], lines[1::3], lines[2::3], lines[3::3]


def in_bloom(bloom: str, value: str) -> bool:
    bits, digest = int(bloom, 16), keccak(bytes.fromhex(value[2:]))
    places = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    return all(bits >> place & 1 for place in places)


def test_each_block_names_its_parent(generated):
    _, _, blocks, _, _ = generated

    assert [block["parentHash"] for block in blocks[1:]] == [block["hash"] for block in blocks[:-1]]
    assert [int(block["number"], 16) for block in blocks] == list(range(32))


def test_the_bloom_of_a_block_holds_every_log_of_it(generated):
    _, _, blocks, logs, _ = generated

    for block, own in zip(blocks, logs, strict=True):
        for log in own:
            assert all(in_bloom(block["logsBloom"], value) for value in [log["address"], *log["topics"]])


def test_log_indices_count_through_the_block(generated):
    _, _, blocks, logs, _ = generated

    for block, own in zip(blocks, logs, strict=True):
        assert [int(log["logIndex"], 16) for log in own] == list(range(len(own)))
        assert all(
            block["transactions"][int(log["transactionIndex"], 16)] == log["transactionHash"] for log in own
        )


def test_the_facts_count_what_the_file_holds(generated):
    facts, description, blocks, logs, _ = generated

    assert facts["events"] == sum(len(own) for own in logs)
    assert facts["eventfulBlocks"] == sum(bool(own) for own in logs)
    assert (facts["end"], facts["headHash"]) == (int(blocks[-1]["number"], 16), blocks[-1]["hash"])
    assert facts["contracts"] == description["contracts"]


def test_the_same_plan_writes_the_same_bytes(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    generate(Plan(5, 20), first)
    generate(Plan(5, 20), second)

    assert first.read_bytes() == second.read_bytes()
