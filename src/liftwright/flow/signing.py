"""Who may decide. Nobody signs for what they asked or edited themselves above the first threshold, and above the second two people must.

Thresholds and duties are data: `approval` and `roles` in policies/autonomy.yaml. A workspace without users takes any name, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from liftwright.compliance import autonomy
from liftwright.domain.approval import ApprovalRequest, DecisionKind, Holder, KeyScope, Signature, User
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import ApprovalError
from liftwright.ports import Deps

DELEGATED = "approval.delegated"
"""Journal entry of a right to sign one approval that its holder gave away."""
ESCALATED = "approval.escalated"
"""Journal entry of a role that must sign one approval too, because somebody asked for it."""
SESSION_LASTS = timedelta(hours=12)
LOOKS_ONLY = frozenset({"analyst"})
"""Roles that read and never decide."""
KEY_LASTS = timedelta(days=90)


def known(name: str, *, deps: Deps, scope: KeyScope | None = None) -> User | None:
    """The user who acts under a name; None in a workspace without users. `scope`: a key for this use will do; without, it must be for all.

    Raises ApprovalError for a name that is no user's, one that is switched off, and one that has a key which was not shown.
    """
    everybody = deps.users.all()
    if not everybody:
        return None
    user, holder = next((each for each in everybody if each.name == name.strip()), None), _holder(deps)
    if user is None or not user.is_active:
        what = "is switched off" if user is not None else "is no user of this workspace"
        raise ApprovalError("USER-UNKNOWN", f"'{name.strip()[:60]}' {what}.", next_step=_names(everybody, holder))
    _must_be_for(scope, holder)
    if user.has_key and (holder is None or holder.name != user.name):
        raise ApprovalError(
            "USER-KEY",
            f"{user.name} has a key, and none that holds was shown.",
            next_step=f"Set LIFTWRIGHT_KEY to a key of {user.name}'s, or have an admin make one: `liftwright users key {user.name}`.",
        )
    return user


def proven(name: str, *, deps: Deps) -> User:
    """The user who acts under a name and showed a key of theirs: for who decides through a machine, where a name alone proves nothing.

    Raises ApprovalError as `known` does, and in a workspace without users, without a name, and for a user who has no key.
    """
    if not deps.users.all():
        raise ApprovalError(
            "USER-NONE",
            "This workspace has no users, so a person's decision could not be told from a machine's.",
            next_step="Decide with `liftwright approve`, or add users with keys: `liftwright users add`, `liftwright users key`.",
        )
    if not name.strip():
        raise ApprovalError(
            "APPROVAL-WHO",
            "A decision needs a person: no name was given.",
            next_step="Start it with --as USER, and LIFTWRIGHT_KEY set to a key of theirs.",
        )
    user = known(name, deps=deps)
    if user is None or not user.has_key:
        raise ApprovalError(
            "USER-KEY",
            f"{name.strip()[:60]} has no key, and a name alone decides nothing here.",
            next_step=f"Make one with `liftwright users key {name.strip()[:60]}` and set LIFTWRIGHT_KEY to it.",
        )
    return user


def may_use(scope: KeyScope, *, is_named: bool = False, deps: Deps) -> Holder | None:
    """Whose key was shown; None where nobody has one yet. `is_named`: what follows asks who it is by (`known`), so no key is needed here.

    Raises ApprovalError where users have keys and none that holds was shown (then only they look), and for a key that is for other uses.
    """
    holder = _holder(deps)
    if holder is None and not is_named and deps.users.have_keys():
        raise ApprovalError("USER-KEY", "Only users of this workspace may see that.", next_step="Show a key of a user.")
    _must_be_for(scope, holder)
    return holder


def _names(everybody: Sequence[User], holder: Holder | None) -> str:
    """Who may act; where users have keys, only who shows one is told."""
    if holder is None and any(user.has_key for user in everybody):
        return "Act as a user of this workspace, and show their key."
    return f"Users who may act: {', '.join(each.name for each in everybody if each.is_active)}."


def _holder(deps: Deps) -> Holder | None:
    """Whose the shown key is."""
    return deps.users.holder(deps.settings.key.get_secret_value(), now=deps.now()) if deps.settings.key is not None else None


def _must_be_for(scope: KeyScope | None, holder: Holder | None) -> None:
    if holder is not None and holder.scopes and scope not in holder.scopes:
        raise ApprovalError(
            "KEY-SCOPE",
            f"This key of {holder.name}'s is for {', '.join(holder.scopes)} only.",
            next_step=f"Show one for that: `liftwright users key {holder.name}{f' --scope {scope}' if scope else ''}`.",
        )


def check(user: User, kind: DecisionKind, row: ApprovalRequest, *, deps: Deps) -> None:
    """Raises ApprovalError, naming who could, when this user may not give this answer."""
    if set(user.roles) <= LOOKS_ONLY:
        raise _refused(f"{user.name} ({_words(user.roles)}) may look, and not decide.", row, deps)
    if kind != "approve":
        return
    if user.name in _own(row, deps) and _is_above(row, deps):
        raise _refused(f"{user.name} asked for this plan or edited it last, and nobody approves their own here.", row, deps)
    if not _duties(user, row, deps):
        raise _refused(
            f"{user.name} ({_words(user.roles)}) holds none of the roles this needs ({', '.join(needs(row, deps=deps))}).",
            row,
            deps,
        )


def sign(user: User, row: ApprovalRequest, *, deps: Deps) -> bool:
    """Put a user's name under an approval, once; True when nothing is missing any more."""
    deps.users.sign(
        Signature(
            approval_id=row.approval_id, plan_hash=row.plan_hash, by=user.name, roles=_duties(user, row, deps), at=deps.now()
        )
    )
    return not missing(row, deps=deps)


def asked_by(row: ApprovalRequest, *, deps: Deps) -> str:
    """Of a plan who asked for the campaign, where there are users; else what asks, which is no person."""
    asked = deps.campaigns.get(row.campaign_id).goal.asked_by if row.thread_id == row.campaign_id else ""
    return asked or row.asked_by


def missing(row: ApprovalRequest, *, deps: Deps) -> tuple[str, ...]:
    """What is still missing of the signatures an approval needs: roles, and "another person"; nothing in a workspace without users.

    Only names that could sign now count: not of who was switched off since, nor of who asked or edited since.
    """
    if not deps.users.all():
        return ()
    own = _own(row, deps) if _is_above(row, deps) else set()
    users = {user.name: user for user in deps.users.all() if user.is_active and user.name not in own}
    signed = [each for each in deps.users.signatures(row.approval_id) if each.plan_hash == row.plan_hash and each.by in users]
    held = [set(_duties(users[each.by], row, deps)) for each in signed]
    roles = tuple(need for need in needs(row, deps=deps) if not any(need in duties for duties in held))
    least = autonomy.people_needed(_rules(deps), row.risk)
    return roles or (("another person",) if len(signed) < least else ())


def must_be_signed(row: ApprovalRequest, *, deps: Deps) -> None:
    """Raises ApprovalError where something of an approved row's signatures is missing: asked again by whatever has an effect."""
    absent = missing(row, deps=deps)
    if absent:
        raise ApprovalError(
            "APPROVAL-SIGNATURES",
            f"The approval of {row.campaign_id} is not signed by everybody it needs (missing: {', '.join(absent)}); nothing was sent.",
            next_step=who_could(row, deps=deps),
        )


def delegate(row: ApprovalRequest, *, by: User, to: str, deps: Deps) -> tuple[str, ...]:
    """Let another user sign one approval with the roles `by` holds; it ends with the approval and cannot be passed on. Returns the roles."""
    receiver = deps.users.get(to)
    roles = tuple(need for need in needs(row, deps=deps) if need in _of_roles(by.roles, deps))
    if receiver is None or not receiver.is_active or receiver.name == by.name:
        raise ApprovalError("DELEGATE-TO", f"'{to[:60]}' is no other active user.", next_step=who_could(row, deps=deps))
    if by.name in _own(row, deps) or not roles:
        raise _refused(f"{by.name} has no right to sign {row.campaign_id} that could be given away.", row, deps)
    detail = {"approval_id": row.approval_id, "to": to, "roles": list(roles)}
    deps.journal.append(at=deps.now(), actor=by.name, action=DELEGATED, subject=row.campaign_id, detail=detail)
    return roles


def escalate(row: ApprovalRequest, *, by: User, to: str, reason: str, deps: Deps) -> tuple[str, ...]:
    """Ask that one more role signs an approval; it cannot be taken back. Any user who may decide can ask for it. Returns what is needed now.

    Raises ApprovalError for a role nobody declared or that is needed already, without a reason, and for somebody who only looks.
    """
    declared = _rules(deps)["roles"]
    if to not in declared or to in needs(row, deps=deps) or not reason.strip():
        says = f"'{to[:60]}' is no role, or must sign already; and an escalation needs a reason."
        raise ApprovalError("ESCALATE-TO", says, next_step=f"Roles: {', '.join(sorted(declared))}.")
    if set(by.roles) <= LOOKS_ONLY:
        raise _refused(f"{by.name} ({_words(by.roles)}) may look, and not decide.", row, deps)
    detail = {"approval_id": row.approval_id, "to": to, "reason": reason.strip()}
    deps.journal.append(at=deps.now(), actor=by.name, action=ESCALATED, subject=row.campaign_id, detail=detail)
    return needs(row, deps=deps)


def needs(row: ApprovalRequest, *, deps: Deps) -> tuple[str, ...]:
    """Roles that must sign: those of the rules, and those it was escalated to."""
    return _needs(row, deps.journal.entries(subject=row.campaign_id))


def escalated(row: ApprovalRequest, *, deps: Deps) -> dict[str, str]:
    """Roles an approval was escalated to, and who asked for each, in that order."""
    return _escalated(row, deps.journal.entries(subject=row.campaign_id))


def roles_of(user: User, *, deps: Deps) -> set[str]:
    """A user's roles and those they stand for."""
    return _of_roles(user.roles, deps)


def able(row: ApprovalRequest, *, deps: Deps) -> list[tuple[User, tuple[str, ...]]]:
    """The users who could still sign an approval, each with the needs they would answer for."""
    own = _own(row, deps) if _is_above(row, deps) else set()
    signed = {each.by for each in deps.users.signatures(row.approval_id)}
    said = deps.journal.entries(subject=row.campaign_id)
    return [
        (user, duties)
        for user in deps.users.all()
        if user.is_active and user.name not in own | signed and (duties := _duties(user, row, deps, said))
    ]


def who_could(row: ApprovalRequest, *, deps: Deps) -> str:
    """A sentence that names the users who could still sign."""
    found = [f"{user.name} ({_words(duties)})" for user, duties in able(row, deps=deps)]
    if not found:
        return (
            f"Nobody in this workspace could: add a user with one of {', '.join(needs(row, deps=deps))} (`liftwright users add`)."
        )
    return f"Who could: {', '.join(found)}."


def _refused(says: str, row: ApprovalRequest, deps: Deps) -> ApprovalError:
    return ApprovalError("APPROVAL-NOT-YOURS", says, next_step=who_could(row, deps=deps))


def _rules(deps: Deps) -> Mapping[str, Any]:
    return deps.library.policies().autonomy


def _is_above(row: ApprovalRequest, deps: Deps) -> bool:
    return autonomy.needs_others(_rules(deps), row.risk)


def _own(row: ApprovalRequest, deps: Deps) -> set[str]:
    """Who asked for the campaign, and who changed its plan last."""
    asked = deps.campaigns.get(row.campaign_id).goal.asked_by
    edits = [each.by for each in deps.approvals.decisions(row.campaign_id) if each.kind in ("edit", "respond")]
    return {name for name in (asked, *edits[-1:]) if name}


def _needs(row: ApprovalRequest, said: Sequence[JournalEntry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*row.needs, *_escalated(row, said))))


def _escalated(row: ApprovalRequest, said: Sequence[JournalEntry]) -> dict[str, str]:
    mine = [each for each in said if each.action == ESCALATED and each.detail["approval_id"] == row.approval_id]
    return {str(each.detail["to"]): each.actor for each in mine}


def _duties(user: User, row: ApprovalRequest, deps: Deps, said: Sequence[JournalEntry] | None = None) -> tuple[str, ...]:
    """The needs of an approval that a user can answer for: by their own roles, by those given to them for it, and, once it has waited long, by
    those that stand in. `said`: what the journal says of the campaign, where that was read already."""
    said = deps.journal.entries(subject=row.campaign_id) if said is None else said
    held = _of_roles(user.roles, deps)
    for entry in said:
        if entry.action == DELEGATED and (entry.detail["approval_id"], entry.detail["to"]) == (row.approval_id, user.name):
            giver = deps.users.get(entry.actor)
            if giver is not None and giver.is_active:
                held |= set(entry.detail["roles"])
    waited, rules = deps.now() - row.asked_at, _rules(deps)
    return tuple(need for need in _needs(row, said) if need in held or autonomy.stands_in(rules, need, waited=waited) & held)


def _of_roles(roles: Sequence[str], deps: Deps) -> set[str]:
    stands_for = _rules(deps)["approval"].get("stands_for", {})
    return {*roles, *(duty for role in roles for duty in stands_for.get(role, ()))}


def _words(roles: Sequence[str]) -> str:
    return ", ".join(roles) or "no role"
