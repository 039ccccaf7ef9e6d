"""What honest nodes answer over JSON-RPC: one chain, and each endpoint's own view of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chain.chaos.exchange import Answer, Asked, Call, Reply
from chain.values import Call as EthCall
from chain.values import RawLog, Reverted
from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain, answer
from tests.property.model_contracts import AGENT, MARKET, RWA, RWA2
from tests.simulation.oracle.reading import spelled

CHAIN_ID = 31337
WITH_CODE = {each.lower() for each in (RWA, RWA2, AGENT, MARKET)}


class RpcRefusal(Exception):
    """A JSON-RPC error in place of a result."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


class HonestNode:
    """A node whose newest block is `view`; blocks off its branch it may know, or have pruned."""

    def __init__(self, chain: ModelChain, view: Block) -> None:
        self.chain = chain
        self.view = view
        self.tagged: Callable[[Block], int | None] = lambda _: None
        """Number of the finalized block, in a given view; None where the tag is unknown."""
        self.prunes = False
        self._methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_blockNumber": lambda: hex(self.view.number),
            "eth_getBlockByNumber": self._by_number,
            "eth_getBlockByHash": self._by_hash,
            "eth_getLogs": self._logs,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBlockReceipts": self._receipts,
            "eth_getCode": self._code,
            "eth_call": self._call,
        }

    def answered(self, asked: Asked) -> Answer:
        return Answer(tuple(self._reply(call) for call in asked.calls))

    def _reply(self, call: Call) -> Reply:
        try:
            return {"jsonrpc": "2.0", "id": call.id, "result": self._methods[call.method](*call.params)}
        except RpcRefusal as refusal:
            return {"jsonrpc": "2.0", "id": call.id, "error": refusal.error}

    # --- blocks -----------------------------------------------------------------------

    def _by_number(self, tag: str, _: bool) -> Any:
        block = self._at(tag)
        return None if block is None else header_json(block)

    def _by_hash(self, block_hash: str, _: bool) -> Any:
        block = self._known(block_hash)
        return None if block is None else header_json(block)

    def _at(self, tag: str) -> Block | None:
        if tag == "latest":
            return self.view
        if tag in ("finalized", "safe"):
            number = self.tagged(self.view)
            if number is None:
                raise RpcRefusal(-32602, f"unknown block tag {tag}")
            return self.chain.ancestor(self.view, number)
        return self.chain.ancestor(self.view, int(tag, 16))

    def _known(self, block_hash: str) -> Block | None:
        block = self.chain.blocks.get(block_hash)
        if block is None or block.number > self.view.number:
            return None
        on_branch = self.chain.ancestor(self.view, block.number) is block
        return block if on_branch or not self.prunes else None

    # --- logs and receipts --------------------------------------------------------------

    def _logs(self, query: dict[str, Any]) -> Any:
        wanted = set(query["address"])
        if "blockHash" in query:
            block = self._known(query["blockHash"])
            if block is None:
                raise RpcRefusal(-32000, "unknown block")
            blocks = [block]
        else:
            first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
            blocks = self.chain.branch(self.view)[first : last + 1]
        return [log_json(log) for block in blocks for log in block.logs if log.address in wanted]

    def _receipt(self, transaction: str) -> Any:
        for block in reversed(self.chain.branch(self.view)):
            if transaction in block.transactions:
                return receipt_json(block, transaction)
        return None

    def _receipts(self, block_hash: str) -> Any:
        block = self._known(block_hash)
        return None if block is None else [receipt_json(block, each) for each in block.transactions]

    # --- contracts ----------------------------------------------------------------------

    def _code(self, address: str, where: Any) -> str:
        block = self._known(where["blockHash"]) if isinstance(where, dict) else self._at(where)
        if block is None:
            raise RpcRefusal(-32000, "header not found")
        return "0x60" if address.lower() in WITH_CODE and block.number >= DEPLOYED_AT else "0x"

    def _call(self, call: dict[str, str], where: Any) -> str:
        block = self._known(where["blockHash"]) if isinstance(where, dict) else self._at(where)
        if block is None:
            raise RpcRefusal(-32000, "header not found")
        told = answer(EthCall(spelled(call["to"]), call["data"]), block)
        if isinstance(told, Reverted):
            raise RpcRefusal(3, f"execution reverted: {told.message}", "0x")
        return "0x" + told.hex()


def header_json(block: Block) -> dict[str, Any]:
    header = block.header
    return {
        "number": hex(header.number),
        "hash": header.hash,
        "parentHash": header.parent_hash,
        "timestamp": hex(header.timestamp),
        "logsBloom": header.logs_bloom,
        "baseFeePerGas": "0x7",
        "extraData": "0x",
        "transactions": list(block.transactions),
    }


def log_json(log: RawLog) -> dict[str, Any]:
    return {
        "address": log.address,
        "topics": log.topics,
        "data": log.data,
        "blockHash": log.block_hash,
        "blockNumber": log.block_number,
        "transactionHash": log.transaction_hash,
        "transactionIndex": log.transaction_index,
        "logIndex": log.log_index,
        "removed": False,
    }


def receipt_json(block: Block, transaction: str) -> dict[str, Any]:
    """Gas and price are read off the block's hash, so that each inclusion of a transaction costs otherwise."""
    return {
        "transactionHash": transaction,
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "gasUsed": hex(21_000 + int(block.hash[-4:], 16)),
        "effectiveGasPrice": hex(int(block.hash[-8:], 16)),
        "logs": [log_json(log) for log in block.logs if log.transaction_hash == transaction],
    }
