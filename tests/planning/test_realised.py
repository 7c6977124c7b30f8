"""From statistics to a factor on expected effects: thin and failed ones never enter, and a factor never turns harm into a reason to contact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from liftwright.domain.learning import CellStatistics, Moments
from liftwright.planning import realised
from liftwright.planning.priors import Cell

NOW = datetime(2026, 11, 2, tzinfo=UTC)
PEOPLE = 1_000_000
"""So many that the cap does not bind."""


def arm(people: int, *, mean: float, buyers: int, foretold: float = 1.0, sd: float = 6.0) -> Moments:
    """Sums of an arm in which everybody weighs 1."""
    return Moments(
        people=people,
        conversions=buyers,
        weight=float(people),
        weight_squares=float(people),
        total=people * mean,
        squares=people * (mean**2 + sd**2),
        expected=people * foretold,
    )


def row(campaign: str = "c1", **changes: Any) -> CellStatistics:
    """A large cell in which what was expected came true."""
    values: dict[str, Any] = {
        "campaign_id": campaign,
        "channel": "email",
        "segment": "recent, answering",
        "offer": "none",
        "season": "Q4",
        "starts_at": NOW - timedelta(days=40),
        "ends_at": NOW - timedelta(days=10),
        "treated": arm(9_000, mean=3.0, buyers=900),
        "holdout": arm(9_000, mean=2.0, buyers=600),
        "cap": None,
        "srm_p": 0.5,
        "standing": "believed",
        "evidence": "sha256:e",
        "touches": "sha256:t",
        "expires_at": NOW + timedelta(days=300),
    }
    return CellStatistics(**{**values, **changes})


CELL = Cell("email", "recent, answering", "none")


def test_the_effect_is_the_difference_of_means_with_a_pooled_error() -> None:
    mid, error = realised.effect([row()])
    assert mid == pytest.approx(1.0)
    assert error == pytest.approx(6.0 * (2 / 9_000) ** 0.5, rel=1e-3)
    assert realised.foretold([row()]) == pytest.approx(1.0)


def test_weights_do_not_pretend_to_more_people() -> None:
    heavy = arm(9_000, mean=2.0, buyers=600)
    heavy = heavy.model_copy(update={name: 10 * getattr(heavy, name) for name in ("weight", "total", "squares", "expected")})
    heavy = heavy.model_copy(update={"weight_squares": 100 * heavy.weight_squares})
    assert realised.effect([row(holdout=heavy)]) == pytest.approx(realised.effect([row()]))


def test_what_came_true_keeps_expectations_and_what_did_not_lowers_them() -> None:
    true = realised.learn([row()], [CELL], now=NOW, people=PEOPLE).factors[CELL]
    false = realised.learn([row(treated=arm(9_000, mean=2.0, buyers=600))], [CELL], now=NOW, people=PEOPLE).factors[CELL]
    assert true[0] == pytest.approx(1.0, abs=0.05)
    assert false[0] < 0.75
    assert 0 < true[1] < 0.5


def test_a_harm_that_was_measured_ends_at_nothing_and_never_below() -> None:
    found = realised.learn([row(treated=arm(9_000, mean=-30.0, buyers=600))], [CELL], now=NOW, people=PEOPLE)
    assert found.factors[CELL][0] == 0.0


def test_an_unlucky_small_holdout_moves_nothing_where_a_test_stands_behind_the_expectation() -> None:
    """A campaign of the usual size: harm twice as large as the gain that was expected, 2.5 errors off."""
    unlucky = row(treated=arm(3_300, mean=-1.0, buyers=500, sd=22.0), holdout=arm(370, mean=2.0, buyers=50, sd=22.0))
    tested = realised.learn([unlucky], [CELL], now=NOW, people=8_000).factors[CELL][0]
    untested = realised.learn([unlucky], [CELL], now=NOW, people=8_000, belief=realised.UNTESTED).factors[CELL][0]
    assert tested == 1.0
    assert untested < 0.9


@pytest.mark.parametrize(("mean", "error", "kept"), [(0.5, 0.1, 0.3355), (-0.5, 0.1, -0.3355), (0.1, 0.1, 0.0), (0.0, 0.0, 0.0)])
def test_only_the_sure_part_of_a_share_counts(mean: float, error: float, kept: float) -> None:
    assert realised.sure(mean, error) == pytest.approx(kept)


def test_thin_cells_are_put_together_and_count_only_where_that_is_enough() -> None:
    thin = {"treated": arm(900, mean=3.0, buyers=90), "holdout": arm(100, mean=2.0, buyers=9)}
    names = ["recent, answering", "recent, quiet", "lapsed, quiet"]
    (one,) = realised.estimates([row(segment=name, **thin) for name in names], now=NOW)
    assert sum(one.cells.values()) == pytest.approx(1.0)
    assert {cell.segment for cell in one.cells} == set(names)
    assert realised.estimates([row(segment=name, **thin) for name in names[:2]], now=NOW) == []


def test_large_cells_stand_alone_and_only_the_thin_ones_are_put_together() -> None:
    thin = {"treated": arm(900, mean=3.0, buyers=90), "holdout": arm(200, mean=2.0, buyers=14)}
    rows = [row(), row(channel="sms", **thin), row(channel="push", **thin)]
    alone, together = realised.estimates(rows, now=NOW)
    assert list(alone.cells) == [CELL]
    assert {cell.channel for cell in together.cells} == {"sms", "push"}


def test_what_failed_the_test_of_the_arms_never_enters() -> None:
    bad = row(standing="inconclusive", because="the arms cannot be compared", treated=arm(9_000, mean=99.0, buyers=900))
    assert realised.learn([bad], [CELL], now=NOW, people=PEOPLE).factors == {}
    assert realised.by_channel([bad]) == {}


def test_nothing_expected_says_nothing_of_a_share() -> None:
    nothing = {
        "treated": arm(9_000, mean=3.0, buyers=900, foretold=0.0),
        "holdout": arm(9_000, mean=2.0, buyers=600, foretold=0.0),
    }
    assert realised.estimates([row(**nothing)], now=NOW) == []


def test_a_small_new_campaign_hears_less_of_the_past() -> None:
    rows = [row(treated=arm(9_000, mean=2.0, buyers=600))]
    large, small = (realised.learn(rows, [CELL], now=NOW, people=people).factors[CELL][0] for people in (PEOPLE, 500))
    assert large < 0.75
    assert large < small


def test_rows_that_counted_are_named_and_so_are_those_set_aside() -> None:
    def told(campaign: str, age: int, mean: float) -> CellStatistics:
        return row(campaign, ends_at=NOW - timedelta(days=age), treated=arm(9_000, mean=mean, buyers=900))

    rows = [told("c1", 90, 3.0), told("c2", 60, 3.1), told("c3", 30, 0.5), told("c4", 5, 0.4)]
    found = realised.learn(rows, [CELL], now=NOW, people=PEOPLE)
    assert set(found.set_aside) == {rows[0].statistics_id, rows[1].statistics_id}
    assert set(found.used) == {rows[2].statistics_id, rows[3].statistics_id}
    assert found.factors[CELL][0] < 0.6
    assert np.isfinite(found.factors[CELL][1])
