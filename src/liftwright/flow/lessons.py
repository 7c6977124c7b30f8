"""Lessons in JSON: which there are, what each stands on, which plans started from it; and taking one out of use."""

from __future__ import annotations

from typing import Any

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import Lesson
from liftwright.ports import Deps

Json = dict[str, Any]


def listed(*, deps: Deps) -> list[Json]:
    """Every lesson that has not expired, retired ones too, newest first, each with the campaigns whose plans started from it."""
    uses = _uses(deps)
    found = deps.lessons.find(now=deps.now(), with_retired=True)
    return [{**lesson.model_dump(mode="json"), "used_by": uses.get(lesson.lesson_id, [])} for lesson in found]


def shown(lesson_id: str, *, deps: Deps) -> Json:
    """One lesson, the campaigns that started from it and the statistics it stands on. Raises DataError LESSON-UNKNOWN."""
    for lesson in deps.lessons.find(now=deps.now(), with_retired=True):
        if lesson.lesson_id == lesson_id:
            rows = _rows_of(lesson, deps)
            return {
                **lesson.model_dump(mode="json"),
                "used_by": _uses(deps).get(lesson_id, []),
                "statistics": [{"statistics_id": row.statistics_id, **row.model_dump(mode="json")} for row in rows],
            }
    raise DataError(
        "LESSON-UNKNOWN",
        f"There is no lesson '{lesson_id}', or it has expired.",
        next_step="See them with: liftwright lessons list.",
    )


def retire(lesson_id: str, *, reason: str, by: str, deps: Deps) -> Json:
    """No later plan starts from this lesson or from the statistics it stands on. Raises DataError for an empty reason or an unknown id."""
    if not reason.strip():
        raise DataError("LESSON-REASON", "A lesson is retired for a reason.", next_step="Give one with --reason.")
    deps.lessons.retire(lesson_id, reason=reason.strip(), by=by, now=deps.now())
    return shown(lesson_id, deps=deps)


def cells(*, deps: Deps, **keys: str) -> Json:
    """`{"statistics": [...], "tampered": [ids]}` of any of channel, segment, offer and season: the numbers that plans may start from."""
    found = deps.lessons.statistics(now=deps.now(), **keys)
    rows = [{"statistics_id": row.statistics_id, **row.model_dump(mode="json")} for row in found.rows]
    return {"statistics": rows, "tampered": list(found.tampered)}


def _rows_of(lesson: Lesson, deps: Deps) -> list[Any]:
    evidence, _, channel = lesson.evidence_id.partition("#")
    keys = {"channel": channel} if channel else {}
    return [row for row in deps.lessons.statistics(now=deps.now(), **keys).rows if row.evidence == evidence]


def _uses(deps: Deps) -> dict[str, list[str]]:
    """Lesson to the campaigns whose newest plan cites it, newest first."""
    found: dict[str, list[str]] = {}
    for campaign in deps.campaigns.all():
        plan = deps.campaigns.plan(campaign.campaign_id)
        for lesson_id in plan.lessons if plan is not None else ():
            found.setdefault(lesson_id, []).append(campaign.campaign_id)
    return found
