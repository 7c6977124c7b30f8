"""Who is deliberately not treated: a salted hash of the person id, fixed before anyone is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

_RANGE = float(2**64)
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def draws(customer_ids: Sequence[str], *, salt: str) -> Floats:
    """One number in [0, 1) per person: the first 8 bytes of SHA-256 of `salt : customer_id`."""
    base = hashlib.sha256(f"{salt}:".encode())
    numbers = np.empty(len(customer_ids), dtype=np.uint64)
    for position, name in enumerate(customer_ids):
        digest = base.copy()
        digest.update(name.encode())
        numbers[position] = int.from_bytes(digest.digest()[:8], "big")
    return numbers.astype(np.float64) / _RANGE


def arms(customer_ids: Sequence[str], *, salt: str, share: float, strata: npt.ArrayLike | None = None) -> Bools:
    """True = holdout. Without strata a person's arm depends on the salt and their id alone, never on the others or their order;
    with strata (one number per person) see `places`.

    Raises ValueError when the share is not between 0 and 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the holdout share must lie between 0 and 1, not {share}")
    return np.asarray(places(customer_ids, salt=salt, strata=strata) < share, dtype=bool)


def assigned(
    customer_ids: Sequence[str], *, salt: str, shares: Mapping[str, float], strata: npt.ArrayLike | None = None
) -> npt.NDArray[np.object_]:
    """The name of everybody's arm: those of `shares` in their order, `treated` for the rest. A larger first share moves people into
    it and nobody out of it.

    Raises ValueError when a share is negative or they leave nothing to treat.
    """
    edges = np.cumsum([0.0, *shares.values()])
    if min(shares.values(), default=0.0) < 0.0 or edges[-1] >= 1.0:
        raise ValueError(f"the arms' shares must be positive and leave people to treat, not {dict(shares)}")
    names = np.array([*shares, "treated"], dtype=object)
    return np.asarray(names[np.searchsorted(edges[1:], places(customer_ids, salt=salt, strata=strata), side="right")])


def is_left_of_draw(
    customer_ids: Sequence[str],
    arms: Sequence[str],
    *,
    salt: str,
    shares: Mapping[str, float],
    strata: npt.ArrayLike | None = None,
    gone: int = 0,
) -> bool:
    """Whether these arms are a draw of `assigned`, or what is left of one after `gone` people went.

    Who goes changes the places of the others in their stratum, but not their order: in the order of their hash the arms still follow one
    another, and each holds as many as the whole stratum gave it, less those who went.
    """
    found = np.asarray(arms, dtype=object)
    if strata is None or gone <= 0:
        return bool(np.array_equal(assigned(customer_ids, salt=salt, shares=shares, strata=strata), found))
    names = [*shares, "treated"]
    edges = np.cumsum([*shares.values()])
    numbers, which, missing = draws(customer_ids, salt=salt), np.asarray(strata), 0
    for stratum in np.unique(which):
        mine = np.flatnonzero(which == stratum)
        in_order = np.array([names.index(arm) if arm in names else -1 for arm in found[mine[np.argsort(numbers[mine])]]])
        start = draws([f"stratum:{stratum}"], salt=salt)[0]
        least = _fewest_gone(np.bincount(in_order + 1, minlength=len(names) + 1), start, edges, most=gone)
        if least is None or (np.diff(in_order) < 0).any():
            return False
        missing += least
    return missing <= gone


def _fewest_gone(counts: Ints, start: float, edges: Floats, *, most: int) -> int | None:
    """How many people a stratum must have lost at least to hold so many of each arm (first: of no arm); None where more than `most`."""
    for gone in range(most + 1):
        size = int(counts.sum()) + gone
        whole = np.bincount(np.searchsorted(edges, (np.arange(size) + start) / size, side="right"), minlength=len(edges) + 1)
        if counts[0] == 0 and (counts[1:] <= whole).all():
            return gone
    return None


def places(customer_ids: Sequence[str], *, salt: str, strata: npt.ArrayLike | None = None) -> Floats:
    """Where everybody stands in [0, 1); an arm is a range of it. Without strata, the hash itself.

    Within a stratum of n people, ordered by their hash, the k-th (from 0) stands at (k + u) / n, where u is the hash of the stratum's
    number: so each arm gets its share of every stratum to within one person, and everybody's chance of an arm is exactly its share
    (systematic sampling with a random start; Cochran, Sampling Techniques, 3rd ed., chapter 8).
    """
    numbers = draws(customer_ids, salt=salt)
    if strata is None:
        return numbers
    which = np.unique(np.asarray(strata), return_inverse=True)[1]
    order = np.lexsort((numbers, which))
    sizes = np.bincount(which)
    first = np.cumsum(sizes) - sizes
    rank = np.empty(len(numbers), dtype=np.int64)
    rank[order] = np.arange(len(numbers)) - first[which[order]]
    starts = draws([f"stratum:{value}" for value in np.unique(np.asarray(strata))], salt=salt)
    return np.asarray((rank + starts[which]) / sizes[which], dtype=np.float64)


def strata(*values: npt.ArrayLike, groups: Sequence[int]) -> Ints:
    """A number per person: equal groups by the first of the values, equal groups by the next within each, and so on.

    Equal values are told apart by position, so order people by something lasting (their ids) before.
    """
    found = np.zeros(len(np.asarray(values[0])), dtype=np.int64)
    for each, count in zip(values, groups, strict=True):
        order = np.lexsort((np.asarray(each, dtype=np.float64), found))
        sizes = np.bincount(found)
        first = np.cumsum(sizes) - sizes
        rank = np.arange(len(found)) - first[found[order]]
        parts = np.empty(len(found), dtype=np.int64)
        parts[order] = found[order] * count + rank * count // np.maximum(sizes[found[order]], 1)
        found = np.unique(parts, return_inverse=True)[1].astype(np.int64)
    return found


def quarter_salts(first_on: date, last_on: date, *, salt: str) -> tuple[str, ...]:
    """The salt of the global holdout of every calendar quarter that these days touch, in order."""
    found: dict[str, None] = {}
    day = first_on
    while day <= last_on:
        found[f"global:{salt}:{day.year}-Q{(day.month + 2) // 3}"] = None
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return tuple(found)


def globally_held(ids: Sequence[str], *, salts: Sequence[str], share: float) -> Bools:
    """True = no campaign may contact them, by the hash of any of the quarters' salts and their id (a household's, for letters)."""
    held = np.zeros(len(ids), dtype=bool)
    for salt in salts if share > 0 else ():
        held |= draws(ids, salt=salt) < share
    return held
