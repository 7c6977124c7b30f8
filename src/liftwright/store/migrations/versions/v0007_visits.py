"""What visitors do in a session and what was chosen for them; contacts of one person are found by their id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the index."""
    op.create_table(
        "visit_events",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_visit_events"),
    )
    op.create_index("ix_visit_events_customer_id_at", "visit_events", ["customer_id", "at"])
    op.create_table(
        "visit_choices",
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_visit_choices"),
    )
    op.create_index("ix_sends_customer_id_send_at", "sends", ["customer_id", "send_at"])


def downgrade() -> None:
    """Forget visits."""
    op.drop_index("ix_sends_customer_id_send_at", "sends")
    op.drop_table("visit_choices")
    op.drop_index("ix_visit_events_customer_id_at", "visit_events")
    op.drop_table("visit_events")
