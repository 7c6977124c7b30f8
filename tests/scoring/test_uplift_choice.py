"""The simplest good candidate is chosen, by evidence that holds for all of them at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.scoring import uplift
from liftwright.scoring.uplift import candidates, choice, model
from liftwright.scoring.uplift.sample import Sample, Scores

MakeRows = Callable[..., pa.Table]
NAMES = ["a", "b", "flag"]
EVERY = ("segments", "S", "X", "DR", "propensity")


def _crossed(people: int = 7000) -> pa.Table:
    """Visits whose extra depends on the product of two features: no straight line and no single feature tells it."""
    rng = np.random.default_rng(4)
    a, b, flag = rng.standard_normal(people), rng.standard_normal(people), (rng.random(people) < 0.4).astype(np.float64)
    treated = rng.random(people) < 0.5
    visits = rng.random(people) < 0.35 + treated * np.where(a * b > 0, 0.3, -0.3)
    return pa.table(
        {
            "customer_id": [f"{n:05d}" for n in range(people)],
            "at": pa.array([1_700_000_000_000_000] * people, pa.timestamp("us", tz="UTC")),
            "action": np.where(treated, "email:none", "control"),
            "propensity": np.full(people, 0.5),
            "y_visits": visits.astype(np.float64),
            "a": a,
            "b": b,
            "flag": flag,
        }
    )


@cache
def _judged() -> uplift.Judged:
    return uplift.judge(_crossed(), outcome="visits", feature_names=NAMES, seed=0)


def _with(name: str) -> uplift.UpliftModel:
    """A model that keeps a given candidate, whatever was chosen."""
    judged = _judged()
    off = candidates.deviation(name, judged.data, judged.layout, psi=judged.psi, scores=judged.scores[name])
    solution = judged.linear.average
    return model.UpliftModel("visits", judged.scale, judged.layout, solution, off, "found", {"qini": 1.0})


def test_trees_are_taken_where_only_they_see_who_is_moved() -> None:
    judged = _judged()
    assert tuple(judged.scores) == tuple(candidates.SAYS)
    assert judged.choice.is_found
    assert judged.choice.chosen in ("S", "X", "DR")
    assert judged.choice.gains["ridge"].low < 0


def test_a_group_is_found_by_itself_and_told_in_words(make_rows: MakeRows) -> None:
    rows = make_rows(people=3500)
    taste = rows["taste"].to_numpy()
    treated = np.asarray(rows["action"].to_pylist()) != "control"
    visits = np.random.default_rng(5).random(3500) < 0.2 + treated * np.where(np.abs(taste) < 0.43, 0.25, 0.0)
    rows = rows.set_column(rows.column_names.index("y_visits"), "y_visits", pa.array(visits.astype(np.float64)))
    found = uplift.fit(rows, outcome="visits", feature_names=["taste", "noise"], seed=0)
    assert (found.ranking, found.quality["learner"]) == ("found", "segments")
    middle, edge = found.effects(pa.table({"taste": [0.0, 2.0], "noise": [0.0, 0.0]}), ["email:none"])[:, 0]
    assert middle == pytest.approx(0.25, abs=0.06)
    assert edge == pytest.approx(0.0, abs=0.06)
    reasons = found.why({"taste": 0.0}, "email:none")
    assert [reason.feature for reason in reasons] == ["average", "taste"]
    assert "taste is between -0.4" in reasons[1].says
    assert "raises the expected extra visits" in reasons[1].says
    assert sum(reason.effect for reason in reasons) == pytest.approx(middle)


@pytest.mark.parametrize("name", EVERY)
def test_every_candidate_comes_back_from_json_and_its_reasons_add_up(name: str) -> None:
    mine = _with(name)
    again = uplift.from_parameters(json.loads(json.dumps(mine.parameters())))
    people = pa.table({"a": [1.0, -1.0, 0.2], "b": [1.0, 1.0, -0.3], "flag": [0.0, 1.0, 0.0]})
    actions = ("email:none", "email:save10", "voice:none")
    for here, there in zip(mine.predict(people, actions), again.predict(people, actions), strict=True):
        assert (here == there).all()
    assert again.version == mine.version
    effects, errors = mine.predict(people, actions)
    assert (errors >= 0).all()
    assert (effects[:, 2] == 0).all()
    row = {"a": 1.0, "b": 1.0, "flag": 0.0}
    assert sum(reason.effect for reason in mine.why(row, "email:none")) == pytest.approx(effects[0, 0])


@pytest.mark.parametrize("name", ["S", "X", "DR"])
def test_trees_see_the_crossed_effect_in_its_true_size(name: str) -> None:
    people = pa.table({"a": [1.0, -1.0], "b": [1.0, 1.0], "flag": [0.0, 0.0]})
    moved, put_off = _with(name).effects(people, ["email:none"])[:, 0]
    assert 0.1 < moved < 0.5
    assert -0.5 < put_off < -0.1


def test_rows_in_any_order_give_the_same_trees() -> None:
    rows = _crossed(people=4200)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    first, second = (uplift.fit(each, outcome="visits", feature_names=NAMES, seed=0) for each in (rows, shuffled))
    assert first.deviation is not None
    assert first.parameters() == second.parameters()


def test_a_model_stored_before_there_were_candidates_is_a_ridge(make_rows: MakeRows) -> None:
    kept = uplift.fit(make_rows(people=2000, spread=0.3), outcome="visits", feature_names=["taste"], seed=0)
    old = {name: value for name, value in kept.parameters().items() if name != "deviation"}
    assert uplift.from_parameters(old).deviation is None


def test_an_outcome_that_nobody_recorded_cannot_be_learned(make_rows: MakeRows) -> None:
    rows = make_rows(people=300)
    rows = rows.set_column(rows.column_names.index("y_orders"), "y_orders", pa.array(np.full(300, np.nan)))
    assert not uplift.is_recorded(rows, "orders")
    assert uplift.is_recorded(rows, "visits")
    with pytest.raises(DataError, match="known outcome"):
        uplift.fit(rows, outcome="orders", feature_names=["taste"], seed=0)


def _data(people: int = 3000) -> tuple[Sample, np.ndarray, np.ndarray]:
    """A sample whose doubly robust effects are made up: `x` orders people by it, with noise."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(people)
    arrays = {"y": np.zeros(people), "z": x[:, None], "propensity": np.full(people, 0.5), "weight": np.ones(people)}
    action = np.arange(people) % 2 - 1
    data = Sample(
        **arrays, wave=np.zeros(people, dtype=np.int64), action=action, actions=1, fold=np.arange(people) % 5,
        person=np.arange(people), folds=5, people=people, waves=1,
    )  # fmt: skip
    return data, x[:, None], 0.3 * x[:, None] + rng.standard_normal((people, 1))


def _scores(held_out: np.ndarray, *, noise: float = 0.0) -> Scores:
    rng = np.random.default_rng(3)
    probes = held_out[:500] + noise * rng.standard_normal((5, 500, 1))
    return Scores(held_out, probes)


def test_the_simplest_of_equals_is_chosen_and_a_clearly_better_one_is_not_passed_over() -> None:
    data, x, psi = _data()
    rng = np.random.default_rng(8)
    chosen = []
    for _ in range(20):
        one, other = (_scores(x + 0.3 * rng.standard_normal(x.shape)) for _ in range(2))
        chosen.append(choice.choose(data, psi, {"simple": one, "rich": other}).chosen)
    assert chosen.count("simple") >= 13
    poor = x + 5.0 * rng.standard_normal(x.shape)
    apart = choice.choose(data, psi, {"simple": _scores(poor), "rich": _scores(x)})
    assert (apart.chosen, apart.is_found) == ("rich", True)


def test_the_gain_of_the_true_order_is_its_covariance_with_the_place() -> None:
    data, x, psi = _data(people=20_000)
    gains = choice.gains_of(data, psi, x)
    assert float(gains.mean()) == pytest.approx(0.3 / (2 * np.sqrt(np.pi)), rel=0.15)
    assert float(choice.gains_of(data, psi, -x).mean()) == pytest.approx(-float(gains.mean()))
    slope, error = choice.calibration(data, psi, x)
    assert abs(slope - 0.3) < 4 * error


def test_the_more_candidates_the_wider_the_intervals() -> None:
    data, x, psi = _data()
    rng = np.random.default_rng(9)
    others = {f"random {n}": _scores(rng.standard_normal(x.shape)) for n in range(6)}
    one, many = (choice.choose(data, psi, {"x": _scores(x)} | rest).gains["x"] for rest in ({}, others))
    assert (one.high - one.mid) / one.error == pytest.approx(1.96, abs=0.01)
    assert 2.4 < (many.high - many.mid) / many.error < 2.8
    assert many.mid == pytest.approx(one.mid)


def test_models_that_disagree_count_as_noise() -> None:
    _, x, _ = _data()
    assert _scores(x).noise == 0.0
    assert _scores(0 * x).noise == 0.0
    assert _scores(x, noise=10.0).noise == 1.0
    assert 0.0 < _scores(x, noise=0.2).noise < 0.5


@given(st.lists(st.integers(0, 4), min_size=10, max_size=60))
def test_people_with_equal_scores_share_a_place_and_a_share_contacted_is_a_share(levels: list[int]) -> None:
    data, _, _ = _data(people=len(levels))
    score = np.array(levels, dtype=np.float64)[:, None]
    before, until = choice.places(data, score)
    assert ((before >= -1e-12) & (until <= 1 + 1e-12) & (before < until)).all()
    for fold in range(5):
        mine = data.fold == fold
        middle = (before + until)[mine, 0] / 2
        assert middle.mean() == pytest.approx(0.5)
        assert len(set(middle.round(12))) == len(set(score[mine, 0]))
    assert np.ptp(choice.gains_of(data, np.ones_like(score), score)) < 1e-12
