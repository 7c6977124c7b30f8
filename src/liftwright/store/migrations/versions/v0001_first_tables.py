"""Every table of the first version, and the triggers that keep the journal append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    *("sends", "decisions", "approvals", "plan_revisions", "actions", "reports"),
    *("campaigns", "imports", "snapshots", "models", "lessons", "journal"),
)


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    _campaigns()
    _plan_revisions()
    _approvals()
    _decisions()
    _sends()
    _flight()
    _data()
    _learning()
    _journal()


def downgrade() -> None:
    """Drop everything, the journal included."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER journal_append_only ON journal")
        op.execute("DROP TRIGGER journal_no_truncate ON journal")
        op.execute("DROP FUNCTION liftwright_journal_append_only()")
    for table in TABLES:
        op.drop_table(table)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _string(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _whole(name: str, *, big: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger() if big else sa.Integer(), nullable=False, autoincrement=False)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.{column}"], name=f"fk_{table}_{column}")


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        _string("campaign_id"),
        _string("status"),
        _text("goal"),
        _time("created_at"),
        _text("question", nullable=True),
        _string("plan_hash", nullable=True),
        _whole("revision"),
        _whole("seed", big=True),
        _string("model"),
        _string("stopped_by", nullable=True),
        _text("stop_reason", nullable=True),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_campaigns"),
    )


def _plan_revisions() -> None:
    op.create_table(
        "plan_revisions",
        _string("campaign_id"),
        _whole("revision"),
        _string("plan_hash"),
        _text("plan"),
        _text("changes"),
        _string("saved_by"),
        _time("saved_at"),
        _refers("plan_revisions", "campaign_id", "campaigns"),
        sa.PrimaryKeyConstraint("campaign_id", "revision", name="pk_plan_revisions"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        _string("approval_id"),
        _string("campaign_id"),
        _string("thread_id"),
        _string("plan_hash"),
        _whole("revision"),
        _text("title"),
        _string("risk"),
        _text("trigger"),
        _text("needs"),
        _string("asked_by"),
        _time("asked_at"),
        _time("expires_at"),
        _string("status"),
        _string("decided_by", nullable=True),
        _time("decided_at", nullable=True),
        _text("reason"),
        _time("resumed_at", nullable=True),
        _time("launched_at", nullable=True),
        _refers("approvals", "campaign_id", "campaigns"),
        sa.PrimaryKeyConstraint("approval_id", name="pk_approvals"),
        sa.UniqueConstraint("thread_id", "plan_hash", "revision", name="uq_approvals_thread_id_plan_hash_revision"),
    )
    op.create_index("ix_approvals_campaign_id_status", "approvals", ["campaign_id", "status"])
    op.create_index("ix_approvals_status", "approvals", ["status"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        _string("approval_id"),
        _string("kind"),
        _string("plan_hash"),
        _string("decided_by"),
        _time("decided_at"),
        _text("reason"),
        _text("changes"),
        _refers("decisions", "approval_id", "approvals"),
        sa.PrimaryKeyConstraint("approval_id", name="pk_decisions"),
    )


def _sends() -> None:
    op.create_table(
        "sends",
        *(_string(name) for name in ("send_id", "idem_key", "campaign_id", "approval_id", "plan_hash", "customer_id")),
        _whole("wave"),
        _string("channel"),
        _string("offer"),
        sa.Column("discount", sa.Float(), nullable=False),
        _string("variant_id"),
        _time("send_at"),
        _whole("priority", big=True),
        sa.Column("cost", sa.Float(), nullable=False),
        _string("state"),
        _whole("attempts"),
        _time("lease_until", nullable=True),
        _string("worker", nullable=True),
        _string("provider_id", nullable=True),
        _time("sent_at", nullable=True),
        _text("reason"),
        _refers("sends", "campaign_id", "campaigns"),
        _refers("sends", "approval_id", "approvals"),
        sa.PrimaryKeyConstraint("send_id", name="pk_sends"),
        sa.UniqueConstraint("idem_key", name="uq_sends_idem_key"),
    )
    op.create_index("ix_sends_state_send_at_priority", "sends", ["state", "send_at", "priority"])
    op.create_index("ix_sends_campaign_id_state", "sends", ["campaign_id", "state"])


def _flight() -> None:
    op.create_table(
        "actions",
        _string("action_id"),
        _string("campaign_id"),
        _time("acted_at"),
        _whole("seq"),
        _text("action"),
        _refers("actions", "campaign_id", "campaigns"),
        sa.PrimaryKeyConstraint("action_id", name="pk_actions"),
    )
    op.create_index("ix_actions_campaign_id_acted_at", "actions", ["campaign_id", "acted_at"])
    op.create_table(
        "reports",
        _string("campaign_id"),
        _whole("seq"),
        _time("made_at"),
        _text("report"),
        _refers("reports", "campaign_id", "campaigns"),
        sa.PrimaryKeyConstraint("campaign_id", "seq", name="pk_reports"),
    )


def _data() -> None:
    op.create_table(
        "snapshots",
        _string("snapshot_id"),
        _whole("seq"),
        _time("created_at"),
        _text("snapshot"),
        sa.PrimaryKeyConstraint("snapshot_id", name="pk_snapshots"),
        sa.UniqueConstraint("seq", name="uq_snapshots_seq"),
    )
    op.create_table(
        "imports",
        _string("source"),
        _string("snapshot_id"),
        _time("imported_at"),
        _refers("imports", "snapshot_id", "snapshots"),
        sa.PrimaryKeyConstraint("source", name="pk_imports"),
    )


def _learning() -> None:
    op.create_table(
        "lessons",
        _string("lesson_id"),
        _string("campaign_id"),
        _time("learned_at"),
        _time("expires_at"),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        _text("lesson"),
        sa.PrimaryKeyConstraint("lesson_id", name="pk_lessons"),
    )
    op.create_index("ix_lessons_expires_at", "lessons", ["expires_at"])
    op.create_table(
        "models",
        _string("model"),
        _string("version"),
        _whole("seq"),
        _string("state"),
        _text("card"),
        _text("parameters"),
        _time("saved_at"),
        sa.PrimaryKeyConstraint("model", "version", name="pk_models"),
        sa.UniqueConstraint("seq", name="uq_models_seq"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        _whole("seq", big=True),
        _string("subject"),
        _text("entry"),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
    )
    op.create_index("ix_journal_subject", "journal", ["subject"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


_SQLITE = (
    "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal WHEN EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION liftwright_journal_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$",
    "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal "
    "FOR EACH ROW EXECUTE FUNCTION liftwright_journal_append_only()",
    "CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal "
    "FOR EACH STATEMENT EXECUTE FUNCTION liftwright_journal_append_only()",
)
