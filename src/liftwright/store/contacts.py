"""Who was contacted when, and will be: the ledger as caps, pauses and fatigue read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from sqlalchemy import Engine, bindparam, func, select

from liftwright.domain.campaign import SendState
from liftwright.store.engine import reading
from liftwright.store.launch import chunks
from liftwright.store.reading import as_stored, as_table
from liftwright.store.tables import SENDS

_NAMES = ("customer_id", "channel", "send_at", "state")
_REACH = SENDS.c.state.in_(("planned", "leased", "sending", "sent", "unknown"))
_MOMENT = func.coalesce(SENDS.c.sent_at, SENDS.c.send_at)
_OF_SOME = select(SENDS.c.channel, SENDS.c.send_at, SENDS.c.state).where(
    SENDS.c.customer_id.in_(bindparam("ids", expanding=True)), _REACH, bindparam("since", type_=SENDS.c.send_at.type) <= _MOMENT
)


def since(engine: Engine, moment: datetime, *, customer_ids: Sequence[str] | None = None) -> pa.Table:
    """customer_id, channel, send_at, state of every send that did or may still reach a person (one of `customer_ids`, if given) at or after a
    moment."""
    query = select(*map(as_stored, _NAMES)).where(_REACH, moment <= _MOMENT).order_by(SENDS.c.send_at, SENDS.c.send_id)
    some: list[list[str] | None] = [None] if customer_ids is None else [*chunks(sorted(set(customer_ids)))] or [[]]
    with reading(engine) as session:
        parts = [
            as_table(session.execute(query if ids is None else query.where(SENDS.c.customer_id.in_(ids))).all(), _NAMES)
            for ids in some
        ]
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts).sort_by("send_at")


def of(engine: Engine, customer_ids: Sequence[str], *, since: datetime) -> list[tuple[str, datetime, SendState]]:
    """(channel, moment, state) of what `since` says of a few people, read row by row."""
    with engine.connect() as connection:
        rows = connection.execute(_OF_SOME, {"ids": list(customer_ids), "since": since})
        return [(row[0], row[1], row[2]) for row in rows]
