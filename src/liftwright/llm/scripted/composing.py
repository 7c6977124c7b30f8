"""How the scripted model words its tool calls and composes its answers: from tool results only, by template."""

from __future__ import annotations

import json
from typing import Any

from liftwright.llm.scripted.conversation import Conversation

_MAX_CHECKS = 12
_MAX_TESTS_TOLD = 3


def task_facts(talk: Conversation) -> dict[str, Any]:
    """The JSON object inside the task message, `{}` when there is none."""
    start = talk.task.find("{")
    if start < 0:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(talk.task[start:])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _objective(talk: Conversation) -> dict[str, Any]:
    objective = task_facts(talk).get("objective")
    return objective if isinstance(objective, dict) else {}


def _items(talk: Conversation, tool: str, key: str) -> list[dict[str, Any]]:
    answer = talk.first(tool, {})
    items = answer.get(key, []) if isinstance(answer, dict) else []
    return [item for item in items if isinstance(item, dict)]


def lesson_query(talk: Conversation) -> list[dict[str, Any]]:
    """Metric and product of the goal that was read, in words."""
    brief = talk.first("read_goal", {})
    objective = (brief.get("objective") if isinstance(brief, dict) else None) or {}
    words = [str(objective.get("metric") or "").replace("_", " "), str(objective.get("product") or "")]
    return [{"query": " ".join(word for word in words if word)}] if any(words) else []


def brief(talk: Conversation) -> dict[str, Any]:
    """The goal as the reader read it, with the lessons that were found."""
    read = talk.first("read_goal", {})
    found = [str(item["lesson_id"]) for item in _items(talk, "find_lessons", "lessons") if item.get("lesson_id")]
    return dict(read) | {"lessons": found} if isinstance(read, dict) else {}


def audience(talk: Conversation) -> dict[str, Any]:
    """The people the goal names, and what past tests and counts say about them."""
    people: dict[str, list[str]] = {"include_people": [], "exclude_people": []}
    for constraint in _objective(talk).get("constraints", []):
        if constraint.get("kind") in people:
            value = constraint.get("value")
            people[constraint["kind"]] += [str(v) for v in value] if isinstance(value, list) else [str(value)]
    tests = _items(talk, "past_tests", "tests")
    reasons = [said for test in tests[:_MAX_TESTS_TOLD] for said in test.get("says", [])[:1]]
    return {"include": people["include_people"], "exclude": people["exclude_people"], "reasons": reasons}


def document_query(talk: Conversation) -> list[dict[str, Any]]:
    """The product named, and the tone of the brand."""
    return [{"query": f"{_objective(talk).get('product') or ''} brand voice tone claims".strip()}]


def _names(talk: Conversation) -> dict[str, list[str]]:
    return {
        "channels": [str(c["channel"]) for c in _items(talk, "list_channels", "channels") if c.get("channel")],
        "offers": [str(o["name"]) for o in _items(talk, "list_offers", "offers") if o.get("name")],
    }


def everything_allowed(talk: Conversation) -> list[dict[str, Any]]:
    """Every channel and offer that the goal and the house allow."""
    return [_names(talk)]


def drafts_to_check(talk: Conversation) -> list[dict[str, Any]]:
    """The first drafts, each as the arguments of a check."""
    keys = ("channel", "offer", "template", "subject", "body", "call_to_action")
    drafts = _items(talk, "draft_variants", "variants")[:_MAX_CHECKS]
    return [{key: draft[key] for key in keys if key in draft} for draft in drafts]


def content(talk: Conversation) -> dict[str, Any]:
    """The drafts that passed their check; what is left out is filled with drafts by code."""
    drafts = _items(talk, "draft_variants", "variants")[:_MAX_CHECKS]
    checks = talk.all("check_variant")
    kept = [draft for draft, check in zip(drafts, checks, strict=False) if isinstance(check, dict) and check.get("passes")]
    return {"variants": kept}


def assignment_to_draft(talk: Conversation) -> list[dict[str, Any]]:
    """A preview of everything allowed, with the usual number of touches."""
    names = _names(talk)
    return [names | {"touches": int(task_facts(talk).get("usual_touches") or 1)}] if names["channels"] else []


def plan(talk: Conversation) -> dict[str, Any]:
    """Every allowed channel and offer: the assignment prices them and leaves out what does not pay."""
    names = _names(talk)
    preview = talk.first("draft_assignment", {})
    note = "Every allowed channel and offer competes; the assignment keeps a contact only where its expected margin exceeds its cost."
    if isinstance(preview, dict) and isinstance(preview.get("touches"), int) and isinstance(preview.get("people"), int):
        note += f" The preview makes {preview['touches']} contacts to {preview['people']} people."
    return names | {"touches": int(task_facts(talk).get("usual_touches") or 1), "note": note}


def texts_to_check(talk: Conversation) -> list[dict[str, Any]]:
    """The first texts of the plan under review."""
    variants = task_facts(talk).get("variants", [])
    return [
        {"text": str(v["body"]), "channel": str(v["channel"])}
        for v in variants[:_MAX_CHECKS]
        if v.get("body") and v.get("channel")
    ]


def review(talk: Conversation) -> dict[str, Any]:
    """What the rules found, counted by severity; nothing is added."""
    findings = _items(talk, "read_findings", "findings")
    counts = {s: sum(f.get("severity") == s for f in findings) for s in ("block", "needs_approval", "warn", "info")}
    told = [f"{n} {severity.replace('_', ' ')}" for severity, n in counts.items() if n]
    worst = next((f.get("says", "") for s in counts for f in findings if f.get("severity") == s), "")
    explanation = f"The rules found: {', '.join(told)}. First: {worst}" if told else "The rules found nothing to object to."
    return {"findings": [], "explanation": explanation}


def measurement(talk: Conversation) -> dict[str, Any]:
    """The narrative of a report when there is one, else the note of an experiment design."""
    report = talk.first("read_report")
    if isinstance(report, dict):
        return {"text": str(report.get("draft", ""))}
    design = talk.first("experiment_design", {})
    says = str(design.get("says", "")) if isinstance(design, dict) else ""
    return {"holdout_share": None, "note": says}
