"""Requests under a key of their sender: one of many does it, the others hear its answer; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from liftwright.domain.request import Answer
from liftwright.store.requests import KEPT, LOST, SqlRequests

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DONE = Answer(status=201, media_type="application/json", body='{"a": "ü"}')


@pytest.fixture
def requests(store: Any) -> SqlRequests:
    return SqlRequests(store.engine)


def test_the_first_does_it_and_the_next_hears_its_answer_for_a_day(requests: SqlRequests) -> None:
    first = requests.take("r", asked="a", now=NOW)
    assert first.state == "new"
    assert requests.take("r", asked="a", now=NOW).state == "busy"
    assert requests.answered("r", token=first.token, answer=DONE)
    assert requests.take("r", asked="a", now=NOW + KEPT - timedelta(seconds=1)).answer == DONE
    assert requests.take("r", asked="b", now=NOW).state == "other"
    assert requests.take("s", asked="a", now=NOW).state == "new"
    assert requests.take("r", asked="a", now=NOW + KEPT).state == "new"


def test_who_was_killed_half_way_loses_it_after_ten_minutes_and_a_late_answer_does_not_count(requests: SqlRequests) -> None:
    first = requests.take("r", asked="a", now=NOW)
    assert requests.take("r", asked="a", now=NOW + LOST - timedelta(seconds=1)).state == "busy"
    second = requests.take("r", asked="a", now=NOW + LOST)
    assert second.state == "new"
    assert not requests.answered("r", token=first.token, answer=Answer(status=500, media_type="x", body="late"))
    requests.free("r", token=first.token)
    assert requests.answered("r", token=second.token, answer=DONE)
    assert requests.take("r", asked="a", now=NOW + LOST).answer == DONE


def test_what_came_to_nothing_is_free_at_once(requests: SqlRequests) -> None:
    requests.free("r", token=requests.take("r", asked="a", now=NOW).token)
    assert requests.take("r", asked="another", now=NOW).state == "new"


def test_of_many_at_once_one_does_it(requests: SqlRequests) -> None:
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: requests.take("r", asked="a", now=NOW).state, range(16)))
    assert sorted(states) == ["busy"] * 15 + ["new"]


def test_what_was_answered_about_somebody_goes_with_them(store: Any, requests: SqlRequests, tmp_path: Any) -> None:
    from liftwright.domain.profile import Identifiers
    from liftwright.store.lake import ParquetLake
    from liftwright.store.traces import SqlTraces

    for name in ("C1", "C2"):
        taken = requests.take(name, asked="a", now=NOW, customer_id=name)
        requests.answered(name, token=taken.token, answer=DONE)
    traces = SqlTraces(store.engine, ParquetLake(tmp_path, store.engine), tmp_path / "keys")
    traces.erase(Identifiers(ids=frozenset({"C1"}), addresses=frozenset()), by="ada", reason="asked", now=NOW)
    assert requests.take("C1", asked="a", now=NOW).state == "new"
    assert requests.take("C2", asked="a", now=NOW).state == "again"
