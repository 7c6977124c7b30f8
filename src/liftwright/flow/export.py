"""A plan's parts as files, so that anyone can check it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftwright.domain.errors import ConfigError, GoalError
from liftwright.domain.plan import Plan
from liftwright.ports import Deps

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "customer_id", "wave", "send_on", "channel", "offer", "variant", "hour", "value", "cost", "stock_use", "randomised", "propensity",
)  # fmt: skip
WHAT = ("assignment", "candidates", "draws", "audience", "sends", "limits", "prices", "postage", "seeds", "outcomes", "touches")
MOST_SEEDS = 10_000
"""Networks ask for 1,000 to 10,000 people; more dilute the list."""
FORMATS = (".parquet", ".csv", ".json")


def export(campaign_id: str, what: str, *, deps: Deps) -> pa.Table | dict[str, Any]:
    """A table (assignment, candidates, draws, audience, sends, postage, seeds, outcomes, touches) or a mapping (limits, prices). Raises GoalError when there is no plan yet."""
    if what not in WHAT:
        raise ConfigError("EXPORT-WHAT", f"'{what}' cannot be exported.", next_step=f"Choose one of: {', '.join(WHAT)}.")
    campaign = deps.campaigns.get(campaign_id)
    if what == "sends":
        return deps.ledger.sends(campaign_id)
    if what in ("outcomes", "touches"):
        return _measured(campaign_id, what, deps)
    plan = deps.campaigns.plan(campaign_id, campaign.revision) if campaign.revision else None
    if plan is None:
        raise GoalError(
            "EXPORT-NO-PLAN",
            f"{campaign_id} has no plan (it is {campaign.status.replace('_', ' ')}).",
            next_step="Plan the goal first.",
        )
    return _part(plan, what, deps)


def write(campaign_id: str, what: str, *, target: Path, deps: Deps) -> int:
    """Write a part to a .parquet, .csv or .json file by its ending; returns the number of rows (keys for a mapping as JSON).

    A mapping becomes a table of `key, value` in CSV and Parquet (`flat`). Raises ConfigError for another ending.
    """
    ending = _ending(target)
    found = export(campaign_id, what, deps=deps)
    if isinstance(found, dict) and ending == ".json":
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return len(found)
    return write_table(flat(found) if isinstance(found, dict) else found, target)


def _ending(target: Path) -> str:
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(
            "EXPORT-FORMAT", f"'{target.name}' has no known ending.", next_step=f"End it with one of: {', '.join(FORMATS)}."
        )
    return ending


def flat(found: Mapping[str, Any]) -> pa.Table:
    """A mapping as rows of `key` (the path, joined by dots) and `value` (as JSON writes it; empty for null), in its own order."""
    import pyarrow as pa

    rows = list(_leaves(found))
    values = [None if value is None else value if isinstance(value, str) else json.dumps(value) for _, value in rows]
    return pa.table({"key": pa.array([key for key, _ in rows], pa.string()), "value": pa.array(values, pa.string())})


def _leaves(found: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield here, value


def _measured(campaign_id: str, what: str, deps: Deps) -> pa.Table:
    """What people did in the window: one row per person compared, or one per touch of those reached."""
    from liftwright.flow import reporting, touches

    if what == "outcomes":
        return deps.lake.get(reporting.report(campaign_id, deps=deps).data)
    row, plan = reporting.launched(campaign_id, deps)
    starts_at, ends_at = reporting.flight(plan, row, deps)
    until = min(deps.now(), ends_at + timedelta(days=reporting.OUTCOME_DAYS))
    return touches.table(campaign_id, starts_at=starts_at, until=until, deps=deps)


def _part(plan: Plan, what: str, deps: Deps) -> pa.Table | dict[str, Any]:
    if what == "limits":
        return dict(plan.assignment.limits)
    if what == "prices":
        return dict(plan.assignment.prices)
    if what == "audience":
        return deps.lake.get(plan.audience.digest)
    if what == "draws":
        says = f"The plan of {plan.campaign_id} was made before draws were kept."
        return _kept(plan.assignment.draws, "EXPORT-NO-DRAWS", says, "Plan the goal again.", deps)
    if what == "postage":
        says = f"No letter competes in the plan of {plan.campaign_id}."
        return _kept(plan.assignment.postage, "EXPORT-NO-LETTERS", says, "Plan a goal that leaves direct mail open.", deps)
    if what == "seeds":
        return _seeds(plan, deps)
    digest = plan.assignment.digest if what == "assignment" else plan.assignment.candidates
    return _with_columns(deps.lake.get(digest))


def _kept(digest: str, code: str, says: str, next_step: str, deps: Deps) -> pa.Table:
    """A table of the lake that not every plan has."""
    if not digest:
        raise GoalError(code, says, next_step=next_step)
    return deps.lake.get(digest)


def _seeds(plan: Plan, deps: Deps) -> pa.Table:
    """A seed list for look-alike audiences: whom a contact earns most with, without the holdout and without buyers of the last 90 days."""
    import pyarrow.compute as pc

    from liftwright.flow.checking import bench_of
    from liftwright.scoring import uplift

    bench = bench_of(plan, deps=deps)
    effects, ids = bench.scored.effects, bench.data.ids
    if not effects.ranked_by:
        says = "No past test tells whom a contact moves, so nobody is a better seed than anybody else."
        raise GoalError(
            "EXPORT-NO-SEEDS", says, next_step="Import a larger randomised test, or let this campaign's holdout measure it."
        )
    everyone, best = range(len(ids)), effects.values.argmax(axis=1)
    arms = deps.lake.get(plan.audience.digest)
    held = arms.filter(pc.equal(arms["arm"], "holdout"))["customer_id"].to_pylist()
    bought = ids[bench.data.feature("orders_90") > 0].tolist()
    worth, errors = effects.values[everyone, best], effects.errors[everyone, best]
    return uplift.seed_list(list(ids), worth, errors, excluded={*held, *bought}, size=MOST_SEEDS)


def _with_columns(table: pa.Table) -> pa.Table:
    """Exactly the columns of the contract, in order. Candidates of plans from before probabilities were logged have none."""
    import pyarrow as pa

    if "randomised" not in table.column_names:
        table = table.append_column("randomised", pa.array([False] * table.num_rows, pa.bool_()))
    if "propensity" not in table.column_names:
        table = table.append_column("propensity", pa.nulls(table.num_rows, pa.float64()))
    return table.select(list(COLUMNS))


def write_table(table: pa.Table, target: Path) -> int:
    """Write a table to a .parquet, .csv or .json file by its ending; returns its rows. Raises ConfigError for another ending."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    ending = _ending(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".parquet":
        pq.write_table(table, target)
    elif ending == ".csv":
        pa_csv.write_csv(table, target)
    else:
        target.write_text(json.dumps(table.to_pylist(), default=str), encoding="utf-8")
    return int(table.num_rows)
