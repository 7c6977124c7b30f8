"""Reasons are exactly TreeSHAP, whatever the trees, the missing values and the number of rows."""

from __future__ import annotations

import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.scoring import explain, forest


def _grown(x: np.ndarray, y: np.ndarray, **settings: object) -> str:
    chosen = {"num_leaves": 15, "min_data_in_leaf": 5, "num_threads": 1, "verbosity": -1, "objective": "regression", **settings}
    data = lightgbm.Dataset(x, label=y, params={"verbosity": -1})
    return str(lightgbm.train(chosen, data, num_boost_round=12).model_to_string())


def _table(rows: int, width: int, *, seed: int, missing: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.round(rng.standard_normal((rows, width)), 1)
    y = x[:, 0] * (x[:, 1 % width] > 0) + np.sin(x[:, -1]) + rng.standard_normal(rows) * 0.3
    x[rng.random(x.shape) < missing] = np.nan
    return x, y + np.isnan(x[:, 0])


def _agrees(text: str, x: np.ndarray) -> None:
    peer = np.asarray(lightgbm.Booster(model_str=text).predict(x, pred_contrib=True))
    mine = explain.Explainer(text)
    assert mine.contributions(x) == pytest.approx(peer[:, :-1], abs=1e-9)
    assert mine.usual == pytest.approx(peer[0, -1], abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    width=st.integers(1, 7),
    leaves=st.integers(2, 40),
    depth=st.sampled_from([-1, 1, 3, 6]),
    missing=st.sampled_from([0.0, 0.3]),
    splits=st.sampled_from([1, 5, 11]),
)
def test_contributions_are_those_of_pred_contrib(
    seed: int, width: int, leaves: int, depth: int, missing: float, splits: int
) -> None:
    x, y = _table(300, width, seed=seed, missing=missing)
    text = _grown(x, y, num_leaves=leaves, max_depth=depth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explain, "SPLITS", splits)
        _agrees(text, np.vstack([x, np.full((1, width), np.nan), np.zeros((1, width))]))


@pytest.mark.parametrize("extra", [{"use_missing": False}, {"zero_as_missing": True}])
def test_other_kinds_of_trees_are_explained_too(extra: dict[str, object]) -> None:
    x, y = _table(400, 3, seed=1, missing=0.2)
    text = _grown(np.nan_to_num(x), y, **extra)
    _agrees(text, np.nan_to_num(x))


def test_categories_and_very_deep_trees_are_left_to_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, (500, 2)).astype(float)
    data = lightgbm.Dataset(x, label=(x[:, 0] % 2), categorical_feature=[0], params={"verbosity": -1, "min_data_per_group": 1})
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}, data, num_boost_round=3)
    assert forest.trees(booster.model_to_string()) is None
    _agrees(booster.model_to_string(), x)
    monkeypatch.setattr(explain, "MOST_DEPTH", 2)
    x, y = _table(300, 3, seed=2)
    _agrees(_grown(x, y), x)
    assert explain.Explainer(_grown(x, y)).contributions(x[:0]).shape == (0, 3)


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6))
def test_a_leafs_values_are_shapley_values_by_their_definition(share: list[float]) -> None:
    width = len(share)
    found = explain._leaf_values(np.array(share))
    for mask in range(2**width):
        met = [(mask >> i) & 1 for i in range(width)]

        def worth(known: frozenset[int], met: list[int] = met) -> float:
            return math.prod(float(met[i]) if i in known else share[i] for i in range(width))

        for j in range(width):
            rest = [i for i in range(width) if i != j]
            value = sum(
                math.factorial(len(s)) * math.factorial(width - 1 - len(s)) / math.factorial(width) * (worth(s | {j}) - worth(s))
                for size in range(width)
                for s in map(frozenset, itertools.combinations(rest, size))
            )
            assert found[j, mask] == pytest.approx(value, abs=1e-9)


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 99))
def test_the_strongest_come_first(count: int, width: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-5, 6, (20, width)).astype(float)
    places, effects = explain.top(values, count=count)
    assert effects.shape == (20, min(count, width))
    assert (np.diff(np.abs(effects), axis=1) <= 0).all()
    assert (np.abs(effects)[:, 0] == np.abs(values).max(axis=1)).all()
    assert (np.take_along_axis(values, places, axis=1) == effects).all()


def test_rows_are_explained_alike_alone_and_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _table(500, 4, seed=3)
    mine = explain.Explainer(_grown(x, y))
    whole = mine.contributions(x)
    monkeypatch.setattr(explain, "CHUNK", 7)
    assert (mine.contributions(x) == whole).all()
    assert (mine.contributions(x[13:14]) == whole[13:14]).all()
    assert mine.contributions(x[:0]).shape == (0, 4)
