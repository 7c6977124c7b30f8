"""What each arm did, and what it brought above the holdout."""

from __future__ import annotations

import pyarrow as pa
import pytest

from liftwright.domain.figures import ArmResult
from liftwright.measurement.arms import results

PEOPLE = {"treated": 60, "random": 40, "usual": 40, "holdout": 40}
MARGIN = {"treated": 9.0, "random": 2.0, "usual": 6.0, "holdout": 4.0}


def measured(*, buying: int = 30) -> dict[str, ArmResult]:
    """Every second treated person and `buying` of each other arm order; two people of the usual arm were never selected."""
    rows = [(f"{arm}{n}", arm, n) for arm, count in PEOPLE.items() for n in range(count)]
    audience = pa.table(
        {
            "customer_id": [name for name, _, _ in rows],
            "arm": [arm for _, arm, _ in rows],
            "is_selected": [(arm, n) not in (("usual", 38), ("usual", 39)) for _, arm, n in rows],
        }
    )
    orders = [float(n % 2 == 0 if arm == "treated" else n < buying) for _, arm, n in rows]
    outcomes = pa.table(
        {
            "customer_id": audience["customer_id"],
            "orders": orders,
            "revenue": [10.0 * each for each in orders],
            "margin": [each * (MARGIN[arm] + n % 3) for each, (_, arm, n) in zip(orders, rows, strict=True)],
        }
    )
    costs = {f"treated{n}": 0.5 for n in range(10)} | {"random3": 2.0}
    found = results(audience, outcomes, costs=costs, level=0.95, critical=None)
    assert [each.arm for each in found] == ["treated", "random", "usual", "holdout"]
    return {each.arm: each for each in found}


def test_each_arm_has_its_own_people_outcomes_and_costs() -> None:
    found = measured()
    assert {name: each.people for name, each in found.items()} == {"treated": 60, "random": 40, "usual": 38, "holdout": 40}
    assert {name: (each.reached, each.contact_cost) for name, each in found.items()} == {
        "treated": (10, 5.0), "random": (1, 2.0), "usual": (0, 0), "holdout": (0, 0),
    }  # fmt: skip
    assert (found["treated"].buyers, found["random"].buyers, found["random"].revenue) == (30, 30, 300.0)


def test_an_arms_gain_is_its_margin_per_person_above_the_holdouts() -> None:
    found = measured()
    gains = {name: each.gain for name, each in found.items()}
    assert gains["holdout"] is None
    for name in ("treated", "random", "usual"):
        gain, each, held = gains[name], found[name], found["holdout"]
        assert gain is not None
        assert gain.mid == pytest.approx(each.margin / each.people - held.margin / held.people)
        assert gain.low < gain.mid < gain.high
    assert gains["random"] is not None
    assert gains["random"].high < 0, "drawing by lot lost here, and the report can say so"


def test_with_few_orders_nothing_is_said_of_an_arm() -> None:
    assert measured(buying=10)["random"].gain is None
