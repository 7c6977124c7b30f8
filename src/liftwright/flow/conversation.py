"""One turn of the chat. Text never restarts a planning run: it starts a goal, answers the question, or becomes a recorded response."""

from __future__ import annotations

import re
from typing import Any

from liftwright.domain.errors import LiftwrightError
from liftwright.flow import asking, deciding, shown, walk
from liftwright.ports import Deps

_QUESTION = re.compile(
    r"\?\s*$|^\s*(why|who|what|how|when|where|which|is|are|does|do|did|can|could|will|show|explain|tell)\b", re.I
)
_WHY = re.compile(r"^\s*why\s+(?:does\s+|did\s+|is\s+)?(\S+?)\??(?:\s|$)", re.I)
_WHATIF = re.compile(r"^\s*what\s*if\s+([\w.]+)\s*=\s*(.+?)\??\s*$", re.I)
_TOPICS: tuple[tuple[str, str], ...] = (
    (r"\b(who|people|audience|customers?|segment|reach)\b", "people"),
    (r"\b(cost|costs|budget|spend|money|margin|return|bring|forecast|worth)\b", "money"),
    (r"\b(channel|channels|email|e-mail|sms|push|mail|offer|discount|coupon)\b", "channels"),
    (r"\b(test|holdout|measure|proof|prove|control|detect|sure|certain)\b", "proof"),
    (r"\b(rule|rules|policy|policies|consent|risk|allowed|compliance|finding|findings)\b", "findings"),
    (r"\b(stop|stops|adjust|adapt|change)\b", "adapt"),
)


async def turn(text: str, campaign_id: str | None, *, deps: Deps) -> tuple[str, str]:
    """What a line of chat does; returns (campaign id, reply). An empty reply means: show the campaign."""
    if campaign_id is None:
        return (await walk.start(text, deps=deps)).campaign_id, ""
    campaign = deps.campaigns.get(campaign_id)
    if campaign.status == "needs_answer":
        await walk.answer(campaign_id, text, deps=deps)
        return campaign_id, ""
    if _QUESTION.search(text):
        return campaign_id, _answer(text, campaign_id, deps)
    if campaign.status == "awaiting_approval":
        waiting = deps.approvals.pending(campaign_id)
        if waiting is not None:
            await deciding.decide("respond", campaign_id, plan_hash=waiting.plan_hash, by="chat", reason=text, deps=deps)
            return campaign_id, ""
    return campaign_id, _answer(text, campaign_id, deps)


def _answer(text: str, campaign_id: str, deps: Deps) -> str:
    """Answered from what is stored: no number here comes from a model."""
    try:
        changed = _WHATIF.match(text)
        if changed:
            return _whatif_words(asking.whatif(campaign_id, {changed.group(1): changed.group(2)}, deps=deps))
        person = _WHY.match(text)
        if person and re.search(r"\d", person.group(1)):
            return _why_words(asking.why(campaign_id, person.group(1), deps=deps))
    except LiftwrightError as error:
        return str(error)
    data = shown.show_json(campaign_id, deps=deps)
    topics = [topic for pattern, topic in _TOPICS if re.search(pattern, text, re.I)]
    lines = [line for topic in topics or ["status"] for line in _topic(topic, data)]
    return "\n\n".join(lines or _topic("status", data))


def _topic(topic: str, data: dict[str, Any]) -> list[str]:
    if "audience" not in data or topic == "status":
        said = [f"{data['campaign_id']} is {data['status'].replace('_', ' ')}."]
        return said + [f"{f['rule']}: {f['says']} {f['fix']}" for f in data["findings"] if f["severity"] == "block"]
    decisions, audience = data["decisions"], data["audience"]
    if topic == "people":
        counts = (
            f"{audience['selected']:,} of {audience['eligible']:,} people who may be contacted; {audience['holdout']:,} held out."
        )
        return [counts, decisions["likely_buyers"], decisions["persuadables"], decisions["excluded"]]
    if topic == "money":
        found = data["forecast"]["incremental_margin"]
        cost = data["forecast"]["cost"]
        return [
            f"Expected incremental margin {found['mid']:,.0f} ({found['low']:,.0f} to {found['high']:,.0f}), "
            f"contact cost {cost['amount']} {cost['currency']}."
        ]
    if topic == "channels":
        return [
            ", ".join(f"{name}: {count:,}" for name, count in decisions["channels"].items()),
            f"Offers: {data['assignment']['by_offer']}",
        ]
    if topic == "proof":
        design = data["experiment"]
        return [f"{design['method']}; holdout {design['holdout_share']:.0%}.", design["note"]]
    if topic == "findings":
        return [f"{f['severity']}: {f['says']}" for f in data["findings"]] or ["The rules found nothing."]
    return [f"Adjusts when {'; '.join(decisions['adjust_when'])}.", f"Stops when {'; '.join(decisions['stop_when'])}."]


def _why_words(data: dict[str, Any]) -> str:
    best = data["candidates"][:3]
    options = "; ".join(f"{o['channel']}:{o['offer']} is worth {o['value']:.2f}" for o in best) or "no option exists"
    return f"{data['person']} is in arm {data['arm']} and gets {data['chosen'] or 'nothing'}. {options}. {' '.join(data['would_change'])}"


def _whatif_words(data: dict[str, Any]) -> str:
    before, after = data["before"], data["after"]
    mids = [found["incremental_margin"]["mid"] for found in (before, after)]
    changed = ", ".join(f"{path} = {value}" for path, value in data["changed"].items())
    return f"With {changed}: expected incremental margin {mids[0]:,.0f} → {mids[1]:,.0f}; touches {before['touches']:,} → {after['touches']:,}."
