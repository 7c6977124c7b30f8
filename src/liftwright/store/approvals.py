"""Approval rows: the only thing that lets anything be executed. Pending once, decided once, by one person, for one hash."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from liftwright.domain.approval import ApprovalRequest, Decision
from liftwright.domain.errors import ApprovalError
from liftwright.store.campaigns import row_of
from liftwright.store.engine import changed, reading, serialise, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import ApprovalRow, DecisionRow

DECIDED = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "responded"}
_RISKIEST_FIRST = {"high": 0, "medium": 1, "low": 2}


class SqlApprovals:
    """Compare-and-set on approval rows. Raises ApprovalError APPROVAL-UNKNOWN for an id that does not exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, approval: ApprovalRequest) -> ApprovalRequest:
        """Insert, or return the row that already asks for this thread, hash and revision. Older pending rows of the campaign
        become superseded. Journaled as `approval.requested`."""
        with writing(self._engine) as session:
            row_of(session, approval.campaign_id, lock=True)
            there = session.exec(
                select(ApprovalRow).where(
                    ApprovalRow.thread_id == approval.thread_id,
                    ApprovalRow.plan_hash == approval.plan_hash,
                    ApprovalRow.revision == approval.revision,
                )
            ).first()
            if there is not None:
                return approval_of(there)
            older = _pending(session, approval.campaign_id, lock=True)
            for row in older:
                row.status = "superseded"
                session.add(row)
            asked = approval.model_dump(exclude={"needs"})
            session.add(ApprovalRow(**asked, needs=json.dumps(approval.needs), seq=_next(session, ApprovalRow)))
            detail = {
                **approval.model_dump(
                    mode="json", include={"approval_id", "plan_hash", "revision", "risk", "needs", "expires_at"}
                ),
                "superseded": [row.approval_id for row in older],
            }
            session.flush()
            log(session, approval, at=approval.asked_at, actor=approval.asked_by, action="requested", detail=detail)
            return approval

    def get(self, approval_id: str) -> ApprovalRequest:
        """The approval as it stands."""
        with reading(self._engine) as session:
            return approval_of(approval_row(session, approval_id))

    def pending(self, campaign_id: str) -> ApprovalRequest | None:
        """What waits for this campaign, if anything."""
        with reading(self._engine) as session:
            rows = _pending(session, campaign_id)
            return approval_of(rows[-1]) if rows else None

    def approved(self, campaign_id: str) -> ApprovalRequest | None:
        """What was approved of this campaign's plan and not launched yet, if anything."""
        query = select(ApprovalRow).where(
            ApprovalRow.campaign_id == campaign_id,
            ApprovalRow.thread_id == campaign_id,
            ApprovalRow.status == "approved",
            col(ApprovalRow.launched_at).is_(None),
        )
        with reading(self._engine) as session:
            row = session.exec(query.order_by(col(ApprovalRow.seq).desc())).first()
            return None if row is None else approval_of(row)

    def waiting(self) -> list[ApprovalRequest]:
        """All that waits, riskiest first, then soonest to expire."""
        with reading(self._engine) as session:
            rows = session.exec(select(ApprovalRow).where(ApprovalRow.status == "pending")).all()
        return sorted(map(approval_of, rows), key=lambda a: (_RISKIEST_FIRST[a.risk], a.expires_at, a.approval_id))

    def decided(self, *, most: int = 50) -> list[ApprovalRequest]:
        """Rows that somebody decided, the newest decision first."""
        query = select(ApprovalRow).where(col(ApprovalRow.decided_at).is_not(None))
        with reading(self._engine) as session:
            rows = session.exec(query.order_by(col(ApprovalRow.decided_at).desc(), ApprovalRow.approval_id).limit(most)).all()
        return [approval_of(row) for row in rows]

    def decide(self, decision: Decision) -> ApprovalRequest:
        """Pending to decided in one compare-and-set, with the decision row and a journal entry in the same transaction.

        `decision.at` is the clock. Raises ApprovalError APPROVAL-DECIDED (somebody was first), APPROVAL-STALE (another hash is
        the current one) or APPROVAL-EXPIRED (the row is expired from then on).
        """
        with writing(self._engine) as session:
            row = approval_row(session, decision.approval_id, lock=True)
            why_not = refusal(session, row, decision)
            if why_not is None:
                _set_decided(session, row, decision)
        if why_not is not None:
            raise why_not
        return approval_of(row)

    def revoke(self, approval_id: str, *, by: str, reason: str, now: datetime) -> ApprovalRequest:
        """Take an approval back for good before it was launched, waiting or decided; ApprovalError once it was launched or is over."""
        with writing(self._engine) as session:
            row = approval_row(session, approval_id, lock=True)
            if row.launched_at is not None or row.status not in ("pending", "approved"):
                raise ApprovalError(
                    "APPROVAL-NOT-REVOCABLE",
                    f"The approval of '{row.campaign_id}' is {'launched' if row.launched_at else row.status}.",
                    next_step=f"Stop what runs with: liftwright stop {row.campaign_id}.",
                )
            row.status, row.decided_by, row.decided_at, row.reason = "revoked", by, now, reason
            session.add(row)
            session.flush()
            detail = {"approval_id": approval_id, "plan_hash": row.plan_hash, "reason": reason}
            log(session, approval_of(row), at=now, actor=by, action="revoked", detail=detail)
            return approval_of(row)

    def decision(self, approval_id: str) -> Decision | None:
        """What was said to an approval, if anything."""
        with reading(self._engine) as session:
            row = session.get(DecisionRow, approval_id)
        return None if row is None else decision_of(row)

    def decisions(self, campaign_id: str) -> list[Decision]:
        """Everything said about a campaign, in the order it was said."""
        query = select(DecisionRow).join(ApprovalRow, col(ApprovalRow.approval_id) == col(DecisionRow.approval_id))
        query = query.where(ApprovalRow.campaign_id == campaign_id).order_by(col(DecisionRow.seq))
        with reading(self._engine) as session:
            return [decision_of(row) for row in session.exec(query)]

    def mark_resumed(self, approval_id: str, *, at: datetime) -> None:
        """The paused graph has taken the decision up; the first mark stays."""
        with writing(self._engine) as session:
            row = approval_row(session, approval_id, lock=True)
            if row.resumed_at is None:
                row.resumed_at = at
                session.add(row)

    def decided_not_resumed(self) -> list[ApprovalRequest]:
        """Decided, but the graph has not taken it up yet (a crash in between); oldest decision first."""
        query = select(ApprovalRow).join(DecisionRow, col(ApprovalRow.approval_id) == col(DecisionRow.approval_id))
        query = query.where(col(ApprovalRow.status).in_(list(DECIDED.values())), col(ApprovalRow.resumed_at).is_(None))
        query = query.order_by(col(DecisionRow.seq))
        with reading(self._engine) as session:
            return [approval_of(row) for row in session.exec(query)]

    def expire(self, *, now: datetime) -> list[ApprovalRequest]:
        """Pending rows whose time is over become expired and are journaled; returns them."""
        query = select(ApprovalRow).where(ApprovalRow.status == "pending", ApprovalRow.expires_at <= now)
        with writing(self._engine) as session:
            rows = session.exec(query.order_by(col(ApprovalRow.approval_id)).with_for_update()).all()
            for row in rows:
                _set_expired(session, row, now)
            return [approval_of(row) for row in rows]


def approval_row(session: Session, approval_id: str, *, lock: bool = False) -> ApprovalRow:
    """The row of an approval, read afresh, locked to the end of the transaction if asked."""
    row = session.get(ApprovalRow, approval_id, with_for_update=True if lock else None, populate_existing=lock)
    if row is None:
        raise ApprovalError(
            "APPROVAL-UNKNOWN",
            f"There is no approval '{approval_id}'.",
            next_step="See what waits with: liftwright approvals.",
        )
    return row


def approval_of(row: ApprovalRow) -> ApprovalRequest:
    """A row as the domain knows it."""
    return ApprovalRequest.model_validate({**row.model_dump(exclude={"needs", "seq"}), "needs": json.loads(row.needs)})


def decision_of(row: DecisionRow) -> Decision:
    """A row as the domain knows it."""
    return Decision.model_validate(
        {
            "kind": row.kind,
            "approval_id": row.approval_id,
            "plan_hash": row.plan_hash,
            "by": row.decided_by,
            "at": row.decided_at,
            "reason": row.reason,
            "changes": json.loads(row.changes),
        }
    )


def _pending(session: Session, campaign_id: str, *, lock: bool = False) -> Sequence[ApprovalRow]:
    query = select(ApprovalRow).where(ApprovalRow.campaign_id == campaign_id, ApprovalRow.status == "pending")
    query = query.order_by(col(ApprovalRow.seq))
    return session.exec(query.with_for_update() if lock else query).all()


def _next(session: Session, table: type[ApprovalRow] | type[DecisionRow]) -> int:
    """The next number of a table; whoever takes one is the only one to do so until its transaction ends."""
    serialise(session, str(table.__tablename__))
    return int(session.exec(select(func.max(table.seq))).one() or 0) + 1


def refusal(session: Session, row: ApprovalRow, decision: Decision) -> ApprovalError | None:
    """Why an approval cannot be given this answer; None when it can. One that has run out is expired from then on."""
    if row.status == "superseded" or (row.status == "pending" and row.plan_hash != decision.plan_hash):
        return _stale(session, row)
    if row.status == "expired" or (row.status == "pending" and row.expires_at <= decision.at):
        if row.status == "pending":
            _set_expired(session, row, decision.at)
        return ApprovalError(
            "APPROVAL-EXPIRED",
            f"The approval of '{row.campaign_id}' ran out on {row.expires_at:%Y-%m-%d %H:%M} UTC; an expired approval means no.",
            next_step=f"Ask again with: liftwright plan --again {row.campaign_id}.",
        )
    if row.status != "pending":
        when = f" on {row.decided_at:%Y-%m-%d %H:%M} UTC" if row.decided_at else ""
        return ApprovalError(
            "APPROVAL-DECIDED",
            f"'{row.campaign_id}' was already {row.status} by {row.decided_by or 'the system'}{when}.",
            next_step=f"Look at the outcome with: liftwright show {row.campaign_id}.",
        )
    return None


def _stale(session: Session, row: ApprovalRow) -> ApprovalError:
    newer = _pending(session, row.campaign_id)
    current = newer[-1].plan_hash if newer else None
    if current is None:
        says = f"The plan of '{row.campaign_id}' that this is about was replaced, and no plan of it waits now."
        return ApprovalError("APPROVAL-STALE", says, next_step=f"Look at it with: liftwright show {row.campaign_id}.")
    return ApprovalError(
        "APPROVAL-STALE",
        f"The plan of '{row.campaign_id}' that waits is not the one decided on; nothing was recorded.",
        next_step=f"Read it with `liftwright show {row.campaign_id}`, then decide with --hash {current}.",
    )


def _set_decided(session: Session, row: ApprovalRow, decision: Decision) -> None:
    mine = (
        update(ApprovalRow)
        .where(col(ApprovalRow.approval_id) == row.approval_id, col(ApprovalRow.status) == "pending")
        .values(status=DECIDED[decision.kind], decided_by=decision.by, decided_at=decision.at, reason=decision.reason)
    )
    if changed(session, mine) != 1:
        raise RuntimeError(f"approval {row.approval_id} changed while its row was locked")
    session.add(
        DecisionRow(
            **decision.model_dump(include={"approval_id", "kind", "plan_hash", "reason"}),
            decided_by=decision.by,
            decided_at=decision.at,
            changes=to_json(decision.changes).decode(),
            seq=_next(session, DecisionRow),
        )
    )
    session.flush()
    session.refresh(row)
    detail = decision.model_dump(mode="json", include={"approval_id", "plan_hash", "reason", "changes"})
    log(session, approval_of(row), at=decision.at, actor=decision.by, action=row.status, detail=detail)


def _set_expired(session: Session, row: ApprovalRow, now: datetime) -> None:
    row.status = "expired"
    session.add(row)
    session.flush()
    detail = {"approval_id": row.approval_id, "plan_hash": row.plan_hash}
    log(session, approval_of(row), at=now, actor="system", action="expired", detail=detail)


def log(session: Session, approval: ApprovalRequest, *, at: datetime, actor: str, action: str, detail: dict[str, Any]) -> None:
    """A journal entry about an approval, in the open transaction."""
    append_in(session, at=at, actor=actor, action=f"approval.{action}", subject=approval.campaign_id, detail=detail)
