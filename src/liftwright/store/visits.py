"""Visitors: events of their sessions, and choices made for them until the night takes them to the lake."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, Index, Text, bindparam, delete, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from liftwright.domain.visit import VisitEvent
from liftwright.store.engine import changed, reading, writing
from liftwright.store.launch import chunks
from liftwright.store.tables import METADATA, Row
from liftwright.store.times import UtcTime


class VisitEventRow(Row, table=True):
    """What a visitor did in a session, `event` as JSON. Rows go with the session."""

    __tablename__ = "visit_events"
    __table_args__ = (Index("ix_visit_events_customer_id_at", "customer_id", "at"),)

    event_id: str = Field(primary_key=True)
    customer_id: str
    at: datetime = Field(sa_type=UtcTime)
    event: str = Field(sa_type=Text)


class VisitChoiceRow(Row, table=True):
    """A choice made for a visitor, `choice` as JSON, until the night writes it to the lake."""

    __tablename__ = "visit_choices"

    decision_id: str = Field(primary_key=True)
    customer_id: str
    choice: str = Field(sa_type=Text)


_STAMP = text(
    "SELECT (SELECT max(seq) FROM snapshots), (SELECT max(seq) FROM models), "
    "(SELECT max(seq) FROM journal), (SELECT count(*) FROM models WHERE state = 'on')"
)
_EVENTS, _CHOICES = METADATA.tables["visit_events"], METADATA.tables["visit_choices"]
_SINCE = (
    select(_EVENTS.c.event)
    .where(_EVENTS.c.customer_id.in_(bindparam("ids", expanding=True)), _EVENTS.c.at >= bindparam("since"))
    .order_by(_EVENTS.c.at, _EVENTS.c.event_id)
)
_KEPT_TEXT = {_EVENTS: _EVENTS.c.event, _CHOICES: _CHOICES.c.choice}
OF_PEOPLE = (_EVENTS, _CHOICES)
"""Tables that name people by `customer_id`; an erasure takes their rows away."""


class SqlVisits:
    """Two tables. Rows are added by whoever serves a visitor and taken away by the night."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def saw(self, customer_id: str, event_id: str, event: VisitEvent) -> bool:
        """Keep what a visitor did; False when an event of this id is there already."""
        row = {"event_id": event_id, "customer_id": customer_id, "at": event.occurred_at, "event": event.model_dump_json()}
        return self._added(_EVENTS, row)

    def events(self, customer_ids: Collection[str], *, since: datetime) -> list[VisitEvent]:
        """What these ids did since a moment, in order."""
        with self._engine.connect() as connection:
            found = connection.execute(_SINCE, {"ids": sorted(customer_ids), "since": since}).scalars().all()
        return [VisitEvent.model_validate_json(kept) for kept in found]

    def forget_events(self, *, before: datetime) -> int:
        """Take away what was done before a moment; returns how many rows."""
        with writing(self._engine) as session:
            return changed(session, delete(_EVENTS).where(_EVENTS.c.at < before))

    def chose(self, choice: Mapping[str, Any]) -> bool:
        """Keep a choice (`decision_id`, `customer_id` and the rest as JSON values); False when it is there already."""
        row = {"decision_id": choice["decision_id"], "customer_id": choice["customer_id"], "choice": json.dumps(dict(choice))}
        return self._added(_CHOICES, row)

    def choices(self) -> list[dict[str, Any]]:
        """Every choice that is not in the lake yet, by id."""
        with reading(self._engine) as session:
            found = session.execute(select(_CHOICES.c.choice).order_by(_CHOICES.c.decision_id)).scalars().all()
        return [json.loads(kept) for kept in found]

    def in_lake(self, decision_ids: Sequence[str]) -> None:
        """These choices are in the lake now; their rows go."""
        with writing(self._engine) as session:
            for some in chunks(decision_ids):
                session.execute(delete(_CHOICES).where(_CHOICES.c.decision_id.in_(some)))

    def stamp(self) -> tuple[int, ...]:
        """Numbers, of which one grows with whatever visitors' answers depend on: data, models, what the journal says."""
        with self._engine.connect() as connection:
            row = connection.execute(_STAMP).one()
        return tuple(int(number or 0) for number in row)

    def _added(self, table: Any, row: Mapping[str, Any]) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.execute(insert(table), row)
                connection.commit()
        except IntegrityError:
            return False
        return True


def kept_of(engine: Engine, customer_ids: Collection[str]) -> pa.Table:
    """What the tables hold about these ids: `customer_id, kept` (JSON)."""
    rows: list[tuple[str, str]] = []
    with reading(engine) as session:
        for table, kept in _KEPT_TEXT.items():
            rows += [
                tuple(row)
                for row in session.execute(select(table.c.customer_id, kept).where(table.c.customer_id.in_(sorted(customer_ids))))
            ]
    return pa.table(
        {"customer_id": pa.array([row[0] for row in rows], pa.string()), "kept": pa.array([row[1] for row in rows], pa.string())}
    )
