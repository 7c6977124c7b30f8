"""Requests under a key of their sender: done once by whatever process, and answered again for a day."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine, Text, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from liftwright.domain.request import Answer, Taken
from liftwright.store.engine import changed, reading, writing
from liftwright.store.tables import METADATA, Row
from liftwright.store.times import UtcTime

KEPT = timedelta(hours=24)
"""How long an answer is given again."""
LOST = timedelta(minutes=10)
"""After this long without an answer, whoever was at it is taken for dead."""


class RequestRow(Row, table=True):
    """A request. `asked`: digest of what was asked. `answer`: JSON, null while somebody is at it. `customer_id`: whom it is about, if anybody."""

    __tablename__ = "requests"

    request_id: str = Field(primary_key=True)
    asked: str
    token: str
    taken_at: datetime = Field(sa_type=UtcTime, index=True)
    customer_id: str | None = None
    answer: str | None = Field(default=None, sa_type=Text)


REQUESTS = METADATA.tables["requests"]
"""Rows about one person go when the person is erased (`customer_id`)."""


class SqlRequests:
    """One row a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, request_id: str, *, asked: str, now: datetime, customer_id: str | None = None) -> Taken:
        """Claim a request, or say what came of it. Of several at once one gets it. Rows older than a day go."""
        token = secrets.token_hex(16)
        row = {"request_id": request_id, "asked": asked, "token": token, "taken_at": now, "customer_id": customer_id}
        stale = (REQUESTS.c.request_id == request_id) & REQUESTS.c.answer.is_(None) & (REQUESTS.c.taken_at <= now - LOST)
        try:
            with writing(self._engine) as session:
                session.execute(delete(REQUESTS).where((REQUESTS.c.taken_at <= now - KEPT) | stale))
                found = session.execute(select(REQUESTS).where(REQUESTS.c.request_id == request_id)).one_or_none()
                if found is None:
                    session.execute(REQUESTS.insert(), row)
                    return Taken(state="new", token=token)
        except IntegrityError:
            with reading(self._engine) as session:
                found = session.execute(select(REQUESTS).where(REQUESTS.c.request_id == request_id)).one_or_none()
            if found is None:
                return Taken(state="busy")
        if found.asked != asked:
            return Taken(state="other")
        if found.answer is None:
            return Taken(state="busy")
        return Taken(state="again", answer=Answer.model_validate_json(found.answer))

    def answered(self, request_id: str, *, token: str, answer: Answer) -> bool:
        """Keep the answer; False when somebody else has the request by now, whose answer then counts."""
        kept = update(REQUESTS).where(REQUESTS.c.request_id == request_id, REQUESTS.c.token == token)
        with writing(self._engine) as session:
            return bool(changed(session, kept.values(answer=answer.model_dump_json())))

    def free(self, request_id: str, *, token: str) -> None:
        """Nothing came of it: the next one with this key does it."""
        with writing(self._engine) as session:
            session.execute(delete(REQUESTS).where(REQUESTS.c.request_id == request_id, REQUESTS.c.token == token))
