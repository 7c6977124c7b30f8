"""Columns that know the outcome: filled, overwritten or rated after it. The only detector; nobody tells it which columns to suspect.

What gives a column away is its data (`filled`, `late`, `decides`, `settled`, `worked on`), or a moderate effect under a name of what
people keep up to date while they work on a case (`kept up to date`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.audience.quality.levels import Levels, Mask, finer_levels_of, told_by
from liftwright.audience.quality.look import DAY_US, as_times, is_text, is_time, microseconds
from liftwright.audience.quality.names import AHEAD, KEPT, words_of
from liftwright.domain.readiness import Leak

FEWEST_ROWS = 100
FEWEST_OF_EACH = 20
"""With fewer rows, or fewer with or without the outcome, nothing is said."""
MOST_ROWS = 20_000
"""More rows than this are looked at every n-th."""
ALONE, EXPLAINED = 0.88, 0.25
"""One column alone that sorts the outcomes with this AUC, or texts that explain this share of their entropy, are hardly known beforehand."""
NEVER, OFTEN = 0.02, 0.1
"""A column that one outcome hardly ever has and the other often has was written down because of it."""
SURE = 15.0
"""So many cases would have to be there by chance before their absence says anything."""
ONLY_AFTER, MOST_BASE = 0.95, 0.8
"""Share of the filled rows that have the outcome above which being filled is a consequence of it, unless nearly everybody has it."""
PRESENT = 0.75
"""AUC of being filled at all."""
SETTLED, ALL_BUT = 0.12, 0.1
"""Share of rows whose text all but decides the outcome: at most this share of the rows with it had the other one."""
AMONG_FILLED, LATE_SHARE, LATE_RATE, WORKED_ROWS = 0.80, 0.20, 0.65, 200
"""A column that at least this share of rows lacks, whose outcome is so much rarer than everybody's, and that sorts the filled rows
at this AUC, was filled by those who worked on the promising ones."""
NAMED, NOT_CHANCE = 0.65, 5.0
"""AUC from which a column counts as leaking whose name says that it is overwritten, or judged, as things go on; and by how many
standard errors of chance it must be above one half."""


@dataclass(frozen=True)
class _Rows:
    """The rows that are looked at: outcomes, and in microseconds when each row came to be and was decided (None = not known)."""

    happened: Mask
    created: Levels | None
    closed: Levels | None

    @property
    def base(self) -> float:
        return float(self.happened.mean())


def find(
    table: pa.Table,
    outcome: npt.ArrayLike,
    *,
    skip: Collection[str] = (),
    created_at: pa.ChunkedArray | None = None,
    closed_at: pa.ChunkedArray | None = None,
) -> tuple[Leak, ...]:
    """Leaking columns of `table`, the worst first; `outcome` holds true or false per row, `skip` the columns not to judge.

    created_at, closed_at: when each row came to be and was decided; columns of times are compared with them. Silent (empty) below
    FEWEST_ROWS rows or FEWEST_OF_EACH of either outcome. Any column type is survived; what cannot be compared (lists, structs) is
    only asked whether it is filled. Raises ValueError when the lengths differ.
    """
    happened = np.asarray(outcome, dtype=bool)
    if len(happened) != table.num_rows:
        raise ValueError(f"{len(happened)} outcomes for {table.num_rows} rows")
    created, closed = (None if times is None else microseconds(times) for times in (created_at, closed_at))
    if len(happened) > MOST_ROWS:
        chosen = np.arange(0, len(happened), -(-len(happened) // MOST_ROWS))
        table, happened = table.take(pa.array(chosen)), happened[chosen]
        created, closed = (None if times is None else times[chosen] for times in (created, closed))
    if len(happened) < FEWEST_ROWS or min(happened.sum(), (~happened).sum()) < FEWEST_OF_EACH:
        return ()
    rows = _Rows(happened, created, closed)
    columns = {name: as_times(table[name]) or table[name] for name in table.column_names if name not in skip}
    found = [_leak(name, column.combine_chunks(), rows) for name, column in columns.items()]
    return tuple(sorted((leak for leak in found if leak is not None), key=lambda leak: (-leak.auc, leak.column)))


def _leak(name: str, column: pa.Array, rows: _Rows) -> Leak | None:
    levels, filled = finer_levels_of(column)
    alone, explained = told_by(levels, rows.happened)
    signs = (
        ("filled", _filled(filled, rows)),
        ("late", _late(name, column, rows)),
        ("decides", _decides(alone, explained if is_text(column.type) else 0.0)),
        ("settled", _settled(column, levels, filled, rows)),
        ("worked on", _worked_on(levels, filled, rows)),
        ("kept up to date", _named(name, alone, rows)),
    )
    for sign, words in signs:
        for says in words:
            return Leak(column=name, sign=sign, auc=alone, says=says)
    return None


def _filled(filled: Mask, rows: _Rows) -> Iterator[str]:
    """Being filled, or being empty, is a consequence of one outcome."""
    happened, among = rows.happened, int(filled.sum())
    yes, no = float(filled[happened].mean()), float(filled[~happened].mean())
    rarer = int(min(happened.sum(), (~happened).sum()))
    if min(yes, no) <= NEVER and max(yes, no) >= OFTEN and rarer * max(yes, no) >= SURE:
        yield f"it is filled in {yes:.0%} of the rows with the outcome and in {no:.0%} of the others"
    if FEWEST_OF_EACH <= among < len(filled) and float(happened[filled].mean()) >= ONLY_AFTER > MOST_BASE >= rows.base:
        share = float(happened[filled].mean())
        yield f"it is filled for {among:,} rows, and {share:.0%} of them have the outcome, against {rows.base:.0%} of all"
    if (present := 0.5 + abs(yes - no) / 2) >= PRESENT:
        yield f"whether it is filled at all sorts the outcome (AUC {present:.2f})"


def _late(name: str, column: pa.Array, rows: _Rows) -> Iterator[str]:
    """Times at or after the decision, or mostly more than a day after the row came to be."""
    if not is_time(column.type) or set(words_of(name)) & AHEAD:
        return
    at = microseconds(column)
    if (share := _share(at, rows.closed, 0)) >= OFTEN:
        yield f"it is at or after the decision in {share:.0%} of the rows"
    if (share := _share(at, rows.created, DAY_US)) >= 0.5:
        yield f"it is more than a day after the row came to be in {share:.0%} of the rows"


def _share(at: Levels, before: Levels | None, gap: int) -> float:
    """Share of the rows with both times in which the first is `gap` or more after the second; 0 when there are few."""
    if before is None:
        return 0.0
    nothing = np.iinfo(np.int64).min
    both = (at > nothing) & (before > nothing)
    return float((at[both] >= before[both] + gap).mean()) if both.sum() >= FEWEST_OF_EACH else 0.0


def _decides(alone: float, explained: float) -> Iterator[str]:
    """`explained` is 0 for numbers: one that was known beforehand may tell a lot."""
    if alone >= ALONE or explained >= EXPLAINED:
        yield f"alone it sorts the outcome almost perfectly (AUC {alone:.2f}{f', {explained:.0%} of it explained' if explained else ''})"


def _settled(column: pa.Array, levels: Levels, filled: Mask, rows: _Rows) -> Iterator[str]:
    """Texts and flags some of whose values all but decide the outcome."""
    if not (is_text(column.type) or pa.types.is_boolean(column.type)):
        return
    mine, happened, base = levels[filled], rows.happened[filled], rows.base
    count = np.bincount(mine).astype(np.float64)
    rate = (np.bincount(mine, happened) + base) / (count + 1)
    surely = (rate > 1 - ALL_BUT) & (count * (1 - base) >= SURE) & (base <= MOST_BASE)
    never = (rate < min(ALL_BUT, base / 4)) & (count * base >= SURE) & (base >= 1 - MOST_BASE)
    share = float(count[surely | never].sum()) / len(levels)
    if share >= SETTLED:
        yield f"values that all but decide the outcome stand in {share:.0%} of its rows"


def _worked_on(levels: Levels, filled: Mask, rows: _Rows) -> Iterator[str]:
    empty = 1 - filled.mean()
    if empty < LATE_SHARE or filled.sum() < WORKED_ROWS or float(rows.happened[~filled].mean()) > LATE_RATE * rows.base:
        return
    inside, _ = told_by(levels[filled], rows.happened[filled])
    if inside >= AMONG_FILLED:
        yield f"it is empty where the outcome is rare and sorts the rest (AUC {inside:.2f}): it was filled while people were worked on"


def _named(name: str, alone: float, rows: _Rows) -> Iterator[str]:
    luck = float(np.sqrt((1 / rows.happened.sum() + 1 / (~rows.happened).sum()) / 12))
    if alone >= max(NAMED, 0.5 + NOT_CHANCE * luck) and set(words_of(name)) & KEPT:
        yield f"by its name it is overwritten or judged as things go on, and it sorts the outcome (AUC {alone:.2f})"
