"""Links to a campaign's report for people outside the workspace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shared_links",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("link_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.campaign_id"], name="fk_shared_links_campaign_id_campaigns"),
        sa.PrimaryKeyConstraint("digest", name="pk_shared_links"),
    )
    op.create_index("ix_shared_links_campaign_id", "shared_links", ["campaign_id"])


def downgrade() -> None:
    """Forget links: none opens anything any more."""
    op.drop_index("ix_shared_links_campaign_id", "shared_links")
    op.drop_table("shared_links")
