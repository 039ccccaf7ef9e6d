"""What the demo trades and who trades it: invented assets of three kinds, and the people around them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

OPERATOR = "the operator"
"""Deploys, mints, and reports prices as the oracle."""
BATCH_BUYER = "the batch buyer"
RELISTER = "the relister"
CONTRACTS = (BATCH_BUYER, RELISTER)
"""Holders that are contracts."""
PEOPLE = (
    "Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiroshi", "Ines", "Jonas", "Kavya",
    "Liam",
)  # fmt: skip

MILLI_ETHER = 10**15
FIRST_ACQUIRED, LAST_ACQUIRED = 788_918_400, 1_672_531_200
"""1995 and 2023, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one type of asset is named, valued and repriced. Prices in ether, the rest per day."""

    asset_type: str
    subjects: tuple[str, ...]
    makers: tuple[str, ...]
    places: tuple[str, ...]
    describes: str
    """With {subject} and {maker}."""
    prices: tuple[float, float]
    drift: float
    volatility: float
    repriced: float
    """Chance of a new price."""
    sources: tuple[str, ...]
    confidence: tuple[int, int]


REAL_ESTATE = Kind(
    "Real Estate",
    ("Loft", "Townhouse", "Warehouse", "Vineyard Estate", "Penthouse", "Canal House", "Workshop", "Villa"),
    ("Alfama", "Gràcia", "Trastevere", "Kreuzberg", "Jordaan", "Östermalm", "Vinohrady", "Plaka"),
    ("Lisbon, PT", "Barcelona, ES", "Rome, IT", "Berlin, DE", "Amsterdam, NL", "Stockholm, SE", "Prague, CZ"),
    "{subject} in {maker}, fully let, title held by a trust company.",
    (80, 600), 0.0003, 0.004, 0.35,
    ("land-registry-index", "appraisal-model-v3"), (85, 97),
)  # fmt: skip
ART = Kind(
    "Art",
    ("Harbour at Dusk", "Blue Interior", "The Orchard", "Figure with Lamp", "Winter Road", "Two Sisters",
     "Study in Ochre", "The Ferry"),
    ("M. Okafor", "L. Brandt", "S. Ferreira", "T. Nakamura", "A. Novák", "J. Lindqvist", "R. Haddad"),
    ("Free port, Geneva, CH", "Vault 7, London, GB", "Free port, Luxembourg, LU", "Depot, Basel, CH"),
    "{subject}, oil on canvas by {maker}, with condition report and provenance file.",
    (5, 150), 0.0008, 0.018, 0.55,
    ("auction-comparables", "appraisal-model-v3"), (72, 92),
)  # fmt: skip
COLLECTIBLE = Kind(
    "Collectible",
    ("Chronograph", "First Edition", "Single Malt Cask", "Violin Bow", "Racing Poster", "Gold Sovereign",
     "Rangefinder Camera", "Toy Locomotive"),
    ("1931", "1948", "1955", "1962", "1969", "1974", "1986"),
    ("Vault 2, Zürich, CH", "Bonded store, Edinburgh, GB", "Vault 7, London, GB", "Depot, Vienna, AT"),
    "{subject} of {maker}, graded, sealed and insured.",
    (0.5, 25), 0.0005, 0.035, 0.85,
    ("marketplace-sales", "auction-comparables"), (70, 95),
)  # fmt: skip
KINDS = {kind.asset_type: kind for kind in (REAL_ESTATE, ART, COLLECTIBLE)}


@dataclass(frozen=True, slots=True)
class Asset:
    """What is written on chain when an asset is minted; `acquired_at` in Unix seconds."""

    name: str
    asset_type: str
    location: str
    acquired_at: int
    description: str
    is_verified: bool
    uri: str


def invent(random: Random, token: int) -> Asset:
    """An asset for that token; its number makes the name unique."""
    kind = random.choices((COLLECTIBLE, ART, REAL_ESTATE), (40, 35, 25))[0]
    subject, maker = random.choice(kind.subjects), random.choice(kind.makers)
    name = f"{subject}, {maker}" if kind is not REAL_ESTATE else f"{maker} {subject}"
    return Asset(
        f"{name} (No. {token})",
        kind.asset_type,
        random.choice(kind.places),
        random.randrange(FIRST_ACQUIRED, LAST_ACQUIRED),
        kind.describes.format(subject=subject, maker=maker),
        random.random() < 0.7,
        f"ipfs://dynamicvault-demo/{token}.json",
    )


def first_price(random: Random, asset: Asset) -> int:
    """A price in wei, as low prices are commoner than high ones."""
    low, high = KINDS[asset.asset_type].prices
    return in_wei(low * (high / low) ** random.random())


def in_wei(ether: float) -> int:
    """Ether as wei, in steps of a thousandth and never nothing."""
    return max(1, round(ether * 1000)) * MILLI_ETHER
