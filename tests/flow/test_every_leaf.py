"""What was approved is the whole plan: no leaf of it can change without the launch refusing, but for words that nothing is executed from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from liftwright.domain.approval import Decision
from liftwright.domain.errors import LiftwrightError
from liftwright.domain.plan import Plan
from liftwright.flow import walk
from liftwright.flow.launch import approved_plan
from liftwright.ports import Deps
from liftwright.store.engine import open_engine

ONLY_WORDS = (
    "assumptions", "decisions", "lessons", "evidence", "cannot_know", "start", "model", "usage", "findings",
    "experiment.note", "experiment.stop_rules.*.says", "experiment.analysis.*.says", "audience.funnel", "audience.reasons", "audience.strata",
    "forecast.probability_of_target", "forecast.says", "assignment.prices", "assignment.ranges", "assignment.objective",
    "assignment.upper_bound", "assignment.gap", "assignment.violations", "assignment.undrawn_bound", "assignment.exploration_cost",
    "assignment.drawn", "assignment.selected", "assignment.letters", "assignment.postage", "forecast.note",
)  # fmt: skip
"""Parts that explain a plan: no send, no rule and no judgement is made from them."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every leaf of a JSON value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path


def flipped(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return {"2": "3"}.get(value[:1], "2") + value[1:] if value[:1].isdigit() else f"{value}x"
    return [] if value == {} else "x"


def changed(plan: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """A copy with one leaf flipped."""
    copy: dict[str, Any] = json.loads(json.dumps(plan))
    place: Any = copy
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = flipped(place[path[-1]])
    return copy


def is_words(path: tuple[Any, ...]) -> bool:
    """Whether a leaf lies in a part that only explains."""
    names = [str(part) for part in path]
    for listed in ONLY_WORDS:
        wanted = listed.split(".")
        if len(names) >= len(wanted) and all(want in ("*", name) for want, name in zip(wanted, names, strict=False)):
            return True
    return False


@pytest.fixture
async def approved(any_shop: Deps) -> tuple[Deps, str]:
    """A plan that was approved and not launched yet: the approval's id."""
    campaign = await walk.start("Sell more", deps=any_shop)
    row = any_shop.approvals.pending(campaign.campaign_id)
    assert row is not None
    any_shop.approvals.decide(
        Decision(kind="approve", approval_id=row.approval_id, plan_hash=row.plan_hash, by="ann", at=any_shop.now())
    )
    return any_shop, row.approval_id


async def test_a_flipped_leaf_is_refused_or_is_only_words(approved: tuple[Deps, str]) -> None:
    deps, approval_id = approved
    row = deps.approvals.get(approval_id)
    plan = approved_plan(row, deps)
    stored = json.loads(plan.model_dump_json())
    engine = open_engine(deps.settings.home, deps.settings.database_url)
    bound, words, unnoticed = 0, [], []
    with engine.connect() as connection:
        for path in leaves(stored):
            put = {"p": json.dumps(changed(stored, path)), "c": plan.campaign_id}
            connection.execute(text("UPDATE plan_revisions SET plan = :p WHERE campaign_id = :c"), put)
            connection.commit()
            try:
                again = approved_plan(row, deps)
            except LiftwrightError:
                bound += 1
                continue
            words.append(path)
            unnoticed += [path] if again.manifest() != plan.manifest() else []
    engine.dispose()
    assert unnoticed == []
    assert bound > 60
    free = {".".join(map(str, path)) for path in words if not is_words(path)}
    assert not free, "can change without anybody noticing"


async def test_a_field_nobody_knows_is_refused(approved: tuple[Deps, str]) -> None:
    deps, approval_id = approved
    plan = approved_plan(deps.approvals.get(approval_id), deps)
    with pytest.raises(ValueError, match="extra"):
        Plan.model_validate(json.loads(plan.model_dump_json()) | {"also_send_to": "everybody"})
