"""Campaigns, their plan revisions, what was done in flight, and their reports."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from liftwright.domain.campaign import TRANSITIONS, Campaign, CampaignStatus
from liftwright.domain.errors import DataError, GoalError
from liftwright.domain.evidence import Action, Report
from liftwright.domain.plan import Plan
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import ActionRow, ApprovalRow, CampaignRow, PlanRow, ReportRow

CHANGEABLE = ("goal", "question", "plan_hash", "revision", "seed", "model", "stopped_by", "stop_reason")


class SqlCampaigns:
    """Campaign rows. Raises GoalError CAMPAIGN-UNKNOWN for an id that does not exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, campaign: Campaign) -> None:
        """Insert; the same campaign a second time changes nothing, another one under its id is GoalError CAMPAIGN-EXISTS."""
        with writing(self._engine) as session:
            serialise(session, "campaigns")
            there = session.get(CampaignRow, campaign.campaign_id)
            if there is None:
                session.add(CampaignRow(**campaign.model_dump(exclude={"goal"}), goal=campaign.goal.model_dump_json()))
            elif _campaign(there).goal != campaign.goal:
                raise GoalError(
                    "CAMPAIGN-EXISTS",
                    f"There already is a campaign '{campaign.campaign_id}' with another goal.",
                    next_step="Give the new campaign another id.",
                )

    def get(self, campaign_id: str) -> Campaign:
        """The campaign as it stands."""
        with reading(self._engine) as session:
            return _campaign(row_of(session, campaign_id))

    def all(self) -> list[Campaign]:
        """Every campaign, oldest first."""
        query = select(CampaignRow).order_by(col(CampaignRow.created_at), col(CampaignRow.campaign_id))
        with reading(self._engine) as session:
            return [_campaign(row) for row in session.exec(query)]

    def update(self, campaign_id: str, *, status: CampaignStatus | None = None, **fields: Any) -> Campaign:
        """Change the status (a step of TRANSITIONS; the same status is no step) and any of CHANGEABLE.

        Raises GoalError CAMPAIGN-STATUS for a step that does not exist, ValueError for a field that cannot be changed.
        """
        if unknown := sorted(set(fields) - set(CHANGEABLE)):
            raise ValueError(f"a campaign's {', '.join(unknown)} cannot be changed; only {', '.join(CHANGEABLE)} can")
        with writing(self._engine) as session:
            row = row_of(session, campaign_id, lock=True)
            if status is not None:
                step(row, status)
            changed = _campaign(row).model_copy(update=fields)
            row.sqlmodel_update(changed.model_dump(exclude={"goal"}))
            row.goal = changed.goal.model_dump_json()
            session.add(row)
            return _campaign(row)

    def save_plan(self, plan: Plan, *, by: str, at: datetime, changes: Mapping[str, Any]) -> None:
        """Keep a revision, make it the campaign's current plan and journal it.

        The same plan again changes nothing. A different plan under the same revision replaces it only while nobody was asked
        to approve that revision; after that it is DataError PLAN-FROZEN.
        """
        digest = plan.plan_hash
        with writing(self._engine) as session:
            campaign = row_of(session, plan.campaign_id, lock=True)
            row = session.get(PlanRow, (plan.campaign_id, plan.revision))
            if row is not None and row.plan_hash == digest:
                return
            if row is not None:
                _must_not_be_asked(session, row)
                session.delete(row)
                session.flush()
            session.add(
                PlanRow(
                    campaign_id=plan.campaign_id,
                    revision=plan.revision,
                    plan_hash=digest,
                    plan=plan.model_dump_json(),
                    changes=to_json(dict(changes)).decode(),
                    saved_by=by,
                    saved_at=at,
                )
            )
            campaign.plan_hash, campaign.revision = digest, plan.revision
            session.add(campaign)
            detail = {"revision": plan.revision, "plan_hash": digest, "changes": dict(changes)}
            append_in(session, at=at, actor=by, action="plan.saved", subject=plan.campaign_id, detail=detail)

    def plan(self, campaign_id: str, revision: int | None = None) -> Plan | None:
        """A stored revision (default: the newest), or None. Its hash is of the stored fields as they are now.

        Raises DataError PLAN-UNREADABLE when the stored row is no plan any more.
        """
        query = select(PlanRow).where(PlanRow.campaign_id == campaign_id).order_by(col(PlanRow.revision).desc())
        if revision is not None:
            query = query.where(PlanRow.revision == revision)
        with reading(self._engine) as session:
            row = session.exec(query).first()
        if row is None:
            return None
        try:
            plan = Plan.model_validate_json(row.plan)
        except ValidationError as error:
            raise DataError(
                "PLAN-UNREADABLE",
                f"The stored plan {campaign_id}, revision {row.revision}, cannot be read; it was changed outside the program.",
                next_step="Restore the database from a backup, or plan the campaign again.",
            ) from error
        is_old = "manifest_version" not in plan.model_fields_set
        return plan.model_copy(update={"manifest_version": 1}) if is_old else plan

    def revisions(self, campaign_id: str) -> list[dict[str, Any]]:
        """`{"revision", "plan_hash", "by", "at", "changes"}` of every revision, oldest first."""
        query = select(PlanRow).where(PlanRow.campaign_id == campaign_id).order_by(col(PlanRow.revision))
        with reading(self._engine) as session:
            return [
                {
                    "revision": row.revision,
                    "plan_hash": row.plan_hash,
                    "by": row.saved_by,
                    "at": row.saved_at,
                    "changes": json.loads(row.changes),
                }
                for row in session.exec(query)
            ]

    def record_action(self, campaign_id: str, action: Action) -> None:
        """Keep what was done in flight; the very same action a second time is not kept twice."""
        text = action.model_dump_json()
        action_id = hashlib.sha256(f"{campaign_id}\n{text}".encode()).hexdigest()
        with writing(self._engine) as session:
            row_of(session, campaign_id, lock=True)
            if session.get(ActionRow, action_id) is None:
                seq = _next(session, select(func.max(ActionRow.seq)).where(ActionRow.campaign_id == campaign_id))
                session.add(ActionRow(action_id=action_id, campaign_id=campaign_id, acted_at=action.at, seq=seq, action=text))

    def actions(self, campaign_id: str) -> list[Action]:
        """What was done in flight, in the order of time."""
        query = select(ActionRow.action).where(ActionRow.campaign_id == campaign_id)
        query = query.order_by(col(ActionRow.acted_at), col(ActionRow.seq))
        with reading(self._engine) as session:
            return [Action.model_validate_json(text) for text in session.exec(query)]

    def save_report(self, report: Report, *, at: datetime) -> None:
        """Keep a report after the ones before it."""
        with writing(self._engine) as session:
            row_of(session, report.campaign_id, lock=True)
            seq = _next(session, select(func.max(ReportRow.seq)).where(ReportRow.campaign_id == report.campaign_id))
            text = report.model_dump_json()
            session.add(ReportRow(campaign_id=report.campaign_id, seq=seq, made_at=at, report=text))

    def last_report(self, campaign_id: str) -> Report | None:
        """The report saved last, if any."""
        query = select(ReportRow.report).where(ReportRow.campaign_id == campaign_id).order_by(col(ReportRow.seq).desc())
        with reading(self._engine) as session:
            text = session.exec(query).first()
        return None if text is None else Report.model_validate_json(text)


def row_of(session: Session, campaign_id: str, *, lock: bool = False) -> CampaignRow:
    """The row of a campaign, locked to the end of the transaction if asked; GoalError CAMPAIGN-UNKNOWN without one."""
    row = session.get(CampaignRow, campaign_id, with_for_update=True if lock else None)
    if row is None:
        near = difflib.get_close_matches(campaign_id, session.exec(select(CampaignRow.campaign_id)).all(), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise GoalError(
            "CAMPAIGN-UNKNOWN",
            f"There is no campaign '{campaign_id}'.{hint}",
            next_step="See the campaigns there are with: liftwright list.",
        )
    return row


def step(row: CampaignRow, status: str) -> None:
    """Move a row to a status that may follow the one it has."""
    if status == row.status:
        return
    if status not in TRANSITIONS.get(row.status, frozenset()):
        raise GoalError(
            "CAMPAIGN-STATUS",
            f"Campaign '{row.campaign_id}' is {row.status.replace('_', ' ')} and cannot become {status.replace('_', ' ')}.",
            next_step=f"Look at it with `liftwright show {row.campaign_id}`, or start a new campaign.",
        )
    row.status = status


def _campaign(row: CampaignRow) -> Campaign:
    return Campaign.model_validate({**row.model_dump(exclude={"goal"}), "goal": json.loads(row.goal)})


def _next(session: Session, highest: Any) -> int:
    return int(session.exec(highest).one() or 0) + 1


def _must_not_be_asked(session: Session, row: PlanRow) -> None:
    query = select(ApprovalRow.approval_id).where(
        ApprovalRow.campaign_id == row.campaign_id, ApprovalRow.revision == row.revision
    )
    if session.exec(query).first() is not None:
        raise DataError(
            "PLAN-FROZEN",
            f"Revision {row.revision} of '{row.campaign_id}' was put to an approver and cannot be replaced.",
            next_step="Save the changed plan as the next revision.",
        )
