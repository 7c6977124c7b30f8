"""Where users are told that an approval waits, and what each was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the address and the table; nobody has an address yet."""
    op.add_column("users", sa.Column("email", sa.String(), nullable=True))
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("planned_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name="fk_notices_approval_id_approvals"),
        sa.PrimaryKeyConstraint("notice_id", name="pk_notices"),
        sa.UniqueConstraint("approval_id", "plan_hash", "kind", "role", "way", "recipient", name="uq_notices_told"),
    )
    op.create_index("ix_notices_state_due_at", "notices", ["state", "due_at"])


def downgrade() -> None:
    """Forget both; the same would be told again."""
    op.drop_index("ix_notices_state_due_at", "notices")
    op.drop_table("notices")
    op.drop_column("users", "email")
