"""Statistics of campaigns are written once, found by key while they are in force, and never believed after somebody changed them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import Estimate, Lesson
from liftwright.domain.learning import CellStatistics, Moments
from liftwright.store.lessons import SqlLessons


@pytest.fixture
def lessons(engine) -> SqlLessons:
    return SqlLessons(engine)


def _row(make, **changes: Any) -> CellStatistics:
    arm = Moments(people=10, conversions=3, weight=11.0, weight_squares=12.0, total=30.5, squares=200.0, expected=1.5)
    values: dict[str, Any] = {
        "campaign_id": "c1",
        "channel": "email",
        "segment": "lapsed, quiet",
        "offer": "none",
        "season": "Q4",
        "starts_at": make.now - timedelta(days=30),
        "ends_at": make.now,
        "treated": arm,
        "holdout": arm,
        "cap": 90.0,
        "srm_p": 0.4,
        "standing": "believed",
        "evidence": "sha256:e",
        "touches": "sha256:t",
        "expires_at": make.now + timedelta(days=365),
    }
    return CellStatistics(**{**values, **changes})


def test_rows_come_back_as_they_were_and_once(lessons, make):
    rows = (_row(make), _row(make, channel="sms"))
    lessons.keep_statistics(rows, now=make.now)
    lessons.keep_statistics(rows, now=make.now)
    found = lessons.statistics(now=make.now)
    assert sorted(found.rows, key=lambda row: row.channel) == list(rows)
    assert found.tampered == ()


@pytest.mark.parametrize("key", ["channel", "segment", "offer", "season"])
def test_they_are_found_by_every_key(lessons, make, key):
    other = _row(make, **{key: "another"})
    lessons.keep_statistics((_row(make), other), now=make.now)
    assert lessons.statistics(now=make.now, **{key: "another"}).rows == (other,)


def test_a_key_that_is_none_is_refused(lessons, make):
    with pytest.raises(ValueError, match="colour"):
        lessons.statistics(now=make.now, colour="blue")


def test_what_is_expired_or_not_yet_learned_is_not_found(lessons, make):
    lessons.keep_statistics((_row(make, expires_at=make.now),), now=make.now)
    lessons.keep_statistics((_row(make, channel="sms"),), now=make.now + timedelta(seconds=1))
    assert lessons.statistics(now=make.now).rows == ()


@pytest.mark.parametrize("statement", ["UPDATE cell_statistics SET channel = 'x'", "DELETE FROM cell_statistics"])
def test_the_database_refuses_to_change_or_remove_a_row(lessons, make, engine, statement):
    lessons.keep_statistics((_row(make),), now=make.now)
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text(statement))


def test_a_row_that_was_slipped_in_with_other_numbers_is_told_and_not_used(lessons, make, engine):
    honest, false = _row(make), _row(make, channel="sms")
    lessons.keep_statistics((honest,), now=make.now)
    poison = false.model_copy(update={"treated": false.treated.model_copy(update={"total": 9_999.0})})
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cell_statistics SELECT :id, campaign_id, 'sms', segment, offer, season, learned_at, expires_at, :json"
                " FROM cell_statistics"
            ),
            {"id": false.statistics_id, "json": poison.model_dump_json()},
        )
    found = lessons.statistics(now=make.now)
    assert (found.rows, found.tampered) == ((honest,), (false.statistics_id,))


def _lesson(make) -> Lesson:
    return Lesson(
        lesson_id="l-1",
        campaign_id="c1",
        says="E-mail brought less than foretold.",
        scope={"channel": "email"},
        evidence_id="sha256:e#email",
        estimate=Estimate(metric="margin", low=0.1, mid=0.2, high=0.3),
        learned_at=make.now,
        expires_at=make.now + timedelta(days=365),
    )


def test_a_retired_lesson_is_out_of_use_keeps_its_reason_and_is_journalled(lessons, make, store):
    lessons.save(_lesson(make))
    retired = lessons.retire("l-1", reason="prices were wrong", by="anna", now=make.now)
    assert lessons.find(now=make.now) == []
    assert lessons.find(now=make.now, with_retired=True) == [retired]
    assert lessons.retire("l-1", reason="again", by="bob", now=make.now) == retired
    assert retired.retired_because == "prices were wrong"
    entries = store.journal.entries(subject="l-1")
    assert [(entry.actor, entry.action, entry.detail["reason"]) for entry in entries] == [
        ("anna", "lesson.retired", "prices were wrong")
    ]


def test_a_lesson_that_does_not_exist_cannot_be_retired(lessons, make):
    with pytest.raises(DataError, match="LESSON-UNKNOWN"):
        lessons.retire("l-9", reason="x", by="anna", now=make.now)
