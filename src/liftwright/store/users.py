"""Users with their roles and keys. A key is random and shown once; what is kept of it is its SHA-256 (256 random bits need no slow hash)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from liftwright.domain.approval import User
from liftwright.domain.errors import ConfigError
from liftwright.store.engine import reading, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import KeyRow, UserRow

PREFIX = "lw_"


class SqlUsers:
    """User rows. Every change is journaled; nobody is ever removed, only switched off, so that names in old decisions keep their meaning."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[User]:
        """Every user, by name."""
        with reading(self._engine) as session:
            rows = session.exec(select(UserRow).order_by(UserRow.name)).all()
            return [_user(session, row) for row in rows]

    def get(self, name: str) -> User | None:
        """One user; None when there is no such name."""
        with reading(self._engine) as session:
            row = session.get(UserRow, name)
            return None if row is None else _user(session, row)

    def put(self, name: str, *, roles: Sequence[str], is_active: bool, by: str, now: datetime) -> User:
        """Add a user, or give one other roles or switch them off or on."""
        with writing(self._engine) as session:
            row = session.get(UserRow, name) or UserRow(name=name, roles="[]", is_active=True, created_at=now)
            before = json.loads(row.roles)
            row.roles, row.is_active = json.dumps(sorted(set(roles))), is_active
            session.add(row)
            session.flush()
            detail = {"roles": json.loads(row.roles), "before": before, "is_active": is_active}
            append_in(session, at=now, actor=by, action="user.put", subject=name, detail=detail)
            return _user(session, row)

    def new_key(self, name: str, *, by: str, now: datetime, lasts: timedelta) -> str:
        """A new key of a user: the only time it is seen. Raises ConfigError USER-UNKNOWN."""
        key = PREFIX + secrets.token_urlsafe(32)
        with writing(self._engine) as session:
            if session.get(UserRow, name) is None:
                raise ConfigError(
                    "USER-UNKNOWN", f"There is no user '{name}'.", next_step="See them with: liftwright users list."
                )
            digest = _digest(key)
            session.add(KeyRow(digest=digest, name=name, created_at=now, expires_at=now + lasts))
            session.flush()
            detail = {"key": digest[:12], "expires_at": (now + lasts).isoformat()}
            append_in(session, at=now, actor=by, action="user.key", subject=name, detail=detail)
        return key

    def revoke_keys(self, name: str, *, by: str, now: datetime) -> int:
        """Make every key of a user worthless; returns how many were worth something."""
        with writing(self._engine) as session:
            rows = session.exec(select(KeyRow).where(KeyRow.name == name, col(KeyRow.revoked_at).is_(None))).all()
            for row in rows:
                row.revoked_at = now
                session.add(row)
            session.flush()
            append_in(session, at=now, actor=by, action="user.keys_revoked", subject=name, detail={"keys": len(rows)})
            return len(rows)

    def owns(self, name: str, key: str, *, now: datetime) -> bool:
        """Whether a key is this user's and holds at `now`."""
        with reading(self._engine) as session:
            row = session.get(KeyRow, _digest(key))
        return row is not None and row.name == name and row.revoked_at is None and row.expires_at > now


def _user(session: Session, row: UserRow) -> User:
    has_key = session.exec(select(KeyRow.digest).where(KeyRow.name == row.name)).first() is not None
    found: dict[str, Any] = {
        "name": row.name,
        "roles": tuple(json.loads(row.roles)),
        "is_active": row.is_active,
        "has_key": has_key,
    }
    return User(**found)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
