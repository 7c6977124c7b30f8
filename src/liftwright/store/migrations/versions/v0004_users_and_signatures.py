"""Users, their keys, and the signatures of approvals that more than one person must give."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "user_keys",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["name"], ["users.name"], name="fk_user_keys_name_users"),
        sa.PrimaryKeyConstraint("digest", name="pk_user_keys"),
    )
    op.create_table(
        "signatures",
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name="fk_signatures_approval_id_approvals"),
        sa.PrimaryKeyConstraint("approval_id", "signed_by", name="pk_signatures"),
    )


def downgrade() -> None:
    """Forget who could sign and who did."""
    for table in ("signatures", "user_keys", "users"):
        op.drop_table(table)
