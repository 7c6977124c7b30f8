"""Requests that are done once, and what a key may be used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; keys that are there may be used for all that their users may."""
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("taken_at", UtcTime(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_requests"),
    )
    op.create_index("ix_requests_taken_at", "requests", ["taken_at"])
    op.add_column("user_keys", sa.Column("scopes", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Forget both. Keys with scopes would be worth more without them, so they go too."""
    op.execute("DELETE FROM user_keys WHERE scopes <> '[]'")
    op.drop_column("user_keys", "scopes")
    op.drop_index("ix_requests_taken_at", "requests")
    op.drop_table("requests")
