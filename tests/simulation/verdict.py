"""Is what the database holds what the oracle says, for the block that its checkpoint names?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bson.decimal128 import Decimal128

from tests.property.model_chain import DEPLOYED_AT, Block
from tests.simulation.oracle import documents
from tests.simulation.oracle.replay import AT_FIRST, Oracle
from tests.simulation.oracle.truth import Truth

Collections = Callable[[str], Mapping[Any, Mapping[str, Any]]]
"""The documents of a collection by `_id`, all as of one moment. They are only looked at."""
PEOPLE = ("media", "verification", "stats", "updatedAt")
CHAIN_METADATA = ("assetLocation", "acquisitionDate")
NOTHING = "nothing"


def differences(
    collections: Collections, oracle: Oracle, blocks: Mapping[str, Block], *, thorough: bool = True
) -> list[str]:
    """Everything that is otherwise; empty when all is right. Thorough: what listeners were told, too."""
    checkpoint = collections("checkpoints").get("indexer")
    if checkpoint is None or checkpoint["tip"] is None:
        return [f"{name} before the first block" for name in ("assets", "transactions") if collections(name)]
    tip = blocks.get(checkpoint["tip"]["hash"])
    if tip is None:
        return [f"the tip {checkpoint['tip']} is on no branch"]
    verdict = Verdict(collections, oracle, tip, checkpoint)
    return [*verdict.of_documents(), *(verdict.of_what_was_told() if thorough else ())]


class Verdict:
    """One moment of the database held against the truth about its own tip."""

    def __init__(
        self, collections: Collections, oracle: Oracle, tip: Block, checkpoint: Mapping[str, Any]
    ) -> None:
        self._held = collections
        self._line = oracle.line(tip)
        self._tip = oracle.after(tip)
        self._checkpoint = checkpoint
        number = checkpoint["finalized"]["number"] if checkpoint["finalized"] else -1
        self._open = [truth for truth in self._line if truth.block.number > number]
        self._final = next((t for t in reversed(self._line) if t.block.number <= number), None)

    def of_documents(self) -> Iterator[str]:
        yield from self._of_checkpoint()
        yield from compared(
            "assets", {k: chain_part(d) for k, d in self._held("assets").items()}, self.assets()
        )
        rows = {"transactions": "deeds", "priceHistory": "points"}
        for name, field in rows.items():
            wanted = [row for truth in self._line for row in getattr(truth, field)]
            yield from compared(name, self._held(name), by_id(wanted))
        deeds = [deed for truth in self._line for deed in truth.deeds]
        yield from compared("tradeHours", in_integers(self._held("tradeHours")), documents.trade_hours(deeds))
        if "all" in self._held("holdings") or self._checkpoint["digest"] is not None:
            wanted = documents.holdings(self._tip.assets.values(), self._tip.approvals)
            yield from compared("holdings", self._held("holdings"), wanted)
        bad = [each for truth in self._line for each in truth.bad]
        yield from compared("quarantine", without(self._held("quarantine"), "reason"), by_id(bad))
        events = [truth.events for truth in self._line if truth.events is not None]
        yield from compared("chainEvents", without_evidence(self._held("chainEvents")), by_id(events))
        yield from compared("operatorApprovals", self._held("operatorApprovals"), self.approvals())
        yield from compared("market", self._held("market"), self.markets())
        yield from compared("blocks", without(self._held("blocks"), "evidence"), self.headers())
        yield from self._of_evidence()

    # --- what has to be there -----------------------------------------------------------

    def assets(self) -> dict[Any, dict[str, Any]]:
        final = self._final.assets if self._final else {}
        touched = {key for truth in self._open for key in truth.touched}
        found = {}
        for key, state in self._tip.assets.items():
            document = documents.asset(state, self._tip.approvals)
            if key in touched:
                document["chain"]["base"] = documents.base(final.get(key))
            found[document["_id"]] = document
        return found

    def approvals(self) -> dict[Any, dict[str, Any]]:
        final = self._final.approvals if self._final else {}
        spoken = {key for truth in self._open for key in truth.spoken}
        found = {}
        for (contract, owner), approved in self._tip.approvals.items():
            _id = f"{contract}:{owner}"
            found[_id] = {"_id": _id, "contractAddress": contract, "owner": owner, "approved": approved}
            if (contract, owner) in spoken:
                found[_id]["base"] = {"said": final.get((contract, owner))}
        return found

    def markets(self) -> dict[Any, dict[str, Any]]:
        final = self._final.market if self._final else AT_FIRST
        told = {"seed": AT_FIRST, "base": final, "market": self._tip.market}
        return {name: {"_id": name, **market} for name, market in told.items()}

    def headers(self) -> dict[Any, dict[str, Any]]:
        return {truth.block.number: header_of(truth) for truth in self._open}

    # --- what the checkpoint says of itself ------------------------------------------------

    def _of_checkpoint(self) -> Iterator[str]:
        tip, final = self._tip, self._final
        wanted = {
            "tip": {"number": tip.block.number, "hash": tip.block.hash},
            "tipTimestamp": documents.time(tip.block.header.timestamp),
            "events": tip.said,
            "quarantined": tip.unreadable,
            "rollingDigest": tip.rolling.hex(),
            "reorgs": len(self._held("reorgs")),
        }
        if final is not None:
            wanted["finalized"] = {"number": final.block.number, "hash": final.block.hash}
        held = {name: self._checkpoint[name] for name in wanted}
        yield from compared("checkpoints", {"indexer": held}, {"indexer": wanted})

    def _of_evidence(self) -> Iterator[str]:
        """Every block is vouched for in one way: by its event, its header in the window, or one span."""
        kinds: dict[int, str] = {}
        for span in self._held("evidence").values():
            for number in range(span["_id"], span["toBlock"] + 1):
                if number in kinds:
                    yield f"evidence: block {number} is in two spans"
                kinds[number] = span["evidence"]
        kinds |= {each["_id"]: each["evidence"] for each in self._held("blocks").values()}
        kinds |= {each["_id"]: each["evidence"] for each in self._held("chainEvents").values()}
        if sorted(kinds) != list(range(DEPLOYED_AT, self._tip.block.number + 1)):
            yield f"evidence: not exactly the blocks up to {self._tip.block.number}, but {sorted(kinds)}"
        names = {"receipts": "receipts", "bloom": "bloom", "logsOnly": "logs-only"}
        counted = {field: list(kinds.values()).count(kind) for field, kind in names.items()}
        if counted != self._checkpoint["evidence"]:
            yield f"evidence: {self._checkpoint['evidence']} in the checkpoint, {counted} counted"

    def of_what_was_told(self) -> Iterator[str]:
        """The events told leave no gap, and after all retractions they speak of the rows that are there."""
        told = self._held("events")
        if sorted(told) != list(range(1, self._checkpoint["seq"] + 1)):
            yield f"events: told are {len(told)}, the checkpoint says {self._checkpoint['seq']}"
        standing: dict[Any, Any] = {}
        since: int | None = None
        for seq in sorted(told):
            since = listening_since(told[seq], since)
            kind, body = told[seq]["type"], told[seq]["body"]
            if kind in ("transaction", "price"):
                standing[kind, body["_id"]] = body
            elif kind == "retraction":
                standing.pop((told[seq]["retracts"], body["_id"]), None)
        rows = {"transaction": self._held("transactions"), "price": self._held("priceHistory")}
        for (kind, _id), body in standing.items():
            if rows[kind].get(_id) != body:
                yield f"events: a {kind} {_id} was told and not taken back, and is not there"
        for kind, held in rows.items():
            for _id, row in held.items():
                is_news = since is not None and row["blockchain"]["blockNumber"] > since
                if is_news and (kind, _id) not in standing:
                    yield f"events: a {kind} {_id} is there and was not told"


def listening_since(event: Mapping[str, Any], since: int | None) -> int | None:
    """The block whose rows a listener has read; it need only be told of what comes later."""
    number: int = event["blockNumber"]
    if event["type"] == "block" and since is None:
        return number - 1
    return number if event["body"].get("resync") else since


def header_of(truth: Truth) -> dict[str, Any]:
    header = truth.block.header
    time = documents.time(header.timestamp)
    return {"_id": header.number, "hash": header.hash, "parentHash": header.parent_hash, "timestamp": time}


def chain_part(asset: Mapping[str, Any]) -> dict[str, Any]:
    """A document of `assets` without what people write."""
    kept = {name: value for name, value in asset.items() if name not in PEOPLE}
    kept["metadata"] = {name: asset["metadata"][name] for name in CHAIN_METADATA}
    return kept


def people_part(asset: Mapping[str, Any]) -> dict[str, Any]:
    """The rest."""
    metadata = {name: value for name, value in asset["metadata"].items() if name not in CHAIN_METADATA}
    said = {name: asset[name] for name in PEOPLE if name in asset}
    return {**said, "metadata": metadata} if metadata else said


def without(held: Mapping[Any, Mapping[str, Any]], name: str) -> dict[Any, dict[str, Any]]:
    return {_id: {k: v for k, v in each.items() if k != name} for _id, each in held.items()}


def without_evidence(held: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Of events, and of the events that they adopted."""
    found = without(held, "evidence")
    for each in found.values():
        if "adopted" in each["facts"]:
            adopted = [{k: v for k, v in one.items() if k != "evidence"} for one in each["facts"]["adopted"]]
            each["facts"] = {**each["facts"], "adopted": adopted}
    return found


def in_integers(hours: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Sums as the server keeps them are carried over from part to part nowhere: only the whole counts."""
    found = {}
    for hour, held in hours.items():
        plain = {k: int(v.to_decimal()) if isinstance(v, Decimal128) else v for k, v in held.items()}
        for name in ("price", "fee", "selfPrice"):
            whole = sum(plain[f"{name}{part}"] * 10 ** (52 - 26 * part) for part in range(3))
            plain |= {
                f"{name}{part}": whole // 10 ** (52 - 26 * part) % (10**26 if part else 10**99)
                for part in range(3)
            }
        found[hour] = plain
    return found


def by_id(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {row["_id"]: row for row in rows}


def compared(name: str, held: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> Iterator[str]:
    """One line for each document that is missing, too much, or otherwise, with the first field that differs."""
    if held == wanted:
        return
    for _id in [each for each in wanted if each not in held]:
        yield f"{name}: {_id} is missing: {wanted[_id]}"
    for _id in [each for each in held if each not in wanted]:
        yield f"{name}: {_id} should not be there: {held[_id]}"
    for _id, document in wanted.items():
        if _id in held and held[_id] != document:
            yield from (f"{name}: {_id} {told}" for told in fields_apart(held[_id], document))


def fields_apart(held: Any, wanted: Any, path: str = "") -> Iterator[str]:
    if isinstance(held, dict) and isinstance(wanted, dict):
        for name in [*wanted, *(name for name in held if name not in wanted)]:
            below = f"{path}.{name}" if path else str(name)
            yield from fields_apart(held.get(name, NOTHING), wanted.get(name, NOTHING), below)
    elif isinstance(held, list) and isinstance(wanted, list) and len(held) == len(wanted):
        for place, (one, other) in enumerate(zip(held, wanted, strict=True)):
            yield from fields_apart(one, other, f"{path}[{place}]")
    elif held != wanted:
        yield f"{path}: {held!r}, not {wanted!r}"
