"""A launched campaign as its page tells it: the verdict by rule, what was measured, whether it may be believed, what was done and learnt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.evidence import Action, Report
from liftwright.domain.experiment import Verdict
from liftwright.flow import believing, marks, measured, proof, reporting, shown
from liftwright.measurement.estimate import BURN_IN
from liftwright.measurement.narrative import headline
from liftwright.ports import Deps

Json = dict[str, Any]
LAUNCHED = ("running", "paused", "finished", "stopped")
VERDICTS: dict[Verdict, str] = {
    "win": "It worked",
    "harm": "It did harm",
    "futile": "Stopped: the planned effect could not be found any more",
    "inconclusive": "It cannot be told",
    "running": "Running",
    "invalid": "Not to be used",
}


def of(campaign_id: str, *, deps: Deps) -> Json:
    """Everything the page of a launched campaign shows: `{"report", "figures", "groups", "pacing", "texts", "checks", "looks", …}`.

    `figures` are by key, each with the query or object behind it (`proof.Figure`); the rest names them. Raises GoalError for one that
    was never launched.
    """
    now = measured.now(campaign_id, deps=deps)
    seen, report, sends = now.seen, now.report, now.sends
    row, _ = reporting.launched(campaign_id, deps)
    figures = proof.by_key(measured.figures(now, deps=deps))
    return {
        "campaign_id": campaign_id,
        "report": shown.report_json(report),
        "figures": figures,
        "title": VERDICTS[report.verdict],
        "headline": headline(report, critical=report.series[-1].critical if report.series else None),
        "rules": [rule.says for rule in seen.plan.experiment.stop_rules],
        "is_valid": report.verdict != "invalid",
        "causes": believing.causes(report),
        "flight": _flight(row, seen, deps),
        "first_reading": _first_reading(report, row, seen, deps),
        "groups": _groups(seen, report),
        "segments": [key for key in figures if key.startswith("segment.")],
        "contacts": _each(figures, "contacts."),
        "stock": _each(figures, "stock."),
        "pacing": [row["channel"] for row in measured.paced(sends, now=deps.now())],
        "texts": now.texts,
        "shares": _shares(report),
        "checks": believing.checks(seen, report, figures),
        "looks": _looks(report, marks.of(report, sends, deps=deps)),
        "actions": [_action(action, campaign_id, deps) for action in report.actions],
    }


def _each(figures: Json, start: str) -> list[str]:
    """What several figures are about, in their order: `contacts.1` of `contacts.1.people` and `contacts.1.opt_outs`."""
    return list(dict.fromkeys(key.rpartition(".")[0] for key in figures if key.startswith(start)))


def evidence(campaign_id: str, key: str, *, deps: Deps) -> Json:
    """What one figure of that page stands on (`proof.shown`). Raises DataError EVIDENCE-UNKNOWN for a figure there is not."""
    now = measured.now(campaign_id, deps=deps)
    figures = proof.by_key(measured.figures(now, deps=deps))
    return proof.shown(campaign_id, key, figures, plan=now.seen.plan, outcomes=now.report.data, deps=deps)


def rows(found: Json) -> list[Json]:
    """The figures as rows for a file: name, low, mid, high, level, unit, method. An invalid report's effects are left empty, and say so."""
    names = ("key", "name", "low", "mid", "high", "level", "unit", "method")
    table = []
    for figure in found["figures"].values():
        row = {name: figure[name] for name in names}
        if not found["is_valid"] and is_effect(figure["key"]):
            row |= {"low": None, "mid": None, "high": None, "method": "not to be used: the verdict is invalid"}
        elif figure["reason"]:
            row["method"] = f"not measured: {figure['reason']}"
        table.append(row)
    return table


def is_effect(key: str) -> bool:
    """Whether a figure says what the campaign caused, and so means nothing where the verdict is invalid."""
    starts = (
        "incremental_margin",
        "lift",
        "margin",
        "anytime",
        "secondary.",
        "sensitivity.",
        "series.",
        "trend.",
        "lesson.",
        "pooled.",
        "segment.",
    )
    return (key.startswith(starts) and key != "margin_rate") or key.endswith(".gain")


def _flight(row: ApprovalRequest, seen: reporting.Look, deps: Deps) -> Json:
    starts_at, ends_at = reporting.flight(seen.plan, row, deps)
    now, snapshot = deps.now(), deps.lake.snapshot()
    days = max((ends_at - starts_at).days, 1)
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "closes_at": (ends_at + timedelta(days=reporting.OUTCOME_DAYS)).isoformat(),
        "day": min(max((now - starts_at).days + 1, 1), days),
        "days": days,
        "data_to": snapshot.created_at.isoformat() if snapshot is not None else None,
    }


def _first_reading(report: Report, row: ApprovalRequest, seen: reporting.Look, deps: Deps) -> str:
    """When there will be something to read; empty once there is."""
    if report.lift.mid is not None:
        return ""
    starts_at = reporting.flight(seen.plan, row, deps)[0]
    day = max(starts_at, deps.now()) if seen.conversions else starts_at + timedelta(days=1)
    return (
        f"First reading after the first day ({day:%Y-%m-%d %H:%M} UTC) and the first order or visit that comes back; nothing is decided "
        f"before {BURN_IN} people of the smaller arm have ordered ({seen.conversions} so far)."
    )


def _groups(seen: reporting.Look, report: Report) -> list[Json]:
    """Metric rows: the goal's, guardrails with their limit, and what stands beside. Each names its figures; `means` are per arm."""
    arms = {arm.arm: arm for arm in report.arms}
    primary = [
        "lift",
        *(["margin"] if report.lift.metric in ("revenue", "orders", "visits") and report.margin is not None else []),
    ]
    beside = [f"secondary.{each.metric}" for each in report.secondary if each.metric != report.lift.metric]
    rails = [
        {"name": each.name, "key": f"guardrail.{each.name}", "is_broken": _is_broken(each.name, report)}
        for each in seen.guardrails
    ]
    return [
        {"title": "Primary", "rows": ["incremental_margin", *primary], "guardrails": []},
        {"title": "Guardrails", "rows": [], "guardrails": rails},
        {"title": "Secondary", "rows": [*beside, *(["margin_rate"] if "treated" in arms else [])], "guardrails": []},
    ]


def _is_broken(name: str, report: Report) -> bool:
    return any(finding.subject == name and finding.severity == "block" for finding in report.guardrails)


def _shares(report: Report) -> list[Json]:
    """How the texts' shares of what was left moved, oldest first."""
    return [
        {
            "at": action.at.isoformat(),
            "action": action.after.get("action", ""),
            "shares": action.after["shares"],
            "says": action.after.get("says", ""),
        }
        for action in report.actions
        if action.kind == "resplit"
    ]


def _looks(report: Report, happened: list[Json]) -> list[Json]:
    """The looks, each with its figure's key and the marks since the one before."""
    return [
        {"key": f"series.{number}", "at": point.at.isoformat(), "marks": mine}
        for number, (point, mine) in enumerate(zip(report.series, marks.between(happened, report.series), strict=True))
    ]


def _action(action: Action, campaign_id: str, deps: Deps) -> Json:
    """An action with what it changed in words, and the journal entry of its moment where there is one."""
    found = [entry for entry in deps.journal.entries(subject=campaign_id) if entry.at == action.at]
    entry: JournalEntry | None = found[-1] if found else None
    return {
        **shown.action_json(action),
        "was": _words(action.before),
        "became": _words({name: value for name, value in action.after.items() if name in action.before}),
        "says": str(action.after.get("says") or action.after.get("reason") or ""),
        "more": _words({name: value for name, value in action.after.items() if name not in action.before}),
        "entry": entry.entry_hash if entry is not None else None,
        "seq": entry.seq if entry is not None else None,
    }


def _words(values: dict[str, Any]) -> str:
    """Short values of an action; digests, long texts and tables stay in its own record."""
    short = {name: value for name, value in values.items() if name not in ("says", "reason", "log", "evidence")}
    parts = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in short.items() if _value(value)]
    return "; ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items() if _value(each))
    if isinstance(value, float):
        return f"{value:,.4g}"
    return str(value) if isinstance(value, int | str) and len(str(value)) <= 60 else ""
