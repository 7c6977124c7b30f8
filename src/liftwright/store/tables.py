"""The tables. A domain object that is only ever read whole is JSON text beside the columns it is found by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, MetaData, Table, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from liftwright.store.times import UtcTime

HEAD = "0009"
"""The step under `migrations/versions` that leads to these tables."""
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of every table; its metadata holds ours and nobody else's."""

    metadata = MetaData(naming_convention=_NAMES)


class CampaignRow(Row, table=True):
    """One run from goal to lessons. `goal` is JSON."""

    __tablename__ = "campaigns"

    campaign_id: str = Field(primary_key=True)
    status: str
    goal: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcTime)
    question: str | None = Field(default=None, sa_type=Text)
    plan_hash: str | None = None
    revision: int = 0
    seed: int = Field(default=0, sa_type=BigInteger)
    model: str = "scripted"
    stopped_by: str | None = None
    stop_reason: str | None = Field(default=None, sa_type=Text)


class PlanRow(Row, table=True):
    """One frozen plan. `plan` and `changes` are JSON."""

    __tablename__ = "plan_revisions"

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.campaign_id")
    revision: int = Field(primary_key=True)
    plan_hash: str
    plan: str = Field(sa_type=Text)
    changes: str = Field(sa_type=Text)
    saved_by: str
    saved_at: datetime = Field(sa_type=UtcTime)


class ApprovalRow(Row, table=True):
    """A question to a person, bound to a plan hash. `needs` is a JSON list of roles; `seq` orders the questions."""

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("thread_id", "plan_hash", "revision", name="uq_approvals_thread_id_plan_hash_revision"),
        Index("ix_approvals_campaign_id_status", "campaign_id", "status"),
        Index("ix_approvals_status", "status"),
        Index("ix_approvals_seq", "seq", unique=True),
    )

    approval_id: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaigns.campaign_id")
    thread_id: str
    plan_hash: str
    revision: int
    title: str = Field(sa_type=Text)
    risk: str
    trigger: str = Field(sa_type=Text)
    needs: str = Field(sa_type=Text)
    asked_by: str
    asked_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    status: str = "pending"
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: str = Field(default="", sa_type=Text)
    resumed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    launched_at: datetime | None = Field(default=None, sa_type=UtcTime)
    seq: int


class DecisionRow(Row, table=True):
    """What a person answered: at most one answer to an approval. `changes` is JSON; `seq` orders the answers."""

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_seq", "seq", unique=True),)

    approval_id: str = Field(primary_key=True, foreign_key="approvals.approval_id")
    kind: str
    plan_hash: str
    decided_by: str
    decided_at: datetime = Field(sa_type=UtcTime)
    reason: str = Field(default="", sa_type=Text)
    changes: str = Field(sa_type=Text)
    seq: int


class UserRow(Row, table=True):
    """Somebody who may act under a name. `roles` is a JSON list."""

    __tablename__ = "users"

    name: str = Field(primary_key=True)
    roles: str = Field(sa_type=Text)
    is_active: bool = True
    created_at: datetime = Field(sa_type=UtcTime)
    email: str | None = None


class KeyRow(Row, table=True):
    """A key of a user: its SHA-256, never the key. `scopes` is a JSON list; an empty one is all that its user may."""

    __tablename__ = "user_keys"

    digest: str = Field(primary_key=True)
    name: str = Field(foreign_key="users.name")
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)
    scopes: str = Field(default="[]", sa_type=Text)


class SignatureRow(Row, table=True):
    """One person's name under an approval. `roles` is a JSON list."""

    __tablename__ = "signatures"

    approval_id: str = Field(primary_key=True, foreign_key="approvals.approval_id")
    signed_by: str = Field(primary_key=True)
    plan_hash: str
    roles: str = Field(sa_type=Text)
    signed_at: datetime = Field(sa_type=UtcTime)


class TalkEventRow(Row, table=True):
    """One event of a conversation. Rows are only ever added."""

    __tablename__ = "talk_events"

    talk_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcTime)
    kind: str
    payload: str = Field(sa_type=Text)


class SendRow(Row, table=True):
    """The ledger: one planned delivery, its state, and the worker that holds or last held it."""

    __tablename__ = "sends"
    __table_args__ = (
        UniqueConstraint("idem_key", name="uq_sends_idem_key"),
        Index("ix_sends_state_send_at_priority", "state", "send_at", "priority"),
        Index("ix_sends_campaign_id_state", "campaign_id", "state"),
        Index("ix_sends_customer_id_send_at", "customer_id", "send_at"),
    )

    send_id: str = Field(primary_key=True)
    idem_key: str
    campaign_id: str = Field(foreign_key="campaigns.campaign_id")
    approval_id: str = Field(foreign_key="approvals.approval_id")
    plan_hash: str
    customer_id: str
    wave: int
    channel: str
    offer: str
    discount: float
    variant_id: str
    send_at: datetime = Field(sa_type=UtcTime)
    priority: int = Field(sa_type=BigInteger)
    cost: float
    state: str = "planned"
    attempts: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcTime)
    worker: str | None = None
    provider_id: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: str = Field(default="", sa_type=Text)


class JournalRow(Row, table=True):
    """The tamper-evident log: one row an entry, its canonical JSON in `entry`. Triggers refuse change and removal."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_subject", "subject"),)

    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    subject: str
    entry: str = Field(sa_type=Text)


class SnapshotRow(Row, table=True):
    """A state of the data. `snapshot` is JSON and lists its files; `seq` orders the states."""

    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("seq", name="uq_snapshots_seq"),)

    snapshot_id: str = Field(primary_key=True)
    seq: int
    created_at: datetime = Field(sa_type=UtcTime)
    snapshot: str = Field(sa_type=Text)


class ImportRow(Row, table=True):
    """Which source (a digest) came in with which snapshot, so that the same file never comes in twice."""

    __tablename__ = "imports"

    source: str = Field(primary_key=True)
    snapshot_id: str = Field(foreign_key="snapshots.snapshot_id")
    imported_at: datetime = Field(sa_type=UtcTime)


class LessonRow(Row, table=True):
    """What a campaign taught. `lesson` is JSON."""

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_expires_at", "expires_at"),)

    lesson_id: str = Field(primary_key=True)
    campaign_id: str
    learned_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    is_retired: bool = False
    lesson: str = Field(sa_type=Text)


class CellStatisticsRow(Row, table=True):
    """What one campaign showed in one cell. `statistics` is JSON; its digest is the key. Triggers refuse change and removal."""

    __tablename__ = "cell_statistics"
    __table_args__ = (
        Index("ix_cell_statistics_channel_segment_offer_season", "channel", "segment", "offer", "season"),
        Index("ix_cell_statistics_campaign_id", "campaign_id"),
    )

    statistics_id: str = Field(primary_key=True)
    campaign_id: str
    channel: str
    segment: str
    offer: str
    season: str
    learned_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    statistics: str = Field(sa_type=Text)


class ModelRow(Row, table=True):
    """A fitted model under the digest of its content. `card` and `parameters` are JSON; the highest `seq` is the newest."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("seq", name="uq_models_seq"),)

    model: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    seq: int
    state: str = "on"
    card: str = Field(sa_type=Text)
    parameters: str = Field(sa_type=Text)
    saved_at: datetime = Field(sa_type=UtcTime)


class ActionRow(Row, table=True):
    """Something the system did during a flight; `action_id` is the digest of its content. `action` is JSON."""

    __tablename__ = "actions"
    __table_args__ = (Index("ix_actions_campaign_id_acted_at", "campaign_id", "acted_at"),)

    action_id: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaigns.campaign_id")
    acted_at: datetime = Field(sa_type=UtcTime)
    seq: int
    action: str = Field(sa_type=Text)


class ReportRow(Row, table=True):
    """One report of a campaign, as JSON; the highest `seq` is the last."""

    __tablename__ = "reports"

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.campaign_id")
    seq: int = Field(primary_key=True)
    made_at: datetime = Field(sa_type=UtcTime)
    report: str = Field(sa_type=Text)


METADATA = Row.metadata
SENDS: Table = METADATA.tables["sends"]
"""The ledger as a Core table, for statements over many rows."""
