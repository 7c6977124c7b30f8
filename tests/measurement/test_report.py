"""The report: by assignment, with a verdict by rule and a text that only repeats its numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.evidence import Estimate, Health, Interval
from liftwright.domain.experiment import Analysis, Detectable, Experiment
from liftwright.domain.policy import Finding
from liftwright.measurement.report import Flight, build, narrative, verdict

EXPERIMENT = Experiment(
    salt="s",
    holdout_share=0.1,
    primary_metric="incremental_margin",
    mde=Detectable(absolute=1.0),
    method="difference",
    treated=9000,
    holdout=1000,
)
FINE = Health(srm_p=0.5, contamination=0, late_data=0)


def world(effect: float, *, seed: int = 0, treated: int = 9000, holdout: int = 1000) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    people = treated + holdout
    held = np.arange(people) >= treated
    buys = rng.random(people) < 0.2
    margin = buys * rng.gamma(2.0, 10.0, people) + np.where(held, 0.0, effect)
    ids = [f"c{i:05d}" for i in range(people)]
    audience = pa.table(
        {
            "customer_id": ids,
            "arm": np.where(held, "holdout", "treated").astype(object),
            "is_selected": pa.array([True] * people),
            "prior_value": rng.gamma(2.0, 5.0, people),
        }
    )
    outcomes = pa.table(
        {"customer_id": ids, "margin": margin, "revenue": margin * 2.5, "orders": buys * 1.0, "visits": buys * 2.0}
    )
    return audience, outcomes


def run(effect: float, **changes: Any) -> Any:
    audience, outcomes = changes.pop("world", None) or world(effect)
    values: dict[str, Any] = {
        "campaign_id": "k1",
        "status": "finished",
        "currency": "USD",
        "approved_hash": "sha256:a",
        "plan_hash": "sha256:a",
        "sends": {"planned": 9000, "delivered": 8990, "failed": 10, "unknown": 0, "suppressed": 0},
        "delivered": ["c00001"],
        "has_ended": True,
    }
    return build(Flight(**(values | changes)), audience=audience, outcomes=outcomes, experiment=EXPERIMENT)


def test_a_real_effect_is_a_win_whose_total_is_the_effect_times_the_treated() -> None:
    found = run(2.0)
    assert found.verdict == "win"
    assert found.incremental_margin.mid == pytest.approx(9000 * found.lift.mid)
    assert found.incremental_margin.low < 18_000 < found.incremental_margin.high
    assert found.sends["duplicates"] == 0
    assert [one.metric for one in found.secondary] == ["revenue", "orders", "visits", "average_order_value"]
    assert found.secondary[0].level == pytest.approx(1 - 0.05 / 5)


def test_a_harmful_and_an_idle_campaign_are_called_so() -> None:
    assert run(-2.0).verdict == "harm"
    assert run(0.0).verdict == "inconclusive"
    assert run(0.0, is_futile=True).verdict == "futile"
    assert run(2.0, has_ended=False).verdict == "running"


def test_arms_that_do_not_fit_the_plan_make_the_report_invalid_however_good_it_looks() -> None:
    found = run(2.0, world=world(2.0, treated=9300, holdout=700))
    assert found.verdict == "invalid"
    assert "must not be used" in found.narrative


def test_a_selection_that_differs_between_the_arms_is_found_too() -> None:
    audience, outcomes = world(0.0)
    chosen = [i < 9000 or i % 3 == 0 for i in range(10_000)]
    table = audience.set_column(2, "is_selected", pa.array(chosen))
    assert run(0.0, world=(table, outcomes)).verdict == "invalid"


def test_people_who_were_not_selected_do_not_count() -> None:
    audience, outcomes = world(2.0)
    table = audience.set_column(2, "is_selected", pa.array([i % 2 == 0 for i in range(10_000)]))
    found = run(2.0, world=(table, outcomes))
    assert (found.lift.treated, found.lift.holdout) == (4500, 500)


def test_people_without_an_outcome_row_count_as_zero() -> None:
    audience, outcomes = world(2.0)
    found = run(2.0, world=(audience, outcomes.slice(0, 9000)))
    assert found.lift.holdout == 1000
    assert found.lift.mid > 2.0


def test_contacted_holdout_people_and_late_events_are_counted_and_said() -> None:
    found = run(0.0, delivered=["c00001", "c09500", "c09501"], late_data=4)
    assert (found.health.contamination, found.health.late_data) == (2, 4)
    assert "2 people held out were contacted" in found.narrative
    assert "4 events came in" in found.narrative


@pytest.mark.parametrize(
    ("low", "high", "conversions", "expected"),
    [
        (0.1, 1.0, 25, "win"),
        (0.1, 1.0, 24, "inconclusive"),
        (-1.0, -0.1, 25, "harm"),
        (-0.1, 1.0, 99, "inconclusive"),
        (None, None, 0, "inconclusive"),
    ],
)
def test_the_verdict_follows_the_interval_once_enough_people_bought(
    low: float | None, high: float | None, conversions: int, expected: str
) -> None:
    lift = Estimate(metric="m", low=low, high=high)
    assert verdict(lift, health=FINE, has_ended=True, is_futile=False, conversions=conversions) == expected


def test_the_text_of_a_win() -> None:
    found = run(
        2.0,
        guardrails=[
            Finding(rule="guardrail:opt_out", severity="block", subject="opt_out", says="opt_out: 80 of 9000 contacted.")
        ],
    )
    money = found.incremental_margin
    assert found.narrative == (
        "8990 of 9000 planned sends were delivered (10 failed). Compared with 1000 people held out, the 9000 people selected brought "
        f"{money.mid:,.2f} USD of extra margin (95% interval {money.low:,.2f} USD to {money.high:,.2f} USD), {found.lift.mid:.4f} USD per person. "
        "The whole interval lies above zero: the campaign paid. opt_out: 80 of 9000 contacted."
    )


GOLDEN = {
    "inconclusive": "It cannot be told whether it paid. If the effect seen is the true one, a test about 7.8 times as large would decide it.",
    "futile": "It was stopped because the planned effect could no longer be found. If the effect seen is the true one, a test about 7.8 times as large would decide it.",
    "running": "The flight is still running: 40% of the window has been seen.",
    "harm": "The whole interval lies below zero: the campaign cost more than it brought.",
}


@pytest.mark.parametrize("called", sorted(GOLDEN))
def test_the_conclusion_of_every_verdict(called: str) -> None:
    lift = Estimate(metric="m", low=-1.0, mid=1.0, high=3.0, p_value=0.3173105, treated=9, holdout=3)
    found = run(0.0).model_copy(update={"verdict": called, "lift": lift, "matured_share": 0.4})
    assert GOLDEN[called] in narrative(found)


def test_an_effect_that_could_not_be_measured_is_not_given_numbers() -> None:
    audience, outcomes = world(0.0)
    empty = outcomes.set_column(1, "margin", pa.array(np.zeros(10_000)))
    found = run(0.0, world=(audience, empty))
    assert (found.incremental_margin, found.verdict) == (None, "inconclusive")
    assert "not measurable yet: nobody's outcome differs" in found.narrative


@pytest.mark.parametrize(
    ("has_ended", "expected", "conclusion"),
    [(True, "inconclusive", "So it cannot be told whether it paid."), (False, "running", "The flight is still running")],
)
def test_contact_cost_alone_is_no_effect(has_ended: bool, expected: str, conclusion: str) -> None:
    audience, outcomes = world(0.0)
    cost = pa.array(np.where(np.arange(10_000) < 9000, -0.02, 0.0))
    silent = outcomes.set_column(1, "margin", cost)
    for name in ("revenue", "orders", "visits"):
        silent = silent.set_column(silent.column_names.index(name), name, pa.array(np.zeros(10_000)))
    found = run(0.0, world=(audience, silent), has_outcomes=False, has_ended=has_ended)
    assert (found.incremental_margin, found.lift.low, found.verdict) == (None, None, expected)
    assert (found.lift.treated, found.lift.holdout) == (9000, 1000)
    assert "What it caused is not measurable yet: no purchase" in found.narrative
    assert conclusion in found.narrative
    assert found.unmeasured == found.lift.reason
    uneven = run(0.0, world=(world(0.0, treated=9300, holdout=700)[0], silent), has_outcomes=False)
    assert uneven.verdict == "invalid"


def test_a_negative_or_tiny_effect_promises_no_larger_test() -> None:
    base = run(0.0)
    worse = base.model_copy(update={"lift": Estimate(metric="m", low=-3.0, mid=-1.0, high=1.0, p_value=0.3)})
    tiny = base.model_copy(update={"lift": Estimate(metric="m", low=-3.0, mid=0.01, high=3.0, p_value=0.99)})
    assert "Nothing seen here speaks for repeating it" in narrative(worse)
    assert "too small to be found" in narrative(tiny)


def test_every_number_of_the_text_is_in_the_report() -> None:
    found = run(2.0)
    known = {
        f"{abs(v):,.2f}" for v in (found.incremental_margin.low, found.incremental_margin.mid, found.incremental_margin.high)
    }
    known |= {"8990", "9000", "10", "1000", "95%", f"{found.lift.mid:.4f}"}
    assert set(re.findall(r"\d[\d,.]*\d%?|\d%?", found.narrative)) <= known


def test_an_inconclusive_end_says_that_it_was_to_be_expected_and_what_it_would_take() -> None:
    lift = Estimate(metric="m", low=-1.0, mid=1.0, high=3.0, p_value=0.3173105, treated=9, holdout=3)
    found = run(0.0).model_copy(update={"lift": lift, "expected": 0.5, "detectable": 1.8134})
    text = narrative(found)
    assert "That was to be expected: at this size only effects from 1.8134 USD per person can be found" in text
    assert "the plan expected 0.5000" in text
    assert "a test about" in text
    assert "That was to be expected" not in narrative(found.model_copy(update={"expected": 2.5}))


def test_many_contacted_people_of_the_holdout_make_the_report_invalid_and_it_says_why() -> None:
    found = run(2.0, delivered=[f"c{number:05d}" for number in range(9_000, 9_100)])
    assert found.verdict == "invalid"
    assert "10% of the people held out were contacted, so this figure must not be used" in found.narrative


def test_money_is_judged_under_the_cap_of_the_plan_and_shown_without_it() -> None:
    audience, outcomes = world(0.0)
    margin = outcomes["margin"].to_numpy().copy()
    margin[9_500] = 1e6
    planned = EXPERIMENT.model_copy(update={"analysis": Analysis(conversions=200.0, cap=80.0, stricter_cap=50.0)})
    flight = Flight(
        campaign_id="k",
        status="finished",
        currency="USD",
        approved_hash=None,
        plan_hash=None,
        sends={},
        delivered=[],
        has_ended=True,
    )
    found = build(flight, audience=audience, outcomes=outcomes.set_column(1, "margin", pa.array(margin)), experiment=planned)
    plain, stricter = found.sensitivity
    assert abs(found.lift.mid) < 1.0
    assert plain.mid < -900
    assert abs(stricter.mid) < 1.0
    assert "count as 80.00" in found.lift.method
    assert "count as 50.00" in stricter.method


def test_a_goal_of_its_own_is_judged_by_itself_beside_the_margin() -> None:
    audience, outcomes = world(2.0)
    flight = Flight(
        campaign_id="k",
        status="finished",
        currency="USD",
        approved_hash=None,
        plan_hash=None,
        sends={},
        delivered=[],
        has_ended=True,
    )
    experiment = EXPERIMENT.model_copy(update={"primary_metric": "visits"})
    found = build(flight, audience=audience, outcomes=outcomes, experiment=experiment)
    assert (found.lift.metric, found.verdict) == ("visits", "inconclusive")
    assert found.margin.low > 0
    assert found.incremental_margin.mid == pytest.approx(9_000 * found.margin.mid)
    assert "The goal's own measure, visits, changed by" in found.narrative


def test_the_interval_that_holds_at_every_look_is_the_wider_one() -> None:
    audience, outcomes = world(2.0)
    flight = Flight(campaign_id="k", status="running", currency="USD", approved_hash=None, plan_hash=None, sends={}, delivered=[])
    found = build(flight, audience=audience, outcomes=outcomes, experiment=EXPERIMENT, critical=2.0, critical_anytime=3.0)
    assert found.anytime.low < found.lift.low < found.lift.high < found.anytime.high


def test_every_arm_is_shown_with_what_it_did() -> None:
    costs = {"c00001": 10.0, "c00002": 2.5}
    treated, held = run(0.0, delivered=list(costs), contact_cost=12.5, costs=costs).arms
    assert (treated.arm, treated.people, treated.reached, treated.contact_cost) == ("treated", 9_000, 2, 12.5)
    assert (held.arm, held.people, held.reached, held.contact_cost) == ("holdout", 1_000, 0, 0.0)
    assert treated.buyers == pytest.approx(1_800, abs=150)


@pytest.mark.parametrize(
    ("verdict_of", "low", "high", "said"),
    [
        ("win", 10.0, 30.0, "Revenue surely rose. The whole interval lies above zero: the campaign paid."),
        ("win", -10.0, 30.0, "Revenue surely rose. Whether it paid cannot be told: the interval of the margin includes zero."),
        ("harm", -30.0, -1.0, "Revenue surely fell. The whole interval lies below zero: the campaign cost more"),
        ("inconclusive", -10.0, 30.0, "It cannot be told whether it moved revenue."),
    ],
)
def test_a_goal_of_its_own_that_moved_is_not_taken_for_money_earned(verdict_of: str, low: float, high: float, said: str) -> None:
    lift = Estimate(metric="revenue", low=1.0, mid=2.0, high=3.0, p_value=0.01, treated=9, holdout=3)
    money = Interval(low=low, mid=(low + high) / 2, high=high)
    found = run(0.0).model_copy(update={"verdict": verdict_of, "lift": lift, "incremental_margin": money})
    assert said in narrative(found)
