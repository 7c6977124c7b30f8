"""A number that orders approvals and decisions: a moment alone does not, when two are taken in the same one.

What the database already holds is numbered by its moment and, within one moment, by the order in which the journal has it.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBERED = {"approvals": "asked_at", "decisions": "decided_at"}


def upgrade() -> None:
    """Add the numbers, fill them, and let no two rows share one."""
    asked, decided = _places_in_the_journal()
    for (table, moment), places in zip(NUMBERED.items(), (asked, decided), strict=True):
        op.add_column(table, sa.Column("seq", sa.Integer(), nullable=False, server_default="0"))
        _number(table, moment, places)
        op.create_index(f"ix_{table}_seq", table, ["seq"], unique=True)


def downgrade() -> None:
    """Forget the order within a moment."""
    for table in NUMBERED:
        op.drop_index(f"ix_{table}_seq", table_name=table)
        op.drop_column(table, "seq")


def _places_in_the_journal() -> tuple[dict[str, int], dict[str, int]]:
    """Approval id to the place of its question, and to the place of the last thing said about it."""
    query = 'SELECT seq, entry FROM journal WHERE entry LIKE \'%"action":"approval.%\' ORDER BY seq'
    asked: dict[str, int] = {}
    decided: dict[str, int] = {}
    for seq, text in op.get_bind().execute(sa.text(query)):
        entry = json.loads(text)
        places = asked if entry["action"] == "approval.requested" else decided
        places[entry["detail"].get("approval_id", "")] = int(seq)
    return asked, decided


def _number(table: str, moment: str, places: dict[str, int]) -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text(f"SELECT approval_id, {moment} FROM {table}")).all()
    last = max(places.values(), default=0) + 1
    ordered = sorted(rows, key=lambda row: (row[1], places.get(row[0], last), row[0]))
    numbers = [{"approval": row[0], "seq": number} for number, row in enumerate(ordered, start=1)]
    if numbers:
        connection.execute(sa.text(f"UPDATE {table} SET seq = :seq WHERE approval_id = :approval"), numbers)
