"""Uplift is learned where it is there, and not claimed where it is not."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from liftwright.scoring import uplift

MakeRows = Callable[..., pa.Table]
NAMES = ("taste", "noise", "same")
PEOPLE = pa.table({"customer_id": ["x", "y"], "taste": [1.0, -1.0], "noise": [0.0, 0.0], "same": [1.0, 1.0]})


def _fit(rows: pa.Table, outcome: str = "visits") -> uplift.UpliftModel:
    return uplift.fit(rows, outcome=outcome, feature_names=NAMES, seed=3)


def test_people_are_ranked_when_their_effects_differ(make_rows: MakeRows) -> None:
    model = _fit(make_rows(people=8000, average=0.05, spread=0.12))
    liked, disliked = model.effects(PEOPLE, ["email:none"])[:, 0]
    assert model.ranking == "found"
    assert liked > 0.08
    assert disliked < 0
    assert model.quality["qini_low"] > 0


def test_no_ranking_is_claimed_when_everybody_reacts_alike(make_rows: MakeRows) -> None:
    model = _fit(make_rows(people=8000, average=0.05, spread=0.0))
    effects = model.effects(PEOPLE, ["email:none"])[:, 0]
    assert model.ranking == "none"
    assert effects[0] == effects[1] == model.average("email:none") == pytest.approx(0.05, abs=0.025)


def test_a_ranking_is_found_by_accident_in_few_of_many_tests_without_one(make_rows: MakeRows) -> None:
    found = sum(_fit(make_rows(people=2000, seed=seed)).ranking == "found" for seed in range(60))
    assert found <= 5


def test_the_same_rows_in_any_order_give_the_same_model_to_the_last_bit(make_rows: MakeRows) -> None:
    rows = make_rows(people=1500, spread=0.1, waves=2, actions=("email:none", "sms:save10"))
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    assert _fit(rows).parameters() == _fit(shuffled).parameters()
    assert _fit(rows).version == _fit(shuffled).version


def test_a_model_comes_back_from_json_equal(make_rows: MakeRows) -> None:
    model = _fit(make_rows(people=3000, spread=0.15, actions=("email:none", "email:save10")))
    again = uplift.from_parameters(json.loads(json.dumps(model.parameters())))
    actions = ("email:none", "email:save10", "sms:none")
    assert again.version == model.version
    assert (again.effects(PEOPLE, actions) == model.effects(PEOPLE, actions)).all()
    assert (again.standard_errors(PEOPLE, actions) == model.standard_errors(PEOPLE, actions)).all()
    assert again.card() == model.card()


def test_a_combination_never_tried_borrows_from_its_channel_and_its_offer(make_rows: MakeRows) -> None:
    rows = make_rows(people=9000, average=0.08, actions=("email:none", "email:save10", "sms:none"))
    model = _fit(rows)
    effect = model.effects(PEOPLE, ["sms:save10"])[0, 0]
    assert effect == pytest.approx(0.08, abs=0.05)
    assert model.standard_errors(PEOPLE, ["sms:save10"])[0, 0] >= model.standard_errors(PEOPLE, ["sms:none"])[0, 0] * 0.9


def test_a_channel_never_tried_has_no_expected_effect_and_the_widest_error(make_rows: MakeRows) -> None:
    model = _fit(make_rows(people=2000))
    assert model.effects(PEOPLE, ["voice:none"]).tolist() == [[0.0], [0.0]]
    assert (model.standard_errors(PEOPLE, ["voice:none"]) >= model.standard_errors(PEOPLE, ["email:none"])).all()
    assert "never tried" in model.why({"taste": 1.0}, "voice:none")[0].says


def test_standard_errors_shrink_with_more_people(make_rows: MakeRows) -> None:
    few, many = (_fit(make_rows(people=n)).average_errors(["email:none"])[0] for n in (1000, 16_000))
    assert few / many == pytest.approx(4.0, rel=0.3)
    rows = make_rows(people=16_000)
    treated = np.asarray(rows["action"].to_pylist()) != "control"
    visits = rows["y_visits"].to_numpy()
    simple = np.sqrt(visits[treated].var() / treated.sum() + visits[~treated].var() / (~treated).sum())
    assert many == pytest.approx(simple, rel=0.1)


def test_logged_propensities_that_differ_between_people_are_taken_out() -> None:
    rng = np.random.default_rng(2)
    count = 20_000
    eager = (rng.random(count) < 0.5).astype(np.float64)
    chance = np.where(eager > 0, 0.8, 0.2)
    treated = rng.random(count) < chance
    visits = (rng.random(count) < 0.1 + 0.4 * eager + 0.05 * treated).astype(np.float64)
    rows = pa.table(
        {
            "customer_id": [f"{n:05d}" for n in range(count)],
            "at": pa.array([1_700_000_000_000_000] * count, pa.timestamp("us", tz="UTC")),
            "action": np.where(treated, "sms:none", "control"),
            "propensity": np.where(treated, chance, 1 - chance),
            "y_visits": visits,
            "noise": rng.standard_normal(count),
        }
    )
    model = uplift.fit(rows, outcome="visits", feature_names=["noise"], seed=1)
    assert model.average("sms:none") == pytest.approx(0.05, abs=0.02)


def test_reasons_name_the_feature_that_matters_and_add_up(make_rows: MakeRows) -> None:
    model = _fit(make_rows(people=8000, average=0.05, spread=0.12))
    row = {"taste": 1.0, "noise": 0.0, "same": 1.0}
    reasons = model.why(row, "email:none")
    assert [reason.feature for reason in reasons[:2]] == ["average", "taste"]
    assert sum(reason.effect for reason in reasons) == pytest.approx(model.effects(PEOPLE, ["email:none"])[0, 0])
    assert "raises" in reasons[1].says


def test_without_a_ranking_the_only_reason_is_the_average(make_rows: MakeRows) -> None:
    reasons = _fit(make_rows(people=4000)).why({"taste": 1.0}, "email:none")
    assert [reason.feature for reason in reasons] == ["average"]
    assert "no ranking" in reasons[0].says


def test_one_enormous_order_does_not_decide(make_rows: MakeRows) -> None:
    rows = make_rows(people=4000, spread=0.1)
    revenue = rows["y_revenue"].to_numpy().copy()
    before = uplift.fit(rows, outcome="revenue", feature_names=NAMES, seed=3)
    revenue[np.flatnonzero(np.asarray(rows["action"].to_pylist()) != "control")[0]] = 1e7
    rows = rows.set_column(rows.column_names.index("y_revenue"), "y_revenue", pa.array(revenue))
    after = uplift.fit(rows, outcome="revenue", feature_names=NAMES, seed=3)
    assert after.data["cap"] < 500
    assert after.average("email:none") == pytest.approx(before.average("email:none"), abs=0.3)


def test_the_card_says_what_it_is_for_and_how_to_turn_it_off(make_rows: MakeRows) -> None:
    card = _fit(make_rows(people=1000)).card()
    assert card.model == "uplift_visits"
    assert "no ranking found" in card.optimises
    assert card.turn_off == "liftwright model off uplift_visits --as USER"
    assert card.data["rows"] == 1000
    assert card.breaks_when


def test_rows_without_the_outcome_are_left_out(make_rows: MakeRows) -> None:
    rows = make_rows(people=1000)
    visits = rows["y_visits"].to_numpy().copy()
    visits[:100] = np.nan
    rows = rows.set_column(rows.column_names.index("y_visits"), "y_visits", pa.array(visits))
    assert _fit(rows).data["rows"] == 900
