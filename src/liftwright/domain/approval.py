"""Asking a person and what they said."""

from __future__ import annotations

from typing import Any, Literal

from liftwright.domain.base import AwareDatetime, Value

DecisionKind = Literal["approve", "edit", "reject", "respond"]
ApprovalStatus = Literal["pending", "approved", "edited", "rejected", "responded", "expired", "revoked", "superseded"]
Risk = Literal["low", "medium", "high"]
KeyScope = Literal["read", "plan", "decide", "visitors"]
"""What a key may be used for: look, ask goals and answer questions, decide and stop, serve visitors."""
KEY_SCOPES: tuple[KeyScope, ...] = ("read", "plan", "decide", "visitors")

MOST_NAME = 100
"""Characters of a person's name, wherever one is given."""


def is_name(text: str) -> bool:
    """Whether a text can be somebody's name: some printable characters, no more than `MOST_NAME`."""
    return bool(text.strip()) and len(text) <= MOST_NAME and text.isprintable()


class ApprovalRequest(Value):
    """A row of our own: the only thing that lets anything be executed. Bound to a plan hash, single use, expires to no."""

    approval_id: str
    campaign_id: str
    thread_id: str
    plan_hash: str
    revision: int
    title: str
    risk: Risk
    trigger: str
    needs: tuple[str, ...]
    asked_by: str
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    status: ApprovalStatus = "pending"
    decided_by: str | None = None
    decided_at: AwareDatetime | None = None
    reason: str = ""
    resumed_at: AwareDatetime | None = None
    launched_at: AwareDatetime | None = None


class User(Value):
    """Who may act under a name. Somebody who was switched off keeps the name and can do nothing. `email`: where they are told of approvals."""

    name: str
    roles: tuple[str, ...]
    is_active: bool = True
    has_key: bool = False
    email: str | None = None


class Holder(Value):
    """Whose a key is that holds, and what for; no scopes: all that its user may."""

    name: str
    scopes: tuple[KeyScope, ...] = ()


class Signature(Value):
    """One person's name under an approval, for exactly one hash, with the needed roles they answered for."""

    approval_id: str
    plan_hash: str
    by: str
    roles: tuple[str, ...]
    at: AwareDatetime


class Decision(Value):
    """What an approver said, and the hash they saw when they said it. `changes` maps a path to its new value (edit)."""

    kind: DecisionKind
    approval_id: str
    plan_hash: str
    by: str
    at: AwareDatetime
    reason: str = ""
    changes: dict[str, Any] = {}
