"""The replay server answers as a node would."""

import json
import time
import urllib.request

import pytest
from eth_abi import decode

from bench.chain_generator import Plan, generate
from bench.market import AGENT_PRICE
from bench.replay import ceiling, replay_server


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """(facts of the chain, a function that asks the server)."""
    path = tmp_path_factory.mktemp("chain") / "chain.jsonl"
    facts = generate(Plan(blocks=10, events_per_block=20), path)
    with replay_server(path) as url:
        yield facts, lambda method, *params: ask(url, method, params), url


def ask(url, method, params):
    body = json.dumps([{"jsonrpc": "2.0", "id": 7, "method": method, "params": params}]).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        (answer,) = json.loads(response.read())
    assert answer["id"] == 7
    return answer.get("result", answer.get("error"))


def test_a_rising_head_shows_blocks_one_by_one(tmp_path):
    path = tmp_path / "chain.jsonl"
    facts = generate(Plan(blocks=10, events_per_block=20), path)
    with replay_server(path, blocks_behind=3) as url:
        head = int(ask(url, "eth_blockNumber", ()), 16)
        assert head == facts["end"] - 3
        assert ask(url, "eth_getBlockByNumber", (hex(head + 3), False)) is None
        assert ask(url, "eth_getBlockByNumber", ("finalized", False))["number"] == hex(head)
        for _ in range(100):
            if ask(url, "eth_getBlockByNumber", (hex(head + 1), False)):
                break
            time.sleep(0.05)
        assert int(ask(url, "eth_blockNumber", ()), 16) > head


def test_all_logs_come_in_one_range(node):
    facts, rpc, url = node
    addresses = list(facts["contracts"].values())

    logs = rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "finalized", "address": addresses})

    assert len(logs) == facts["events"]
    assert ceiling(url, facts["end"], step=3) > 0


def test_logs_are_filtered_by_address_and_topic(node):
    facts, rpc, _ = node
    everything = rpc("eth_getLogs", {"fromBlock": "0x1", "toBlock": "latest"})

    one_address = rpc("eth_getLogs", {"fromBlock": "0x1", "address": facts["contracts"]["agent"]})
    one_topic = rpc("eth_getLogs", {"fromBlock": "0x1", "topics": [[AGENT_PRICE]]})

    agent = facts["contracts"]["agent"].lower()
    assert one_address == [log for log in everything if log["address"] == agent]
    assert one_topic == [log for log in everything if log["topics"][0] == AGENT_PRICE]


def test_logs_of_a_block_are_found_by_its_hash(node):
    _, rpc, _ = node
    block = rpc("eth_getBlockByNumber", "0x5", False)

    logs = rpc("eth_getLogs", {"blockHash": block["hash"]})

    assert {log["blockNumber"] for log in logs} == {"0x5"}
    assert rpc("eth_getBlockByHash", block["hash"], False) == block
    assert rpc("eth_getLogs", {"blockHash": "0x" + 64 * "0"})["code"] == -32000


def test_receipts_say_what_a_transaction_cost(node):
    _, rpc, _ = node

    receipts = rpc("eth_getBlockReceipts", "0x3")

    assert receipts[0]["effectiveGasPrice"] == hex(1_500_000_000)
    assert sum(len(receipt["logs"]) for receipt in receipts) == 20
    assert rpc("eth_getTransactionReceipt", receipts[1]["transactionHash"]) == receipts[1]
    assert rpc("eth_getTransactionReceipt", "0x" + 64 * "0") is None


def test_metadata_of_a_token_decodes_as_the_contracts_struct(node):
    facts, rpc, _ = node
    call = {"to": facts["contracts"]["asset"], "data": "0xcf2acf84" + f"{3:064x}"}

    (metadata,) = decode(
        ["(string,string,string,uint256,string,bool)"], bytes.fromhex(rpc("eth_call", call, "latest")[2:])
    )

    assert (metadata[0], metadata[5]) == ("Asset 3", True)


def test_silent_constructor_values_can_be_called(node):
    facts, rpc, _ = node
    call = {"to": facts["contracts"]["marketplace"], "data": "0x26a7b37b"}

    assert int(rpc("eth_call", call, "0x1"), 16) == 250


def test_an_unknown_method_or_block_is_said_to_be_unknown(node):
    _, rpc, _ = node

    assert rpc("eth_unheardOf")["code"] == -32601
    assert rpc("eth_getBlockByNumber", "0xffff", False) is None
