"""What campaigns showed, cell by cell: rows that are written once and never changed or removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from liftwright.store.times import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = ("campaign_id", "channel", "segment", "offer", "season")
_SAYS = "statistics of campaigns are never changed"
_SQLITE = tuple(
    f"CREATE TRIGGER cell_statistics_no_{verb.lower()} BEFORE {verb} ON cell_statistics BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRESQL = (
    "CREATE FUNCTION liftwright_cell_statistics_fixed() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$",
    "CREATE TRIGGER cell_statistics_fixed BEFORE UPDATE OR DELETE ON cell_statistics "
    "FOR EACH ROW EXECUTE FUNCTION liftwright_cell_statistics_fixed()",
)


def upgrade() -> None:
    """Make the table, its indexes and its triggers."""
    op.create_table(
        "cell_statistics",
        sa.Column("statistics_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in _TEXTS),
        sa.Column("learned_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("statistics", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("statistics_id", name="pk_cell_statistics"),
    )
    op.create_index("ix_cell_statistics_channel_segment_offer_season", "cell_statistics", list(_TEXTS[1:]))
    op.create_index("ix_cell_statistics_campaign_id", "cell_statistics", ["campaign_id"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Forget what campaigns showed."""
    op.drop_table("cell_statistics")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION liftwright_cell_statistics_fixed()")
