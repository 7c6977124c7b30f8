"""JSON of the contract as text for people in a terminal. Only words: every figure comes from the JSON."""

from __future__ import annotations

from typing import Any

from liftwright.cli import beside
from liftwright.cli.findings import finding_lines
from liftwright.domain.goal import Constraint

Data = dict[str, Any]
SHOWN_EVIDENCE = 3
"""Sentences about past tests that a plan shows by itself; they stand in the order of what matters for the goal."""


def money(value: Data | None) -> str:
    """`{"amount": "1234.50", "currency": "USD"}` as `1,234.50 USD`."""
    return "none" if value is None else f"{float(value['amount']):,.2f} {value['currency']}"


def number(value: float | None, *, digits: int = 2) -> str:
    """A figure or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def interval(value: Data | None) -> str:
    """`mid (95 % between low and high)`."""
    if not value or value.get("mid") is None:
        return "not measurable yet"
    return f"{value['mid']:,.0f} ({value.get('level', 0.95):.0%} between {value['low']:,.0f} and {value['high']:,.0f})"


def readiness(data: Data) -> str:
    """The verdict, the scores, and every gap with what it puts at risk and how to mend it."""
    scores = ", ".join(f"{name} {number(score)}" for name, score in data["scores"].items())
    lines = ["Ready." if data["ready"] else "Not ready: what is marked block would make decisions wrong.", f"Scores   {scores}"]
    for gap in data["gaps"]:
        place = f"{gap['table']}.{gap['column']}" if gap.get("column") else gap["table"]
        lines += ["", f"{gap['severity']:<6} {gap['kind']} in {place}", f"       {gap['says']}"]
        if gap.get("money_at_risk"):
            lines.append(f"       At risk: {money(gap['money_at_risk'])} ({gap['money_because']}).")
        lines.append(f"       {gap['fix']}")
    return "\n".join(lines)


def imported(data: Data) -> str:
    """How the columns were understood, what came in and what was refused."""
    if data["already"]:
        return f"This file is in already (snapshot {data['snapshot_id']}); nothing changed."
    lines = [f"  {canonical:<24} from {column:<24} {because}" for canonical, column, because in data["shown"]]
    lines += [f"  note: {note}" for note in data["notes"]]
    counts = ", ".join(f"{rows:,} {name}" for name, rows in data["tables"].items()) or "nothing"
    lines.append(
        f"Would import {counts}; nothing was changed."
        if data["dry_run"]
        else f"Imported {counts}. Snapshot {data['snapshot_id']}."
    )
    if data["quarantined"]:
        reasons = "; ".join(f"{count:,} x {reason}" for reason, count in data["reasons"].items())
        lines.append(f"{data['quarantined']:,} rows were set aside: {reasons}. They are in {data['quarantine_path']}.")
    return "\n".join(lines)


def plan(data: Data, *, whole: bool = False) -> str:
    """A plan, what it rests on (`whole`: every sentence of it), what waits, and the command that comes next."""
    lines = [f"{data['campaign_id']}  {data['status'].replace('_', ' ')}   (model: {data.get('model', '?')})"]
    if data.get("question"):
        lines += [
            "",
            f"Question: {data['question']}",
            f'Answer:   liftwright plan "…" --answer "…"   or   liftwright chat {data["campaign_id"]}',
        ]
    if data.get("objective"):
        lines += _objective(data["objective"])
    if data.get("audience"):
        lines += _audience(data)
        lines += _money_part(data)
        lines += _known(data, whole=whole)
    lines += _findings(data.get("findings", []))
    if data.get("stop_reason"):
        lines += ["", f"{'Paused' if data['status'] == 'paused' else 'Ended':<10} {data['stop_reason']}"]
    if data["status"] == "expired":
        lines += ["Nothing has been sent. To plan and check it afresh and ask for a new approval:"]
        lines += [f"  liftwright plan --again {data['campaign_id']}"]
    if data["status"] == "awaiting_approval":
        lines += ["", "Nothing has been sent. To let exactly this plan run:"]
        lines += [f"  liftwright approve {data['campaign_id']} --hash {data['plan_hash']} --as YOU"]
    return "\n".join(lines)


def taken(data: Data) -> str:
    """What follows from a decision that ends the asking: how much will leave, and the commands that come next."""
    name, sends = data["campaign_id"], data["sends"]
    if data["status"] == "paused":
        return f'{name} is paused: nothing leaves. Let it go on: liftwright resume {name} --as YOU --reason "…"'
    if data["status"] != "running":
        return f"{name} is {data['status'].replace('_', ' ')}. Nothing was sent and nothing will be."
    objective, people = data["objective"], data["audience"]["selected"]
    return "\n".join(
        [
            f"{name} is running: {sends['planned']:,} touches to {people:,} people, {objective['starts_on']} to {objective['ends_on']}.",
            "Deliver what is due:    liftwright worker --once",
            f"See what it caused:     liftwright report {name}",
            f'Stop it at once:        liftwright stop {name} --as YOU --reason "…"',
        ]
    )


def _objective(objective: Data) -> list[str]:
    target = objective.get("target")
    aim = f" by {target['value']:g} {target['unit']}" if target else ""
    lines = ["", f"Objective  {objective['direction']} {objective['metric'].replace('_', ' ')}{aim}"]
    lines[-1] += f" · {objective['product']}" if objective.get("product") else ""
    lines.append(f"           {objective['starts_on']} to {objective['ends_on']} · budget {money(objective.get('budget'))}")
    for limit in objective.get("constraints", []):
        lines.append(f"           must hold: {Constraint.model_validate(limit).says}")
    for assumed in objective.get("assumptions", []):
        lines.append(f"  assumed  {assumed['field']} = {assumed['value']}: {assumed['because']}")
    return lines


def _audience(data: Data) -> list[str]:
    audience = data["audience"]
    lines = [
        "",
        f"People     {audience['selected']:,} chosen of {audience['population']:,} ({audience['eligible']:,} may be contacted)",
    ]
    lines.append(f"           {audience['holdout']:,} held out on purpose, to measure what the campaign causes")
    lines += [f"           {step['step']}: {step['removed']:,} left out, {step['left']:,} left" for step in audience["funnel"]]
    lines += [f"  because  {reason}" for reason in audience.get("reasons", [])]
    decisions = data["decisions"]
    lines += [
        "",
        f"Buyers     {decisions['likely_buyers']}",
        f"Persuade   {decisions['persuadables']}",
        f"Left out   {decisions['excluded']}",
    ]
    lines.append(f"Incentive  {decisions['incentive']['with']:,} with, {decisions['incentive']['without']:,} without")
    lines.append("Channels   " + ", ".join(f"{name} {count:,}" for name, count in decisions["channels"].items()))
    if decisions.get("postage"):
        lines.append(f"Postage    {decisions['postage']['says']}")
    return lines


def _money_part(data: Data) -> list[str]:
    experiment, forecast, assignment = data["experiment"], data["forecast"], data["assignment"]
    lines = [
        "",
        f"Forecast   incremental margin {interval(forecast['incremental_margin'])}; contact cost {money(forecast['cost'])}",
    ]
    lines.append(
        f"Proof      {experiment['method']}; holdout {experiment['holdout_share']:.0%}; detects {number(experiment['mde']['absolute'], digits=3)}"
    )
    lines[-1] += f" {experiment['primary_metric']} per person or more"
    lines += [f"           {said}" for said in _more_proof(experiment)]
    lines.append(
        f"Solved     {assignment['objective']:,.0f} of at most {assignment['upper_bound']:,.0f} with the same draws (gap {assignment['gap']:.4%})"
    )
    lines += [f"           {said}" for said in assignment.get("says", [])]
    return lines


def _more_proof(experiment: Data) -> list[str]:
    """Why the holdout is as large as it is, the arms on request, and the global holdout."""
    said = [experiment["note"]] if experiment["is_measurable"] and experiment["note"] else []
    usual = experiment["usual"] or {}
    words = {
        "random": "get an option drawn by lot",
        "usual": f"get business as usual: {usual.get('channel')}:{usual.get('offer')} to {usual.get('people') or 'everybody'}",
    }
    said += [f"{each['share']:.0%} of the people {words[each['arm']]}" for each in experiment["arms"]]
    if everywhere := experiment["global_holdout"]:
        said.append(f"{everywhere['people']:,} people ({everywhere['share']:.0%}) are held out of every campaign this quarter")
    return said


def _known(data: Data, *, whole: bool) -> list[str]:
    """What past tests say, the most telling first, the rest by count; what nobody can know; when it stops."""
    evidence = data.get("evidence", [])
    most = len(evidence) if whole else SHOWN_EVIDENCE
    lines = [f"Known      {said}" for said in evidence[:most]]
    if evidence[most:]:
        lines.append(
            f"           and {len(evidence) - most} more results of past tests: liftwright show {data['campaign_id']} --all"
        )
    lines += [f"Unknown    {said}" for said in data.get("cannot_know", [])]
    lines += [f"Learnt     {data['start']['says']}"] if data.get("start") else []
    lines.append(f"Stops when {'; '.join(data['decisions']['stop_when'])}")
    return lines


def _findings(findings: list[Data]) -> list[str]:
    return ["", "Findings", *(f"  {line}" for line in finding_lines(findings))] if findings else []


def report(data: Data) -> str:
    """What the campaign did and caused, narrative first."""
    sends, lift = data["sends"], data["lift"]
    lines = [f"{data['campaign_id']}  {data['status']}  verdict: {data['verdict']}", "", data["narrative"], ""]
    lines.append(
        f"Sends      {sends['delivered']:,} delivered of {sends['planned']:,}; {sends['failed']:,} failed, {sends['suppressed']:,} suppressed"
    )
    lines.append(f"Lift       {lift['metric']} per person {beside.effect(lift)}")
    method = f"{lift['method']}; " if lift["method"] else ""
    lines.append(f"           {lift['treated']:,} treated, {lift['holdout']:,} held out; {method}look {lift['looks']}")
    lines.append(f"Margin     incremental {interval(data['incremental_margin'])}")
    lines += beside.lines(data)
    health = data["health"]
    lines.append(
        f"Health     sample ratio p = {number(health['srm_p'], digits=3)}, {health['contamination']} contaminated, {health['late_data']} late"
    )
    lines += [
        f"Action     {action['at'][:16]} {action['kind']} ({action['rule']}) by {action['by']}" for action in data["actions"]
    ]
    lines += [f"Learned    {lesson['says']}" for lesson in data["lessons"]]
    return "\n".join(lines)


def stopped(data: Data) -> str:
    """What the kill switch cancelled, and what executors hold that they must skip."""
    lines = [f"Stopped {data['campaign_id']}: {data['cancelled']:,} planned sends cancelled."]
    for name, count in data["recalled"].items():
        notice = name.replace(".csv", ".cancelled.csv")
        lines.append(
            f"Recalled   {count:,} actions that stand in outbox/actions/{name}: they are named in outbox/actions/{notice}."
        )
    if data["recalled"]:
        lines.append(
            "Whoever executes these files must skip the send_ids named there; what was taken from them before is out of reach."
        )
    return "\n".join(lines)


def why(data: Data) -> str:
    """One person's options in money, what was chosen and what would change it."""
    lines = [f"{data['person']} is in the {data['arm']} arm."]
    chosen = data.get("chosen")
    lines.append(f"Chosen: {chosen}" if chosen else "Chosen: nothing.")
    for option in data["candidates"]:
        terms = ", ".join(f"{name} {value:+.3f}" for name, value in option["terms"].items())
        blocked = "" if option["allowed"] else f"  blocked by {', '.join(option['blocked_by'])}"
        lines.append(f"  {option['channel']:<12} {option['offer']:<10} {option['value']:+8.3f} = {terms}{blocked}")
    lines += [f"Because  {reason['says']}" for reason in data["reasons"]]
    lines += [f"Binding  {what}" for what in data["binding"]]
    lines += [f"Flips if {what}" for what in data["would_change"]]
    lines += [f"  {event.get('at', '')} {event.get('what', '')}" for event in data["timeline"]]
    return "\n".join(lines)


def whatif(data: Data) -> str:
    """Before against after of a re-solve."""
    lines = ["Changed: " + ", ".join(f"{path} = {value}" for path, value in data["changed"].items())]
    for name in sorted(set(data["before"]) | set(data["after"])):
        before, after = data["before"].get(name), data["after"].get(name)
        if before != after and not isinstance(before, dict) and not isinstance(after, dict):
            lines.append(f"  {name}: {before} → {after}")
    return "\n".join(lines)


def replay(data: Data) -> str:
    """A replayed plan: what is the same, and what is not."""
    found, terms = data["decisions"], data["terms"]
    lines = [
        f"{data['campaign_id']}, revision {data['revision']}: {found['identical']:,} of {found['compared']:,} decisions are identical.",
        f"The terms of {terms['adding_up']:,} of {terms['options']:,} options add up to the value used.",
    ]
    if data["identical"]:
        return "\n".join([*lines, f"Every pin and figure is the same: {data['plan_hash']}"])
    return "\n".join([*lines, "Different:", *(f"  {says}" for says in data["differences"])])


def demo(data: Data) -> str:
    """The demo's end: every campaign's report, the truth beside it, the baselines."""
    lines: list[str] = []
    for found in data["campaigns"]:
        truth = found["truth"]
        lines += ["", "─" * 80, f"Goal: {found['goal']}", "", report(found), ""]
        lines.append(f"Forecast   incremental margin {interval(found['forecast']['incremental_margin'])}")
        lines.append(
            f"Truth      {truth['incremental_margin']:,.0f} (only the simulator knows), {truth['share_of_oracle']:.0%} of the best possible"
        )
    lines += ["", "The same market under simple rules (true incremental margin):"]
    for name, found in data["baselines"].items():
        lines.append(
            f"  {name:<28} {found['incremental_margin']:>12,.0f}   {found['share_of_oracle']:>6.0%} of the best possible"
        )
    lines += [
        "",
        f"Sender: {data['sender']}.",
        f"Model: {data['model']}. It is rules and templates, not a language model."
        if data["model"] == "scripted"
        else f"Model: {data['model']}",
    ]
    lines.append(f"{data['seconds']:.0f} seconds.")
    return "\n".join(lines)
