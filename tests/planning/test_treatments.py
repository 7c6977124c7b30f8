"""What a touch is worth, and when it is worth sending on."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from economy import economics
from liftwright.planning.treatments import SCHEMA, TERMS, Economics, action_parts, candidates, keeps_floor, terms
from liftwright.planning.waves import waves

FLIGHT = waves(starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 14), per_week=1)


def table(effects: Any, actions: list[str], *, economy: Economics | None = None, **changes: Any) -> Any:
    effects = np.asarray(effects, dtype=float)
    people = len(effects)
    values: dict[str, Any] = {
        "allowed": {"email": np.ones(people, dtype=bool), "sms": np.ones(people, dtype=bool)},
        "waves": FLIGHT,
        "variants": {action: {f"{action}-a": 1.0} for action in actions},
    }
    ids = [f"p{i}" for i in range(people)]
    return candidates(
        customer_ids=ids, effects=effects, actions=actions, economics=economy or economics(people), **(values | changes)
    )


@given(
    effect=st.floats(-5, 5),
    chance=st.floats(0, 1),
    contacts=st.floats(0, 20),
    includes=st.booleans(),
    wave=st.integers(1, 5),
    offer=st.sampled_from(["none", "save10", "save30"]),
)
def test_costs_are_never_positive_and_a_discount_measured_inside_the_effect_is_not_charged_twice(
    effect: float, chance: float, contacts: float, includes: bool, wave: int, offer: str
) -> None:
    economy = economics(
        1,
        buy_chance=np.array([chance]),
        recent_contacts=np.array([contacts]),
        fatigue_price={"email": 0.01},
        effects_include_discount=includes,
    )
    worth = terms(np.array([effect]), channel="email", offer=offer, wave=wave, economics=economy)
    assert all(worth[name][0] <= 0 for name in ("term_cost", "term_incentive", "term_fatigue"))
    subsidy = 0.0 if includes else chance * 50.0 * economy.discount(offer)
    expected = effect * 0.7 ** (wave - 1) - 0.002 - subsidy - 0.01 * (1 + 0.5 * contacts)
    assert sum(worth[name][0] for name in TERMS) == pytest.approx(expected, abs=1e-9)


def test_the_subsidy_is_scaled_to_the_attribution_window() -> None:
    economy = economics(1, effects_include_discount=False, attribution_days=7, buy_window_days=14, buy_chance=np.array([0.19]))
    worth = terms(np.array([1.0]), channel="email", offer="save10", wave=1, economics=economy)
    assert worth["term_incentive"][0] == pytest.approx(-0.1 * 50.0 * 0.1)


def test_only_the_share_of_orders_that_redeem_the_coupon_costs_its_discount() -> None:
    full, half = economics(), economics(redeemed={"save10": 0.5})
    costs = [
        terms(np.zeros(4), channel="email", offer="save10", wave=1, economics=each)["term_incentive"] for each in (full, half)
    ]
    assert costs[1] == pytest.approx(0.5 * costs[0])


def test_every_contact_of_the_last_days_makes_the_next_one_dearer() -> None:
    economy = economics(3, recent_contacts=np.array([0.0, 1.0, 4.0]), fatigue_price={"email": 0.02})
    price = terms(np.zeros(3), channel="email", offer="none", wave=1, economics=economy)["term_fatigue"]
    assert price.tolist() == pytest.approx([-0.02, -0.03, -0.06])


def test_only_touches_that_earn_something_become_candidates_and_their_terms_add_up() -> None:
    found = table([[0.5, -1.0], [0.0, 0.3], [-0.2, 0.01]], ["email:none", "sms:none"])
    assert found.schema == SCHEMA
    assert found["value"].to_numpy().min() > 0
    rows = [(r["customer_id"], r["wave"], r["channel"]) for r in found.to_pylist()]
    assert rows == [("p0", 1, "email"), ("p0", 2, "email"), ("p1", 1, "sms"), ("p1", 2, "sms")]
    total = sum(found[name].to_numpy() for name in TERMS)
    assert total == pytest.approx(found["value"].to_numpy())
    first, second = found["value"].to_pylist()[:2]
    assert second == pytest.approx((first + 0.002) * 0.7 - 0.002)


def test_a_channel_without_permission_or_without_content_gives_no_candidate() -> None:
    actions = ["email:none", "sms:none", "push:none"]
    effects = np.ones((2, 3))
    found = table(
        effects,
        actions,
        allowed={"email": np.array([True, False]), "push": np.ones(2, dtype=bool)},
        variants={"email:none": {"v": 1.0}},
    )
    assert set(zip(found["customer_id"].to_pylist(), found["channel"].to_pylist(), strict=True)) == {("p0", "email")}
    assert table(effects, actions, allowed={}).num_rows == 0


def test_an_offer_that_pushes_an_order_below_the_margin_floor_is_dropped() -> None:
    economy = economics(2, margin_rate=np.array([0.40, 0.50]), margin_floor=0.35)
    assert keeps_floor("save10", economics=economy).tolist() == [False, True]
    assert keeps_floor("save30", economics=economy).tolist() == [False, False]
    assert keeps_floor("none", economics=economy).tolist() == [True, True]
    found = table(np.ones((2, 2)), ["email:save10", "email:none"], economy=economy)
    assert {(r["customer_id"], r["offer"]) for r in found.to_pylist()} == {("p0", "none"), ("p1", "none"), ("p1", "save10")}


def test_stock_is_used_only_by_offers_that_have_stock() -> None:
    found = table(np.ones((1, 2)), ["email:save10", "sms:none"], economy=economics(1, stocked=frozenset({"save10"})))
    assert {(r["offer"], r["stock_use"], r["discount"]) for r in found.to_pylist()} == {("save10", 1.0, 0.1), ("none", 0.0, 0.0)}


def test_variants_are_dealt_by_their_shares_and_stay_with_the_person() -> None:
    people = 4000
    shares = {"email:none": {"a": 0.75, "b": 0.25}}
    found = table(np.ones((people, 1)), ["email:none"], variants=shares, seed=1)
    by_person: dict[str, set[str]] = {}
    for row in found.to_pylist():
        by_person.setdefault(row["customer_id"], set()).add(row["variant"])
    assert all(len(seen) == 1 for seen in by_person.values())
    assert sum(seen == {"a"} for seen in by_person.values()) / people == pytest.approx(0.75, abs=0.03)
    again = table(np.ones((people, 1)), ["email:none"], variants=shares, seed=1)
    assert again.equals(found)


def test_hours_follow_the_person_and_the_channel() -> None:
    found = table(np.ones((2, 1)), ["email:none"], hours={"email": np.array([8, 19])})
    assert {(r["customer_id"], r["hour"]) for r in found.to_pylist()} == {("p0", 8), ("p1", 19)}


def test_effects_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        table(np.ones((2, 1)), ["email:none", "sms:none"])


def test_an_action_without_a_colon_is_a_channel_without_an_offer() -> None:
    assert action_parts("email") == ("email", "none")
    assert action_parts("sms:save10") == ("sms", "save10")


@given(days=st.integers(1, 60), per_week=st.integers(1, 9))
def test_waves_cover_the_flight_and_never_exceed_the_weekly_number(days: int, per_week: int) -> None:
    start = date(2026, 3, 1)
    end = date.fromordinal(start.toordinal() + days - 1)
    found = waves(starts_on=start, ends_on=end, per_week=per_week)
    assert found[0].send_on == start
    assert sum(wave.days for wave in found) == days
    assert [wave.index for wave in found] == list(range(1, len(found) + 1))
    for wave in found:
        same_week = [other for other in found if 0 <= (other.send_on - wave.send_on).days < 7]
        assert len(same_week) <= min(per_week, 7)


def test_no_contacts_a_week_means_no_waves_and_a_flight_cannot_end_before_it_starts() -> None:
    assert waves(starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 14), per_week=0) == ()
    with pytest.raises(ValueError, match="before it starts"):
        waves(starts_on=date(2026, 3, 2), ends_on=date(2026, 3, 1), per_week=1)
