"""The assignment against an exact solver, an independent check and its own certificate."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from liftwright.domain.errors import DataError
from liftwright.planning.assignment.certificate import dual_bound
from liftwright.planning.assignment.checking import check
from liftwright.planning.assignment.solving import solve, would_get

CHANNELS = ("direct_mail", "email", "push", "sms")
OFFERS = ("none", "save10")
COSTS = {"email": 0.002, "sms": 0.04, "push": 0.001, "direct_mail": 0.85}


def market(people: int, *, waves: int = 3, seed: int = 0, ties: bool = False, density: float = 0.7) -> pa.Table:
    """Options with heavy-tailed values; with `ties` only three different kinds of people."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, people) if ties else np.arange(people)
    worth = rng.gamma(0.8, 1.0, (kind.max() + 1, waves, len(CHANNELS), len(OFFERS)))[kind]
    keep = rng.random(worth.shape) < (1.0 if ties else density)
    where = np.argwhere(keep)
    channel = [CHANNELS[c] for c in where[:, 2]]
    offer = [OFFERS[o] for o in where[:, 3]]
    return pa.table(
        {
            "customer_id": [f"p{i:05d}" for i in where[:, 0]],
            "wave": pa.array(where[:, 1] + 1, pa.int64()),
            "send_on": [dt.date(2026, 1, 1) + dt.timedelta(days=7 * int(w)) for w in where[:, 1]],
            "channel": channel,
            "offer": offer,
            "variant": [f"{c}-{o}" for c, o in zip(channel, offer, strict=True)],
            "hour": pa.array(np.full(len(where), 10), pa.int64()),
            "value": worth[keep],
            "cost": [COSTS[c] for c in channel],
            "stock_use": [1.0 if o == "save10" else 0.0 for o in offer],
        }
    )


def exact(candidates: pa.Table, limits: dict[str, Any]) -> float:
    """The integer optimum by HiGHS (without least runs)."""
    rows = candidates.to_pylist()
    lines: list[tuple[list[int], list[float], float]] = []

    def group(key: Any, bound: Any, weight: Any = lambda row: 1.0) -> None:
        groups: dict[Any, list[int]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(key(row), []).append(index)
        for name, members in groups.items():
            most = bound(name)
            if most is not None:
                lines.append((members, [weight(rows[m]) for m in members], float(most)))

    group(lambda r: (r["customer_id"], r["wave"]), lambda _: 1)
    group(lambda r: r["customer_id"], lambda _: limits.get("per_person_cap"))
    if limits.get("one_per_channel"):
        group(lambda r: (r["customer_id"], r["channel"]), lambda _: 1)
    group(lambda r: 0, lambda _: limits.get("budget"), lambda r: r["cost"])
    group(lambda r: (r["channel"], r["wave"]), lambda k: (limits.get("channel_capacity") or {}).get(k[0]))
    group(lambda r: r["channel"], (limits.get("channel_budget") or {}).get, lambda r: r["cost"])
    group(lambda r: r["offer"], (limits.get("offer_stock") or {}).get, lambda r: r["stock_use"])
    data = [(i, j, w) for i, (members, weights, _) in enumerate(lines) for j, w in zip(members, weights, strict=True)]
    matrix = csr_matrix(([d[2] for d in data], ([d[0] for d in data], [d[1] for d in data])), shape=(len(lines), len(rows)))
    limit = LinearConstraint(matrix, ub=np.array([line[2] for line in lines]))
    found = milp(
        -candidates["value"].to_numpy(), constraints=limit, integrality=1, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-9}
    )
    return -float(found.fun)


LIMITS = st.fixed_dictionaries(
    {
        "budget": st.one_of(st.none(), st.floats(0.0, 12.0)),
        "channel_capacity": st.one_of(st.none(), st.dictionaries(st.sampled_from(CHANNELS), st.integers(0, 12))),
        "channel_budget": st.one_of(st.none(), st.dictionaries(st.sampled_from(CHANNELS), st.floats(0.0, 4.0))),
        "offer_stock": st.one_of(st.none(), st.just({"save10": 5}), st.just({"save10": 0})),
        "per_person_cap": st.one_of(st.none(), st.integers(0, 3)),
        "one_per_channel": st.booleans(),
        "randomised_share_min": st.one_of(st.none(), st.sampled_from([0.05, 0.3])),
    }
)


@settings(max_examples=40, deadline=None)
@given(limits=LIMITS, people=st.integers(1, 30), seed=st.integers(0, 10_000), ties=st.booleans())
def test_a_plan_keeps_every_limit_and_its_bound_is_never_below_the_integer_optimum(
    limits: dict[str, Any], people: int, seed: int, ties: bool
) -> None:
    options = market(people, seed=seed, ties=ties)
    found = solve(options, limits, seed=seed)
    best = exact(options, limits)
    assert check(found.rows, found.candidates, limits, objective=found.objective, draws=found.draws) == []
    assert found.objective <= best + 1e-6
    assert found.undrawn_bound >= best - 1e-6
    proven = dual_bound(found.candidates, limits, found.prices, draws=found.draws)
    assert proven == pytest.approx(found.upper_bound, rel=1e-6, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    "limits",
    [
        {"budget": 20.0, "per_person_cap": 2},
        {"budget": 20.0, "per_person_cap": 2, "one_per_channel": True, "channel_capacity": {"email": 60, "sms": 25}},
        {"per_person_cap": 1, "channel_capacity": {"email": 30, "push": 20}, "offer_stock": {"save10": 40}, "budget": 8.0},
    ],
)
def test_at_200_people_the_plan_is_within_one_percent_of_the_integer_optimum(limits: dict[str, Any], ties: bool) -> None:
    options = market(200, ties=ties, seed=4)
    found = solve(options, limits)
    best = exact(options, limits)
    assert 0.99 * best <= found.objective <= best + 1e-6
    assert found.gap < 0.01
    assert found.gap == pytest.approx((found.upper_bound - found.objective) / found.upper_bound)


def test_the_price_list_alone_proves_the_bound() -> None:
    limits = {"budget": 30.0, "per_person_cap": 2, "channel_capacity": {"email": 50, "sms": 30}, "offer_stock": {"save10": 60}}
    options = market(300, seed=9)
    found = solve(options, limits)
    proven = dual_bound(options, limits, found.prices)
    assert proven == pytest.approx(found.upper_bound, rel=1e-9)
    free = {**found.prices, "budget": 0.0, "channel_waves": {}, "offers": {}}
    assert dual_bound(options, limits, free) > proven


def test_the_same_input_gives_the_same_plan_whatever_the_order_of_the_rows() -> None:
    limits = {"budget": 10.0, "per_person_cap": 2, "channel_capacity": {"email": 30}}
    options = market(150, seed=2)
    shuffled = options.take(np.random.default_rng(1).permutation(options.num_rows))
    first, second = (solve(table, limits, seed=5, randomised_share=0.1).rows for table in (options, shuffled))
    assert first.to_pylist() == second.to_pylist()


def test_starting_from_yesterdays_prices_gives_as_good_a_plan() -> None:
    limits = {"budget": 12.0, "per_person_cap": 2, "channel_capacity": {"email": 60}}
    options = market(400, seed=3)
    cold = solve(options, limits)
    warm = solve(options, {**limits, "budget": 13.0}, prices=cold.prices)
    again = solve(options, {**limits, "budget": 13.0})
    assert warm.objective == pytest.approx(again.objective, rel=2e-3)
    assert warm.objective >= cold.objective - 1e-6


def test_a_channel_below_its_least_run_is_dropped_and_the_others_take_over() -> None:
    options = market(200, seed=6)
    limits = {"per_person_cap": 1, "budget": 4.0, "channel_min_run": {"direct_mail": 150, "email": 5}}
    found = solve(options, limits)
    assert found.dropped_channels == ("direct_mail",)
    assert "direct_mail" not in found.rows["channel"].to_pylist()
    assert check(found.rows, options, limits) == []
    assert found.rows["channel"].to_pylist().count("email") >= 5


@pytest.mark.parametrize("one_per_channel", [False, True])
def test_the_randomised_share_is_reached_within_the_limits_and_its_probabilities_are_logged(one_per_channel: bool) -> None:
    options = market(600, seed=8)
    limits = {"budget": 60.0, "per_person_cap": 2, "one_per_channel": one_per_channel, "randomised_share_min": 0.05}
    found = solve(options, limits, seed=3)
    drawn = np.array(found.rows["randomised"].to_pylist())
    assert check(found.rows, options, limits, objective=found.objective) == []
    assert 0.05 <= drawn.mean() < 0.08
    assert found.exploration_cost > 0
    assert min(found.rows["propensity"].to_pylist()) < 0.05
    assert max(found.rows["propensity"].to_pylist()) > 0.9


def test_without_limits_everybody_gets_their_best_option_in_every_wave() -> None:
    options = market(50, seed=1)
    found = solve(options, {})
    best = options.group_by(["customer_id", "wave"]).aggregate([("value", "max")])
    assert found.objective == pytest.approx(sum(best["value_max"].to_pylist()))
    assert found.gap == pytest.approx(0.0, abs=1e-12)
    assert sorted(found.rows["priority"].to_pylist()) == list(range(1, found.rows.num_rows + 1))


def test_drawn_options_are_spread_evenly_over_what_a_person_could_get() -> None:
    options = market(4000, waves=1, seed=11, density=1.0)
    found = solve(options, {"per_person_cap": 1}, seed=2, randomised_share=0.5)
    drawn = found.rows.filter(found.rows["randomised"])
    counts = [entry["counts"] for entry in drawn["variant"].value_counts().to_pylist()]
    assert len(counts) == len(CHANNELS) * len(OFFERS)
    expected = drawn.num_rows / len(counts)
    assert sum((count - expected) ** 2 / expected for count in counts) < 24.3


def test_those_who_would_be_chosen_are_those_who_were_chosen_save_a_few_at_the_margin() -> None:
    limits = {"budget": 15.0, "per_person_cap": 2, "channel_capacity": {"email": 120, "push": 150, "sms": 60}}
    for ties in (False, True):
        options = market(2000, seed=12, ties=ties)
        found = solve(options, limits)
        chosen = set(found.rows["customer_id"].to_pylist())
        would = would_get(options, found.prices, limits)
        assert len(chosen ^ set(would["customer_id"].to_pylist())) <= 0.03 * len(chosen)
        assert would.group_by(["customer_id", "wave"]).aggregate([]).num_rows == would.num_rows


def test_nobody_would_be_chosen_where_nothing_may_be_sent() -> None:
    options = market(20)
    prices = solve(options, {"per_person_cap": 1}).prices
    assert would_get(options, prices, {"per_person_cap": 0}).num_rows == 0
    assert would_get(options.slice(0, 0), prices, {}).num_rows == 0


def test_no_candidates_give_an_empty_plan() -> None:
    found = solve(market(3).slice(0, 0), {"budget": 5.0, "channel_capacity": {"email": 3}}, randomised_share=0.1)
    assert (found.rows.num_rows, found.objective, found.upper_bound, found.gap) == (0, 0.0, 0.0, 0.0)


def test_a_number_that_is_no_number_is_refused() -> None:
    options = market(3)
    broken = options.set_column(options.schema.get_field_index("value"), "value", pa.array([float("nan")] * options.num_rows))
    with pytest.raises(DataError, match="PLAN-NUMBERS"):
        solve(broken, {})
    with pytest.raises(DataError, match="PLAN-COLUMNS"):
        solve(options.drop_columns(["cost"]), {})


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"budget": 0.001}, "spends"),
        ({"per_person_cap": 0}, "touches, more than 0"),
        ({"channel_capacity": {"email": 0}}, "email is used"),
        ({"channel_budget": {"email": 0.0}}, "email spends"),
        ({"offer_stock": {"save10": 0}}, "save10 takes"),
        ({"one_per_channel": True}, "by email"),
        ({"channel_min_run": {"email": 10_000}}, "less than its least run"),
        ({"randomised_share_min": 0.5}, "are randomised, less than 0.5"),
    ],
)
def test_the_check_finds_each_kind_of_violation(limits: dict[str, Any], says: str) -> None:
    options = market(60, seed=5)
    rows = solve(options, {}).rows
    assert any(says in line for line in check(rows, options, limits))


def test_the_check_finds_invented_rows_changed_values_and_a_false_objective() -> None:
    options = market(10, seed=5)
    found = solve(options, {})
    rows = found.rows
    richer = rows.set_column(rows.schema.get_field_index("value"), "value", pa.array(np.array(rows["value"]) + 1.0))
    assert any("other numbers" in line for line in check(richer, options, {}))
    strange = rows.set_column(rows.schema.get_field_index("variant"), "variant", pa.array(["forged"] * rows.num_rows))
    assert any("not among the candidates" in line for line in check(strange, options, {}))
    assert any("objective" in line for line in check(rows, options, {}, objective=found.objective + 1.0))
    twice = pa.concat_tables([rows, rows])
    assert any("in wave" in line for line in check(twice, options, {}))


@pytest.mark.slow
def test_20_000_people_4_waves_10_options_are_solved_to_a_thousandth() -> None:
    options = market(20_000, waves=4, seed=1, density=1.0)
    limits = {
        "budget": 2_000.0,
        "per_person_cap": 2,
        "channel_capacity": {"email": 4000, "sms": 1500},
        "offer_stock": {"save10": 3000},
    }
    found = solve(options, limits)
    assert found.gap <= 1e-3
    assert check(found.rows, options, limits, objective=found.objective) == []
