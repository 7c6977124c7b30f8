"""Who was told what of approvals that wait. One row for one thing told to one receiver, so that nothing is told twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, Index, Text, UniqueConstraint, and_, or_
from sqlmodel import Field, col, select

from liftwright.domain.notice import Notice, NoticeOutcome
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.tables import Row
from liftwright.store.times import UtcTime


class NoticeRow(Row, table=True):
    """A notice. `recipient` is the name of a user or of a webhook, never an address. `worker` holds it, or held it last, until `lease_until`."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("approval_id", "plan_hash", "kind", "role", "way", "recipient", name="uq_notices_told"),
        Index("ix_notices_state_due_at", "state", "due_at"),
    )

    notice_id: str = Field(primary_key=True)
    approval_id: str = Field(foreign_key="approvals.approval_id")
    plan_hash: str
    kind: str
    role: str
    way: str
    recipient: str
    planned_at: datetime = Field(sa_type=UtcTime)
    due_at: datetime = Field(sa_type=UtcTime)
    state: str = "planned"
    attempts: int = 0
    reason: str = Field(default="", sa_type=Text)
    sent_at: datetime | None = Field(default=None, sa_type=UtcTime)
    worker: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=UtcTime)


class SqlNotices:
    """Notice rows. A row goes from planned to sending, held by one worker, and from there to how it ended, or back to planned."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def plan(self, notices: Sequence[Notice]) -> int:
        """Write down what is not there yet; returns how many rows are new. Of several who plan the same at once, one writes it."""
        wanted = {notice.notice_id: notice for notice in notices}
        known = select(NoticeRow.notice_id).where(col(NoticeRow.notice_id).in_(list(wanted)))
        with reading(self._engine) as session:
            if not wanted or len(session.exec(known).all()) == len(wanted):
                return 0
        with writing(self._engine) as session:
            serialise(session, "notices")
            absent = [wanted[key] for key in sorted(wanted.keys() - set(session.exec(known).all()))]
            session.add_all(NoticeRow(notice_id=each.notice_id, **each.model_dump()) for each in absent)
        return len(absent)

    def of(self, approval_id: str) -> list[Notice]:
        """What was planned or told about an approval, in the order it was planned."""
        query = select(NoticeRow).where(NoticeRow.approval_id == approval_id)
        with reading(self._engine) as session:
            rows = session.exec(query.order_by(col(NoticeRow.planned_at), NoticeRow.notice_id)).all()
        return [_notice(row) for row in rows]

    def claim(self, *, now: datetime, worker: str, seconds: int = 300) -> Notice | None:
        """The next that is due, as `sending`, with an attempt counted and for `worker` alone for so many seconds; None when nothing is.

        One in `sending` whose time is over was left by a worker that died, and is due again: it may have arrived.
        """
        left = and_(col(NoticeRow.state) == "sending", col(NoticeRow.lease_until) <= now)
        due = or_(and_(col(NoticeRow.state) == "planned", col(NoticeRow.due_at) <= now), left)
        query = select(NoticeRow).where(due).order_by(col(NoticeRow.due_at), NoticeRow.notice_id).limit(1)
        with writing(self._engine) as session:
            row = session.exec(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.state, row.attempts, row.worker, row.lease_until = (
                "sending",
                row.attempts + 1,
                worker,
                now + timedelta(seconds=seconds),
            )
            session.add(row)
        return _notice(row)

    def settle(
        self,
        notice_id: str,
        outcome: NoticeOutcome,
        *,
        now: datetime,
        worker: str,
        reason: str = "",
        due_at: datetime | None = None,
    ) -> bool:
        """Write down how a try ended; False, and nothing written, when this worker holds it no longer.

        Raises ValueError when `planned` comes without a new `due_at`.
        """
        if outcome == "planned" and due_at is None:
            raise ValueError(f"no new time was given for the notice {notice_id}")
        with writing(self._engine) as session:
            row = session.get(NoticeRow, notice_id, with_for_update=True)
            if row is None or row.state != "sending" or row.worker != worker:
                return False
            row.state, row.reason, row.lease_until = outcome, reason, None
            row.due_at = due_at or row.due_at
            row.sent_at = now if outcome == "sent" else None
            session.add(row)
        return True


def _notice(row: NoticeRow) -> Notice:
    return Notice.model_validate(row.model_dump(exclude={"notice_id", "worker", "lease_until"}))
