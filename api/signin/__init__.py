"""Sign-in with Ethereum (EIP-4361): what a message must be, what it must say, and who must have signed it."""

from api.signin.examination import Proof, examine, preload
from api.signin.refusals import Code, Refused
from api.signin.signature import Accepts, ContractWallets, NoContractWallets
from api.signin.terms import Terms

__all__ = [
    "Accepts",
    "Code",
    "ContractWallets",
    "NoContractWallets",
    "Proof",
    "Refused",
    "Terms",
    "examine",
    "preload",
]
