"""Past tests of any shape come out as rows with a control and the chance of what was done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.scoring import history, shapes, uplift

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")
EFFECT = 0.3


def _test(
    *, people: int = 4000, waves: int = 1, actions: int = 1, control: float = 0.3, seed: int = 0
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Treatments with every row and propensity of a perfectly logged test, the events it caused, and the customers."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {
        name: [] for name in ("customer_id", "treated_at", "arm", "channel", "offer", "propensity", "wave")
    }
    events: dict[str, list[Any]] = {"customer_id": [], "type": [], "occurred_at": []}
    for wave in range(waves):
        at = AT + timedelta(days=30 * wave)
        treated = rng.random(people) >= control
        which = rng.integers(0, actions, people)
        visits = rng.random(people) < 0.2 + EFFECT * treated
        for person in range(people):
            channel = ("email", "sms", "push")[which[person]] if treated[person] else None
            rows["customer_id"].append(f"C{person:05d}")
            rows["treated_at"].append(at)
            rows["arm"].append("contacted" if treated[person] else "control")
            rows["channel"].append(channel)
            rows["offer"].append("none" if treated[person] else None)
            rows["propensity"].append((1 - control) / actions if treated[person] else control)
            rows["wave"].append(wave)
            if visits[person]:
                events["customer_id"].append(f"C{person:05d}")
                events["type"].append("visit")
                events["occurred_at"].append(at + timedelta(days=1))
    times = {"treated_at": pa.array(rows.pop("treated_at"), STAMP)}
    happened = {"occurred_at": pa.array(events.pop("occurred_at"), STAMP)}
    costs = {"amount": pa.nulls(len(events["type"]), pa.float64()), "margin": pa.nulls(len(events["type"]), pa.float64())}
    customers = pa.table({"customer_id": [f"C{person:05d}" for person in range(people)]})
    return pa.table(rows | times), pa.table(events | happened | costs), customers


def _as(treatments: pa.Table, *, holdout: str, chance: str, control: float) -> pa.Table:
    """The same test, logged in another way."""
    is_control = pc.equal(treatments["arm"], "control")
    if chance == "arm":
        column = pc.if_else(is_control, control, 1 - control)
        treatments = treatments.set_column(treatments.column_names.index("propensity"), "propensity", column)
    if holdout == "unmarked chance":
        column = pc.if_else(is_control, pa.scalar(None, pa.float64()), treatments["propensity"])
        treatments = treatments.set_column(treatments.column_names.index("propensity"), "propensity", column)
    return treatments.filter(pc.invert(is_control)) if holdout == "absent" else treatments


def _rows(treatments: pa.Table, events: pa.Table, customers: pa.Table) -> pa.Table | None:
    def features_at(moments: pa.Table) -> pa.Table:
        return pa.table({"row": pa.array(range(moments.num_rows), pa.int64()), "x": np.arange(moments.num_rows) % 7 * 1.0})

    tables = {"treatments": treatments, "events": events, "customers": customers}
    return history.training_rows(tables, as_of=AT + timedelta(days=400), window_days=14, margin_rate=0.4, features_at=features_at)


@pytest.mark.parametrize("waves", [1, 3])
@pytest.mark.parametrize("actions", [1, 3])
@pytest.mark.parametrize("holdout", ["marked", "absent", "unmarked chance"])
@pytest.mark.parametrize("chance", ["action", "arm"])
def test_however_a_test_was_logged_it_gives_the_same_rows_and_the_true_effect(
    waves: int, actions: int, holdout: str, chance: str
) -> None:
    treatments, events, customers = _test(people=1000, waves=waves, actions=actions)
    rows = _rows(_as(treatments, holdout=holdout, chance=chance, control=0.3), events, customers)
    assert rows is not None
    assert rows.num_rows == treatments.num_rows
    full = _rows(treatments, events, customers)
    assert full is not None
    assert rows.select(["customer_id", "action", "y_visits"]).equals(full.select(["customer_id", "action", "y_visits"]))
    assert np.allclose(rows["propensity"].to_numpy(), full["propensity"].to_numpy(), atol=0.02)
    model = uplift.fit(rows, outcome="visits", feature_names=["x"], seed=0)
    tried = model.layout.actions
    assert len(tried) == actions
    assert float(np.mean([model.average(action) for action in tried])) == pytest.approx(EFFECT, abs=0.1)


def test_people_missing_from_a_list_that_was_not_drawn_from_everybody_are_no_control() -> None:
    treatments, events, customers = _test()
    listed = _as(treatments, holdout="absent", chance="action", control=0.3)
    more = pa.table({"customer_id": [*customers["customer_id"].to_pylist(), *(f"N{n:05d}" for n in range(3000))]})
    assert _rows(listed, events, more) is None
    born = pa.array([AT - timedelta(days=9)] * customers.num_rows + [AT + timedelta(days=9)] * 3000, STAMP)
    assert _rows(listed, events, more.append_column("created_at", born)) is not None


def test_chances_that_differ_between_people_say_nothing_about_those_who_are_absent() -> None:
    treatments, events, customers = _test()
    listed = _as(treatments, holdout="absent", chance="action", control=0.3)
    uneven = pa.array(np.where(np.arange(listed.num_rows) % 2, 0.6, 0.8))
    assert _rows(listed.set_column(listed.column_names.index("propensity"), "propensity", uneven), events, customers) is None


def test_everybody_contacted_leaves_no_holdout() -> None:
    treatments, events, customers = _test(control=0.0)
    assert _rows(treatments, events, customers) is None


def test_an_outcome_in_the_file_itself_is_not_made_up_for_people_who_are_not_in_it() -> None:
    treatments, _, customers = _test(people=300)
    listed = _as(treatments, holdout="absent", chance="action", control=0.3)
    assert (
        shapes.complete(listed.append_column("outcome_visits", pa.array([1.0] * listed.num_rows)), customers).num_rows
        == listed.num_rows
    )


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 0.9), st.integers(1, 3), st.integers(0, 99))
def test_a_complete_log_stays_as_it_is(control: float, actions: int, seed: int) -> None:
    treatments, _, customers = _test(people=60, control=control, actions=actions, seed=seed)
    assert shapes.complete(treatments, customers)["propensity"].to_pylist() == treatments["propensity"].to_pylist()
