"""Asking for a waiver, approving it by somebody else, taking it back."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from liftwright.compliance import waivers
from liftwright.domain.errors import ApprovalError, PolicyError
from liftwright.domain.policy import Waiver
from liftwright.flow import signing
from liftwright.ports import Deps

MAY_APPROVE = ("compliance", "admin")
"""Roles that approve a waiver, where there are users."""


def ask(rule_id: str, *, campaign_id: str | None, reason: str, days: int, by: str, deps: Deps) -> Waiver:
    """Ask that a rule does not count, for one campaign or for all. Raises PolicyError where there is no such rule or it is never waived."""
    signing.known(by, deps=deps)
    rule = next((each for each in deps.library.policies().rules if each.id == rule_id), None)
    if rule is None or (never := waivers.why_never(rule)):
        says = f"There is no rule '{rule_id}'." if rule is None else f"{rule_id} can never be waived: {never}."
        raise PolicyError("WAIVER-RULE", says, next_step="See the rules with: liftwright policy coverage.")
    if not reason.strip() or not 1 <= days <= waivers.LONGEST_DAYS:
        says = f"A waiver needs a reason, and lasts 1 to {waivers.LONGEST_DAYS} days."
        raise PolicyError("WAIVER-FORM", says, next_step="Say why, and for how long.")
    subject = waivers.HOUSE if campaign_id is None else deps.campaigns.get(campaign_id).campaign_id
    now = deps.now()
    known = f"{rule_id}|{subject}|{reason}|{now.isoformat()}|{len(every(deps=deps))}"
    detail = {
        "waiver_id": f"w-{hashlib.sha256(known.encode()).hexdigest()[:8]}",
        "rule": rule_id,
        "scope": subject,
        "reason": reason.strip(),
        "expires_at": (now + timedelta(days=days)).isoformat(),
    }
    deps.journal.append(at=now, actor=by.strip(), action=waivers.ASKED, subject=subject, detail=detail)
    return _one(detail["waiver_id"], deps)


def approve(waiver_id: str, *, by: str, deps: Deps) -> Waiver:
    """Approve a waiver that somebody else asked for. Raises ApprovalError for who may not, and for one that is over."""
    user, waiver = signing.known(by, deps=deps), _one(waiver_id, deps)
    if by.strip() == waiver.asked_by:
        raise _refused(f"{by.strip()} asked for this waiver, and nobody approves their own.", deps)
    if user is not None and not set(user.roles) & set(MAY_APPROVE):
        raise _refused(f"{user.name} is neither {' nor '.join(MAY_APPROVE)}.", deps)
    if waiver.revoked_by is not None or waiver.expires_at <= deps.now():
        raise _refused("This waiver was taken back or is over.", deps)
    return _noted(waivers.APPROVED, waiver, by, deps)


def revoke(waiver_id: str, *, by: str, deps: Deps) -> Waiver:
    """Take a waiver back: from now on the rule counts again, also for what is already planned."""
    signing.known(by, deps=deps)
    return _noted(waivers.REVOKED, _one(waiver_id, deps), by, deps)


def every(*, deps: Deps) -> list[Waiver]:
    """Every waiver there ever was."""
    return waivers.told(deps.journal.entries(action="waiver."))


def _noted(action: str, waiver: Waiver, by: str, deps: Deps) -> Waiver:
    deps.journal.append(
        at=deps.now(),
        actor=by.strip(),
        action=action,
        subject=waiver.scope,
        detail={"waiver_id": waiver.waiver_id, "rule": waiver.rule},
    )
    return _one(waiver.waiver_id, deps)


def _one(waiver_id: str, deps: Deps) -> Waiver:
    found = next((each for each in every(deps=deps) if each.waiver_id == waiver_id), None)
    if found is None:
        raise PolicyError(
            "WAIVER-UNKNOWN", f"There is no waiver '{waiver_id}'.", next_step="See them with: liftwright policy waivers."
        )
    return found


def _refused(says: str, deps: Deps) -> ApprovalError:
    able = [user.name for user in deps.users.all() if user.is_active and set(user.roles) & set(MAY_APPROVE)]
    return ApprovalError("WAIVER-NOT-YOURS", says, next_step=f"Who could: {', '.join(able) or 'anybody else'}.")
