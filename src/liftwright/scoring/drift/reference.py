"""What a model saw on the day it was trained, kept small, and how far today is from it.

A thing has moved when chance cannot explain it and the move is large enough to matter, both: at 20,000 rows every honest difference is
significant, at 200 every chance difference is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.scoring.design import Floats
from liftwright.scoring.drift import sketch
from liftwright.scoring.drift.signal import Kind, Level, Signal, ordered
from liftwright.scoring.encoding import as_floats, is_number, is_text

CHANCE = 0.001
"""Chance that anything of a model is called moved on a day on which nothing has; shared by all that is watched."""
DIVERGENCE_BOUND, SHIFT_BOUND = 0.05, 0.1
"""A significant move is called so from this Jensen-Shannon distance or this shift in standard deviations on."""
ALARM_INDEX, BLOCK_INDEX = 0.1, 0.25
"""Population stability index above which a move alarms, and above which scores mean nothing."""
MOST_ROWS = 20_000
"""A reference of more rows is drawn from this many."""
FEWEST = 50
"""Rows below which nothing is compared."""
LEVEL_MARK = "_is_"
"""A 0/1 column COLUMN_is_VALUE stands for a value of a text column."""
_PLAIN: Mapping[Kind, str] = {
    "input": "is distributed otherwise",
    "missing": "is missing in another share of rows",
    "category": "has more values that were rare or unseen",
    "output": "is distributed otherwise",
}


@dataclass(frozen=True)
class Reference:
    """Sketches of the `inputs` and `outputs` (scores by name) of a model over `rows` rows."""

    inputs: Mapping[str, sketch.Sketch]
    outputs: Mapping[str, sketch.NumberSketch]
    rows: int

    @classmethod
    def fit(cls, table: pa.Table, names: Sequence[str], outputs: Mapping[str, Floats]) -> Reference:
        """Remember these columns of a table (numbers and texts; others are left out) and the scores of its rows."""
        rows = table.num_rows
        some = np.arange(rows)
        if rows > MOST_ROWS:
            some = np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
            table = table.take(pa.array(some))
        there = [name for name in names if name in table.column_names]
        inputs: dict[str, sketch.Sketch] = {}
        for name in there if len(some) else ():
            if is_number(table[name]):
                inputs[name] = sketch.NumberSketch.of(as_floats(table[name]))
            elif is_text(table[name]):
                inputs[name] = sketch.TextSketch.of(_texts(table, name))
        scores = {name: sketch.NumberSketch.of(values[some]) for name, values in outputs.items() if len(some)}
        return cls(inputs, scores, len(some))

    def watch(self, table: pa.Table, outputs: Mapping[str, Floats]) -> list[Signal]:
        """Every input of these rows and every score against the reference, most serious first; nothing below 50 rows.

        A column that is gone counts as missing in every row. All that is compared shares one chance of a false alarm.
        """
        if min(table.num_rows, self.rows) < FEWEST:
            return []
        moves = [*self._moves(table), *self._new_levels(table)]
        for name, values in outputs.items():
            if name in self.outputs:
                moves.append(("output", name, self.outputs[name].compare(values, rows=self.rows)))
        seen = [(kind, name, moved) for kind, name, moved in moves if moved is not None]
        return ordered(self._signal(kind, name, moved, table.num_rows, CHANCE / len(seen)) for kind, name, moved in seen)

    def as_json(self) -> dict[str, Any]:
        """Plain values; order is kept."""
        inputs, outputs = ([[name, kept.as_json()] for name, kept in each.items()] for each in (self.inputs, self.outputs))
        return {"inputs": inputs, "outputs": outputs, "rows": self.rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The reference whose `as_json` this is."""
        inputs, outputs = ({name: sketch.from_json(kept) for name, kept in data[key]} for key in ("inputs", "outputs"))
        return cls(inputs, {n: s for n, s in outputs.items() if isinstance(s, sketch.NumberSketch)}, int(data["rows"]))

    def _moves(self, table: pa.Table) -> Iterator[tuple[Kind, str, sketch.Moved | None]]:
        for name, then in self.inputs.items():
            if isinstance(then, sketch.TextSketch):
                texts = _texts(table, name)
                yield "input", name, then.compare(texts, rows=self.rows)
                yield "category", name, then.compare_new(texts, rows=self.rows)
                continue
            is_there = name in table.column_names and is_number(table[name])
            values = as_floats(table[name]) if is_there else np.full(table.num_rows, np.nan)
            yield "input", name, then.compare(values, rows=self.rows)
            if then.missing > 0 or not np.isfinite(values).all():
                yield "missing", name, then.compare_missing(values, rows=self.rows)

    def _new_levels(self, table: pa.Table) -> Iterator[tuple[Kind, str, sketch.Moved | None]]:
        """0/1 columns of values that a known text column did not have at the training."""
        known = {name.partition(LEVEL_MARK)[0] for name in self.inputs if LEVEL_MARK in name}
        for name in table.column_names:
            if LEVEL_MARK in name and name not in self.inputs and name.partition(LEVEL_MARK)[0] in known:
                empty = sketch.TextSketch((), (), 0.0, 1.0)
                is_new = np.nan_to_num(as_floats(table[name])) > 0
                yield "category", name, empty.compare_new([name if new else None for new in is_new], rows=self.rows)

    def _signal(self, kind: Kind, name: str, moved: sketch.Moved, rows: int, chance: float) -> Signal:
        is_sure, level = moved.chance < chance, _level(moved) if moved.chance < chance else "ok"
        statistic, value, bound = _figure(moved, level)
        sure = "sure" if is_sure else "chance may do that"
        says = f"{name.replace('_', ' ')} {_PLAIN[kind]} than at the training: {statistic.replace('_', ' ')} {value:.3f} (bound {bound:g}; {sure})"
        measures = {
            "chance": moved.chance,
            "chance_bound": chance,
            "stability_index": moved.stability,
            "divergence": moved.divergence,
            "shift": moved.shift,
            "distance": moved.largest,
        }
        return Signal(kind, name, statistic, value, bound, rows, level, says, measures)


def _level(moved: sketch.Moved) -> Level:
    """How serious a move is that chance cannot explain."""
    if moved.stability > ALARM_INDEX:
        return "block" if moved.stability > BLOCK_INDEX else "alarm"
    return "warn" if moved.divergence > DIVERGENCE_BOUND or abs(moved.shift) > SHIFT_BOUND else "ok"


def _figure(moved: sketch.Moved, level: Level) -> tuple[str, float, float]:
    """Statistic, value and bound that say most of a move."""
    if level in ("alarm", "block"):
        return "stability_index", moved.stability, BLOCK_INDEX if level == "block" else ALARM_INDEX
    if abs(moved.shift) / SHIFT_BOUND > moved.divergence / DIVERGENCE_BOUND:
        return "shift", abs(moved.shift), SHIFT_BOUND
    return "divergence", moved.divergence, DIVERGENCE_BOUND


def _texts(table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    found: list[str | None] = table[name].cast(pa.string()).to_pylist()
    return found
