"""Stop rules: each fires when it should, never before, and the most important speaks first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.evidence import Estimate, Interval
from liftwright.measurement.stopping import Guardrail, Watch, conditional_power, guardrail_findings, harm, judge, planned, z_of

RULES = planned(budget=1000.0, margin_floor=0.35, guardrails={"opt_out": 0.005, "complaint": 0.001})
NOTHING = Estimate(metric="margin", low=-1.0, mid=0.02, high=1.04, p_value=0.97)
HOPELESS = Estimate(metric="margin", low=-1.5, mid=-1.0, high=-0.5, p_value=1e-6)
GOOD = Estimate(metric="margin", low=0.5, mid=1.0, high=1.5, p_value=1e-4)


def watch(**changes: Any) -> Watch:
    values: dict[str, Any] = {"fraction": 0.5, "lift": GOOD, "conversions": 200, "srm_p": 0.5, "budget": 1000.0}
    return Watch(**(values | changes))


def fired(**changes: Any) -> list[str]:
    return [signal.rule for signal in judge(watch(**changes), rules=RULES)]


def test_a_healthy_flight_goes_on() -> None:
    assert fired() == []


@pytest.mark.parametrize(
    ("changes", "rule", "kind"),
    [
        ({"killed_by": "ada"}, "kill_switch", "stop"),
        ({"srm_p": 0.0009}, "data_fault", "pause"),
        ({"contaminated_share": 0.051}, "data_fault", "pause"),
        ({"guardrails": (Guardrail("opt_out", 80, 10_000, 0.005),)}, "guardrail:opt_out", "stop"),
        ({"spent": 1000.0}, "budget", "stop"),
        ({"stock_left": {"save10": 0, "save20": 3}}, "stock", "stop_offer"),
        ({"margin_rate": Interval(low=0.2, mid=0.3, high=0.34)}, "margin_floor", "stop"),
        ({"lift": NOTHING, "fraction": 0.7}, "futility", "stop"),
        ({"fraction": 1.0}, "end", "stop"),
    ],
)
def test_each_rule_fires_alone_with_its_statistic_and_its_bound(changes: dict[str, Any], rule: str, kind: str) -> None:
    signals = judge(watch(**changes), rules=RULES)
    assert [(signal.rule, signal.kind) for signal in signals] == [(rule, kind)]
    assert signals[0].says.endswith(".")
    assert np.isfinite([signals[0].statistic, signals[0].bound]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"srm_p": 0.002},
        {"contaminated_share": 0.049},
        {"guardrails": (Guardrail("opt_out", 55, 10_000, 0.005),)},
        {"guardrails": (Guardrail("opt_out", 130, 10_000, 0.005, baseline_count=9, baseline_people=1000),)},
        {"spent": 999.0},
        {"margin_rate": Interval(low=0.2, mid=0.3, high=0.36)},
        {"lift": HOPELESS, "fraction": 0.2},
        {"lift": HOPELESS, "conversions": 24},
    ],
)
def test_short_of_the_bound_nothing_fires(changes: dict[str, Any]) -> None:
    assert fired(**changes) == []


def test_a_plan_that_could_not_find_its_effect_is_never_futile() -> None:
    assert fired(lift=NOTHING, fraction=0.7) == ["futility"]
    assert fired(lift=NOTHING, fraction=0.7, has_power=False) == []


def test_arms_that_cannot_be_compared_say_nothing_about_the_effect() -> None:
    assert fired(lift=NOTHING, fraction=0.7, srm_p=1e-9) == ["data_fault"]


def test_futility_goes_by_orders_seen_and_not_by_days() -> None:
    assert fired(lift=NOTHING, fraction=0.9, information=0.2) == []
    assert fired(lift=NOTHING, fraction=0.4, information=0.7) == ["futility"]


def test_an_effect_that_had_no_time_to_show_yet_is_not_futile() -> None:
    assert conditional_power(0.0, fraction=0.6, matured=0.2) > 2 * conditional_power(0.0, fraction=0.6)
    assert fired(lift=NOTHING, fraction=0.6) == ["futility"]
    assert fired(lift=NOTHING, fraction=0.6, matured=0.2) == []


def test_the_most_important_rule_speaks_first_and_the_kill_switch_alone() -> None:
    everything: dict[str, Any] = {"srm_p": 1e-9, "spent": 2000.0, "fraction": 1.0, "stock_left": {"save10": 0}}
    assert fired(**everything) == ["data_fault", "budget", "stock", "end"]
    assert fired(**everything, killed_by="ada") == ["kill_switch"]


def test_a_rule_that_was_not_stated_before_does_not_fire_and_one_that_asks_does_not_act() -> None:
    assert judge(watch(spent=2000.0), rules=planned()) == ()
    asking = judge(watch(spent=2000.0, srm_p=1e-9), rules=planned(budget=1000.0, acts=False))
    assert [(signal.rule, signal.acts) for signal in asking] == [("data_fault", True), ("budget", False)]


def test_conditional_power_at_known_points() -> None:
    assert conditional_power(0.0, fraction=0.0) == pytest.approx(0.8, abs=1e-4)
    assert conditional_power(0.0, fraction=0.5) == pytest.approx(0.2142, abs=1e-3)
    assert conditional_power(2.5, fraction=1.0) == 1.0
    assert conditional_power(1.0, fraction=1.0) == 0.0


@given(z=st.floats(-4, 4), fraction=st.floats(0.01, 0.99))
def test_a_better_result_never_makes_the_rest_look_more_futile(z: float, fraction: float) -> None:
    assert conditional_power(z + 0.1, fraction=fraction) >= conditional_power(z, fraction=fraction)


@given(count=st.integers(0, 50), people=st.integers(50, 100_000))
def test_the_harm_bound_never_exceeds_the_rate_seen(count: int, people: int) -> None:
    assert 0.0 <= harm(Guardrail("opt_out", count, people, 0.01)) <= count / people


def test_guardrails_become_findings_for_the_report() -> None:
    bad, fine = guardrail_findings([Guardrail("opt_out", 80, 10_000, 0.005), Guardrail("complaint", 0, 0, 0.001)])
    assert (bad.severity, bad.count) == ("block", 80)
    assert bad.says == "opt_out: 80 of 10000 contacted (0.80%), limit 0.50%."
    assert fine.severity == "info"


def test_the_z_of_an_estimate_keeps_its_sign() -> None:
    assert z_of(Estimate(metric="m", mid=-2.0, p_value=0.05)) == pytest.approx(-1.96, abs=1e-3)
    assert z_of(Estimate(metric="m")) is None


@pytest.mark.slow
def test_futility_ends_most_flights_without_an_effect_and_few_with_the_planned_one() -> None:
    shares = np.arange(1, 21) / 20
    noise = np.random.default_rng(1).normal(0, np.sqrt(1 / 20), (2000, 20)).cumsum(axis=1)

    def stopped(drift: float) -> float:
        z = (noise + drift * shares) / np.sqrt(shares)
        at = [k for k, share in enumerate(shares) if 0.3 <= share < 1.0]
        return float(np.mean([any(conditional_power(row[k], fraction=shares[k]) < 0.10 for k in at) for row in z]))

    assert stopped(0.0) > 0.9
    assert stopped(2.8016) < 0.25
