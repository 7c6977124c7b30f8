"""Conversations as events that are only ever added."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from liftwright.domain.talk import TalkEvent, TalkKind
from liftwright.store.engine import reading, writing
from liftwright.store.tables import TalkEventRow

_TRIES = 50


class SqlTalks:
    """Event rows, numbered in each talk from 1 without gaps, whoever writes at the same time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, talk_id: str, kind: TalkKind, payload: Mapping[str, Any], *, at: datetime) -> int:
        """Write an event down; returns its number. Two writers at once both get theirs in: the later tries the next number."""
        for tried in range(_TRIES):
            try:
                with writing(self._engine) as session:
                    last = session.exec(select(func.max(TalkEventRow.seq)).where(TalkEventRow.talk_id == talk_id)).one()
                    row = TalkEventRow(talk_id=talk_id, seq=(last or 0) + 1, at=at, kind=kind, payload=json.dumps(dict(payload)))
                    session.add(row)
                    session.flush()
                    return row.seq
            except IntegrityError:
                if tried == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def since(self, talk_id: str, after: int = 0) -> list[TalkEvent]:
        """Events of a talk with a number above `after`, in order."""
        query = (
            select(TalkEventRow).where(TalkEventRow.talk_id == talk_id, TalkEventRow.seq > after).order_by(col(TalkEventRow.seq))
        )
        with reading(self._engine) as session:
            return [_event(row) for row in session.exec(query).all()]

    def reached(self, talk_ids: Collection[str]) -> dict[str, int]:
        """The last number of each of these talks, in one look; a talk without events is left out."""
        query = (
            select(TalkEventRow.talk_id, func.max(TalkEventRow.seq))
            .where(col(TalkEventRow.talk_id).in_(talk_ids))
            .group_by(TalkEventRow.talk_id)
        )
        with reading(self._engine) as session:
            return dict(session.exec(query).all())

    def latest(self, *, limit: int = 20) -> list[TalkEvent]:
        """The first event of the talks that were begun last, newest first."""
        query = select(TalkEventRow).where(TalkEventRow.seq == 1).order_by(col(TalkEventRow.at).desc(), TalkEventRow.talk_id)
        with reading(self._engine) as session:
            return [_event(row) for row in session.exec(query.limit(limit)).all()]


def _event(row: TalkEventRow) -> TalkEvent:
    return TalkEvent.model_validate(
        {"talk_id": row.talk_id, "seq": row.seq, "at": row.at, "kind": row.kind, "payload": json.loads(row.payload)}
    )
