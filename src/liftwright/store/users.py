"""Users with their roles, keys and signatures. A key is random and shown once; what is kept of it is its SHA-256 (256 random bits need no slow hash)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam
from sqlmodel import Session, col, select

from liftwright.domain.approval import Decision, Holder, KeyScope, Signature, User
from liftwright.domain.errors import ConfigError
from liftwright.store.approvals import approval_of, approval_row, log, refusal
from liftwright.store.engine import reading, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import KeyRow, SignatureRow, UserRow

_HOLDS = (col(KeyRow.revoked_at).is_(None), col(KeyRow.expires_at) > bindparam("now"), col(UserRow.is_active).is_(True))
_IS_OF = col(UserRow.name) == col(KeyRow.name)
_HOLDER = (
    select(col(KeyRow.name), col(KeyRow.scopes)).join(UserRow, _IS_OF).where(col(KeyRow.digest) == bindparam("digest"), *_HOLDS)
)
_HOLDING = (
    select(col(KeyRow.name))
    .join(UserRow, _IS_OF)
    .where(col(KeyRow.scopes) == "[]", *_HOLDS)
    .distinct()
    .order_by(col(KeyRow.name))
)
_ANY_KEY = select(col(KeyRow.digest)).limit(1)


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

    def put(self, name: str, *, roles: Sequence[str], is_active: bool, by: str, now: datetime, email: str | None = None) -> User:
        """Add a user, or give one other roles, switch them off or on, or change their address (None leaves it, "" takes it away).

        The journal, which keeps everything for good, says that the address changed, and not which one it is.
        """
        with writing(self._engine) as session:
            row = session.get(UserRow, name) or UserRow(name=name, roles="[]", is_active=True, created_at=now)
            before = json.loads(row.roles)
            row.roles, row.is_active = json.dumps(sorted(set(roles))), is_active
            detail = {"roles": json.loads(row.roles), "before": before, "is_active": is_active}
            if email is not None and (email or None) != row.email:
                row.email = email or None
                detail["has_email"] = row.email is not None
            session.add(row)
            session.flush()
            append_in(session, at=now, actor=by, action="user.put", subject=name, detail=detail)
            return _user(session, row)

    def new_key(
        self, name: str, *, by: str, now: datetime, lasts: timedelta, prefix: str = "lw_", scopes: Sequence[KeyScope] = ()
    ) -> str:
        """A new key of a user, for some uses only or (no `scopes`) for all: the only time it is seen. Raises ConfigError USER-UNKNOWN."""
        key = prefix + secrets.token_urlsafe(32)
        with writing(self._engine) as session:
            if session.get(UserRow, name) is None:
                raise ConfigError(
                    "USER-UNKNOWN", f"There is no user '{name}'.", next_step="See them with: liftwright users list."
                )
            digest = _digest(key)
            kept = sorted(set(scopes))
            session.add(KeyRow(digest=digest, name=name, created_at=now, expires_at=now + lasts, scopes=json.dumps(kept)))
            session.flush()
            detail = {"key": digest[:12], "expires_at": (now + lasts).isoformat()} | ({"scopes": kept} if kept else {})
            append_in(session, at=now, actor=by, action="user.key", subject=name, detail=detail)
        return key

    def revoke_keys(self, name: str, *, by: str, now: datetime, only: str = "") -> int:
        """Make every key of a user worthless, or `only` one; returns how many were worth something."""
        query = select(KeyRow).where(KeyRow.name == name, col(KeyRow.revoked_at).is_(None))
        with writing(self._engine) as session:
            rows = session.exec(query.where(KeyRow.digest == _digest(only)) if only else query).all()
            for row in rows:
                row.revoked_at = now
                session.add(row)
            session.flush()
            append_in(session, at=now, actor=by, action="user.keys_revoked", subject=name, detail={"keys": len(rows)})
            return len(rows)

    def holder(self, key: str, *, now: datetime) -> Holder | None:
        """Whose a key is that holds at `now`; None for any other, and for one of somebody who is switched off. One query."""
        if not key:
            return None
        with self._engine.connect() as connection:
            row = connection.execute(_HOLDER, {"digest": _digest(key), "now": now}).one_or_none()
        return None if row is None else Holder(name=row.name, scopes=tuple(json.loads(row.scopes)))

    def have_keys(self) -> bool:
        """Whether any user ever got a key."""
        with self._engine.connect() as connection:
            return connection.execute(_ANY_KEY).first() is not None

    def holding(self, *, now: datetime) -> list[str]:
        """Active users with a key, or a session, for all uses that holds at `now`, by name."""
        with self._engine.connect() as connection:
            return list(connection.execute(_HOLDING, {"now": now}).scalars())

    def sign(self, signature: Signature) -> None:
        """Put a name under a pending approval, once; journaled. Raises ApprovalError as `decide` does where it is too late for that."""
        with writing(self._engine) as session:
            row = approval_row(session, signature.approval_id, lock=True)
            asked = Decision(
                kind="approve", approval_id=row.approval_id, plan_hash=signature.plan_hash, by=signature.by, at=signature.at
            )
            why_not = refusal(session, row, asked)
            if why_not is None and session.get(SignatureRow, (row.approval_id, signature.by)) is None:
                kept = signature.model_dump(include={"approval_id", "plan_hash"})
                roles = json.dumps(signature.roles)
                session.add(SignatureRow(**kept, signed_by=signature.by, roles=roles, signed_at=signature.at))
                session.flush()
                detail = {**kept, "roles": list(signature.roles)}
                log(session, approval_of(row), at=signature.at, actor=signature.by, action="signed", detail=detail)
        if why_not is not None:
            raise why_not

    def signatures(self, approval_id: str) -> list[Signature]:
        """The names under an approval, in the order they were put there."""
        query = select(SignatureRow).where(SignatureRow.approval_id == approval_id)
        with reading(self._engine) as session:
            rows = session.exec(query.order_by(col(SignatureRow.signed_at), SignatureRow.signed_by)).all()
        return [
            Signature(
                approval_id=row.approval_id,
                plan_hash=row.plan_hash,
                by=row.signed_by,
                roles=tuple(json.loads(row.roles)),
                at=row.signed_at,
            )
            for row in rows
        ]


def _user(session: Session, row: UserRow) -> User:
    has_key = session.exec(select(KeyRow.digest).where(KeyRow.name == row.name)).first() is not None
    found: dict[str, Any] = {
        "name": row.name,
        "roles": tuple(json.loads(row.roles)),
        "is_active": row.is_active,
        "has_key": has_key,
        "email": row.email,
    }
    return User(**found)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
