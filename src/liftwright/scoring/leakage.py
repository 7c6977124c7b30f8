"""Columns that know the outcome: filled, overwritten or rated after it, so that a model trained on them is good only on the past."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.scoring import calibration
from liftwright.scoring.calibration import Bools
from liftwright.scoring.design import Floats
from liftwright.scoring.encoding import as_floats, is_number, is_text

FEWEST = 20
"""Fewer positives or negatives than this cannot tell a leak from chance."""
AUC_ALONE = 0.9
EXPLAINED = 0.2
"""One column alone that orders the outcomes so well, or explains this share of their entropy, is hardly known beforehand."""
SETTLED = 0.12
"""Share of rows whose value all but decides the outcome, in a column of texts."""
NEVER, OFTEN = 0.02, 0.1
"""A value that one outcome hardly ever has and the other often has was written down because of it."""
PRESENT_AUC = 0.75
RATED_AUC = 0.6
_RATED = re.compile(
    r"^(last|latest|current|final|next)_|tags?$|(^|_)(quality|profile|status|stage|disposition|verdict|rating|grade|result|reason"
    r"|resolution|remarks?|notes?)$|(^|_)(lost|won|closed?|converted)(_|$)"
)
"""Names of what people keep up to date, or judge, while they work on a case."""
_FOLDS, _BINS, _SHRINK = 5, 10, 5.0
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Leak:
    """A column, which sign gave it away, and words with the figure."""

    column: str
    sign: str
    says: str


def leaky_columns(table: pa.Table, happened: Bools, *, created_at: Any = None, closed_at: Any = None) -> list[Leak]:
    """Columns of `table` that know whether it `happened`, in the table's order. Silent with fewer than 20 of either outcome.

    `created_at` and `closed_at`: when each row came to be and was decided; columns of times are compared with them.
    """
    if min(int(happened.sum()), int((~happened).sum())) < FEWEST:
        return []
    found = (_leak(name, table[name], happened, created_at, closed_at) for name in table.column_names)
    return [leak for leak in found if leak is not None]


def _leak(name: str, column: Any, happened: Bools, created_at: Any, closed_at: Any) -> Leak | None:
    for sign, says in _signs(name, column, happened, created_at, closed_at):
        return Leak(name, sign, f"{name.replace('_', ' ')} {says}")
    return None


def _signs(name: str, column: Any, happened: Bools, created_at: Any, closed_at: Any) -> Iterator[tuple[str, str]]:
    """The signs of a leak, the plainest first."""
    is_known = _known(column)
    filled = float(is_known[happened].mean()), float(is_known[~happened].mean())
    if min(filled) <= NEVER and max(filled) >= OFTEN:
        yield "filled", f"is filled in {filled[0]:.0%} of the positives and {filled[1]:.0%} of the others"
    if (present := _distance(calibration.auc(is_known.astype(np.float64), happened))) >= PRESENT_AUC:
        yield "filled", f"being filled at all tells the outcomes apart (AUC {present:.2f})"
    if pa.types.is_temporal(column.type):
        yield from _late(column, created_at, closed_at)
    if not is_number(column) and not is_text(column):
        return
    kind = _kinds(column)
    chance = _chance(kind, happened)
    auc, explained = calibration.auc(chance, happened), _explained(chance, happened)
    if auc >= AUC_ALONE or explained >= EXPLAINED:
        yield "decides", f"alone orders the outcomes with AUC {auc:.2f} and explains {explained:.0%} of them"
    if not is_text(column):
        return
    settled = _settled(kind[is_known], happened[is_known]) * float(is_known.mean())
    if settled >= SETTLED:
        yield "settled", f"has values that all but decide the outcome in {settled:.0%} of the rows"
    if _RATED.search(re.sub(r"[^a-z0-9]+", "_", name.lower())) and auc >= RATED_AUC:
        yield (
            "kept up to date",
            f"is by its name kept up to date or judged while the case goes on, and tells outcomes apart (AUC {auc:.2f})",
        )


def _late(column: Any, created_at: Any, closed_at: Any) -> Iterator[tuple[str, str]]:
    """Times that lie after the decision, or mostly days after the row came to be."""
    times = _micros(column)
    if closed_at is not None and (share := _share(times >= _micros(closed_at), times, _micros(closed_at))) >= OFTEN:
        yield "late", f"is at or after the decision in {share:.0%} of the rows"
    if created_at is not None and (share := _share(times > _micros(created_at) + _DAY_US, times, _micros(created_at))) >= 0.5:
        yield "late", f"is more than a day after the row came to be in {share:.0%} of the rows"


def _share(is_late: Bools, *times: Floats) -> float:
    known = np.logical_and.reduce([np.isfinite(each) for each in times])
    return float(is_late[known].mean()) if known.sum() >= FEWEST else 0.0


def _micros(column: Any) -> Floats:
    kind = pa.timestamp("us", tz="UTC") if getattr(column.type, "tz", None) else pa.timestamp("us")
    return as_floats(column.cast(kind).cast(pa.int64()))


def _known(column: Any) -> Bools:
    """Whether each row has a value; an empty text is none."""
    known = pc.and_kleene(column.is_valid(), pc.not_equal(column.cast(pa.string()), "")) if is_text(column) else column.is_valid()
    return np.asarray(pc.fill_null(known, False).to_numpy(zero_copy_only=False), dtype=bool)


def _distance(auc: float) -> float:
    return max(auc, 1.0 - auc)


def _kinds(column: Any) -> Any:
    """(rows,) the number of each row's value; numbers by tenths of the rows, missing as a value of its own."""
    if is_number(column):
        values = as_floats(column)
        known = values[np.isfinite(values)]
        cuts = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
        return np.where(np.isfinite(values), np.searchsorted(cuts, values, side="right"), len(cuts) + 1)
    texts = pc.fill_null(column.cast(pa.string()), "")
    return np.unique(np.asarray(texts.to_pylist(), dtype=object), return_inverse=True)[1]


def _chance(kind: Any, happened: Bools) -> Floats:
    """The share that happened among the other folds' rows of the same value, drawn to the base rate."""
    fold = np.random.default_rng(0).permutation(len(happened)) % _FOLDS
    base, width = float(happened.mean()), int(kind.max()) + 1
    chance = np.empty(len(happened))
    for each in range(_FOLDS):
        rest = fold != each
        rows = np.bincount(kind[rest], minlength=width)
        yes = np.bincount(kind[rest], weights=happened[rest], minlength=width)
        chance[~rest] = ((yes + _SHRINK * base) / (rows + _SHRINK))[kind[~rest]]
    return chance


def _explained(chance: Floats, happened: Bools) -> float:
    base = np.full(len(happened), float(happened.mean()))
    return 1.0 - float(calibration.log_losses(chance, happened).mean() / calibration.log_losses(base, happened).mean())


def _settled(kind: Any, happened: Bools) -> float:
    """Share of rows whose value (one of at least 20 rows) happened in more than 90 %, or in less than a tenth and a quarter of the usual."""
    if not len(kind):
        return 0.0
    rows = np.bincount(kind)
    base = float(happened.mean())
    share = (np.bincount(kind, weights=happened) + base) / (rows + 1)
    sure = (rows >= FEWEST) & ((share > 0.9) | (share < min(0.1, base / 4)))
    return float(rows[sure].sum() / len(kind))
