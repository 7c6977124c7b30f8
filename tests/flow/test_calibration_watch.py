"""Scores against what people did since the training: propensity and lifetime by orders, affinity by answers, leads by closings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import plain_shop
from liftwright.flow import leads, training, watching
from liftwright.ports import Deps

STAMP = pa.timestamp("us", tz="UTC")
BEFORE, AFTER = 150, 30
START = datetime(2026, 11, 2, tzinfo=plain_shop.NOW.tzinfo)
RATE = 0.02


def _orders(first: int, days: int, rate: float, seed: int) -> pa.Table:
    """Every person buys on any day with the same chance."""
    draws = np.random.default_rng(seed)
    day, person = np.nonzero(draws.random((days, plain_shop.PEOPLE)) < rate)
    at = [START + timedelta(days=int(first + d), hours=int(h)) for d, h in zip(day, draws.integers(1, 23, len(day)), strict=True)]
    return pa.table(
        {
            "event_id": [f"o{seed}-{number}" for number in range(len(day))],
            "customer_id": [plain_shop.name_of(int(number) + 1) for number in person],
            "type": ["purchase"] * len(day),
            "occurred_at": pa.array(at, STAMP),
            "amount": pa.array(draws.lognormal(3.5, 0.5, len(day))),
        }
    )


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[tuple[Deps, list[datetime]]]:
    """A shop with months of orders, its models trained on the first day."""
    clock = [START]
    deps = plain_shop.open_shop(tmp_path / "home", now=lambda: clock[0])
    plain_shop.bring_in({"customers": plain_shop.write_files(tmp_path / "files")["customers"]}, deps)
    deps.lake.add({"events": _orders(-BEFORE, BEFORE, RATE, 1)}, source="before", now=START)
    for model in ("propensity", "lifetime"):
        training.train(model, deps=deps)
    yield deps, clock
    plain_shop.close(deps)


def _outcomes(model: str, deps: Deps) -> dict[str, Any]:
    (report,) = watching.drifted(model, deps=deps)
    return {signal["subject"]: signal for signal in report["signals"] if signal["kind"] == "calibration"}


@pytest.mark.parametrize(("times", "level"), [(1.0, "ok"), (1.8, "alarm")])
def test_orders_beyond_what_was_expected_alarm_and_make_a_training_due(
    trained: tuple[Deps, list[datetime]], times: float, level: str
) -> None:
    deps, clock = trained
    deps.lake.add({"events": _orders(0, AFTER, RATE * times, 2)}, source="after", now=START)
    clock[0] = START + timedelta(days=AFTER - 1)
    chance, later = _outcomes("propensity", deps), _outcomes("lifetime", deps)
    assert (chance["orders"]["level"], later["orders"]["level"]) == (level, level)
    assert chance["orders"]["measures"]["expected"] > 25
    assert {"slope", "error"} <= set(chance)
    due = watching.due(watching.watch(deps=deps), deps=deps)
    assert ("calibration" in due.get("lifetime", "")) == (level == "alarm")


def test_no_person_s_order_counts_twice(trained: tuple[Deps, list[datetime]]) -> None:
    deps, clock = trained
    clock[0] = START + timedelta(days=AFTER - 1)
    orders = _orders(0, AFTER, RATE, 2)
    deps.lake.add({"events": orders}, source="after", now=START)
    assert _outcomes("propensity", deps)["orders"]["measures"]["observed"] <= orders.num_rows


def test_nothing_is_said_of_outcomes_before_any_window_is_over(trained: tuple[Deps, list[datetime]]) -> None:
    deps, clock = trained
    clock[0] = START + timedelta(days=10)
    assert _outcomes("propensity", deps) == {}


def _leads(first: int, count: int, seed: int, *, works: bool, source: str = "mail") -> pa.Table:
    """Leads of which those with many visits close, within five days; or, when it does not work any more, hardly any."""
    draws = np.random.default_rng(seed)
    visits = draws.poisson(3, count).astype(float)
    won = draws.random(count) < np.where(visits > 3, 0.6, 0.1) * (1.0 if works else 0.3)
    created = [START + timedelta(days=int(first + number * 20 / count)) for number in range(count)]
    return pa.table(
        {
            "lead_id": [f"l{seed}-{number}" for number in range(count)],
            "visits": visits,
            "source": [source if number % 2 else "shop" for number in range(count)],
            "created_at": pa.array(created, STAMP),
            "closed_at": pa.array(
                [at + timedelta(days=int(d)) for at, d in zip(created, draws.integers(1, 6, count), strict=True)], STAMP
            ),
            "outcome": ["won" if each else "lost" for each in won],
            "amount": [100.0 if each else 0.0 for each in won],
        }
    )


def test_leads_that_no_longer_close_and_come_from_elsewhere_are_found_and_a_block_stops_their_scores(
    trained: tuple[Deps, list[datetime]],
) -> None:
    deps, clock = trained
    deps.lake.add({"leads": _leads(-60, 600, 1, works=True)}, source="leads", now=START)
    training.train("lead", deps=deps)
    assert watching.drifted("lead", deps=deps)[0]["because"]
    deps.lake.add({"leads": _leads(0, 600, 2, works=False, source="billboard")}, source="later", now=START)
    clock[0] = START + timedelta(days=28)
    (report,) = watching.drifted("lead", deps=deps)
    found = {(signal["kind"], signal["subject"]): signal["level"] for signal in report["signals"] if signal["is_beyond"]}
    assert found["calibration", "closings"] == "alarm"
    assert found["input", "source"] == "block"
    assert found["category", "source"] != "ok"
    assert ("input", "visits") not in found
    watching.watch(deps=deps)
    assert leads.score(deps=deps)["score"].null_count == 1_200
