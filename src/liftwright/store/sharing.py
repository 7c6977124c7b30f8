"""Links to reports. A token is random (256 bits), so its SHA-256, which is all that is kept, needs no slow hash and no salt."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, Index
from sqlmodel import Field, col, select

from liftwright.domain.sharing import SharedLink
from liftwright.store.engine import reading, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import Row
from liftwright.store.times import UtcTime


class SharedLinkRow(Row, table=True):
    """One link by the SHA-256 of its token; revoked ones stay, for the record."""

    __tablename__ = "shared_links"
    __table_args__ = (Index("ix_shared_links_campaign_id", "campaign_id"),)

    digest: str = Field(primary_key=True)
    link_id: str
    campaign_id: str = Field(foreign_key="campaigns.campaign_id")
    role: str
    made_by: str
    made_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)


class SqlSharing:
    """Rows of links. Making and revoking one is journaled with it, under its short name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, link: SharedLink, digest: str) -> None:
        """Keep a new link under the SHA-256 (hex) of its token."""
        with writing(self._engine) as session:
            session.add(SharedLinkRow(digest=digest, **link.model_dump()))
            session.flush()
            detail = {"link": link.link_id, "role": link.role, "expires_at": link.expires_at.isoformat()}
            append_in(session, at=link.made_at, actor=link.made_by, action="share.made", subject=link.campaign_id, detail=detail)

    def find(self, digest: str) -> SharedLink | None:
        """The link whose token has this SHA-256, whether or not it still holds; None when there is none."""
        with reading(self._engine) as session:
            row = session.get(SharedLinkRow, digest)
            return None if row is None else _link(row)

    def of(self, campaign_id: str) -> list[SharedLink]:
        """Every link to a campaign, newest first."""
        query = select(SharedLinkRow).where(SharedLinkRow.campaign_id == campaign_id)
        with reading(self._engine) as session:
            return [
                _link(row) for row in session.exec(query.order_by(col(SharedLinkRow.made_at).desc(), SharedLinkRow.link_id)).all()
            ]

    def revoke(self, campaign_id: str, link_id: str, *, by: str, now: datetime) -> bool:
        """Make a link worthless; False when the campaign has none of this name that was not revoked."""
        query = select(SharedLinkRow).where(SharedLinkRow.campaign_id == campaign_id, SharedLinkRow.link_id == link_id)
        with writing(self._engine) as session:
            rows = session.exec(query.where(col(SharedLinkRow.revoked_at).is_(None)).with_for_update()).all()
            for row in rows:
                row.revoked_at = now
                session.add(row)
            if rows:
                session.flush()
                append_in(session, at=now, actor=by, action="share.revoked", subject=campaign_id, detail={"link": link_id})
            return bool(rows)


def _link(row: SharedLinkRow) -> SharedLink:
    return SharedLink.model_validate(row.model_dump(exclude={"digest"}))
