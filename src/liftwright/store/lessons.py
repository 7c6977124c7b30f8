"""What campaigns taught, by key. Numbers are looked up here; text search is another room's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import col, select

from liftwright.domain.evidence import Lesson
from liftwright.store.engine import reading, writing
from liftwright.store.tables import LessonRow


class SqlLessons:
    """Lesson rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, lesson: Lesson) -> None:
        """Insert, or replace the lesson of the same id (for example to retire it)."""
        row = LessonRow(
            **lesson.model_dump(include={"lesson_id", "campaign_id", "learned_at", "expires_at", "is_retired"}),
            lesson=lesson.model_dump_json(),
        )
        with writing(self._engine) as session:
            session.merge(row)

    def find(self, *, now: datetime, scope: Mapping[str, str] | None = None) -> list[Lesson]:
        """Lessons in force at `now`, newest first. With a scope: those that name every key of it with the same value."""
        query = select(LessonRow.lesson).where(col(LessonRow.is_retired).is_(False))
        query = query.where(LessonRow.expires_at > now, LessonRow.learned_at <= now)
        query = query.order_by(col(LessonRow.learned_at).desc(), col(LessonRow.lesson_id))
        with reading(self._engine) as session:
            lessons = [Lesson.model_validate_json(text) for text in session.exec(query)]
        return [lesson for lesson in lessons if dict(scope or {}).items() <= lesson.scope.items()]
