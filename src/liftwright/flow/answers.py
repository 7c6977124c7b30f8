"""Questions about a campaign, answered from what is stored and by solving again: no figure here comes from a model's memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import LiftwrightError
from liftwright.flow import asking, reporting, shown
from liftwright.measurement.narrative import headline
from liftwright.ports import Deps

Json = dict[str, Any]
_WHY = re.compile(r"^\s*why\s+(?:does\s+|did\s+|is\s+|not\s+)?(\S*\d\S*?)\??(?:\s|$)", re.I)
_WHATIF = re.compile(r"^\s*what\s*if\s+([\w.]+)\s*=\s*(.+?)\??\s*$", re.I)
_ANOTHER = re.compile(r"\b(?:last|previous|earlier|former) (?:campaign|time|one|run)\b", re.I)
_NAMED = re.compile(r"\bc-[0-9a-f]{8}\b", re.I)


def answer(text: str, campaign_id: str, *, deps: Deps) -> str:
    """The answer in words (Markdown). A question that names another campaign, or the last one, is answered about that."""
    try:
        if changed := _WHATIF.match(text):
            return _whatif(asking.whatif(campaign_id, {changed.group(1): changed.group(2)}, deps=deps))
        if person := _WHY.match(text):
            return _why(asking.why(campaign_id, person.group(1), deps=deps))
        about = _meant(text, campaign_id, deps)
        if about is None:
            return "No other campaign has run in this workspace yet."
        data = shown.show_json(about.campaign_id, deps=deps)
    except LiftwrightError as error:
        return str(error)
    told = [line for pattern, say in _TOPICS if re.search(pattern, text, re.I) for line in say(data, deps)]
    if about.campaign_id != campaign_id and not any("cause" in line for line in told):
        told = [*_results(data, deps), *told]
    return "\n\n".join(dict.fromkeys(told or _status(data, deps)))


def _meant(text: str, campaign_id: str, deps: Deps) -> Campaign | None:
    campaigns = deps.campaigns.all()
    named = _NAMED.search(text)
    if named is not None:
        return deps.campaigns.get(named.group().lower())
    if _ANOTHER.search(text) is None:
        return deps.campaigns.get(campaign_id)
    others = [c for c in campaigns if c.campaign_id != campaign_id and c.status in ("running", "paused", "stopped", "finished")]
    return max(others, key=lambda campaign: campaign.created_at, default=None)


def _status(data: Json, deps: Deps) -> list[str]:
    said = [f"{data['campaign_id']} is {data['status'].replace('_', ' ')}: {data['goal'].splitlines()[0]}"]
    said += [f"{f['rule']}: {f['says']} {f['fix']}" for f in data["findings"] if f["severity"] == "block"]
    return [*said, "Ask who, how much, which channels, which rules, how it is proved, what was assumed, what it caused."]


def _people(data: Json, deps: Deps) -> list[str]:
    if "audience" not in data:
        return []
    found, decisions = data["audience"], data["decisions"]
    counts = f"{found['selected']:,} of {found['eligible']:,} people who may be contacted; {found['holdout']:,} held out."
    return [counts, decisions["likely_buyers"], decisions["persuadables"], decisions["excluded"], *found["reasons"][-3:]]


def _left_out(data: Json, deps: Deps) -> list[str]:
    if "audience" not in data:
        return []
    steps = [f"- {s['step']}: {s['removed']:,}" for s in data["audience"]["funnel"] if s["removed"]]
    blocked = [f"- {reason}" for reason in data["audience"]["reasons"] if "blocked by" in reason]
    return ["Left out, step by step:\n" + "\n".join([*steps, *blocked])]


def _money(data: Json, deps: Deps) -> list[str]:
    if "forecast" not in data:
        return []
    found, cost = data["forecast"]["incremental_margin"], data["forecast"]["cost"]
    return [
        f"Expected incremental margin {found['mid']:,.0f} ({found['low']:,.0f} to {found['high']:,.0f}), "
        f"contact cost {cost['amount']} {cost['currency']}."
    ]


def _channels(data: Json, deps: Deps) -> list[str]:
    if "decisions" not in data or "channels" not in data["decisions"]:
        return []
    channels = ", ".join(f"{name} {count:,}" for name, count in data["decisions"]["channels"].items())
    offers = ", ".join(f"{name} {count:,}" for name, count in data["assignment"]["by_offer"].items())
    return [f"Channels: {channels}.", f"Offers: {offers}."]


def _proof(data: Json, deps: Deps) -> list[str]:
    if "experiment" not in data:
        return []
    design = data["experiment"]
    return [f"{design['method']}; holdout {design['holdout_share']:.0%}.", design["note"]]


def _rules(data: Json, deps: Deps) -> list[str]:
    return [f"{f['severity'].replace('_', ' ')}: {f['says']}" for f in data["findings"]] or ["The rules found nothing."]


def _adapts(data: Json, deps: Deps) -> list[str]:
    if "stop_when" not in data.get("decisions", {}):
        return []
    decisions = data["decisions"]
    return [f"Adjusts when {'; '.join(decisions['adjust_when'])}.", f"Stops when {' '.join(decisions['stop_when'])}"]


def _assumed(data: Json, deps: Deps) -> list[str]:
    found = data.get("objective", {}).get("assumptions", [])
    return [f"{one['field'].replace('_', ' ')} = {one['value']}: {one['because']}" for one in found] or ["Nothing was assumed."]


def _results(data: Json, deps: Deps) -> list[str]:
    name, runs = data["campaign_id"], data["status"] in ("running", "paused")
    report = reporting.report(name, deps=deps) if runs else deps.campaigns.last_report(name)
    if report is None:
        return [f"What {name} caused is not measured yet: it is {data['status'].replace('_', ' ')}."]
    says = headline(report, critical=report.series[-1].critical if report.series else None)
    return [f"What {name} caused: {report.narrative}", f"Verdict: {report.verdict}. {says}"]


def _learned(data: Json, deps: Deps) -> list[str]:
    report = deps.campaigns.last_report(data["campaign_id"])
    own = [lesson.says for lesson in report.lessons] if report is not None else []
    known = own or [lesson.says for lesson in deps.lessons.find(now=deps.now())[:5]]
    return known or ["No lessons yet: they come from measured campaigns."]


def _sent(data: Json, deps: Deps) -> list[str]:
    counts = {name: number for name, number in data["sends"].items() if isinstance(number, int) and number}
    return ["Sends: " + (", ".join(f"{number:,} {name}" for name, number in counts.items()) or "none yet") + "."]


def _why(data: Json) -> str:
    options = "; ".join(f"{o['channel']}:{o['offer']} is worth {o['value']:.2f}" for o in data["candidates"][:3])
    gets = data["chosen"] or "nothing"
    return f"{data['person']} is in arm {data['arm']} and gets {gets}. {options or 'no option exists'}. {' '.join(data['would_change'])}"


def _whatif(data: Json) -> str:
    before, after = data["before"], data["after"]
    mids = [found["incremental_margin"]["mid"] for found in (before, after)]
    changed = ", ".join(f"{path} = {value}" for path, value in data["changed"].items())
    touches = f"touches {before['touches']:,} → {after['touches']:,}"
    return f"With {changed}: expected incremental margin {mids[0]:,.0f} → {mids[1]:,.0f}; {touches}."


_TOPICS: tuple[tuple[str, Callable[[Json, Deps], list[str]]], ...] = (
    (r"\b(cause|caused|result|results|lift|did it work|verdict|outcome|achieved)\b", _results),
    (r"\b(learn|learned|learnt|lesson|lessons)\b", _learned),
    (r"\b(left out|leave out|excluded?|not (?:getting|contacted|included))\b", _left_out),
    (r"\b(who|people|audience|customers?|segment|reach)\b", _people),
    (r"\b(cost|costs|budget|spend|money|margin|return|bring|forecast|worth|how much)\b", _money),
    (r"\b(channel|channels|email|e-mail|sms|push|mail|offer|offers|discount|coupon)\b", _channels),
    (r"\b(test|holdout|measure|measured|proof|prove|proved|control|detect|sure|certain)\b", _proof),
    (r"\b(rule|rules|policy|policies|consent|risk|risks|allowed|compliance|finding|findings)\b", _rules),
    (r"\b(assume|assumed|assumption|assumptions)\b", _assumed),
    (r"\b(sent|delivered|sends|progress|how far|going)\b", _sent),
    (r"\b(stops?|adjusts?|adapts?)\b", _adapts),
)
