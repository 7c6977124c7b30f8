"""Who is worth a letter: tiers come from cost and value alone, and what is left out is counted in money."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import economy
from liftwright.planning import postage
from liftwright.planning.treatments import Economics, candidates, open_waves
from liftwright.planning.waves import Wave, waves

ACTIONS = ("direct_mail:none", "direct_mail:save10", "email:none")
IDS = ["a", "b", "c", "d", "e"]


def economics(people: int, **changes: Any) -> Economics:
    return economy.economics(people, fatigue_price={"direct_mail": 0.06}, **changes)


def weighed(effects: Any, *, likely: Any = None, allowed: Any = None, priced: Economics | None = None) -> postage.Letters:
    table = np.asarray(effects, dtype=float)
    sure = np.ones(table.shape, dtype=bool) if likely is None else np.asarray(likely, dtype=bool)
    may = allowed or {"direct_mail": np.ones(len(table), dtype=bool), "email": np.ones(len(table), dtype=bool)}
    found = postage.weigh(effects=table, likely=sure, actions=ACTIONS, allowed=may, economics=priced or economics(len(table)))
    assert found is not None
    return found


def test_a_person_falls_in_the_tier_that_cost_and_value_say() -> None:
    letters = weighed([[2.0, 0, 0], [2.0, 0, 1.5], [0.9, 0, 0], [-0.1, -0.2, 0.5], [2.0, 0, 0]])
    tiers = postage.tiers(letters, np.array([True, True, True, True, False])).tolist()
    assert tiers == ["letter", "cheaper channel", "not worth the postage", "not moved", "household"]


def test_the_words_count_the_people_and_the_postage_they_save() -> None:
    letters = weighed([[2.0, 0, 0], [2.0, 0, 1.5], [0.9, 0, 0], [-0.1, -0.2, 0.5], [2.0, 0, 0]])
    table = postage.table(IDS, letters, np.array([True, True, True, True, False]))
    told = postage.told(table, planned=1, currency="USD")
    assert (told.letters, told.not_worth, told.saved.minor) == (1, 2, 170)
    assert sum(told.tiers.values()) == table.num_rows == 5
    assert "2 of 5 people who may get a letter are not worth the postage: leaving them out saves 1.70 USD" in told.says
    assert "1 more share an address" in told.says


def test_the_better_offer_of_a_letter_counts_and_who_may_get_none_is_in_no_tier() -> None:
    may = {"direct_mail": np.array([True, False]), "email": np.ones(2, dtype=bool)}
    letters = weighed([[0.5, 1.5, 0.0], [5.0, 5.0, 0.0]], allowed=may)
    assert letters.value[0] == pytest.approx(1.5 - 0.85 - 0.06)
    assert np.isneginf(letters.value[1])
    assert postage.table(["x", "y"], letters, may["direct_mail"])["customer_id"].to_pylist() == ["x"]


def test_an_effect_that_is_not_sure_counts_as_none() -> None:
    assert postage.tiers(weighed([[-np.inf, -np.inf, -np.inf]]), np.array([True])).tolist() == ["not moved"]


def test_what_is_not_sure_enough_does_not_compete_and_is_not_called_unmoved() -> None:
    letters = weighed(
        [[2.0, 0, 0], [2.0, 0, 1.9], [3.0, 2.0, 0], [-1.0, 0, 0], [0.9, 0, 0]],
        likely=[[False, False, True], [True, True, False], [False, True, True], [False, False, True], [False, False, True]],
    )
    table = postage.table(IDS, letters, np.ones(5, dtype=bool))
    assert table["tier"].to_pylist() == ["not worth the postage", "letter", "letter", "not moved", "not worth the postage"]
    assert table["value"].to_pylist()[:3] == pytest.approx([2.0 - 0.91, 2.0 - 0.91, 2.0 - 0.91])
    assert np.isneginf(letters.rank).tolist() == [True, False, False, True, True], (
        "whom a housemate's letter goes to is asked of these"
    )
    assert "and 0.92 USD of expected loss" in postage.told(table, planned=2, currency="USD").says


def test_without_letters_among_the_actions_nothing_is_weighed() -> None:
    may = {"email": np.ones(1, dtype=bool)}
    one = np.ones((1, 1))
    found = postage.weigh(effects=one, likely=one > 0, actions=["email:none"], allowed=may, economics=economics(1))
    assert found is None


@given(
    effects=st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=12),
    cost=st.floats(0.05, 2),
    cheaper=st.floats(0.05, 1),
)
def test_dearer_postage_never_makes_a_letter_worth_sending(
    effects: list[tuple[float, float, float]], cost: float, cheaper: float
) -> None:
    people = len(effects)

    def worth(price: float) -> pa.Table:
        economy = economics(people, unit_cost={"direct_mail": price, "email": 0.002})
        return postage.table([str(i) for i in range(people)], weighed(effects, priced=economy), np.ones(people, dtype=bool))

    dear, cheap = worth(cost), worth(cost * cheaper)
    total = dear["margin"].to_numpy() - dear["cost"].to_numpy() - dear["fatigue"].to_numpy()
    assert dear["value"].to_numpy() == pytest.approx(total)
    unpaid = [pc.is_in(table["tier"], value_set=pa.array(postage.UNPAID)).to_pylist() for table in (dear, cheap)]
    assert all(at_dear or not at_cheap for at_dear, at_cheap in zip(*unpaid, strict=True))
    assert (np.array(unpaid[0]) == (dear["value"].to_numpy() <= 0)).all()


@given(days=st.integers(1, 40), per_week=st.integers(1, 7), most=st.integers(1, 8), lead=st.integers(0, 20))
def test_a_wave_is_open_to_a_lead_time_only_if_all_of_it_lands_in_the_flight(
    days: int, per_week: int, most: int, lead: int
) -> None:
    end = date.fromordinal(date(2026, 1, 1).toordinal() + days - 1)
    flight = waves(starts_on=date(2026, 1, 1), ends_on=end, per_week=per_week, most=most)
    found = open_waves(flight, lead_days=lead)
    assert all((wave.lands_on(lead) <= end) == (wave in found) for wave in flight)
    assert lead > 0 or len(found) == len(flight)


def test_letters_are_handed_over_early_enough_and_other_channels_keep_every_wave() -> None:
    flight = (Wave(1, date(2026, 1, 1), 4), Wave(2, date(2026, 1, 5), 5), Wave(3, date(2026, 1, 10), 5))
    economy = economics(1, lead_days={"direct_mail": 3}, diminishing=1.0)
    table = candidates(
        customer_ids=["a"],
        effects=np.full((1, 3), 3.0),
        actions=ACTIONS,
        allowed={"direct_mail": np.ones(1, dtype=bool), "email": np.ones(1, dtype=bool)},
        waves=flight,
        economics=economy,
        variants={action: {"v": 1.0} for action in ACTIONS},
    )
    found = {(row["channel"], row["wave"]) for row in table.to_pylist()}
    assert found == {("direct_mail", 1), ("direct_mail", 2), ("email", 1), ("email", 2), ("email", 3)}
