"""Visits: kept once, read by person, and a stamp that changes with whatever answers depend on; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from liftwright.domain.visit import VisitEvent
from liftwright.store.journal import SqlJournal
from liftwright.store.lake import ParquetLake
from liftwright.store.visits import SqlVisits

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def visits(store: Any) -> SqlVisits:
    return SqlVisits(store.engine)


def _event(minutes: int = 0, **fields: Any) -> VisitEvent:
    return VisitEvent(**{"session": "s", "type": "click", "occurred_at": NOW + timedelta(minutes=minutes)} | fields)


def test_events_are_kept_once_and_read_in_order_for_some_people_since_a_moment(visits: SqlVisits) -> None:
    assert visits.saw("a", "2", _event(2, product_id="p'; DROP TABLE visit_events; --"))
    assert visits.saw("a", "1", _event(1))
    assert not visits.saw("a", "1", _event(1))
    visits.saw("b", "3", _event(3))
    assert [event.occurred_at for event in visits.events(["a", "b"], since=NOW)] == [
        NOW + timedelta(minutes=n) for n in (1, 2, 3)
    ]
    assert [event.product_id for event in visits.events(["a"], since=NOW + timedelta(minutes=2))] == [
        "p'; DROP TABLE visit_events; --"
    ]
    assert visits.events([], since=NOW) == []


def test_old_events_are_forgotten(visits: SqlVisits) -> None:
    visits.saw("a", "1", _event(1))
    visits.saw("a", "2", _event(2))
    assert visits.forget_events(before=NOW + timedelta(minutes=2)) == 1
    assert len(visits.events(["a"], since=NOW)) == 1


def test_a_choice_asked_for_by_many_at_once_is_kept_once(visits: SqlVisits) -> None:
    with ThreadPoolExecutor(4) as pool:
        kept = list(
            pool.map(lambda n: visits.chose({"decision_id": f"d{n % 3}", "customer_id": "a", "chosen": "control"}), range(12))
        )
    assert sum(kept) == 3
    assert [row["decision_id"] for row in visits.choices()] == ["d0", "d1", "d2"]
    visits.in_lake(["d0", "d2", "never"])
    assert [row["decision_id"] for row in visits.choices()] == ["d1"]


def test_the_stamp_changes_with_data_and_journal_and_with_nothing_else(store: Any, visits: SqlVisits, tmp_path: Path) -> None:
    before = visits.stamp()
    visits.chose({"decision_id": "d", "customer_id": "a"})
    visits.saw("a", "1", _event())
    assert visits.stamp() == before
    ParquetLake(tmp_path, store.engine).add({"customers": pa.table({"customer_id": ["a"]})}, source="x", now=NOW)
    after = visits.stamp()
    SqlJournal(store.engine).append(at=NOW, actor="a", action="b", subject="c", detail={})
    assert len({before, after, visits.stamp()}) == 3
