"""The trees of a boosted model as arrays, read from LightGBM's text, and feature values as the places between their thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_NAN_IS_MISSING = 2
"""LightGBM's missing type (bits 2 and 3 of a decision type) under which a missing value follows the default direction."""
Condition = tuple[int, int, int]
"""A split: row of the place table, threshold place, node. A value goes left when its place is not above the threshold's."""


@dataclass(frozen=True)
class Leaf:
    """Where a leaf lies: (node, went left, share of the node's training rows that went the same way) from the root down."""

    value: float
    path: tuple[tuple[int, bool, float], ...]


@dataclass(frozen=True)
class Tree:
    """Splits by node: feature, threshold, and what a missing value does there ("zero": counts as 0, "left", "right")."""

    feature: Ints
    threshold: Floats
    missing: tuple[str, ...]
    leaves: tuple[Leaf, ...]

    @property
    def depth(self) -> int:
        return max(len(leaf.path) for leaf in self.leaves)


def trees(text: str) -> tuple[Tree, ...] | None:
    """The trees of a LightGBM text model in order; None when it has categorical or linear splits or treats zero as missing."""
    found = [_fields(block) for block in text.split("\nTree=")[1:]]
    if any(fields["num_cat"] != "0" or fields.get("is_linear", "0") != "0" for fields in found):
        return None
    grown = [_tree(fields) for fields in found]
    return None if any("unknown" in tree.missing for tree in grown) else tuple(grown)


def _fields(block: str) -> dict[str, str]:
    lines = block.split("\n\n", 1)[0].split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _tree(fields: dict[str, str]) -> Tree:
    values = _floats(fields["leaf_value"])
    if fields["num_leaves"] == "1":
        return Tree(np.zeros(0, dtype=np.int64), np.zeros(0), (), (Leaf(float(values[0]), ()),))
    kinds = [int(kind) for kind in fields["decision_type"].split()]
    return Tree(
        feature=_ints(fields["split_feature"]),
        threshold=_floats(fields["threshold"]),
        missing=tuple(_missing(kind) for kind in kinds),
        leaves=tuple(_leaves(fields, values)),
    )


def _missing(kind: int) -> str:
    """What a missing value does under a decision type: bit 0 categorical, bit 1 default left, bits 2 and 3 the missing type."""
    how = kind >> 2
    if kind & 1 or how not in (0, _NAN_IS_MISSING):
        return "unknown"
    return "zero" if how == 0 else "left" if kind & 2 else "right"


def _leaves(fields: dict[str, str], values: Floats) -> list[Leaf]:
    """Leaves from left to right. Children are nodes when not negative, else leaves."""
    left, right = _ints(fields["left_child"]), _ints(fields["right_child"])
    inner, outer = _ints(fields["internal_count"]), _ints(fields["leaf_count"])
    found: list[Leaf] = []
    waiting: list[tuple[int, tuple[tuple[int, bool, float], ...]]] = [(0, ())]
    while waiting:
        node, path = waiting.pop()
        if node < 0:
            found.append(Leaf(float(values[~node]), path))
            continue
        for child, is_left in ((int(right[node]), False), (int(left[node]), True)):
            count = inner[child] if child >= 0 else outer[~child]
            waiting.append((child, (*path, (node, is_left, float(count / inner[node])))))
    return found


def _floats(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float64)


def _ints(text: str) -> Ints:
    return np.array(text.split(), dtype=np.int64)


class Places:
    """Turns feature values into their places among all thresholds of a forest, so that splits compare small integers."""

    def __init__(self, forest: tuple[Tree, ...]) -> None:
        kinds = sorted({(int(f), how) for tree in forest for f, how in zip(tree.feature, tree.missing, strict=True)})
        cuts: dict[int, set[float]] = {}
        for tree in forest:
            for feature, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
                cuts.setdefault(feature, set()).add(threshold)
        self.thresholds = {feature: np.array(sorted(values)) for feature, values in cuts.items()}
        self.rows = {kind: row for row, kind in enumerate(kinds)}
        most = max((len(values) for values in self.thresholds.values()), default=0)
        self.type: Any = np.uint8 if most < 256 else np.uint16

    def conditions(self, tree: Tree) -> list[Condition]:
        """The splits of a tree in places, by node."""
        return [
            (self.rows[int(f), how], int(np.searchsorted(self.thresholds[int(f)], cut)), node)
            for node, (f, cut, how) in enumerate(zip(tree.feature, tree.threshold, tree.missing, strict=True))
        ]

    def of(self, x: Floats) -> npt.NDArray[Any]:
        """(rows of the place table, rows of `x`): how many thresholds lie below each value."""
        found = np.empty((len(self.rows), len(x)), dtype=self.type)
        for (feature, how), row in self.rows.items():
            cuts, values = self.thresholds[feature], x[:, feature]
            found[row] = np.searchsorted(cuts, values)
            empty = np.isnan(values)
            if empty.any():
                found[row][empty] = {"zero": int(np.searchsorted(cuts, 0.0)), "left": 0, "right": len(cuts)}[how]
        return found
