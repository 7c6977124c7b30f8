"""Seeded faults are each found and named; healthy data raises no alarm."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import seeded_faults
from liftwright.audience import quality
from liftwright.domain.readiness import Readiness
from liftwright.world.market import Market

NAMES = [fault.__name__ for fault in seeded_faults.FAULTS]
ALLOWED = {"torn_consent": {"split_identity"}}
"""A fault that brings another true gap with it: a doubled record that says the contrary is also a doubled record."""


def _audited(tables: dict[str, pa.Table], **more: Any) -> Readiness:
    return quality.audit(tables, now=seeded_faults.NOW, **more)


@pytest.mark.parametrize("fault", seeded_faults.FAULTS, ids=NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_seeded_fault_is_found_and_named_and_nothing_else(fault: seeded_faults.Fault, seed: int) -> None:
    found = _audited(fault(seeded_faults.clean(seed), np.random.default_rng([seed, 9])))
    kind, table, column = seeded_faults.FAULTS[fault]
    assert (kind, table, column) in {(gap.kind, gap.table, gap.column) for gap in found.gaps}
    assert {gap.kind for gap in found.gaps} <= {kind} | ALLOWED.get(fault.__name__, set())
    assert not found.ready
    assert all(gap.says and gap.fix for gap in found.gaps)


@pytest.mark.parametrize("seed", range(12))
def test_healthy_data_raises_no_alarm(seed: int) -> None:
    found = _audited(seeded_faults.clean(seed))
    assert [gap.says for gap in found.gaps] == []
    assert found.ready
    assert found.scores == {"identity": 1.0, "outcomes": 1.0, "latency": 1.0}


@pytest.mark.parametrize("seed", [7, 23])
def test_the_simulated_market_raises_no_alarm(seed: int) -> None:
    market = Market(customers=3_000, seed=seed, starts_on=date(2026, 3, 2))
    now = seeded_faults.NOW.replace(month=3, day=2, hour=6)
    tables = {"customers": market.customers(), "events": market.events, "treatments": market.treatments}
    found = quality.audit(tables, now=now)
    assert [gap.says for gap in found.gaps] == []


def test_money_at_risk_is_in_the_house_currency_and_says_how_it_was_reckoned() -> None:
    tables = seeded_faults.missing_outcomes(seeded_faults.clean(3), np.random.default_rng(3))
    found = _audited(tables, margin_rate=0.5)
    gap = next(gap for gap in found.gaps if gap.money_at_risk is not None)
    assert gap.money_at_risk is not None
    assert gap.money_at_risk.currency == "USD"
    events = tables["events"].filter(pa.compute.equal(tables["events"]["type"], "purchase"))
    at = events["occurred_at"].cast(pa.int64()).to_numpy()
    recent = at > at.max() - 90 * seeded_faults.DAY_US
    margin = events["amount"].to_numpy()[recent].sum() * 0.5 / len(np.unique(at[recent] // seeded_faults.DAY_US))
    assert float(gap.money_at_risk.amount) == pytest.approx(margin * gap.concerned, abs=0.01)
    assert "silent days" in gap.money_because
    assert gap.as_json()["money_at_risk"] == gap.money_at_risk.as_json()


@pytest.mark.parametrize(("days_ago", "gaps"), [(60, {"consent_conflict"}), (20, set())])
def test_a_yes_after_an_opt_out_counts_where_the_file_could_know(days_ago: int, gaps: set[str]) -> None:
    """The newest customer of the file came in just now, so it was written now."""
    tables = seeded_faults.clean(8)
    granted = tables["customers"].filter(pa.compute.equal(tables["customers"]["consent_email"], "granted"))["customer_id"]
    events = tables["events"].filter(pa.compute.is_in(tables["events"]["customer_id"], granted)).slice(0, 60)
    at = pa.array([seeded_faults.NOW - timedelta(days=days_ago)] * events.num_rows, seeded_faults.STAMP)
    for name, values in {
        "event_id": pa.array([f"O{n}" for n in range(60)]), "type": pa.array(["opt_out"] * 60), "channel": pa.array(["email"] * 60),
        "occurred_at": at, "received_at": at, "amount": pa.nulls(60, pa.float64()), "currency": pa.nulls(60, pa.string()),
    }.items():  # fmt: skip
        events = events.set_column(events.column_names.index(name), name, values)
    found = _audited(tables | {"events": pa.concat_tables([tables["events"], events])})
    assert {gap.kind for gap in found.gaps} == gaps


def test_a_file_from_before_an_opt_out_is_not_blamed_for_its_yes() -> None:
    tables = seeded_faults.clean(9)
    old = pa.compute.less(tables["customers"]["created_at"].cast(pa.int64()), seeded_faults.NOW_US - 60 * seeded_faults.DAY_US)
    customers = tables["customers"].filter(old).drop_columns(["crm_updated_at"])
    left = customers.filter(pa.compute.equal(customers["consent_email"], "granted"))["customer_id"][:60]
    at = pa.array([seeded_faults.NOW - timedelta(days=50)] * 60, seeded_faults.STAMP)
    opted_out = pa.table(
        {
            "event_id": [f"O{n}" for n in range(60)],
            "customer_id": left,
            "type": ["opt_out"] * 60,
            "channel": ["email"] * 60,
            "occurred_at": at,
        }
    )
    found = _audited(
        {"customers": customers, "events": pa.concat_tables([tables["events"], opted_out], promote_options="default")}
    )
    assert [gap.says for gap in found.gaps if gap.kind == "consent_conflict"] == []


def test_scores_fall_with_what_is_wrong() -> None:
    clean = seeded_faults.clean(4)
    luck = np.random.default_rng(4)
    assert _audited(seeded_faults.other_addresses(clean, luck)).scores["identity"] == pytest.approx(1 - 400 / 4200, abs=0.01)
    ended = _audited(seeded_faults.outcomes_ended(clean, luck)).scores
    assert ended["outcomes"] == pytest.approx(1 - 14 / 286, abs=0.01)
    assert ended["latency"] == pytest.approx((30 - 14) / 28, abs=0.05)
    assert _audited(seeded_faults.meeting_label(clean, luck)).scores["outcomes"] == 0.0


def test_what_the_import_kept_out_is_told() -> None:
    refused = {("events", "future_date"): 12, ("events", "duplicate_event"): 30}
    found = _audited(seeded_faults.clean(5), refused=refused)
    assert {(gap.kind, gap.severity, gap.concerned) for gap in found.gaps} == {
        ("future_date", "warn", 12),
        ("duplicate_event", "warn", 30),
    }
    assert found.ready


@pytest.mark.parametrize("size", [0, 1])
def test_empty_tables_and_single_rows_are_survived(size: int) -> None:
    tables = {name: table.slice(0, size) for name, table in seeded_faults.clean(6).items()}
    found = _audited(tables)
    assert {gap.kind for gap in found.gaps} <= {"missing", "outcome_silence"}
    assert not _audited({}).ready


def test_all_null_odd_and_wide_tables_are_survived() -> None:
    clean = seeded_faults.clean(7)
    nothing = {
        name: pa.table({c: pa.nulls(50, table.schema.field(c).type) for c in table.column_names}) for name, table in clean.items()
    }
    assert not _audited(nothing).ready
    rng = np.random.default_rng(7)
    odd = {
        "nested": pa.array([[1]] * seeded_faults.LEADS, pa.list_(pa.int64())), "typeless": pa.nulls(seeded_faults.LEADS),
        "bytes": pa.array([b"x"] * seeded_faults.LEADS), "endless": pa.array([float("inf")] * seeded_faults.LEADS),
        "span": pa.array([timedelta(1)] * seeded_faults.LEADS), "huge": pa.array([2**62] * seeded_faults.LEADS),
        "kind": pa.array(["a"] * seeded_faults.LEADS).dictionary_encode(),
    }  # fmt: skip
    leads = clean["leads"]
    for name, values in odd.items():
        leads = leads.append_column(name, values)
    assert _audited(clean | {"leads": leads}).ready
    wide = pa.table({f"x{n}": rng.normal(size=300) for n in range(2_000)})
    wide = wide.append_column("lead_id", pa.array([str(n) for n in range(300)]))
    wide = wide.append_column("outcome", pa.array(np.array(["won", "lost"])[rng.integers(0, 2, 300)]))
    assert not [gap for gap in _audited({"leads": wide}).gaps if gap.kind == "leakage"]
