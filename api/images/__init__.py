"""Pictures that people upload: decoded where it can do no harm, and kept in one safe form."""

from api.images.recoding import LARGEST_BYTES, SIDE, Unfit
from api.images.sandbox import Busy, safely_recoded

__all__ = ["LARGEST_BYTES", "SIDE", "Busy", "Unfit", "safely_recoded"]
