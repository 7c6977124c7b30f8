"""The assignment problem on a grid: options x people, what each option uses, and the limits they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[Any]
"""float32 or float64."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Plan = npt.NDArray[np.int16]
"""(slots, people): the option each person has in each slot, -1 = none."""
NONE = -1


@dataclass(frozen=True)
class Problem:
    """Whose options are worth how much, and what they use.

    value: (options, people), float32 or float64; -inf = not allowed. Options are sorted by slot, then line.
    slot: (options,) at most one option of a slot per person (a wave; or a channel, where a person may be touched once by each).
    line: (options,) or None: also at most one option of a line per person. cap: most options per person, one number or (people,).
    kinds: pairs (resource of each option, position past the last = none; what one choice uses of it, (options, 1) or
    (options, people)). limits: (resources,). nudge: (people,) factor on the values near 1 that orders people whose values are
    equal, or None; choices use it, objectives and bounds never do.

    A *row* is the number `option * people + person`.
    """

    value: Reals
    slot: Ints
    kinds: tuple[tuple[Ints, Reals], ...]
    limits: Floats
    cap: int | Ints
    line: Ints | None = None
    nudge: Reals | None = None

    @property
    def options(self) -> int:
        """How many options there are."""
        return int(self.value.shape[0])

    @property
    def people(self) -> int:
        """How many people there are."""
        return int(self.value.shape[1])

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return int(self.slot[-1]) + 1 if len(self.slot) else 0

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return int(self.line.max()) + 1 if self.line is not None and len(self.line) else 0

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """The first option of every cell: slot, or slot and line. At most one option of a cell is worth having."""
        cell = self.slot if self.line is None else self.slot * self.lines + self.line
        return tuple(np.flatnonzero(np.diff(cell, prepend=-1)).tolist())

    def where(self, rows: Ints) -> tuple[Ints, Ints]:
        """Option and person of rows."""
        return np.divmod(rows, max(self.people, 1))

    def rows(self, plan: Plan) -> Ints:
        """The rows of a plan, by slot and person."""
        flat = plan.ravel()
        taken = np.flatnonzero(flat >= 0)
        return flat[taken].astype(np.int64) * self.people + taken % max(self.people, 1)

    def by_person(self, rows: Ints) -> Ints:
        """Rows sorted by person, then option."""
        option, person = self.where(rows)
        return rows[np.lexsort((option, person))]

    def caps(self, person: Ints) -> Any:
        """Most options of each of these people."""
        return self.cap if isinstance(self.cap, int) else self.cap[person]

    def key(self, rows: Ints) -> Floats:
        """Nudged values of rows."""
        worth = self.value.ravel()[rows].astype(np.float64)
        return worth if self.nudge is None else worth * self.nudge[rows % max(self.people, 1)]

    def used(self, rows: Ints) -> list[tuple[Ints, Floats]]:
        """Of every kind, the resource of each row and what it uses."""
        option, person = self.where(rows)
        return [(resource[option], _of(use, option, person)) for resource, use in self.kinds]

    def reduced(self, rows: Ints, prices: Floats) -> Floats:
        """Nudged values of rows less the price of everything they use."""
        left, padded = self.key(rows), np.append(prices, 0.0)
        for resource, use in self.used(rows):
            left -= padded[resource] * use
        return left

    def usage(self, rows: Ints) -> Floats:
        """What a set of rows uses of every resource."""
        total = np.zeros(len(self.limits) + 1)
        for resource, use in self.used(rows):
            total += np.bincount(resource, weights=use, minlength=len(total))
        return total[:-1]

    def objective(self, rows: Ints) -> float:
        """The value of a set of rows."""
        return float(self.value.ravel()[rows].sum(dtype=np.float64))

    def of(self, people: Any, *, limits: Floats | None = None) -> Problem:
        """The same problem for some people (a slice or positions), with other limits if given."""

        def some(grid: Reals) -> Reals:
            taken = grid[:, people] if isinstance(people, slice) else np.take(grid, people, axis=1)
            return np.ascontiguousarray(taken)

        return replace(
            self,
            value=some(self.value),
            kinds=tuple((resource, use if use.shape[1] == 1 else some(use)) for resource, use in self.kinds),
            limits=self.limits if limits is None else limits,
            cap=self.cap if isinstance(self.cap, int) else self.cap[people],
            nudge=None if self.nudge is None else self.nudge[people],
        )


def _of(use: Reals, option: Ints, person: Ints) -> Floats:
    found = use[option, 0] if use.shape[1] == 1 else use[option, person]
    return found.astype(np.float64)
