"""Every planned send and its state. The only place sends come from, and what makes each of them happen at most once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Engine, Select, and_, bindparam, func, or_, select, true, update
from sqlmodel import Session

from liftwright.domain.campaign import SEND_FIELDS, Send, SendState
from liftwright.domain.profile import Channel
from liftwright.ports import LeaseOutcome, Names
from liftwright.store import contacts
from liftwright.store.engine import changed, reading, writing
from liftwright.store.launch import chunks, launch
from liftwright.store.reading import as_stored, as_table
from liftwright.store.replacing import replace
from liftwright.store.tables import METADATA, SENDS

MAX_ATTEMPTS = 5
"""A send that was being delivered this often when its worker died is not tried again: it becomes `unknown`."""
_CAMPAIGNS = METADATA.tables["campaigns"]
_HELD = ("leased", "sending")
_ALIVE = ("running", "paused")
"""Statuses of a campaign whose planned sends stay planned; only those of a running one may leave."""
_MARKABLE = ("lease_until", "provider_id", "sent_at", "reason", "send_at")


class SqlLedger:
    """The table `sends`. Two processes may call anything here at once; each send is held by one worker at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def launch(self, *, approval_id: str, plan_hash: Callable[[], str], sends: Iterable[Send], now: datetime) -> int:
        """All or nothing, once: see `store.launch.launch`."""
        return launch(self._engine, approval_id=approval_id, plan_hash=plan_hash, sends=sends, now=now)

    def lease(
        self,
        *,
        now: datetime,
        worker: str,
        limit: int,
        seconds: int = 60,
        ahead: Mapping[Channel, datetime] | None = None,
        only: str | None = None,
    ) -> list[Send]:
        """Take up to `limit` due sends of running campaigns (`only`: of one), earliest and then highest priority first. `ahead`: channels
        whose sends may be taken before their moment, and until which."""
        early = [and_(SENDS.c.channel == channel, SENDS.c.send_at <= latest) for channel, latest in sorted((ahead or {}).items())]
        until = now + timedelta(seconds=seconds)
        due = (
            select(*(SENDS.c[name] for name in SEND_FIELDS))
            .join(_CAMPAIGNS, _CAMPAIGNS.c.campaign_id == SENDS.c.campaign_id)
            .where(SENDS.c.state == "planned", or_(SENDS.c.send_at <= now, *early), _CAMPAIGNS.c.status == "running")
            .where(true() if only is None else SENDS.c.campaign_id == only)
            .order_by(SENDS.c.send_at, SENDS.c.priority, SENDS.c.send_id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=SENDS)
        )
        with writing(self._engine) as session:
            rows = [row._asdict() for row in session.execute(due)]
            held = {"state": "leased", "lease_until": until, "worker": worker}
            _set(session, [row["send_id"] for row in rows], held)
        return [Send.model_validate({**row, "state": "leased", "lease_until": until}) for row in rows]

    def mark(self, send_ids: Sequence[str], state: SendState, *, now: datetime, worker: str, **fields: Any) -> list[str]:
        """Move sends that this worker still holds; returns the ids moved.

        To `sending` (which counts an attempt) only while the campaign runs: what was stopped meanwhile is cancelled instead, what
        was paused is planned again, so deliver exactly the ids returned. Raises ValueError for a field other than lease_until, provider_id, sent_at, reason, send_at.
        """
        if unknown := sorted(set(fields) - set(_MARKABLE)):
            raise ValueError(f"a send's {', '.join(unknown)} cannot be marked; only {', '.join(_MARKABLE)} can")
        with writing(self._engine) as session:
            mine = and_(SENDS.c.worker == worker, SENDS.c.state.in_(_HELD), SENDS.c.lease_until > now)
            rows = _locked(session, send_ids, mine)
            refused = [row for row in rows if state == "sending" and row.status != "running"]
            moved = [row.send_id for row in rows if state != "sending" or row.status == "running"]
            _set(session, [row.send_id for row in refused if row.status in _ALIVE], {**_free("planned", ""), "worker": None})
            stopped = [row.send_id for row in refused if row.status not in _ALIVE]
            _set(session, stopped, _free("cancelled", "the campaign was stopped"))
            values = {**fields, "state": state}
            if state == "sending":
                values["attempts"] = SENDS.c.attempts + 1
            elif state not in _HELD:
                values["lease_until"] = None
            _set(session, moved, values)
        return moved

    def settle(
        self,
        results: Mapping[str, tuple[LeaseOutcome, str]],
        *,
        now: datetime,
        worker: str,
        delayed_to: Mapping[str, datetime] | None = None,
    ) -> None:
        """Write down how deliveries ended: `(outcome, provider id)` for `sent`, `(outcome, reason)` for the others.

        Counts for sends that nobody else took over since this worker leased them; a late answer still resolves `unknown`. A send
        of a campaign that does not run any more is cancelled instead of delayed. Raises ValueError when a delayed send has no
        new time in `delayed_to`.
        """
        later = delayed_to or {}
        if missing := [key for key, (outcome, _) in results.items() if outcome == "delayed" and key not in later]:
            raise ValueError(f"no new time was given for the delayed send {missing[0]}")
        with writing(self._engine) as session:
            mine = and_(SENDS.c.worker == worker, SENDS.c.state.in_((*_HELD, "unknown")))
            rows = _locked(session, list(results), mine)
            settled = [
                _settled(row, *results[row.send_id], now=now, later=later.get(row.send_id))
                for row in rows
                if row.state != "unknown" or results[row.send_id][0] in ("sent", "failed")
            ]
            _set_each(session, settled)

    def release_expired(self, *, now: datetime, idempotent_channels: frozenset[Channel]) -> dict[str, int]:
        """Free what dead workers held; returns how many became planned, unknown and cancelled.

        Leased and not started: planned again. Being delivered when the lease ran out: planned again on an idempotent channel
        (at most MAX_ATTEMPTS times), else unknown. Nothing of a campaign that does not run is planned again.
        """
        freed: dict[str, list[str]] = {"planned": [], "unknown": [], "cancelled": []}
        query = _with_status().where(SENDS.c.state.in_(_HELD), SENDS.c.lease_until <= now)
        with writing(self._engine) as session:
            for row in session.execute(query.order_by(SENDS.c.send_id).with_for_update(skip_locked=True, of=SENDS)):
                freed[_freed_to(row, idempotent_channels)].append(row.send_id)
            _set(session, freed["planned"], {**_free("planned", ""), "worker": None})
            _set(session, freed["unknown"], _free("unknown", "the worker stopped during delivery"))
            _set(session, freed["cancelled"], _free("cancelled", "the campaign was stopped"))
        return {state: len(ids) for state, ids in freed.items()}

    def sends(
        self, campaign_id: str | None = None, *, states: Sequence[SendState] = (), columns: Sequence[str] = SEND_FIELDS
    ) -> pa.Table:
        """By time, priority and id; naming the fields that are needed (`columns`) saves most of the reading."""
        query = select(*map(as_stored, columns)).order_by(SENDS.c.send_at, SENDS.c.priority, SENDS.c.send_id)
        if campaign_id is not None:
            query = query.where(SENDS.c.campaign_id == campaign_id)
        if states:
            query = query.where(SENDS.c.state.in_(states))
        return self._table(query, columns)

    def counts(self, campaign_id: str) -> dict[str, int]:
        """`planned` is every send the ledger holds; `waiting` of them are not settled yet; then delivered, failed, unknown,
        suppressed, cancelled; `duplicates` is how many sends there are beyond one per key."""
        mine = SENDS.c.campaign_id == campaign_id
        with reading(self._engine) as session:
            found = session.execute(select(SENDS.c.state, func.count()).where(mine).group_by(SENDS.c.state)).all()
            keys = session.execute(select(func.count(SENDS.c.idem_key.distinct())).where(mine)).scalar_one()
        by_state: dict[str, int] = {state: number for state, number in found}
        planned = sum(by_state.values())
        return {
            "planned": planned,
            "delivered": by_state.get("sent", 0),
            **{state: by_state.get(state, 0) for state in ("failed", "unknown", "suppressed", "cancelled")},
            "waiting": sum(by_state.get(state, 0) for state in ("planned", *_HELD)),
            "duplicates": planned - keys,
        }

    def cancel_planned(
        self, campaign_id: str, *, reason: str, now: datetime, customer_ids: Names = None, offer: str = "", send_ids: Names = None
    ) -> int:
        """Cancel what is not being delivered yet (a worker that leased it will not get to start it): of these people, of this offer, these
        sends only where named; returns how many."""
        query = select(SENDS.c.send_id, SENDS.c.customer_id).where(
            SENDS.c.campaign_id == campaign_id, SENDS.c.state.in_(("planned", "leased"))
        )
        if offer:
            query = query.where(SENDS.c.offer == offer)
        people, some = (None if named is None else set(named) for named in (customer_ids, send_ids))
        with writing(self._engine) as session:
            rows = session.execute(query.order_by(SENDS.c.send_id).with_for_update()).all()
            mine = [row.send_id for row in rows if people is None or row.customer_id in people]
            ids = [send_id for send_id in mine if some is None or send_id in some]
            _set(session, ids, _free("cancelled", reason))
        return len(ids)

    def recall(self, reasons: Mapping[str, str], *, now: datetime) -> int:
        """Handed over for a moment after `now` and taken back since: send id to reason. Returns how many became cancelled."""
        by_reason: dict[str, list[str]] = {}
        for send_id, reason in sorted(reasons.items()):
            by_reason.setdefault(reason, []).append(send_id)
        ahead = and_(SENDS.c.state == "sent", SENDS.c.send_at > now)
        taken = 0
        with writing(self._engine) as session:
            for reason, send_ids in by_reason.items():
                rows = _locked(session, send_ids, ahead)
                _set(session, [row.send_id for row in rows], _free("cancelled", reason))
                taken += len(rows)
        return taken

    def choose_variants(self, campaign_id: str, variants: Mapping[str, str]) -> int:
        """Give sends that are still planned another text: send id to variant id. Returns how many were changed."""
        wanted: dict[str, list[str]] = {}
        for send_id, variant_id in sorted(variants.items()):
            wanted.setdefault(variant_id, []).append(send_id)
        count = 0
        with writing(self._engine) as session:
            for variant_id, send_ids in wanted.items():
                for chunk in chunks(send_ids):
                    mine = and_(SENDS.c.campaign_id == campaign_id, SENDS.c.state == "planned", SENDS.c.send_id.in_(chunk))
                    other = and_(mine, SENDS.c.variant_id != variant_id)
                    count += changed(session, update(SENDS).where(other).values(variant_id=variant_id))
        return count

    def replace(
        self,
        campaign_id: str,
        *,
        planned: Collection[str],
        sends: Sequence[Send],
        now: datetime,
        detail: Mapping[str, Any],
        entry: str = "campaign.replanned",
    ) -> dict[str, int]:
        """Other touches for the rest of a flight, all or nothing: see `store.replacing.replace`."""
        return replace(self._engine, campaign_id=campaign_id, planned=planned, sends=sends, now=now, detail=detail, entry=entry)

    def contacts_since(self, since: datetime, *, customer_ids: Sequence[str] | None = None) -> pa.Table:
        """See `store.contacts.since`."""
        return contacts.since(self._engine, since, customer_ids=customer_ids)

    def contacts_of(self, customer_ids: Sequence[str], *, since: datetime) -> list[tuple[str, datetime, SendState]]:
        """See `store.contacts.of`."""
        return contacts.of(self._engine, customer_ids, since=since)

    def _table(self, query: Select[Any], names: Sequence[str]) -> pa.Table:
        with reading(self._engine) as session:
            rows = session.execute(query).all()
        return as_table(rows, names)


def _free(state: SendState, reason: str) -> dict[str, Any]:
    return {"state": state, "reason": reason, "lease_until": None}


def _with_status() -> Select[Any]:
    columns = (SENDS.c.send_id, SENDS.c.state, SENDS.c.attempts, SENDS.c.channel, _CAMPAIGNS.c.status)
    return select(*columns).join(_CAMPAIGNS, _CAMPAIGNS.c.campaign_id == SENDS.c.campaign_id)


def _locked(session: Session, send_ids: Sequence[str], condition: ColumnElement[bool]) -> list[Any]:
    """The sends among these that fulfil the condition, locked, with the status of their campaign."""
    query = _with_status().where(condition).order_by(SENDS.c.send_id).with_for_update(of=SENDS)
    return [row for chunk in chunks(sorted(send_ids)) for row in session.execute(query.where(SENDS.c.send_id.in_(chunk)))]


def _set(session: Session, send_ids: Sequence[str], values: Mapping[str, Any]) -> None:
    for chunk in chunks(send_ids):
        session.execute(update(SENDS).where(SENDS.c.send_id.in_(chunk)).values(**values))


def _set_each(session: Session, settled: list[dict[str, Any]]) -> None:
    """One statement over many rows, each with its own values."""
    if not settled:
        return
    names = ("state", "reason", "provider_id", "sent_at", "send_at")
    values: dict[str, Any] = {name: bindparam(f"to_{name}", type_=SENDS.c[name].type) for name in names}
    values["send_at"] = func.coalesce(values["send_at"], SENDS.c.send_at)
    statement = update(SENDS).where(SENDS.c.send_id == bindparam("id")).values(**values, lease_until=None)
    session.connection().execute(statement, settled)


def _settled(row: Any, outcome: LeaseOutcome, said: str, *, now: datetime, later: datetime | None) -> dict[str, Any]:
    is_sent = outcome == "sent"
    state: str = "planned" if outcome == "delayed" else outcome
    if state == "planned" and row.status not in _ALIVE:
        state, said = "cancelled", "the campaign was stopped"
    return {
        "id": row.send_id,
        "to_state": state,
        "to_reason": "" if is_sent else said,
        "to_provider_id": said if is_sent else None,
        "to_sent_at": now if is_sent else None,
        "to_send_at": later if state == "planned" else None,
    }


def _freed_to(row: Any, idempotent_channels: frozenset[Channel]) -> str:
    is_alive = row.status in _ALIVE
    if row.state == "leased":
        return "planned" if is_alive else "cancelled"
    may_repeat = row.channel in idempotent_channels and row.attempts < MAX_ATTEMPTS
    return "planned" if is_alive and may_repeat else "unknown"
