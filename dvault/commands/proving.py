"""`verify`, `rebuild`, `rewind`: hold the documents against the chain, and make them right again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from chain.node import Node
from chain.values import BlockRef, Header
from dvault.composition import (
    check_chain,
    contracts_of,
    exclusive,
    node_of,
    offline_following,
    open_session,
    reading_ledger,
    watch_of,
)
from dvault.console import FAILED, Failure, answer, explained, messages, settings
from dvault.database import prepare, store_of
from indexer.branch import DeepReorg
from indexer.rebuild import Outcome, check, rewind_below_finality
from indexer.rebuild import rebuild as rebuild_all
from indexer.replay import NothingIndexed, replay
from indexer.standing import standing_of
from indexer.verify import Difference, differences, documents_at_tip, stored_differences
from store.ledger import Ledger


@click.command()
@click.option("--at", "at_block", type=click.IntRange(min=0), help="A block at or below our tip.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def verify(at_block: int | None, as_json: bool) -> None:
    """Compare every token and setting with the contracts at one block.

    Owner, price, listing, approvals and token URI are asked by eth_call, pinned to the block's hash, and
    the documents are checked against the states they come from. Exit code 1 on any difference.

    \b
    Example:
      dvault verify --at 1200 --json
    """
    chosen = settings()
    with store_of(chosen) as connection, node_of(chosen) as node:
        check_chain(chosen, node)
        ledger = reading_ledger(connection)
        contracts = contracts_of(chosen)
        following = offline_following(chosen, node)
        found: list[Difference]
        if at_block is None:
            world, block, found = documents_at_tip(ledger, contracts.marketplace)
        else:
            block = _block_of_ours(ledger, node, at_block)
            world = replay(ledger, following, standing_of(ledger.checkpoint() or {}), at_block).world
            found = []
        found += differences(node, world, contracts, block)
        if at_block is None:
            found += stored_differences(ledger, following)
    assets = sum(state is not None for state in world.assets.values())
    _tell_differences(found, block, assets, as_json)
    if found:
        raise SystemExit(FAILED)


def _block_of_ours(ledger: Ledger, node: Node, number: int) -> BlockRef:
    """A block of the node's chain that our history reaches."""
    document = ledger.checkpoint()
    if document is None or document["tip"] is None:
        raise NothingIndexed
    if number > document["tip"]["number"]:
        raise Failure(f"block {number} is not indexed yet, our tip is {document['tip']['number']}")
    header = node.header(number)
    if header is None:
        raise Failure(f"the node does not know block {number}; verify at another one")
    return header.ref


def _tell_differences(found: list[Difference], block: BlockRef, assets: int, as_json: bool) -> None:
    if as_json:
        answer({"block": block._asdict(), "assets": assets, "differences": [asdict(each) for each in found]})
        return
    if not found:
        messages.print(f"{assets} assets agree with the contracts at block {block.number} {block.hash}")
        return
    table = Table("contract", "token", "field", "ours", "chain", box=None)
    for each in found:
        table.add_row(each.contract, str(each.token_id or "-"), each.field, str(each.ours), str(each.chain))
    messages.print(table)
    messages.print(f"{len(found)} differences at block {block.number}; `dvault rebuild` folds history again")


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Only compare the digests, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def rebuild(only_check: bool, as_json: bool) -> None:
    """Fold all history again from the raw events we keep, without the chain.

    Every derived document is brought to what the events say; what people wrote stays. The indexer has to
    be stopped meanwhile, the API may go on. With --check: exit code 1 if the digests differ.

    \b
    Example:
      dvault rebuild --check
    """
    chosen = settings()
    with store_of(chosen) as connection, node_of(chosen) as node:
        prepare(connection)
        following = offline_following(chosen, node)
        if only_check:
            outcome = check(reading_ledger(connection), following)
        else:
            with exclusive(chosen, connection) as ledger:
                outcome = rebuild_all(ledger, following)
    _tell_outcome(outcome, as_json)
    if only_check and not outcome.agrees:
        raise SystemExit(FAILED)


def _tell_outcome(outcome: Outcome, as_json: bool) -> None:
    document: dict[str, Any] = {
        "blocks": outcome.blocks,
        "events": outcome.events,
        "assets": outcome.assets,
        "digest": outcome.digest,
        "digestBefore": outcome.digest_before,
        "rollingDigest": outcome.rolling,
        "rollingDigestBefore": outcome.rolling_before,
        "alteredBlocks": list(outcome.altered),
        "agrees": outcome.agrees,
    }
    if as_json:
        answer(document)
        return
    verdict = "as before" if outcome.digest == outcome.digest_before else f"it was {outcome.digest_before}"
    messages.print(f"{outcome.events} events of {outcome.blocks} blocks, {outcome.assets} assets")
    messages.print(f"digest {outcome.digest}, {verdict}")
    rolled = "as before" if outcome.rolling == outcome.rolling_before else f"it was {outcome.rolling_before}"
    messages.print(f"rolling digest {outcome.rolling}, {rolled}")
    if outcome.altered:
        messages.print(
            f"the stored events of block {outcome.altered[0]} are not those that were indexed "
            f"({len(outcome.altered)} such blocks): `dvault prove --mend` finds and puts in the true ones"
        )


@click.command()
@click.option("--to-block", type=click.IntRange(min=0), required=True, help="The block to stand at.")
@click.option("--yes", is_flag=True, help="Also below finality, without asking.")
@explained
def rewind(to_block: int, yes: bool) -> None:
    """Take back every block above one; the next `dvault run` indexes them again.

    Below finality this is the way out after a deep reorg: it asks first, and rebuilds from our events.

    \b
    Example:
      dvault rewind --to-block 1200
    """
    chosen = settings()
    with store_of(chosen) as connection, node_of(chosen) as node:
        prepare(connection)
        check_chain(chosen, node)
        with exclusive(chosen, connection) as ledger:
            standing = standing_of(ledger.checkpoint() or _nothing())
            if standing.tip is None or standing.finalized is None:
                raise NothingIndexed
            if to_block >= standing.tip.number:
                raise Failure(f"our tip is block {standing.tip.number}, there is nothing above {to_block}")
            if to_block < standing.start_block:
                raise Failure(
                    f"history starts at block {standing.start_block}: use an empty MONGODB_DATABASE"
                )
            if to_block >= standing.finalized.number:
                watch = watch_of(connection, lambda: False, lambda _: None)
                open_session(chosen, node, ledger, watch).rewind_to(to_block)
            else:
                target = _target_on_chain(ledger, node, to_block)
                if not yes and not click.confirm(f"Block {to_block} is below finality. Go on?", err=True):
                    raise SystemExit(FAILED)
                rewind_below_finality(ledger, offline_following(chosen, node), target)
    messages.print(f"stands at block {to_block}; `dvault run` goes on from there")


def _nothing() -> dict[str, Any]:
    raise NothingIndexed


def _target_on_chain(ledger: Ledger, node: Node, number: int) -> Header:
    """The node's block at a height, whose past must be ours."""
    header = node.header(number)
    if header is None:
        raise Failure(f"the node does not know block {number}")
    newest = ledger.newest_block(number)
    if newest is not None:
        told = node.header(newest.number)
        if told is None or told.hash != newest.hash:
            raise DeepReorg(BlockRef(newest.number, newest.hash), told.hash if told else "nothing")
    return header
