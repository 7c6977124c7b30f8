"""Arms that cannot be compared are found, whenever they break; arms that can are left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.measurement.integrity import health, is_believable, lost_ratio


def audience(treated: int = 9_000, holdout: int = 1_000) -> pa.Table:
    people = treated + holdout
    return pa.table(
        {
            "customer_id": [f"c{number:05d}" for number in range(people)],
            "arm": ["treated"] * treated + ["holdout"] * holdout,
            "is_selected": [True] * people,
        }
    )


def seen(table: pa.Table, **changes: Any) -> Any:
    return health(table, share=0.1, **changes)


def test_a_fair_campaign_may_be_believed() -> None:
    found = seen(audience(), delivered=["c00001", "c00002"])
    assert (found.srm_p, found.contamination, found.lost) == (1.0, 0, 0)
    assert is_believable(found)


def test_people_lost_from_one_arm_only_are_found_and_people_lost_from_both_are_not() -> None:
    names = audience()["customer_id"].to_pylist()
    unfair, fair = seen(audience(), lost=names[9_000:9_030]), seen(audience(), lost=[*names[:450], *names[9_000:9_050]])
    assert (unfair.lost, fair.lost) == (30, 500)
    assert unfair.srm_p is not None
    assert unfair.srm_p < 1e-6
    assert not is_believable(unfair)
    assert is_believable(fair)


def test_losses_looked_at_every_day_seldom_raise_a_false_alarm_where_the_ordinary_test_does() -> None:
    rng = np.random.default_rng(6)
    held = rng.binomial(10, 0.1, (1_000, 60)).cumsum(axis=1)
    days = np.arange(10, 601, 10)
    alarms = sum(any((lost_ratio(int(n - h), int(h), 0.1) or 1.0) < 0.05 for h, n in zip(row, days, strict=True)) for row in held)
    z = np.abs(held - 0.1 * days) / np.sqrt(0.09 * days)
    assert alarms / 1_000 <= 0.05
    assert (z > 1.96).any(axis=1).mean() > 0.15


def test_nothing_lost_says_nothing() -> None:
    assert lost_ratio(0, 0, 0.1) is None
    assert lost_ratio(5, 5, 0.0) is None


def test_a_few_contacted_people_of_the_holdout_are_counted_and_many_end_all_belief() -> None:
    names = audience()["customer_id"].to_pylist()
    few, many = seen(audience(), delivered=names[9_000:9_003]), seen(audience(), delivered=names[9_000:9_051])
    assert (few.contamination, few.contaminated_share) == (3, pytest.approx(0.003))
    assert is_believable(few)
    assert not is_believable(many)
