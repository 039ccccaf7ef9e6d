"""Faults to plant: each a small change of one file that somebody might well have made, and must be noticed."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`before` stands in the file exactly once."""

    name: str
    path: str
    before: str
    after: str


MUTANTS: tuple[Mutant, ...] = (
    # --- linked contracts --------------------------------------------------------------------------
    Mutant(
        "the block that links a contract ends its own history",
        "indexer/following.py",
        "self._late_history(fresh, branch[:-1])",
        "self._late_history(fresh, branch[:-2])",
    ),
    # --- rewinding -------------------------------------------------------------------------------
    Mutant(
        "a rewind leaves the raw events of the first orphan",
        "store/ledger.py",
        '{"_id": {"$gte": ancestor + 1}}',
        '{"_id": {"$gte": ancestor + 2}}',
    ),
    Mutant(
        "a rewind leaves the rows of the first orphan",
        "store/ledger.py",
        'self._delete(name, {"blockchain.blockNumber": {"$gt": ancestor}}, session)',
        'self._delete(name, {"blockchain.blockNumber": {"$gt": ancestor + 1}}, session)',
    ),
    Mutant(
        "prices of orphans are kept",
        "store/ledger.py",
        'for name in ("transactions", "priceHistory"):\n            self._delete(name, {"blockchain.blockNumber": {"$gt"',
        'for name in ("transactions",):\n            self._delete(name, {"blockchain.blockNumber": {"$gt"',
    ),
    Mutant(
        "states are folded up to the block before the ancestor",
        "indexer/window.py",
        "if number <= up_to and applied.decoded is not None:",
        "if number < up_to and applied.decoded is not None:",
    ),
    Mutant(
        "events are counted twice when a transaction is included again",
        "indexer/rewind.py",
        'events=before.events - rewind.total("events"),',
        "events=before.events,",
    ),
    Mutant(
        "the configuration in memory stays that of the orphans",
        "indexer/live.py",
        "self.market, self.standing = restored.market, standing",
        "self.standing = standing",
    ),
    Mutant(
        "a rewind forgets the states at finality",
        "indexer/rewind.py",
        'return asset_id(*key), books.fields(state, world), {} if keep_base else {"chain.base": ""}',
        'return asset_id(*key), books.fields(state, world), {"chain.base": ""}',
    ),
    Mutant(
        "listings do not follow an approval that is taken back",
        "indexer/rewind.py",
        "            *_relisted(world, operators, books, ledger, assets),\n",
        "",
    ),
    Mutant(
        "rows of a contract that an orphan linked are kept",
        "indexer/rewind.py",
        "dropped_contracts=_unlinked(rewind),",
        "dropped_contracts=(),",
    ),
    Mutant(
        "the rolling digest is that of the orphans",
        "indexer/rewind.py",
        "        rolling=rolling,\n",
        "",
    ),
    Mutant(
        "nobody is told that rows were taken back",
        "indexer/rewind.py",
        "    return facts_of_rewind(ancestor, orphaned[-1], len(orphaned), *rows)",
        "    return facts_of_rewind(ancestor, orphaned[-1], len(orphaned), *rows)[-1:]",
    ),
    Mutant(
        "nobody is told that a link brought earlier rows",
        "indexer/telling.py",
        "if len(news) < len(rows) else []",
        "if len(news) > len(rows) else []",
    ),
    Mutant(
        "evidence of orphans is counted on",
        "indexer/rewind.py",
        "tally={kind: -count for kind, count in",
        "tally={kind: 0 * count for kind, count in",
    ),
    # --- branches and finality -----------------------------------------------------------------------
    Mutant(
        "an unknown parent is taken for a reorg down to finality",
        "indexer/branch.py",
        "        if parent is None:\n            return None",
        "        if parent is None:\n            return Branch(finalized, headers[::-1])",
    ),
    Mutant(
        "one block too many is final",
        "indexer/finality.py",
        "return max(head - self.confirmations, -1)",
        "return max(head - self.confirmations + 1, -1)",
    ),
    Mutant(
        "finality leaves states behind that were touched again",
        "indexer/live.py",
        "            for key, was in old.assets.items()\n            if key not in new.assets or new.assets[key] != was",
        "            for key, was in old.assets.items()\n            if key not in new.assets",
    ),
    Mutant(
        "the state at finality is that before the last block",
        "indexer/window.py",
        "{key: state for key, state in world.before.items() if key not in self.bases.assets}",
        "dict(world.before)",
    ),
    Mutant(
        "orphans become final when ranges take over",
        "indexer/session.py",
        "        if told.hash != tip.hash:\n",
        "        if False:\n",
    ),
    Mutant(
        "evidence of blocks that become final is dropped",
        "indexer/live.py",
        "commit.spans = spans_of(",
        "commit.spans = () and spans_of(",
    ),
    # --- what logs mean ------------------------------------------------------------------------------
    Mutant(
        "a sale closes the listing that its callback opened",
        "indexer/interpret.py",
        "            if candidates:\n",
        "            if False:\n",
    ),
    Mutant(
        "a sale pairs with the last transfer",
        "indexer/interpret.py",
        "chosen = next((n for n in candidates if n > listed), candidates[-1])",
        "chosen = candidates[-1]",
    ),
    Mutant(
        "the fee is that at the start of the batch",
        "indexer/world.py",
        "folded = fold_asset(known, action, transaction.at, self.market)",
        "folded = fold_asset(known, action, transaction.at, self.market_before)",
    ),
    Mutant(
        "an approval outlives a transfer",
        "indexer/fold.py",
        "approved=None,  # ERC-721",
        "approved=asset.approved,  # ERC-721",
    ),
    Mutant(
        "a transfer deletes the listing, which may become good again",
        "indexer/fold.py",
        "return Folded(_owned_by(asset, action, at), (deed,))",
        "return Folded(replace(_owned_by(asset, action, at), listing=None), (deed,))",
    ),
    Mutant(
        "a transfer to oneself begins a new ownership",
        "indexer/fold.py",
        "since = asset.owner_since if owner == asset.owner else at.timestamp",
        "since = at.timestamp",
    ),
    Mutant(
        "a listing of the contract linked before stays open",
        "indexer/world.py",
        "            self._vacate(action, transaction.at.block_number)\n",
        "            pass\n",
    ),
    Mutant(
        "the agent's word counts for whatever price comes before it",
        "indexer/interpret.py",
        "return follower if told == (priced.token_id, priced.old_price, priced.new_price) else None",
        "return follower",
    ),
    Mutant(
        "the earlier history of a linked contract is left out",
        "indexer/following.py",
        "        if not fresh:\n",
        "        if True:\n",
    ),
    Mutant(
        "approvals are looked up by lower-case address",
        "indexer/world.py",
        "operators.add((contract, event.seller))",
        "operators.add((contract, event.seller.lower()))",
    ),
    # --- the store -----------------------------------------------------------------------------------
    Mutant(
        "the checkpoint is written outside the transaction",
        "store/ledger.py",
        '"$inc": counted},\n            session=session,',
        '"$inc": counted},',
    ),
    Mutant(
        "rows are deleted outside the transaction",
        "store/ledger.py",
        "self._database[name].delete_many(query, session=session)",
        "self._database[name].delete_many(query)",
    ),
    Mutant(
        "documents are inserted outside the transaction",
        "store/bulk.py",
        "reply = database.command(command, session=session)",
        'reply = database.command(command, session=None if "insert" in command else session)',
    ),
    Mutant(
        "a commit does not ask for its epoch",
        "store/ledger.py",
        'self._ours: dict[str, Any] = {"_id": INDEXER, "epoch": epoch} | (',
        'self._ours: dict[str, Any] = {"_id": INDEXER} | (',
    ),
    Mutant(
        "a takeover does not raise the epoch",
        "store/lease.py",
        '"epoch": {"$add": [{"$max": ["$epoch", written_under]}, 1]}',
        '"epoch": {"$max": ["$epoch", written_under, 1]}',
    ),
    Mutant(
        "after a failed commit the session goes on with what it remembers",
        "indexer/service.py",
        "            except RpcError as error:\n                troubled = True",
        "            except (RpcError, Interrupted) as error:\n                troubled = True",
    ),
    Mutant(
        "words of people are not given back to their asset",
        "store/ledger.py",
        "bulk.portions(self._reattached(commit.new_assets, session))",
        "bulk.portions(commit.new_assets)",
    ),
    Mutant(
        "assets that a rewind removes are counted on",
        "store/ledger.py",
        "        tally.left(documents)\n",
        "",
    ),
    Mutant(
        "wallets that hold nothing any more count as holders",
        "store/holdings.py",
        " + len(held.keys() - known.keys()) - len(gone)",
        " + len(held.keys() - known.keys())",
    ),
    Mutant(
        "what is listed and can be bought stays counted as it was minted",
        "store/holdings.py",
        'self._moved.count(was | fresh[asset["_id"]])',
        'self._moved.count({**was, OWNER: fresh[asset["_id"]][OWNER]})',
    ),
    Mutant(
        "deeds of orphans stay in the sums of all hours",
        "store/trade_hours.py",
        "            moved.move(read_sums(before), -1)\n",
        "            pass\n",
    ),
    Mutant(
        "words of people go with the asset",
        "store/ledger.py",
        '        self._replace("orphans", orphans, session)\n',
        "",
    ),
    # --- history in bulk -------------------------------------------------------------------------------
    Mutant(
        "states are forgotten before they are written",
        "indexer/backfill.py",
        "if ages[key] < self._batch - 2:",
        "if True:",
    ),
    Mutant(
        "the configuration at finality stays behind in history",
        "indexer/writing.py",
        "    if batch.folded.market is not None:\n",
        "    if False:\n",
    ),
    Mutant(
        "the state digest leaves out the configuration",
        "indexer/digest.py",
        "return (digest + _difference(world.market_before, world.market)) % MODULUS",
        "return digest % MODULUS",
    ),
    # --- what nodes say --------------------------------------------------------------------------------
    Mutant(
        "logs that come twice count twice",
        "chain/checks.py",
        "    return [by_position[position] for position in sorted(by_position)]",
        "    return sorted(logs, key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)))",
    ),
    Mutant(
        "logs stay in the order in which they came",
        "chain/checks.py",
        "for position in sorted(by_position)]",
        "for position in by_position]",
    ),
    Mutant(
        "the bloom filter is not asked",
        "chain/logs.py",
        "    if promised:\n",
        "    if False:\n",
    ),
    Mutant(
        "receipts of another branch are taken",
        "chain/receipts.py",
        "    if raw.block_hash != block_hash:\n",
        "    if False:\n",
    ),
)
