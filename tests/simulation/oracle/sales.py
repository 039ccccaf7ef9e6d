"""Which Transfer belongs to which sale, by the rule of docs/adr/0009: a deed takes effect at its transfer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.oracle.reading import Said


def transfers_of_sales(events: Sequence[Said], linked: str, marketplace: str) -> dict[int, int]:
    """Place of the Transfer → place of the AssetSold.

    The marketplace logs a sale after the callbacks. Its Transfer is the first from seller to buyer that is
    not taken yet and comes after the listing that was bought, if that is of this transaction; else the last.
    """
    found: dict[int, int] = {}
    for place, sale in enumerate(events):
        if sale.name == "RWAAssetContractUpdated" and sale.emitter == marketplace:
            linked = sale.values["newContract"]
        if sale.name != "AssetSold":
            continue
        said, earlier = sale.values, list(enumerate(events[:place]))
        moves = [
            at
            for at, event in earlier
            if event.name == "Transfer"
            and event.emitter == linked
            and event.values == {"from": said["seller"], "to": said["buyer"], "tokenId": said["tokenId"]}
            and at not in found
        ]
        offered = [
            at
            for at, event in earlier
            if event.name == "AssetListed"
            and all(event.values[name] == said[name] for name in ("tokenId", "seller", "price"))
        ]
        if moves:
            since = offered[-1] if offered else -1
            found[next((at for at in moves if at > since), moves[-1])] = place
    return found
