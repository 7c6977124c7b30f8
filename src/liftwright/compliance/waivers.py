"""Waivers: a rule that does not count for a while, by the word of two people, never one that the law makes.

A waiver is told by entries of the journal (asked, approved, revoked), so none can be made, stretched or forgotten unseen. While it holds, the
rule is left out of the bundle, and the bundle's hash says so: a plan made under a waiver names another hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from liftwright.domain.campaign import JournalEntry
from liftwright.domain.policy import Finding, PolicyBundle, Rule, Waiver

ASKED, APPROVED, REVOKED = "waiver.asked", "waiver.approved", "waiver.revoked"
HOUSE = "policies"
"""Subject of the entries of waivers that hold for every campaign; others have their campaign's id."""
LONGEST_DAYS = 30


def why_never(rule: Rule) -> str:
    """Why a rule can never be waived; "" when it can."""
    if rule.basis == "law":
        return "it is the law's, not the house's"
    if rule.basis == "platform" and rule.severity == "block":
        return "the platform would refuse the messages"
    return ""


def told(entries: Iterable[JournalEntry]) -> list[Waiver]:
    """Every waiver the journal tells of, in the order they were asked."""
    found: dict[str, Waiver] = {}
    for entry in entries:
        if entry.action == ASKED:
            waiver = Waiver.model_validate({**entry.detail, "asked_by": entry.actor, "asked_at": entry.at})
            found[waiver.waiver_id] = waiver
        elif entry.action in (APPROVED, REVOKED) and entry.detail.get("waiver_id") in found:
            waiver = found[entry.detail["waiver_id"]]
            field = "approved" if entry.action == APPROVED else "revoked"
            if getattr(waiver, f"{field}_by") is None:
                found[waiver.waiver_id] = waiver.model_copy(update={f"{field}_by": entry.actor, f"{field}_at": entry.at})
    return list(found.values())


def holding(waivers: Iterable[Waiver], *, at: datetime) -> list[Waiver]:
    """Those that hold at a moment: approved by somebody else before it, not revoked, not over."""
    return [each for each in waivers if each.holds(at)]


def without(bundle: PolicyBundle, waivers: Sequence[Waiver]) -> PolicyBundle:
    """The bundle without the waived rules; those that can never be waived stay whatever a waiver says."""
    names = {each.rule for each in waivers}
    gone = sorted(rule.id for rule in bundle.rules if rule.id in names and not why_never(rule))
    if not gone:
        return bundle
    digest = "sha256:" + hashlib.sha256("\n".join([bundle.digest, *gone]).encode()).hexdigest()
    return bundle.model_copy(update={"rules": tuple(rule for rule in bundle.rules if rule.id not in gone), "digest": digest})


def findings(waivers: Iterable[Waiver]) -> tuple[Finding, ...]:
    """What a plan says of the waivers it is made under."""
    return tuple(
        Finding(
            rule=each.rule,
            severity="info",
            subject="waived",
            says=f"This rule does not count until {each.expires_at:%Y-%m-%d %H:%M} UTC: {each.reason}",
            source=f"waiver {each.waiver_id}, asked by {each.asked_by}, approved by {each.approved_by}",
            fix=f"Take it back with: liftwright policy waive-revoke {each.waiver_id}.",
        )
        for each in waivers
    )
