"""Every figure of a report can be had again from its query, over nothing but the two exported tables."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.experiment import Analysis, Detectable, Experiment
from liftwright.measurement.report import Flight, build


def tables(buyers: float, *, seed: int = 0) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    people = 6_000
    prior = rng.gamma(2.0, 5.0, people)
    revenue = (rng.random(people) < buyers) * (prior + rng.lognormal(3.0, 0.8, people))
    ids = [f"c{number:05d}" for number in range(people)]
    audience = pa.table(
        {
            "customer_id": ids,
            "arm": np.where(np.arange(people) % 5 == 0, "holdout", "treated"),
            "is_selected": np.arange(people) % 7 != 0,
            "prior_value": pa.array([None if number % 50 == 0 else float(value) for number, value in enumerate(prior)]),
        }
    )
    columns = {"margin": 0.4 * revenue - 0.02, "order_margin": 0.4 * revenue, "revenue": revenue, "orders": (revenue > 0) * 1.0}
    outcomes = pa.table({"customer_id": ids, **columns, "visits": rng.poisson(0.3, people) * 1.0})
    return audience, outcomes.slice(0, people - 20)


def report(audience: pa.Table, outcomes: pa.Table, covariate: str) -> Any:
    experiment = Experiment(
        salt="s", holdout_share=0.2, primary_metric="revenue", mde=Detectable(absolute=1.0), method="", treated=0, holdout=0,
        analysis=Analysis(conversions=100.0, cap=40.0, stricter_cap=20.0, revenue_cap=90.0, covariate=covariate),
    )  # fmt: skip
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
    return build(flight, audience=audience, outcomes=outcomes, experiment=experiment)


@pytest.mark.parametrize(("buyers", "slopes"), [(0.05, "adjusted for"), (0.3, "regression on")])
@pytest.mark.parametrize("covariate", ["", "prior_value"])
def test_the_query_of_every_figure_gives_it_back(buyers: float, slopes: str, covariate: str) -> None:
    audience, outcomes = tables(buyers)
    found = report(audience, outcomes, covariate)
    with duckdb.connect() as database:
        database.register("audience", audience)
        database.register("outcomes", outcomes)

        def ask(query: str) -> float:
            (row,) = database.execute(query).fetchall()
            return float(row[0])

        estimates = [found.lift, found.margin, *found.sensitivity, *found.secondary]
        assert len(estimates) == 10
        for one in estimates:
            assert ask(one.query) == pytest.approx(one.mid, rel=1e-9, abs=1e-12)
        assert (slopes in found.lift.method) == bool(covariate)
        assert ask(found.queries["incremental_margin"]) == pytest.approx(found.incremental_margin.mid)
        assert ask(found.queries["margin_rate"]) == pytest.approx(found.margin_rate.mid)
        assert [ask(arm.query) for arm in found.arms] == pytest.approx([arm.margin for arm in found.arms])


def test_contamination_is_counted_from_the_ledger() -> None:
    audience, outcomes = tables(0.05)
    sends = pa.table({"customer_id": ["c00000", "c00000", "c00001", "c00005"], "state": ["sent", "sent", "sent", "planned"]})
    found = report(audience, outcomes, "")
    with duckdb.connect() as database:
        database.register("audience", audience)
        database.register("sends", sends)
        assert database.execute(found.queries["contamination"]).fetchall() == [(1,)]
