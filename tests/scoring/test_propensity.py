"""The chance to buy is calibrated, explained and the same every time."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.errors import DataError
from liftwright.scoring import calibration, propensity


def _world(people: int, *, rate: float = 0.1, seed: int = 0, bend: float = 0.0) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """`bend` adds what no straight line can follow."""
    rng = np.random.default_rng(seed)
    habit, noise = rng.standard_normal(people), rng.standard_normal(people)
    chance = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + 1.2 * habit + bend * (np.abs(noise) - 0.8))))
    features = pa.table(
        {"customer_id": [f"{n:06d}" for n in range(people)], "habit": habit, "noise": noise, "same": np.ones(people)}
    )
    return features, rng.random(people) < chance, chance


@pytest.mark.parametrize(("people", "bend", "kind"), [(800, 0.0, "logistic"), (6000, 0.0, "logistic"), (6000, 1.5, "trees")])
def test_the_chance_is_calibrated_and_orders_people(people: int, bend: float, kind: str) -> None:
    features, bought, _ = _world(people, bend=bend)
    model = propensity.fit(features, bought, seed=1)
    fresh, _, truth = _world(4000, seed=9, bend=bend)
    chance = model.chance(fresh)
    assert model.kind == kind
    assert ((chance >= 0) & (chance <= 1)).all()
    assert chance.mean() == pytest.approx(truth.mean(), abs=0.03)
    top = np.argsort(-chance)[:800]
    assert chance[top].mean() == pytest.approx(truth[top].mean(), rel=0.25)
    assert np.corrcoef(chance, truth)[0, 1] > 0.8
    assert model.quality["auc"] > 0.7


@pytest.mark.parametrize("bend", [0.0, 2.0])
def test_the_same_input_gives_the_same_model_and_it_comes_back_from_json(bend: float) -> None:
    features, bought, _ = _world(3000, bend=bend)
    one, two = (propensity.fit(features, bought, seed=1) for _ in range(2))
    assert one.version == two.version
    again = propensity.from_parameters(json.loads(json.dumps(one.parameters())))
    assert again.version == one.version
    assert (again.chance(features) == one.chance(features)).all()


@pytest.mark.parametrize("bend", [0.0, 0.8])
def test_reasons_name_the_habit_first(bend: float) -> None:
    features, bought, _ = _world(6000, bend=bend)
    model = propensity.fit(features, bought, seed=1)
    keen, cold = ({"habit": value, "noise": 0.0, "same": 1.0} for value in (2.5, -2.5))
    assert model.why(keen)[0].feature == "habit"
    assert model.why(keen)[0].effect > 0 > model.why(cold)[0].effect
    assert "raises" in model.why(keen)[0].says


@pytest.mark.parametrize("bend", [0.0, 1.5])
def test_reasons_for_everybody_are_those_of_each(bend: float) -> None:
    features, bought, _ = _world(4000, bend=bend)
    model = propensity.fit(features, bought, seed=1)
    names, effects = model.reasons(features, count=2)
    assert names.shape == effects.shape == (4000, 2)
    for place in (0, 17, 3999):
        alone = model.why({name: features[name][place].as_py() for name in ("habit", "noise", "same")})
        assert [reason.feature for reason in alone][:2] == names[place].tolist()
        assert [reason.effect for reason in alone][:2] == pytest.approx(effects[place].tolist())


def test_the_auc_interval_covers_the_auc_of_fresh_people() -> None:
    features, bought, _ = _world(6000)
    quality = propensity.fit(features, bought, seed=1).quality
    fresh, outcome, truth = _world(40_000, seed=5)
    assert quality["auc_low"] < calibration.auc(truth, outcome) < quality["auc_high"]
    assert quality["auc_high"] - quality["auc_low"] < 0.06
    assert quality["calibration_error"] < 0.02
    assert fresh.num_rows == 40_000


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
