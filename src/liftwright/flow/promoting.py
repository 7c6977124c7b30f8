"""Champion and challenger: a version of a model becomes the current one when past campaigns prove it, and goes back when later ones show harm.

The challenger runs in the shadow: what it would have chosen is judged by the logged chances of what was chosen (`proving`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from liftwright.domain.errors import ApprovalError, DataError
from liftwright.flow.challengers import Challenger
from liftwright.flow.proving import prove
from liftwright.ports import Deps

PROMOTED, ROLLED_BACK = "model.promoted", "model.rolled_back"


def promote(model: str, *, by: str, proof: dict[str, Any], deps: Deps) -> dict[str, Any]:
    """Make NAME@VERSION the current one. Raises ApprovalError where the proof does not say so or nobody answers for it."""
    if proof["verdict"] != "promote":
        raise ApprovalError(
            "PROMOTE-UNPROVEN", f"{model} does not go live. {proof['says']}", next_step="Keep the current version."
        )
    if not by.strip():
        raise ApprovalError("PROMOTE-WHO", "Going live needs a name.", next_step="Say who decides with --as USER.")
    name, _, version = model.partition("@")
    return _make_current(name, version, by=by.strip(), action=PROMOTED, evidence=proof, deps=deps)


def roll_back_harmful(*, deps: Deps) -> list[dict[str, Any]]:
    """Every promoted version that is still the current one against the one before it, on the campaigns that used it since: when those
    show that the earlier version would surely have brought more, it becomes the current one again. Returns what was rolled back."""
    done = []
    for detail, at in _standing_promotions(deps):
        name, before = detail["model"], detail["before"]
        since = _campaigns_with(f"{name}@{detail['version']}", at, deps)
        if before is None or not since:
            continue
        proof = prove(Challenger(models=(f"{name}@{before}",)), deps=deps, among=since)
        if proof["always_valid"] is not None and proof["always_valid"]["low"] > 0.0:
            done.append(_make_current(name, before, by="liftwright", action=ROLLED_BACK, evidence=proof, deps=deps))
    return done


def _make_current(name: str, version: str, *, by: str, action: str, evidence: dict[str, Any], deps: Deps) -> dict[str, Any]:
    current, stored = deps.models.load(name), deps.models.load(name, version)
    if stored is None:
        raise DataError("MODEL-UNKNOWN", f"There is no model '{name}@{version}'.", next_step="See `liftwright model list`.")
    before = current[0].version if current is not None else None
    if before != version:
        deps.models.save(*stored, now=deps.now())
    detail = {"model": name, "version": version, "before": before, "evidence": evidence}
    deps.journal.append(at=deps.now(), actor=by, action=action, subject=name, detail=detail)
    return detail


def _standing_promotions(deps: Deps) -> list[tuple[dict[str, Any], datetime]]:
    """The last promotion of each model whose version is still the current one, and when it was."""
    last = {}
    for entry in deps.journal.entries(action="model."):
        if entry.action in (PROMOTED, ROLLED_BACK):
            last[entry.subject] = entry
    current = {card.model: card.version for card in deps.models.cards()}
    return [
        (dict(entry.detail), entry.at)
        for name, entry in sorted(last.items())
        if entry.action == PROMOTED and current.get(name) == entry.detail["version"]
    ]


def _campaigns_with(model_id: str, at: datetime, deps: Deps) -> list[str]:
    """Campaigns planned since with this version that are over."""
    found = []
    for campaign in deps.campaigns.all():
        plan = deps.campaigns.plan(campaign.campaign_id, campaign.revision) if campaign.revision else None
        is_over = campaign.status in ("finished", "stopped")
        if plan is not None and is_over and campaign.created_at >= at and model_id in plan.pins.models:
            found.append(campaign.campaign_id)
    return found
