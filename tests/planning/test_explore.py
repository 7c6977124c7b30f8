"""The randomised share is real: what is logged as a probability is how often it happens."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from liftwright.planning.assignment.checking import check
from liftwright.planning.assignment.explore import drawn_within, with_room
from liftwright.planning.assignment.lottery import chances
from liftwright.planning.assignment.settling import settle
from liftwright.planning.assignment.solving import solve
from liftwright.planning.assignment.table import build

CHANNELS = {"email": 0.01, "push": 0.002, "sms": 0.05}


def options(people: int, *, channels: tuple[str, ...], waves: int = 1, seed: int = 0, keep: float = 1.0) -> pa.Table:
    """Options with random values, one offer."""
    rng = np.random.default_rng(seed)
    rows = [
        {"customer_id": f"p{person:03d}", "wave": wave + 1, "channel": channel, "offer": "none", "variant": channel}
        | {"value": float(rng.gamma(1.0)) + 0.01, "cost": CHANNELS[channel], "stock_use": 0.0}
        for person in range(people)
        for wave in range(waves)
        for channel in channels
        if rng.random() < keep
    ]
    return pa.Table.from_pylist(rows)


def _frequencies(table: pa.Table, limits: dict[str, Any], *, share: float, seeds: int) -> tuple[Counter[int], dict[int, float]]:
    """How often each option was chosen over seeds, and the probability that the plan logs for it, whatever the seed."""
    for seed in (0, 1):
        found = solve(table, limits, seed=seed, randomised_share=share)
        assert check(found.rows, found.candidates, limits, draws=found.draws) == []
    listed = build(table, limits)
    lottery, _ = with_room(listed, settle(listed.problem), share=share)
    rows, chance = chances(listed.problem, lottery)
    logged = dict(zip(listed.candidates(rows).tolist(), chance.tolist(), strict=True))
    assert {n: p for n, p in enumerate(found.candidates["propensity"].to_pylist()) if p} == logged
    chosen: Counter[int] = Counter()
    for seed in range(seeds):
        spots, outcome = drawn_within(listed.problem, lottery, seed=seed)
        final = np.concatenate([np.delete(lottery.span.planned, spots), outcome[outcome >= 0]])
        chosen.update(listed.candidates(final).tolist())
    return chosen, logged


def _fits(chosen: Counter[int], logged: dict[int, float], seeds: int) -> bool:
    """Every option is as frequent as its probability, judged over all of them at once (99.9 %) and one by one (5 deviations)."""
    sure = {key: p for key, p in logged.items() if p in (0.0, 1.0)}
    assert all(chosen[key] == seeds * p for key, p in sure.items())
    z = [(chosen[key] - seeds * p) / np.sqrt(seeds * p * (1 - p)) for key, p in logged.items() if key not in sure]
    return float(np.sum(np.square(z))) < 1.3 * chi2.ppf(0.999, len(z)) and float(np.max(np.abs(z))) < 5.0


@pytest.mark.parametrize(
    ("channels", "limits", "share"),
    [
        (("email",), {}, 0.1),
        (("email",), {"budget": 0.2}, 0.2),
        (("email", "push", "sms"), {}, 0.3),
        (("email", "push", "sms"), {"budget": 1.2, "channel_capacity": {"email": 20}}, 0.2),
        (("email", "push"), {"per_person_cap": 1, "channel_capacity": {"push": 12}}, 0.2),
        (("email", "push", "sms"), {"one_per_channel": True}, 0.2),
    ],
)
def test_over_many_seeds_every_option_is_as_frequent_as_its_logged_probability(
    channels: tuple[str, ...], limits: dict[str, Any], share: float
) -> None:
    table = options(30, channels=channels, waves=2, keep=0.8)
    seeds = 1000
    chosen, logged = _frequencies(table, limits, share=share, seeds=seeds)
    assert any(0.0 < p < 1.0 for p in logged.values())
    assert _fits(chosen, logged, seeds)


def test_with_one_option_the_draw_is_against_no_contact_and_is_logged() -> None:
    table = options(200, channels=("email",))
    found = solve(table, {"randomised_share_min": 0.05}, seed=4)
    none = found.draws.filter(pa.compute.is_null(found.draws["channel"]))
    drawn = [row for row in found.rows.to_pylist() if row["randomised"]]
    assert len(drawn) / found.rows.num_rows >= 0.05
    assert found.draws.num_rows == len(drawn) + none.num_rows
    assert none.num_rows == len(drawn) > 0
    assert set(none["customer_id"].to_pylist()).isdisjoint(found.rows["customer_id"].to_pylist())
    share = found.draws.num_rows / 200
    assert [row["propensity"] for row in drawn] == pytest.approx([1 - share / 2] * len(drawn))
    assert none["propensity"].to_pylist() == pytest.approx([share / 2] * none.num_rows)
    assert found.objective == pytest.approx(sum(found.rows["value"].to_pylist()))
    assert found.exploration_cost > 0


def test_where_the_limits_bind_others_take_the_room_of_those_who_drew_nothing() -> None:
    table = options(400, channels=("email",), seed=3)
    limits = {"channel_capacity": {"email": 200}, "randomised_share_min": 0.05}
    found = solve(table, limits, seed=1)
    assert found.rows.num_rows == 200
    assert check(found.rows, found.candidates, limits, draws=found.draws) == []


@settings(max_examples=40)
@given(
    people=st.integers(1, 40),
    channels=st.sampled_from([("email",), ("email", "sms"), ("email", "push", "sms")]),
    share=st.sampled_from([0.01, 0.05, 0.5, 1.0]),
    budget=st.one_of(st.none(), st.floats(0.0, 1.0)),
    seed=st.integers(0, 1000),
)
def test_nothing_certain_is_called_randomised_and_the_share_is_kept(
    people: int, channels: tuple[str, ...], share: float, budget: float | None, seed: int
) -> None:
    table = options(people, channels=channels, waves=2, seed=seed)
    limits = {"budget": budget, "per_person_cap": 2, "randomised_share_min": share}
    found = solve(table, limits, seed=seed)
    assert check(found.rows, found.candidates, limits, objective=found.objective, draws=found.draws) == []
    assert all(row["propensity"] < 1.0 for row in found.rows.to_pylist() if row["randomised"])


def test_the_check_finds_draws_that_are_none() -> None:
    table = options(50, channels=("email",))
    found = solve(table, {}, seed=2, randomised_share=0.1)
    rows, known, draws = found.rows, found.candidates, found.draws
    sure = rows.set_column(rows.schema.get_field_index("propensity"), "propensity", pa.array([1.0] * rows.num_rows))
    assert any("only one possible outcome" in line for line in check(sure, table, {}))
    assert any("another probability" in line for line in check(sure, known, {}))
    assert any("never drawn" in line for line in check(rows, known, {}, draws=draws.slice(0, 0)))
    named = draws.set_column(draws.schema.get_field_index("channel"), "channel", pa.array(["email"] * draws.num_rows))
    assert any("gets something else" in line for line in check(rows, known, {}, draws=named))
    doubled = known.set_column(known.schema.get_field_index("propensity"), "propensity", pa.array([1.5] * known.num_rows))
    assert any("add up to more than 1" in line for line in check(rows, doubled, {}))
