"""Why a model scores a person as it does: exact TreeSHAP for everybody, from tables made once per model.

The SHAP values of a person in a tree (path-dependent, as LightGBM's `pred_contrib`; Lundberg et al. 2020) depend only on which of
the tree's splits send the person left. Leaves are put in groups that share few splits; for every combination of a group's splits the
values are computed beforehand (as in Fast TreeSHAP v2, Yang 2022), and a person costs one look-up per group and feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from liftwright.scoring import forest
from liftwright.scoring.forest import Floats, Ints, Leaf, Tree

SPLITS = 11
"""Splits of a group: its tables have 2 ** SPLITS entries per feature, small enough for the processor's nearest memory."""
MOST_DEPTH = 14
"""Deeper trees are left to LightGBM's own, slower TreeSHAP."""
CHUNK = 16_384


@dataclass(frozen=True)
class _Group:
    """Some leaves of a tree. `rows` and `cuts`: the splits in places; `table` (features, 2 ** splits): what they add."""

    rows: tuple[int, ...]
    cuts: tuple[int, ...]
    features: tuple[int, ...]
    table: Floats


class Explainer:
    """Contributions of features to the raw score of a LightGBM text model; `usual` is the score of nobody in particular."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = forest.trees(text)
        self._groups: list[_Group] | None = None
        self.width = len(text.split("feature_names=", 1)[1].split("\n", 1)[0].split())
        if found is not None and max((tree.depth for tree in found), default=0) <= MOST_DEPTH:
            self._places = forest.Places(found)
            self._groups = [group for tree in found for group in _groups(tree, self._places)]
            self.usual = float(sum(_expected(tree) for tree in found))
        else:
            self.usual = float(self._slowly(np.zeros((1, self.width)))[0, -1])

    def contributions(self, x: Floats) -> Floats:
        """(rows, features) what each value adds to the raw score; with `usual` they sum to the raw score."""
        if self._groups is None:
            return self._slowly(x)[:, :-1]
        found = np.empty((len(x), self.width))
        for start in range(0, len(x), CHUNK):
            found[start : start + CHUNK] = self._chunk(self._groups, x[start : start + CHUNK]).T
        return found

    def _slowly(self, x: Floats) -> Floats:
        """(rows, features + 1) LightGBM's own TreeSHAP; the last column is what everybody has."""
        if not len(x):
            return np.zeros((0, self.width + 1))
        booster = lightgbm.Booster(model_str=self._text)
        return np.asarray(booster.predict(x, pred_contrib=True, num_threads=1), dtype=np.float64)

    def _chunk(self, groups: Sequence[_Group], x: Floats) -> Floats:
        """(features, rows) of one chunk of rows, by look-up."""
        places = self._places.of(x)
        added, part = np.zeros((self.width, len(x))), np.empty(len(x))
        bit, low, high = (np.empty(len(x), dtype=np.uint8) for _ in range(3))
        for group in groups:
            code = _code(group, places, bit, low, high)
            for feature, row in zip(group.features, group.table, strict=True):
                np.take(row, code, out=part, mode="clip")
                added[feature] += part
        return added


def top(contributions: Floats, *, count: int = 3) -> tuple[Ints, Floats]:
    """(rows, count) the features that move each row most, strongest first, and by how much; fewer columns when there are fewer."""
    count = min(count, contributions.shape[1])
    size = np.abs(contributions)
    kept = np.argpartition(-size, count - 1, axis=1)[:, :count] if count else np.zeros((len(size), 0), dtype=np.int64)
    kept = np.sort(kept, axis=1)
    order = np.argsort(-np.take_along_axis(size, kept, axis=1), axis=1, kind="stable")
    kept = np.take_along_axis(kept, order, axis=1)
    return kept, np.take_along_axis(contributions, kept, axis=1)


def _code(group: _Group, places: npt.NDArray[Any], bit: Any, low: Any, high: Any) -> Ints:
    """Per row the number whose bit i says whether the group's split i sends it left."""
    low[:] = 0
    high[:] = 0
    for number, (row, cut) in enumerate(zip(group.rows, group.cuts, strict=True)):
        np.less_equal(places[row], cut, out=bit.view(np.bool_))
        np.left_shift(bit, np.uint8(number % 8), out=bit)
        half = low if number < 8 else high
        np.bitwise_or(half, bit, out=half)
    code: Ints = low.astype(np.int64)
    if len(group.rows) > 8:
        code |= high.astype(np.int64) << 8
    return code


def _expected(tree: Tree) -> float:
    return sum(leaf.value * float(np.prod([share for _, _, share in leaf.path])) for leaf in tree.leaves)


def _groups(tree: Tree, places: forest.Places) -> Iterator[_Group]:
    """The tree's leaves, from left to right, in groups of few splits."""
    conditions = places.conditions(tree)
    for leaves in _packed(tree):
        nodes = sorted({node for leaf in leaves for node, _, _ in leaf.path})
        if nodes:
            features = sorted({int(tree.feature[node]) for node in nodes})
            yield _Group(
                rows=tuple(conditions[node][0] for node in nodes),
                cuts=tuple(conditions[node][1] for node in nodes),
                features=tuple(features),
                table=_table(tree, leaves, nodes, features),
            )


def _packed(tree: Tree) -> Iterator[list[Leaf]]:
    most = max(SPLITS, tree.depth)
    batch: list[Leaf] = []
    used: set[int] = set()
    for leaf in tree.leaves:
        mine = {node for node, _, _ in leaf.path}
        if batch and len(used | mine) > most:
            yield batch
            batch, used = [], set()
        batch.append(leaf)
        used |= mine
    yield batch


def _table(tree: Tree, leaves: Sequence[Leaf], nodes: Sequence[int], features: Sequence[int]) -> Floats:
    """(features, 2 ** nodes) SHAP values of every combination of split results, added up over the leaves."""
    codes = np.arange(2 ** len(nodes))
    goes_left = {node: (codes >> bit) & 1 == 1 for bit, node in enumerate(nodes)}
    place = {feature: row for row, feature in enumerate(features)}
    table = np.zeros((len(features), len(codes)))
    for leaf in leaves:
        share: dict[int, float] = {}
        met: dict[int, Any] = {}
        for node, is_left, part in leaf.path:
            feature = int(tree.feature[node])
            share[feature] = share.get(feature, 1.0) * part
            met[feature] = met.get(feature, True) & (goes_left[node] == is_left)
        mask = sum(met[feature].astype(np.int64) << bit for bit, feature in enumerate(share))
        values = leaf.value * _leaf_values(np.array(list(share.values())))
        for bit, feature in enumerate(share):
            table[place[feature]] += values[bit][mask]
    return table


def _leaf_values(share: Floats) -> Floats:
    """(features, 2 ** features) SHAP values of a leaf worth 1 for every set of features whose conditions are met.

    `share` is the part of the training rows that meets each feature's conditions. A Shapley weight k! (d - 1 - k)! / d! is the
    integral of t ** k * (1 - t) ** (d - 1 - k) over [0, 1], so the sum over subsets is the integral of a product, which
    Gauss-Legendre quadrature gives exactly (its degree is d - 1).
    """
    width = len(share)
    met = (np.arange(2**width)[None, :] >> np.arange(width)[:, None]) & 1
    nodes, weights = np.polynomial.legendre.leggauss((width + 1) // 2)
    found = np.zeros(met.shape)
    for t, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        factors = share[:, None] * (1 - t) + met * t
        found += weight * factors.prod(axis=0) / factors
    return np.asarray((met - share[:, None]) * found)
