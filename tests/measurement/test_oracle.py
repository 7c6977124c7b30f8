"""The fixed-horizon arithmetic agrees with a library that others keep: tea-tasting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt

from liftwright.measurement import estimate, moments, ratio
from liftwright.measurement.integrity import sample_ratio

PEOPLE = 20_000


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    """Two arms with orders, revenue and margin, and what people spent before."""
    rng = np.random.default_rng(4)
    held = rng.random(PEOPLE) < 0.2
    before = rng.gamma(2.0, 10.0, PEOPLE)
    orders = rng.poisson(0.1 + 0.01 * before, PEOPLE).astype(float)
    revenue = orders * rng.lognormal(3.0, 0.6, PEOPLE) * np.where(held, 1.0, 1.1)
    margin = revenue * rng.uniform(0.3, 0.5, PEOPLE)
    return {"held": held, "before": before, "orders": orders, "revenue": revenue, "margin": margin}


def analysed(shop: dict[str, Any], metric: Any) -> Any:
    """What tea-tasting says of one metric."""
    columns = {name: values for name, values in shop.items() if name != "held"}
    table = pa.table({"variant": (~shop["held"]).astype(int), **columns})
    return tt.Experiment(metrics={"metric": metric}).analyze(table)["metric"]


def arms(shop: dict[str, Any], metric: str, beside: str | None = None) -> tuple[moments.Arm, moments.Arm]:
    """Treated and holdout of a metric."""
    masks = (~shop["held"], shop["held"])
    one, two = (moments.arm(shop[metric][mask], None if beside is None else shop[beside][mask]) for mask in masks)
    return one, two


def test_the_difference_of_means(shop: dict[str, Any]) -> None:
    theirs = analysed(shop, tt.Mean("margin", equal_var=True, use_t=False))
    ours = estimate.compare(*arms(shop, "margin"), metric="margin")
    assert ours.mid == pytest.approx(theirs.effect_size)
    width = theirs.effect_size_ci_upper - theirs.effect_size_ci_lower
    assert ours.high == pytest.approx(theirs.effect_size_ci_upper, abs=0.01 * width)
    assert ours.low == pytest.approx(theirs.effect_size_ci_lower, abs=0.01 * width)


def test_the_adjusted_difference_and_how_much_narrower_it_is(shop: dict[str, Any]) -> None:
    plain, theirs = (analysed(shop, tt.Mean("revenue", covariate, equal_var=True, use_t=False)) for covariate in (None, "before"))
    ours = estimate.compare(*arms(shop, "revenue", "before"), metric="revenue")
    assert ours.mid == pytest.approx(theirs.effect_size, rel=0.01)
    width = theirs.effect_size_ci_upper - theirs.effect_size_ci_lower
    assert ours.high - ours.low == pytest.approx(width, rel=0.01)
    assert width < 0.99 * (plain.effect_size_ci_upper - plain.effect_size_ci_lower)


@pytest.mark.parametrize(("above", "below"), [("margin", "revenue"), ("revenue", "orders")])
def test_the_difference_of_ratios(shop: dict[str, Any], above: str, below: str) -> None:
    theirs = analysed(shop, tt.RatioOfMeans(above, below, equal_var=False, use_t=False))
    ours = ratio.compare(*arms(shop, above, below), metric="ratio")
    assert ours.mid == pytest.approx(theirs.effect_size, rel=1e-6)
    assert (ours.low, ours.high) == (
        pytest.approx(theirs.effect_size_ci_lower, rel=1e-4),
        pytest.approx(theirs.effect_size_ci_upper, rel=1e-4),
    )
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-3)


def test_the_sizes_of_the_arms(shop: dict[str, Any]) -> None:
    theirs = analysed(shop, tt.SampleRatio({0: 0.2, 1: 0.8}, method="norm", correction=False))
    held = int(shop["held"].sum())
    assert sample_ratio(PEOPLE - held, held, 0.2) == pytest.approx(theirs.pvalue, rel=1e-6)
