"""The chance to buy is calibrated, explained and the same every time."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.errors import DataError
from liftwright.scoring import propensity


def _world(people: int, *, rate: float = 0.1, seed: int = 0) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    habit, noise = rng.standard_normal(people), rng.standard_normal(people)
    chance = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + 1.2 * habit)))
    features = pa.table(
        {"customer_id": [f"{n:06d}" for n in range(people)], "habit": habit, "noise": noise, "same": np.ones(people)}
    )
    return features, rng.random(people) < chance, chance


@pytest.mark.parametrize(("people", "kind"), [(800, "logistic"), (6000, "trees")])
def test_the_chance_is_calibrated_and_orders_people(people: int, kind: str) -> None:
    features, bought, _ = _world(people)
    model = propensity.fit(features, bought, seed=1)
    fresh, _, truth = _world(4000, seed=9)
    chance = model.chance(fresh)
    assert model.kind == kind
    assert ((chance >= 0) & (chance <= 1)).all()
    assert chance.mean() == pytest.approx(truth.mean(), abs=0.03)
    top = np.argsort(-chance)[:800]
    assert chance[top].mean() == pytest.approx(truth[top].mean(), rel=0.25)
    assert np.corrcoef(chance, truth)[0, 1] > 0.8
    assert model.quality["auc"] > 0.7


@pytest.mark.parametrize("people", [800, 3000])
def test_the_same_input_gives_the_same_model_and_it_comes_back_from_json(people: int) -> None:
    features, bought, _ = _world(people)
    one, two = (propensity.fit(features, bought, seed=1) for _ in range(2))
    assert one.version == two.version
    again = propensity.from_parameters(json.loads(json.dumps(one.parameters())))
    assert again.version == one.version
    assert (again.chance(features) == one.chance(features)).all()


@pytest.mark.parametrize("people", [800, 6000])
def test_reasons_name_the_habit_first(people: int) -> None:
    features, bought, _ = _world(people)
    model = propensity.fit(features, bought, seed=1)
    keen, cold = ({"habit": value, "noise": 0.0, "same": 1.0} for value in (2.5, -2.5))
    assert model.why(keen)[0].feature == "habit"
    assert model.why(keen)[0].effect > 0 > model.why(cold)[0].effect
    assert "raises" in model.why(keen)[0].says


def test_too_few_buyers_are_refused_with_a_next_step() -> None:
    features, bought, _ = _world(500)
    with pytest.raises(DataError) as refused:
        propensity.fit(features, np.zeros(500, dtype=bool), seed=1)
    assert refused.value.code == "PROPENSITY-FEW"
    assert bought.any()


def test_a_feature_that_is_missing_at_scoring_time_is_no_disaster() -> None:
    features, bought, _ = _world(800)
    model = propensity.fit(features, bought, seed=1)
    chance = model.chance(features.drop_columns(["habit"]))
    assert np.isfinite(chance).all()


def test_the_card_says_that_it_is_no_uplift() -> None:
    features, bought, _ = _world(800)
    card = propensity.fit(features, bought, seed=1).card()
    assert card.model == "propensity"
    assert "nothing about what a contact changes" in card.optimises
    assert card.quality["base_rate"] == pytest.approx(bought.mean())
