"""What campaigns taught, by key. Numbers are looked up here; text search is another room's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Engine
from sqlmodel import col, select

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import Lesson
from liftwright.domain.learning import CellStatistics, Remembered
from liftwright.store.engine import reading, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import CellStatisticsRow, LessonRow

KEYS = ("channel", "segment", "offer", "season")


class SqlLessons:
    """Lesson rows, and the statistics that numbers come from."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, lesson: Lesson) -> None:
        """Insert, or replace the lesson of the same id."""
        with writing(self._engine) as session:
            session.merge(_row(lesson))

    def find(self, *, now: datetime, scope: Mapping[str, str] | None = None, with_retired: bool = False) -> list[Lesson]:
        """Lessons in force at `now`, newest first. With a scope: those that name every key of it with the same value."""
        query = select(LessonRow.lesson).where(LessonRow.expires_at > now, LessonRow.learned_at <= now)
        if not with_retired:
            query = query.where(col(LessonRow.is_retired).is_(False))
        query = query.order_by(col(LessonRow.learned_at).desc(), col(LessonRow.lesson_id))
        with reading(self._engine) as session:
            lessons = [Lesson.model_validate_json(text) for text in session.exec(query)]
        return [lesson for lesson in lessons if dict(scope or {}).items() <= lesson.scope.items()]

    def retire(self, lesson_id: str, *, reason: str, by: str, now: datetime) -> Lesson:
        """Take a lesson out of use for good, with a journal entry; retiring again keeps the first reason. DataError LESSON-UNKNOWN when there is none."""
        with writing(self._engine) as session:
            row = session.get(LessonRow, lesson_id)
            if row is None:
                raise DataError(
                    "LESSON-UNKNOWN", f"There is no lesson '{lesson_id}'.", next_step="See them with: liftwright lessons list."
                )
            lesson = Lesson.model_validate_json(row.lesson)
            if lesson.is_retired:
                return lesson
            lesson = lesson.model_copy(update={"is_retired": True, "retired_because": reason})
            session.merge(_row(lesson))
            append_in(session, at=now, actor=by, action="lesson.retired", subject=lesson_id, detail={"reason": reason})
        return lesson

    def keep_statistics(self, rows: Sequence[CellStatistics], *, now: datetime) -> None:
        """Write rows once; a row that is there already stays as it is."""
        with writing(self._engine) as session:
            for row in rows:
                if session.get(CellStatisticsRow, row.statistics_id) is None:
                    session.add(_statistics_row(row, now))

    def statistics(self, *, now: datetime, **keys: str) -> Remembered:
        """Statistics in force at `now` by any of channel, segment, offer and season, and the ids of rows that do not hold what was written."""
        if unknown := sorted(set(keys) - set(KEYS)):
            raise ValueError(f"statistics are not kept by {', '.join(unknown)}, only by {', '.join(KEYS)}")
        query = select(CellStatisticsRow).where(CellStatisticsRow.expires_at > now, CellStatisticsRow.learned_at <= now)
        for name, value in keys.items():
            query = query.where(getattr(CellStatisticsRow, name) == value)
        query = query.order_by(col(CellStatisticsRow.learned_at), col(CellStatisticsRow.statistics_id))
        sound: list[CellStatistics] = []
        tampered: list[str] = []
        with reading(self._engine) as session:
            for row in session.exec(query):
                found = _sound(row)
                if found is None:
                    tampered.append(row.statistics_id)
                else:
                    sound.append(found)
        return Remembered(tuple(sound), tuple(tampered))


def _row(lesson: Lesson) -> LessonRow:
    fields = lesson.model_dump(include={"lesson_id", "campaign_id", "learned_at", "expires_at", "is_retired"})
    return LessonRow(**fields, lesson=lesson.model_dump_json())


def _statistics_row(row: CellStatistics, now: datetime) -> CellStatisticsRow:
    names = ("campaign_id", *KEYS, "expires_at")
    return CellStatisticsRow(
        statistics_id=row.statistics_id,
        learned_at=now,
        statistics=row.model_dump_json(),
        **{name: getattr(row, name) for name in names},
    )


def _sound(row: CellStatisticsRow) -> CellStatistics | None:
    """What was written, if its digest and keys still fit; None for a row that was changed behind its back."""
    try:
        found = CellStatistics.model_validate_json(row.statistics)
    except ValidationError:
        return None
    fits = found.statistics_id == row.statistics_id and all(
        getattr(found, name) == getattr(row, name) for name in ("campaign_id", *KEYS, "expires_at")
    )
    return found if fits else None
