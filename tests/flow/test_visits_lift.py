"""What choosing for visitors brings is told by its own holdout: by assignment, from the first choice on, and not at all where arms do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import plain_shop
from liftwright.flow import decided, visitor, visits
from liftwright.ports import Deps
from liftwright.settings import ExperimentSettings

SHARE = 0.3
PEOPLE = 2000
FIRST = plain_shop.NOW - timedelta(days=30)


@pytest.fixture
def clock() -> list[datetime]:
    return [plain_shop.NOW]


@pytest.fixture
def shop(tmp_path: Path, clock: list[datetime]) -> Iterator[Deps]:
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "shop")
    deps = plain_shop.open_shop(home, now=lambda: clock[0], experiment=ExperimentSettings(visitor_holdout=SHARE))
    yield deps
    plain_shop.close(deps)


def _chose(person: str, at: datetime, *, is_held: bool) -> dict[str, Any]:
    return {
        "decision_id": f"{person}:{at.isoformat()}",
        "customer_id": person,
        "subject": visits.HELD_BACK if is_held else visits.SUBJECT,
        "decided_at": at,
        "eligible": ["control"],
        "chances": [1.0],
        "chosen": "control",
        "propensity": 1.0,
        "policy": decided.policy(visits.MODEL),
        "seed": 0,
        "versions": [],
        "features": [],
        "expected": 0.0,
    }


def _keep(deps: Deps, rows: list[dict[str, Any]], *, at: datetime = FIRST) -> None:
    detail = {"log": decided.keep(rows, deps=deps)}
    deps.journal.append(at=at, actor="liftwright", action=visits.DECIDED, subject=visits.SUBJECT, detail=detail)


def _bought(deps: Deps, name: str, rows: list[tuple[str, datetime, float]]) -> None:
    table = pa.table(
        {
            "customer_id": pa.array([row[0] for row in rows], pa.string()),
            "type": pa.array(["purchase"] * len(rows), pa.string()),
            "occurred_at": pa.array([row[1] for row in rows], pa.timestamp("us", tz="UTC")),
            "margin": pa.array([row[2] for row in rows], pa.float64()),
        }
    )
    deps.lake.add({"events": table}, source=name, now=plain_shop.NOW)


def _shop_with(deps: Deps, effect: float, seed: int) -> None:
    """PEOPLE visitors, SHARE of them held back by lot; the treated ones' chance of an order of 40 is higher by effect / 40."""
    luck = np.random.default_rng(seed)
    names = [f"V{seed}-{number}" for number in range(PEOPLE)]
    held = luck.random(PEOPLE) < SHARE
    _keep(deps, [_chose(name, FIRST, is_held=bool(is_held)) for name, is_held in zip(names, held, strict=True)])
    buys = luck.random(PEOPLE) < np.where(held, 0.2, 0.2 + effect / 40.0)
    used = luck.random(PEOPLE) < 0.3
    orders = [(name, FIRST + timedelta(days=3), 40.0) for name, is_buyer in zip(names, buys, strict=True) if is_buyer]
    orders += [(name, FIRST + timedelta(days=20), 4000.0) for name in names[::7]]
    orders += [(name, FIRST - timedelta(days=9), 40.0) for name, was_buyer in zip(names, used, strict=True) if was_buyer]
    _bought(deps, f"orders-{seed}", orders)


def test_without_a_choice_nothing_can_be_told(shop: Deps) -> None:
    found = visits.lift(deps=shop)
    assert (found["verdict"], found["lift"]["mid"], found["people"]) == ("running", None, {"treated": 0, "holdout": 0})
    assert "nobody was chosen for" in found["says"]


@pytest.mark.slow
def test_the_interval_covers_a_planted_effect_at_least_as_often_as_it_says(tmp_path: Path) -> None:
    covered, runs = 0, 12
    for seed in range(runs):
        home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / f"shop{seed}")
        deps = plain_shop.open_shop(home, experiment=ExperimentSettings(visitor_holdout=SHARE))
        _shop_with(deps, 4.0, seed)
        lift = visits.lift(deps=deps)["lift"]
        covered += lift["low"] <= 4.0 <= lift["high"]
        plain_shop.close(deps)
    assert covered >= runs - 1


def test_a_large_effect_is_a_win_and_its_query_gives_the_figure_back(shop: Deps) -> None:
    _shop_with(shop, 12.0, 5)
    found = visits.lift(deps=shop)
    assert found["verdict"] == "win"
    assert "surely pays" in found["says"]
    assert found["matured_share"] == pytest.approx(1.0)
    engine = duckdb.connect()
    for name, digest in found["data"].items():
        engine.register(name, shop.lake.get(digest))
    (again,) = engine.execute(found["lift"]["query"]).fetchone() or (None,)
    assert again == pytest.approx(found["lift"]["mid"], abs=1e-9)


def test_no_effect_at_all_is_never_called_sure(shop: Deps) -> None:
    _shop_with(shop, 0.0, 8)
    assert visits.lift(deps=shop)["verdict"] == "running"


def test_arms_that_do_not_fit_the_share_make_the_verdict_invalid(shop: Deps) -> None:
    names = [f"V{number}" for number in range(400)]
    _keep(shop, [_chose(name, FIRST, is_held=number < 40) for number, name in enumerate(names)])
    found = visits.lift(deps=shop)
    assert found["verdict"] == "invalid"
    assert "must not be used" in found["says"]


def test_somebody_with_choices_of_both_arms_counts_in_neither_and_later_choices_change_nothing(shop: Deps) -> None:
    rows = [_chose("A", FIRST, is_held=False), _chose("A", FIRST + timedelta(days=1), is_held=True)]
    rows += [_chose("B", FIRST + timedelta(days=number), is_held=True) for number in range(3)]
    _keep(shop, rows)
    found = visits.lift(deps=shop)
    assert (found["people"], found["both"]) == ({"treated": 0, "holdout": 1}, 1)


def test_a_young_choice_counts_with_the_share_of_its_window_and_real_visits_are_in_their_own_arm(
    shop: Deps, clock: list[datetime]
) -> None:
    people = [plain_shop.name_of(number) for number in range(1, 61)]
    arms = [visitor.next_action(person, deps=shop)["arm"] for person in people]
    clock[0] += timedelta(days=7)
    found = visits.lift(deps=shop)
    assert found["people"] == {"treated": arms.count("treated"), "holdout": arms.count("holdout")}
    assert found["matured_share"] == pytest.approx(0.5)
