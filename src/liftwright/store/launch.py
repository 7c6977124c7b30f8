"""The one transaction that turns an approved plan into sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Engine, delete, insert, select
from sqlmodel import Session

from liftwright.domain.approval import Decision
from liftwright.domain.campaign import Send
from liftwright.domain.errors import ApprovalError, DataError
from liftwright.store.approvals import approval_row, decision_of
from liftwright.store.campaigns import row_of, step
from liftwright.store.engine import writing
from liftwright.store.journal import append_in
from liftwright.store.tables import SENDS, ApprovalRow, CampaignRow, DecisionRow

T = TypeVar("T")
CHUNK = 5_000


def launch(engine: Engine, *, approval_id: str, plan_hash: Callable[[], str], sends: Iterable[Send], now: datetime) -> int:
    """See `ports.Ledger.launch`. `plan_hash` and `sends` may read the database but must not write to it.

    A key that the ledger already holds (from an earlier approval of the campaign) is planned anew only when nothing was ever
    tried for it (planned or cancelled, no attempt); whatever was leased, sent, failed, suppressed or is unknown stays as it is.
    """
    with writing(engine) as session:
        campaign = row_of(session, approval_row(session, approval_id).campaign_id, lock=True)
        approval = approval_row(session, approval_id, lock=True)
        if approval.launched_at is not None:
            return 0
        decision = _approved(session, approval, now)
        _same_hash(approval, decision, plan_hash())
        _may_run(campaign)
        inserted, skipped = _insert(session, approval, sends)
        approval.launched_at = now
        step(campaign, "running")
        session.add_all([approval, campaign])
        session.flush()
        detail = {
            "approval_id": approval_id,
            "plan_hash": approval.plan_hash,
            "approved_by": decision.by,
            "sends": inserted,
            "kept": skipped,
        }
        append_in(session, at=now, actor="system", action="campaign.launched", subject=campaign.campaign_id, detail=detail)
    return inserted


def _approved(session: Session, approval: ApprovalRow, now: datetime) -> Decision:
    """The decision that allows this launch; ApprovalError when there is none."""
    row = session.get(DecisionRow, approval.approval_id)
    if approval.status != "approved" or row is None or row.kind != "approve":
        raise ApprovalError(
            "APPROVAL-MISSING",
            f"Nobody has approved this plan of '{approval.campaign_id}': the approval is {approval.status}.",
            next_step=f"Look at it with `liftwright show {approval.campaign_id}`, then approve, edit or reject it.",
        )
    if approval.expires_at <= now:
        raise ApprovalError(
            "APPROVAL-EXPIRED",
            f"The approval of '{approval.campaign_id}' ran out on {approval.expires_at:%Y-%m-%d %H:%M} UTC, before it was launched.",
            next_step=f"Ask again with: liftwright plan --again {approval.campaign_id}.",
        )
    return decision_of(row)


def _same_hash(approval: ApprovalRow, decision: Decision, recomputed: str) -> None:
    if not recomputed == approval.plan_hash == decision.plan_hash:
        raise ApprovalError(
            "APPROVAL-TAMPERED",
            f"The stored plan of '{approval.campaign_id}' is not the approved one: it was changed after the approval, so nothing was "
            f"sent. Its hash is {recomputed}; {decision.plan_hash} was approved.",
            next_step="Find out who changed it with `liftwright journal verify`, then plan and approve again.",
        )


def _may_run(campaign: CampaignRow) -> None:
    if campaign.status not in ("awaiting_approval", "running"):
        raise ApprovalError(
            "APPROVAL-CAMPAIGN",
            f"Campaign '{campaign.campaign_id}' is {campaign.status}; nothing of it may be launched.",
            next_step=f"Ask its goal again with: liftwright plan --again {campaign.campaign_id}.",
        )


def _already_there(session: Session, campaign_id: str) -> dict[str, str | None]:
    """Keys the ledger holds for this campaign: the id of a send for which nothing was ever tried, else None."""
    query = select(SENDS.c.send_id, SENDS.c.idem_key, SENDS.c.state, SENDS.c.attempts).where(SENDS.c.campaign_id == campaign_id)
    rows = session.execute(query.order_by(SENDS.c.send_id).with_for_update())
    return {row.idem_key: row.send_id if row.state in ("planned", "cancelled") and row.attempts == 0 else None for row in rows}


def _insert(session: Session, approval: ApprovalRow, sends: Iterable[Send]) -> tuple[int, int]:
    """(sends inserted, sends left as the ledger already has them)."""
    there = _already_there(session, approval.campaign_id)
    inserted, total, keys = 0, 0, set[str]()
    for chunk in chunks(_checked(sends, approval)):
        keys.update(send.idem_key for send in chunk)
        total += len(chunk)
        if len(keys) != total:
            raise DataError(
                "LEDGER-DUPLICATE",
                f"Two sends of '{approval.campaign_id}' have the same key.",
                next_step="Plan the campaign again; a person may get one touch per channel and wave.",
            )
        untried = [there[send.idem_key] for send in chunk if there.get(send.idem_key)]
        if untried:
            session.execute(delete(SENDS).where(SENDS.c.send_id.in_(untried)))
        rows = [
            {**send.__dict__, "approval_id": approval.approval_id}
            for send in chunk
            if send.idem_key not in there or there[send.idem_key]
        ]
        if rows:
            session.execute(insert(SENDS), rows)
        inserted += len(rows)
    return inserted, total - inserted


def _checked(sends: Iterable[Send], approval: ApprovalRow) -> Iterator[Send]:
    for send in sends:
        _must_belong(send, approval)
        yield send


def _must_belong(send: Send, approval: ApprovalRow) -> None:
    if send.campaign_id != approval.campaign_id or send.plan_hash != approval.plan_hash or send.state != "planned":
        raise ApprovalError(
            "APPROVAL-TAMPERED",
            f"Send {send.send_id} is not part of the approved plan of '{approval.campaign_id}'; nothing was sent.",
            next_step=f"Plan and approve afresh: liftwright plan --again {approval.campaign_id}.",
        )


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
