"""One visitor: the best allowed action, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.next_action import NOTHING, choose
from liftwright.planning.treatments import Economics

ACTIONS = ("web:none", "web:save10", "push:none")


def economics(**changes: Any) -> Economics:
    values: dict[str, Any] = {
        "unit_cost": {"web": 0.01, "push": 0.02},
        "buy_chance": np.array([0.1]),
        "order_revenue": np.array([50.0]),
        "margin_rate": np.array([0.4]),
        "recent_contacts": np.array([0.0]),
        "discounts": {"save10": 0.1},
    }
    return Economics(**(values | changes))


@given(effects=st.fixed_dictionaries({name: st.floats(-2, 2) for name in ACTIONS}), blocked=st.sets(st.sampled_from(ACTIONS)))
def test_the_choice_is_the_best_allowed_option_and_never_worse_than_doing_nothing(
    effects: dict[str, float], blocked: set[str]
) -> None:
    rules = {name: ("no consent",) if name in blocked else () for name in ACTIONS}
    found = choose(effects=effects, economics=economics(), blocked_by=rules)
    assert found.value >= 0.0
    assert found.action not in blocked
    assert found.value == max(option.value for option in found.options if option.is_allowed)
    assert len(found.options) == len(ACTIONS) + 1


def test_nothing_is_done_when_nothing_earns_or_nothing_is_allowed() -> None:
    assert choose(effects={"web:none": -1.0}, economics=economics(), blocked_by={"web:none": ()}).action == NOTHING
    unchecked = choose(effects={"web:none": 5.0}, economics=economics(), blocked_by={})
    assert unchecked.action == NOTHING
    assert unchecked.options[0].blocked_by == ("not checked",)
    assert "Nothing is done" in unchecked.says


def test_an_offer_below_the_margin_floor_is_blocked_by_it() -> None:
    found = choose(effects={"web:save10": 5.0}, economics=economics(margin_floor=0.38), blocked_by={"web:save10": ()})
    assert found.action == NOTHING
    assert found.options[0].blocked_by == ("margin floor",)


def test_exploring_draws_evenly_among_the_allowed_and_logs_the_chance() -> None:
    effects = {"web:none": 1.0, "push:none": 0.5, "web:save10": 0.7}
    rules: dict[str, tuple[str, ...]] = {"web:none": (), "push:none": (), "web:save10": ("no stock",)}
    runs = [choose(effects=effects, economics=economics(), blocked_by=rules, explore=0.3, seed=seed) for seed in range(2000)]
    counts = {name: sum(run.action == name for run in runs) for name in ("web:none", "push:none", NOTHING, "web:save10")}
    assert counts["web:save10"] == 0
    for run in runs[:50]:
        assert run.propensity == pytest.approx(0.8 if run.action == "web:none" else 0.1)
    assert counts["web:none"] / 2000 == pytest.approx(0.8, abs=0.03)
    assert counts["push:none"] / 2000 == pytest.approx(0.1, abs=0.025)


def test_the_second_touch_is_worth_less_than_the_first() -> None:
    first, second = (
        choose(effects={"web:none": 1.0}, economics=economics(), blocked_by={"web:none": ()}, already_touched=n) for n in (0, 1)
    )
    assert second.value == pytest.approx(0.7 - 0.01)
    assert first.value == pytest.approx(0.99)
