"""The one transaction that gives people other touches for the rest of a flight, inside an approval that stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update
from sqlmodel import Session

from liftwright.domain.campaign import REPLANNED, Send
from liftwright.store.campaigns import row_of
from liftwright.store.engine import writing
from liftwright.store.journal import append_in
from liftwright.store.launch import chunks
from liftwright.store.tables import SENDS

_CHANGED = ("offer", "discount", "variant_id", "send_at", "priority", "cost")


def replace(
    engine: Engine,
    *,
    campaign_id: str,
    planned: Collection[str],
    sends: Sequence[Send],
    now: datetime,
    detail: Mapping[str, Any],
    entry: str,
) -> dict[str, int]:
    """See `ports.Ledger.replace`."""
    old, wanted = set(planned), {send.idem_key: send for send in sends}
    with writing(engine) as session:
        if row_of(session, campaign_id, lock=True).status not in ("running", "paused"):
            return dict.fromkeys(("added", "changed", "cancelled"), 0)
        query = select(SENDS).where(SENDS.c.campaign_id == campaign_id)
        rows = session.execute(query.order_by(SENDS.c.send_id).with_for_update()).all()
        there = {row.idem_key: row for row in rows}
        fixed = {(row.customer_id, row.wave) for row in rows if not _is_open(row, old)}
        wanted = {key: send for key, send in wanted.items() if (send.customer_id, send.wave) not in fixed}
        gone = [row.send_id for row in rows if row.state == "planned" and _is_open(row, old) and row.idem_key not in wanted]
        others = [(there[key].send_id, send) for key, send in wanted.items() if key in there and _differs(there[key], send)]
        approval_id = next((row.approval_id for row in rows), None)
        new = [{**send.__dict__, "approval_id": approval_id} for key, send in wanted.items() if key not in there]
        for chunk in chunks(gone):
            session.execute(update(SENDS).where(SENDS.c.send_id.in_(chunk)).values(state="cancelled", reason=REPLANNED))
        _change(session, others)
        for part in chunks(new):
            session.execute(insert(SENDS), part)
        counts = {"added": len(new), "changed": len(others), "cancelled": len(gone)}
        if any(counts.values()):
            append_in(session, at=now, actor="liftwright", action=entry, subject=campaign_id, detail={**detail, **counts})
    return counts


def _change(session: Session, others: Sequence[tuple[str, Send]]) -> None:
    """Send id to what it becomes, in one statement."""
    if not others:
        return
    values: dict[str, Any] = {name: bindparam(f"to_{name}", type_=SENDS.c[name].type) for name in _CHANGED}
    statement = update(SENDS).where(SENDS.c.send_id == bindparam("id")).values(**values, state="planned", reason="", worker=None)
    rows = [{"id": send_id} | {f"to_{name}": getattr(send, name) for name in _CHANGED} for send_id, send in others]
    session.connection().execute(statement, rows)


def _is_open(row: Any, old: Collection[str]) -> bool:
    """Never tried, and either one of `old` still planned or taken out by an earlier replanning: not by a person's wish or a rule."""
    is_out = row.state == "cancelled" and row.reason == REPLANNED
    return bool(row.attempts == 0 and (is_out or (row.state == "planned" and row.send_id in old)))


def _differs(row: Any, send: Send) -> bool:
    return row.state != "planned" or any(getattr(row, name) != getattr(send, name) for name in _CHANGED)
