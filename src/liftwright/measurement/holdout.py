"""Who is deliberately not treated: a salted hash of the person id, fixed before anyone is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_RANGE = float(2**64)


def draws(customer_ids: Sequence[str], *, salt: str) -> npt.NDArray[np.float64]:
    """One number in [0, 1) per person: the first 8 bytes of SHA-256 of `salt : customer_id`."""
    base = hashlib.sha256(f"{salt}:".encode())
    numbers = np.empty(len(customer_ids), dtype=np.uint64)
    for position, name in enumerate(customer_ids):
        digest = base.copy()
        digest.update(name.encode())
        numbers[position] = int.from_bytes(digest.digest()[:8], "big")
    return numbers.astype(np.float64) / _RANGE


def arms(customer_ids: Sequence[str], *, salt: str, share: float) -> npt.NDArray[np.bool_]:
    """True = holdout. A person's arm depends on the salt and their id alone, never on the others or their order.

    Raises ValueError when the share is not between 0 and 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the holdout share must lie between 0 and 1, not {share}")
    return np.asarray(draws(customer_ids, salt=salt) < share, dtype=bool)
